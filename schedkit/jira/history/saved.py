"""Changelogs from saved answers of any Jira."""

from __future__ import annotations

from typing import Any

import msgspec
import pandas as pd

from schedkit.atlassian.decoding import decoded
from schedkit.errors import UsageError
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.history.bulk_read import extraction
from schedkit.jira.history.changelog import Found, Logged, change_rows, told_apart
from schedkit.jira.history.field_names import FieldNames
from schedkit.jira.table.fields import Catalog
from schedkit.jira.table.people import PeopleNames
from schedkit.values.keywords import check_keywords
from schedkit.values.whole_history import WholeHistory

__all__ = ["to_changelog"]


@check_keywords
def to_changelog(answer: bytes | str | dict[str, Any] | list[Any]) -> pd.DataFrame:
    """Turn a saved answer of any Jira into the frame that `Jira.changelog` gives.

    Parameters
    ----------
    answer : bytes, str, dict or list
        A search answer, one issue, or a list of issues with their changelogs (``expand=changelog``), as JSON
        or decoded. ``names`` and ``schema`` in it tell the ids of custom fields that items do not name.

    Raises
    ------
    UsageError
        If it holds no issues with changelogs.

    Notes
    -----
    ``attrs["extraction"]["missing"]`` lists issues whose changelog is not whole, and why: a search answers no
    more than some hundred entries of each, and none without ``expand=changelog``.

    Examples
    --------
    >>> item = {"field": "status", "fromString": "To Do", "toString": "Done"}
    >>> entry = {"id": "1", "created": "2026-03-02T10:00:00.000+0000", "items": [item]}
    >>> frame = to_changelog({"id": "7", "key": "A-1", "changelog": {"histories": [entry]}})
    >>> frame[["Key", "Field Id", "From", "To"]]
       Key Field Id   From    To
    0  A-1   status  To Do  Done
    """
    try:
        raw = answer.encode("utf-8", "surrogatepass") if isinstance(answer, str) else answer
        value = decoded(raw) if isinstance(raw, bytes) else raw
        head = value if isinstance(value, dict) else {}
        issues = value if isinstance(value, list) else head.get("issues", [value])
        logged = msgspec.convert(issues, list[Logged], strict=False)
    except msgspec.MsgspecError as problem:
        raise UsageError(f"the answer holds no issues with changelogs: {problem}") from None
    found = Found()
    missing: dict[str, str] = {}
    for issue in logged:
        found.keys[issue.id] = issue.key
        entries = issue.changelog.histories if issue.changelog else []
        found.logs.append((issue.id, entries))
        total = (issue.changelog.total or 0) if issue.changelog else 0
        if issue.changelog is None:
            missing[issue.key] = "the answer has no changelog"
        elif total > len(entries):
            missing[issue.key] = f"the answer has {len(entries)} of {total} changes"
    about = issues[0] if len(issues) == 1 and "names" not in head and "schema" not in head else head
    ids = dict.fromkeys(id for issue in issues for id in (issue.get("fields") or {}))
    catalog = Catalog.from_issues(ids, about.get("names"), about.get("schema"))
    dialect = CLOUD if any("/rest/api/3/" in str(issue.get("self")) for issue in issues) else DATA_CENTER
    names = FieldNames(catalog, dialect)
    people = PeopleNames()
    frame = told_apart(change_rows(found, names, people=people), people, names)
    frame.attrs["extraction"] = extraction(len(logged), missing)
    frame.attrs["history"] = WholeHistory(frame)
    frame.attrs["history_fields"] = names.described(frame["Field Id"].cat.categories)
    return frame

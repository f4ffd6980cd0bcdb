"""Carry out the extractions of a report."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schedkit import context
from schedkit.errors import FileError, SettingsError, UsageError
from schedkit.report.destination import present_file
from schedkit.report.frames import Frames, stacked
from schedkit.report.functions import resolve
from schedkit.report.sources import Extract
from schedkit.report.tools import Tools
from schedkit.values.failures import translate
from schedkit.values.text import one_line

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.jira import Jira

__all__ = ["extract", "extract_all", "jira_site"]


def extract_all(extracts: Mapping[str, Extract], tools: Tools, *, together: bool) -> Frames:
    """Return the frames of all extractions.

    Parameters
    ----------
    together : bool
        Whether their rows are put below each other; else the first is the present frame.
    """
    named: dict[str, pd.DataFrame] = {}
    for number, (name, what) in enumerate(extracts.items(), 1):
        named[name] = extract(what, tools, named, extracts)
        if len(extracts) > 1:
            context.progress("extract", number, len(extracts))
    changelogs = tuple(name for name, what in extracts.items() if what.source == "changelog")
    frames = list(named.values())
    return Frames(stacked(frames) if together and len(frames) > 1 else frames[0], named, changelogs)


def extract(
    what: Extract,
    tools: Tools,
    named: Mapping[str, pd.DataFrame] | None = None,
    extracts: Mapping[str, Extract] | None = None,
) -> pd.DataFrame:
    """Return the rows that `what` names; several sites give one frame with a column ``site``.

    Parameters
    ----------
    named : mapping, optional
        The frames of the extractions above, by their names.
    extracts : mapping, optional
        All extractions, by their names.

    Raises
    ------
    SettingsError
        A site that is not configured, or is not a Jira.
    SiteError, JqlError, IncompleteError
        As the client raises them.
    """
    from schedkit.jira import search_sites

    if what.source == "file":
        return _file(what, tools)
    if what.source == "call":
        return _called(what)
    origin = (extracts or {}).get(what.of) if what.of is not None else None
    if origin is not None and what.source == "changelog" and origin.source == "sync" and origin.history:
        return _kept_changelog(origin, tools)
    names = what.site or (() if origin is None else origin.site)
    if not names:
        raise SettingsError(
            f"extract.{what.source}: the extraction {what.of!r} is of no site", hint="write site:"
        )
    clients = {name: jira_site(name, tools) for name in names}
    issues = None if what.of is None else (named or {})[what.of]
    asked = functools.partial(
        _ask, what, tools, {id(each.aio): name for name, each in clients.items()}, issues
    )
    if len(clients) > 1:
        return search_sites(clients, asked)
    (client,) = clients.values()
    frame: pd.DataFrame = asked(client)
    return frame


def jira_site(name: str, tools: Tools) -> Jira:
    """Return a configured site that is a Jira."""
    from schedkit.jira import Jira

    client = tools.site(name)
    if not isinstance(client, Jira):
        raise SettingsError(f"extract.site: {name!r} is not a Jira site", hint="name a site of kind jira")
    return client


def _file(what: Extract, tools: Tools) -> pd.DataFrame:
    import pandas as pd

    from schedkit import excel

    assert what.file is not None
    path = present_file(what.file, tools, "extract.file")
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        return excel.read(path, what.sheet)
    readers: dict[str, Any] = {
        ".csv": functools.partial(pd.read_csv, encoding="utf-8-sig"),
        ".parquet": pd.read_parquet,
    }
    if suffix not in readers:
        raise UsageError(
            f"extract.file: unsupported file extension in {what.file}", hint="use .csv, .parquet or .xlsx"
        )
    try:
        frame: pd.DataFrame = readers[suffix](path)
    except Exception as error:  # the readers raise whatever their code meets in a damaged file
        raise translate(error, path) or FileError(
            f"cannot read {path}: {one_line(str(error), 200)}", hint=f"give a whole {suffix} file"
        ) from None
    return frame


def _called(what: Extract) -> pd.DataFrame:
    import pandas as pd

    assert what.call is not None
    frame = resolve(what.call)(**what.arguments)
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(
            f"extract.call: {what.call} returned {type(frame).__name__}", hint="return a DataFrame"
        )
    return frame


def _kept_changelog(origin: Extract, tools: Tools) -> pd.DataFrame:
    from schedkit.jira import read_changelog

    assert origin.into is not None
    return read_changelog(tools.root / origin.into)


def _ask(
    what: Extract, tools: Tools, names: Mapping[int, str], issues: pd.DataFrame | None, client: Any
) -> Any:
    """Call the method that `what` means on a client's blocking or async API."""
    fields: Any = None if what.fields is None else list(what.fields)
    if what.source in ("changelog", "worklogs"):
        asked = getattr(what, what.source) if issues is None else _of_site(issues, names.get(id(client)))
        return client.worklogs(asked) if what.source == "worklogs" else client.changelog(asked, fields)
    options: dict[str, Any] = {"fields": "*all" if fields == ["*all"] else fields, "markup": what.markup}
    if what.source == "sync":
        assert what.into is not None
        history = list(what.history) if isinstance(what.history, tuple) else what.history
        return client.sync(what.sync, tools.root / what.into, full=what.full, history=history, **options)
    options["limit"] = what.limit
    if what.source == "keys":
        return client.keys(list(what.keys or ()), **options)
    if what.source == "project":
        return client.project(*(what.project or ()), **options)
    if what.source == "root":
        return client.root(what.root, links_depth=what.links_depth, **options)
    if what.source == "jql":
        return client.search(what.jql, raw=list(what.raw), **options)
    return getattr(client, what.source)(getattr(what, what.source), **options)


def _of_site(issues: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """Return the issues of one site, where a frame has those of several."""
    if name is None or "site" not in issues.columns:
        return issues
    part = issues[issues["site"] == name]
    part.attrs = dict(issues.attrs)
    return part

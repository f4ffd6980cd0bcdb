"""What changelogs and worklogs share: reading issues in bulk, and reporting those that could not be read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from schedkit import context
from schedkit.atlassian import Body, Request
from schedkit.atlassian.decoding import decoded
from schedkit.errors import SiteError
from schedkit.jira.jql import in_list
from schedkit.jira.pages.session import Session
from schedkit.jira.search.keys import looked_up
from schedkit.jira.table.people import PeopleNames, shared_names
from schedkit.jira.table.ranks import ranks_of
from schedkit.jira.table.statuses import statuses_of

__all__ = [
    "ISSUES_PER_REQUEST",
    "decoder",
    "extraction",
    "instant",
    "post",
    "read_all",
    "read_statuses",
    "reported",
    "search_keys",
]

# An issue's history weighs up to some hundred KB.
ISSUES_PER_REQUEST = 100


async def post(session: Session, path: str, body: dict[str, Any], kind: Any) -> Any:
    request = Request("POST", session.dialect.api + path, json=body, idempotent=True, decode=decoder(kind))
    return (await session.site.send(request)).value


async def search_keys(session: Session, keys: Sequence[str], more: Mapping[str, Any], kind: Any) -> list[Any]:
    """Return issues of a Data Center by key, however short an administrator has made its pages."""
    jql, found = f"{in_list('key', keys)} ORDER BY key ASC", list[Any]()
    while True:
        body = {"jql": jql, "startAt": len(found), "maxResults": len(keys) - len(found)}
        page = await post(session, "/search", {**body, "validateQuery": False, **more}, kind)
        found += page.issues
        if not page.issues or len(found) >= min(page.total, len(keys)):
            return found


def decoder(kind: Any) -> Callable[[Body], Any]:
    return lambda body: decoded(body, kind, strict=False)


def instant(value: str | int) -> datetime:
    if isinstance(value, int):
        # Cloud's bulk answer counts, in seconds or milliseconds.
        return datetime.fromtimestamp(value / 1000 if value > 100_000_000_000 else value, UTC)
    return datetime.fromisoformat(value).astimezone(UTC)


async def read_all(
    session: Session, keys: Sequence[str], read: Callable[[Sequence[str]], Awaitable[set[str]]]
) -> dict[str, str]:
    """Read what issues have, moved ones too; returns by key why some could not be read.

    Parameters
    ----------
    keys : sequence of str
        Present or former ones.
    read : async callable
        Reads it for keys, and returns the present keys of the issues that were there.
    """
    found = await read(keys)
    moved, missing = await looked_up(session, [key for key in keys if key not in found])
    late = list(dict.fromkeys(now for _, now in moved.values() if now not in found))
    found |= await read(late)
    return missing | {key: "not returned" for key, (_, now) in moved.items() if now not in found}


async def read_statuses(session: Session) -> None:
    """Read the site's statuses again: a client may be older than their present names."""
    with suppress(SiteError):
        answer = await session.get("/rest/api/2/status")
        session.statuses = statuses_of(answer) or session.statuses
        session.ranks |= ranks_of(None, answer)


def extraction(count: int, missing: Mapping[str, str], warnings: Sequence[str] = ()) -> dict[str, Any]:
    """Return the report of which of `count` issues are missing, and log it."""
    if missing:
        few = ", ".join(f"{key} ({why})" for key, why in list(missing.items())[:5])
        context.log(f"{len(missing)} issues could not be read: {few}", logging.WARNING)
    return {
        "complete": not missing,
        "requested": count,
        "missing": dict(missing),
        "warnings": list(warnings),
    }


def reported(
    frame: pd.DataFrame,
    session: Session,
    count: int,
    missing: Mapping[str, str],
    people: PeopleNames,
) -> pd.DataFrame:
    """Return a frame about `count` issues with the report of which are missing.

    Warnings tell that some are, and that several of the `people` share a name.
    """
    warnings = [warning] if (warning := shared_names(people.shared())) else []
    frame.attrs = {"site": session.base, "extraction": extraction(count, missing, warnings)}
    for warning in warnings:
        context.log(warning, logging.WARNING)
    return frame

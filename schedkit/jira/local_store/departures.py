"""Why issues are no longer found: deleted, moved out of the query, or no longer visible."""

from __future__ import annotations

from collections.abc import Mapping

from schedkit.atlassian import Request
from schedkit.errors import ForbiddenError, NotFoundError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.jql import chunks
from schedkit.jira.pages.pages import Pages
from schedkit.jira.pages.requests import by_ids
from schedkit.jira.pages.session import Session
from schedkit.jira.table.columns import Layout
from schedkit.jira.table.reader import Reader
from schedkit.loop import task_group

__all__ = ["DELETED", "HIDDEN", "LEFT", "UNKNOWN", "departures"]

LEFT = "no longer in the query"
DELETED = "deleted"
HIDDEN = "no longer visible"
# Cloud gives the same answer for both.
UNKNOWN = "deleted or no longer visible"
# So many issues are asked one by one; beyond, it is not worth the requests.
ONE_BY_ONE = 100


async def departures(session: Session, gone: Mapping[int, str]) -> dict[str, str]:
    """Return the reason for each issue that a query found before and does not find now, by key.

    Parameters
    ----------
    gone : mapping
        Keys by id.
    """
    still = await _existing(session, list(gone))
    reasons = {key: LEFT for id, key in gone.items() if id in still}
    lost = {id: key for id, key in gone.items() if id not in still}
    hidden = await _hidden_projects(session, {_project(key) for key in lost.values()})
    unclear = {id: key for id, key in lost.items() if _project(key) not in hidden}
    reasons |= {key: HIDDEN for key in lost.values() if _project(key) in hidden}
    reasons |= dict.fromkeys(unclear.values(), UNKNOWN)
    if session.dialect is not CLOUD and len(unclear) <= ONE_BY_ONE:
        reasons |= await _one_by_one(session, unclear)
    return {key: reasons[key] for key in gone.values()}


def _project(key: str) -> str:
    return key.rpartition("-")[0]


async def _existing(session: Session, ids: list[int]) -> set[int]:
    """Return which issues can still be read."""
    reader, pages = Reader(Layout(()), session.catalog), Pages(session)
    found: set[int] = set()

    async def ask(some: list[int]) -> None:
        requests = by_ids(some, ["updated"], reader.page, session.dialect)
        await pages.read(requests, lambda page: found.update(page.batch.ids.tolist()))

    async with task_group() as group:
        for some in chunks(ids, session.dialect.bulk):
            group.start_soon(ask, some)
    return found


async def _hidden_projects(session: Session, keys: set[str]) -> set[str]:
    hidden: set[str] = set()

    async def ask(key: str) -> None:
        try:
            await session.site.send(Request("GET", f"/rest/api/2/project/{key}"))
        except (NotFoundError, ForbiddenError):
            hidden.add(key)

    async with task_group() as group:
        for key in keys:
            group.start_soon(ask, key)
    return hidden


async def _one_by_one(session: Session, lost: Mapping[int, str]) -> dict[str, str]:
    """Ask Data Center, which distinguishes hidden issues from missing ones."""
    reasons: dict[str, str] = {}

    async def ask(id: int, key: str) -> None:
        try:
            await session.site.send(Request("GET", f"/rest/api/2/issue/{id}", params={"fields": "updated"}))
            reasons[key] = LEFT
        except NotFoundError:
            reasons[key] = DELETED
        except ForbiddenError:
            reasons[key] = HIDDEN

    async with task_group() as group:
        for id, key in lost.items():
            group.start_soon(ask, id, key)
    return reasons

"""Issues that a plan makes, each once however often and by how many processes it is asked for.

The site has no key for a request that is repeated. So each issue is created with an entity property that is
made of its content. Before a plan sends anything, it looks at what the same account created lately. Two
processes may both look before either has sent, and a search index may lag behind. So when all has been sent,
the plan reads the issues whose numbers lie between its own, which needs no index, and removes those of its
own that another process made earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from schedkit.atlassian import Answer, Request
from schedkit.errors import ForbiddenError, NotFoundError, SiteError
from schedkit.jira.jql import quoted
from schedkit.jira.pages.session import Session
from schedkit.jira.search.search_api import SearchApi
from schedkit.jira.write.marks import PROPERTY
from schedkit.jira.write.plan import Step
from schedkit.loop import task_group

__all__ = ["NewIssue", "NewIssues", "created_lately"]

# How far back an issue of the same content counts as the one that was asked for.
WITHIN_DAYS = 30
# Further below its own first number a plan does not look for issues that another process made meanwhile.
NUMBERS = 1000
# A number without an issue may be of one that is being created: it is read again after so many seconds.
PENDING_SECONDS = 1.0


@dataclass
class NewIssue:
    """A row that becomes an issue.

    Parameters
    ----------
    label : str
        What the plan calls it.
    mark : str
        Made of its content: the same for the same content only.
    fields : dict
        As the request holds them.
    key : str
        The issue's, once it is known.
    made_here : bool
        Whether this plan has created it.
    """

    label: str
    mark: str
    fields: dict[str, Any]
    key: str = ""
    made_here: bool = False
    looked: bool = field(default=False, repr=False)

    @property
    def project(self) -> str:
        """The key of its project."""
        return str(self.fields["project"]["key"])


class NewIssues:
    """The rows of a plan, and what the site has of them.

    Parameters
    ----------
    account : str
        Who creates them; equal rows of two accounts are two issues.
    """

    def __init__(self, session: Session, search: SearchApi, account: str) -> None:
        self.session, self.search, self.account = session, search, account
        self.sender = uuid4().hex
        self.rows: list[NewIssue] = []
        # The highest number in each project before anything is sent, as far as the index knows.
        self._last: dict[str, int] = {}

    def step(self, row: NewIssue) -> Step:
        """Return the step that creates a row's issue."""
        self.rows.append(row)
        value = {"mark": row.mark, "by": self.account, "sender": self.sender}
        body = {"fields": row.fields, "properties": [{"key": PROPERTY, "value": value}]}

        async def look() -> str:
            if not row.key and row.looked:
                # The answer was lost: ask the site whether there is such an issue.
                there = {key: m for key, m in (await self._lately([row])).items() if m["mark"] == row.mark}
                own = [key for key, mark in there.items() if mark.get("sender") == self.sender]
                row.key, row.made_here = next(iter([*own, *there]), ""), bool(own)
                if not row.key:
                    # The search index may lag behind: to send it again could make a second one.
                    return "no such issue, yet"
            row.looked = True
            return "done" if row.key else "open"

        def take(answer: Answer) -> None:
            made = answer.json()
            row.key = str(made.get("key")) if isinstance(made, dict) else ""
            row.made_here = bool(row.key)

        request = Request("POST", "/rest/api/2/issue", json=body)
        return Step(row.label, "create", request, look, take, lambda: row.key)

    async def before(self) -> None:
        """Look again: what has been created since the plan was made is not created again."""
        # Read first: an issue that is created from now on has a higher number, though a search may miss it.
        for project in {row.project for row in self.rows}:
            newest = await self.search.search(f"project = {quoted(project)} ORDER BY key DESC", ["Key"], 1)
            self._last[project] = max((_number(str(key)) for key in newest["Key"]), default=0)
        there = {str(mark["mark"]): key for key, mark in (await self._lately(self.rows)).items()}
        for row in self.rows:
            row.key = there.get(row.mark, "")

    async def after(self) -> dict[str, tuple[str, str]]:
        """Remove what another process made earlier; returns outcome and detail of such rows, by label."""
        mine = {row.key: row for row in self.rows if row.made_here}
        others: dict[str, str] = {}
        for project in {row.project for row in mine.values()}:
            keys = [key for key, row in mine.items() if row.project == project]
            numbers, prefix = [_number(key) for key in keys], keys[0].rpartition("-")[0]
            first = max(self._last[project] + 1, min(numbers) - NUMBERS)
            between = [f"{prefix}-{number}" for number in range(first, max(numbers))]
            others |= await self._marks([key for key in between if key not in mine])
        earlier: dict[str, str] = {}
        for key, mark in sorted(others.items(), key=lambda other: _number(other[0])):
            earlier.setdefault(mark, key)
        twice = [row for key, row in mine.items() if _number(earlier.get(row.mark, key)) < _number(key)]
        return {row.label: await self._remove(row, earlier[row.mark]) for row in twice}

    async def _remove(self, row: NewIssue, other: str) -> tuple[str, str]:
        try:
            await self.session.site.send(Request("DELETE", f"/rest/api/2/issue/{row.key}"))
        except NotFoundError:
            pass
        except SiteError as error:
            return (
                "done",
                f"it is there twice, for another process made {other} at the same moment, and {row.key} "
                f"cannot be removed: {error.message}",
            )
        removed, row.key = row.key, other
        return "already done", f"another process made it at the same moment; {removed} was removed"

    async def _marks(self, keys: Sequence[str]) -> dict[str, str]:
        """Return the marks of those issues that this account has made by such plans."""
        found: dict[str, Mapping[str, Any]] = {}
        absent: list[str] = []

        async def read(key: str) -> None:
            try:
                found[key] = await _mark(self.session, key)
            except NotFoundError:
                absent.append(key)

        async with task_group() as group:
            for key in keys:
                group.start_soon(read, key)
        if absent:
            await self.session.site.clock.wait(PENDING_SECONDS, "an issue may be about to be created")
            async with task_group() as group:
                for key in list(absent):
                    group.start_soon(read, key)
        return {key: str(mark["mark"]) for key, mark in found.items() if mark.get("by") == self.account}

    async def _lately(self, rows: Sequence[NewIssue]) -> dict[str, Mapping[str, Any]]:
        projects, summaries = {row.project for row in rows}, {str(row.fields["summary"]) for row in rows}
        return await created_lately(self.session, self.search, projects, summaries)


async def created_lately(
    session: Session, search: SearchApi, projects: Iterable[str], summaries: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the marks of what this account has created lately with those summaries, by key."""
    found: dict[str, Mapping[str, Any]] = {}
    wanted = {summary.strip() for summary in summaries}

    async def read(key: str) -> None:
        with suppress(NotFoundError):
            if mark := await _mark(session, key):
                found[key] = mark

    for project in sorted(projects):
        jql = f"project = {quoted(project)} AND creator = currentUser() AND created >= -{WITHIN_DAYS}d"
        issues = await search.search(jql, ["Key", "Summary"])
        async with task_group() as group:
            for key, summary in zip(issues["Key"], issues["Summary"], strict=True):
                if str(summary).strip() in wanted:
                    group.start_soon(read, str(key))
    return found


async def _mark(session: Session, key: str) -> Mapping[str, Any]:
    """Return the property of an issue that a plan has made, empty if it has none or may not be seen."""
    try:
        answer = await session.get(f"/rest/api/2/issue/{key}", {"fields": "created", "properties": PROPERTY})
        value = answer["properties"][PROPERTY]
    except (ForbiddenError, LookupError, TypeError):
        return {}
    return value if isinstance(value, dict) and "mark" in value else {}


def _number(key: str) -> int:
    return int(key.rpartition("-")[2])

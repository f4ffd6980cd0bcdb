"""Any endpoint of the site, and what surrounds issues: boards, sprints, versions, people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError, NotFoundError, UsageError
from schedkit.jira.client.site_info import Opened
from schedkit.jira.dialect import CLOUD
from schedkit.jira.jql import Query
from schedkit.jira.search.keys import run_keys
from schedkit.jira.search.run import framed
from schedkit.jira.table.columns import RAW_SUFFIX, layout
from schedkit.jira.table.records import BOARDS, SPRINTS, USERS, VERSIONS, board_columns, records, sla_cycles
from schedkit.loop import bridged
from schedkit.values.text import safe_repr

__all__ = ["Lookups"]

AGILE = "/rest/agile/1.0"
PAGE = 50
SLA_TYPE = "sd-servicelevelagreement"


class Lookups(Opened):
    """What surrounds issues."""

    @bridged
    async def get(self, path: str, /, **params: Any) -> Any:
        """Return what any endpoint of the site answers, with this client's login, limits and retries.

        Parameters
        ----------
        path : str
            Below the site's URL, e.g. ``"/rest/api/2/project/KAFKA/statuses"``.
        **params
            Query parameters.

        Raises
        ------
        SiteError
            As for `search`.

        Examples
        --------
        >>> jira.get("/rest/api/2/issue/DEMO-1/watchers")["watchCount"]  # doctest: +SKIP
        """
        if not isinstance(path, str) or not path.startswith("/"):
            raise UsageError(
                f"{safe_repr(path)} is not a path below the site's URL", hint='e.g. "/rest/api/2/myself"'
            )
        return (await self.site.send(Request("GET", path, params=params or None))).json()

    @bridged
    async def boards(self, project: str | None = None) -> pd.DataFrame:
        """Return the boards: Id, Name, Type and Project.

        Parameters
        ----------
        project : str, optional
            Only those of this project.
        """
        params = {} if project is None else {"projectKeyOrId": project}
        return await self._described(records(await self._values(f"{AGILE}/board", params), BOARDS))

    @bridged
    async def board(self, id: int | str) -> pd.DataFrame:
        """Return a board's columns: Column, Status Id, Min and Max, a row for each status.

        ``attrs["board"]`` holds its name, type, filter, estimation field and kind of constraint.

        Parameters
        ----------
        id : int or str
            The number in the board's link.
        """
        answer = await self._object(f"{AGILE}/board/{_number(id, 'board')}/configuration")
        return await self._described(board_columns(answer))

    @bridged
    async def sprints(self, board: int | str, state: str | None = None) -> pd.DataFrame:
        """Return a board's sprints: Id, Name, State, Board, Goal, Start, End, Activated and Completed.

        Parameters
        ----------
        board : int or str
            The number in the board's link.
        state : str, optional
            Only those in this state: ``future``, ``active``, ``closed``, or several with commas.
        """
        params = {} if state is None else {"state": state}
        path = f"{AGILE}/board/{_number(board, 'board')}/sprint"
        return await self._described(records(await self._values(path, params), SPRINTS))

    @bridged
    async def versions(self, project: str) -> pd.DataFrame:
        """Return a project's versions: Id, Name, Released, Archived, Start, Release and Description."""
        rows = await self.get(f"/rest/api/2/project/{project}/versions")
        return await self._described(records(rows if isinstance(rows, list) else (), VERSIONS))

    @bridged
    async def users(self, query: str) -> pd.DataFrame:
        """Return the people whose name or e-mail address begins with `query`.

        Two people of one name have two accounts; an edit takes the account where a name is not enough.

        Returns
        -------
        DataFrame
            Account (Cloud), Name, Email, User (Data Center), Active, Type and Time Zone.
        """
        session = await self.session()
        name = "query" if session.dialect is CLOUD else "username"
        rows: list[Any] = []
        while True:
            params = {name: query, "startAt": len(rows), "maxResults": PAGE}
            page = await self.get(f"{session.dialect.api}/user/search", **params)
            rows += page if isinstance(page, list) else []
            if not isinstance(page, list) or len(page) < PAGE:
                return await self._described(records(rows, USERS))

    @bridged
    async def slas(self, issues: pd.DataFrame | Sequence[str] | str) -> pd.DataFrame:
        """Return the cycles of the service levels of issues: each time the clock of one ran.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.

        Returns
        -------
        DataFrame
            Key, Field, Ongoing, Started, Stopped, Breach (when it is or would have been breached), Breached,
            Paused, and Elapsed, Remaining and Goal Hours.

        Raises
        ------
        UsageError
            If the site has no service levels.
        """
        session = await self.session()
        fields = [field for field in session.catalog.fields.values() if field.type == SLA_TYPE]
        if not fields:
            raise UsageError(
                f"{self.site.name} has no service levels", hint="they belong to service projects"
            )
        columns = layout(session.catalog, session.dialect, [f"{f.id}{RAW_SUFFIX}" for f in fields]).columns[
            1:
        ]
        names = {column.label: field.name for column, field in zip(columns, fields, strict=True)}
        keys, _ = await self._asked(issues)
        begin = self._begin(Query(), [f"{field.id}{RAW_SUFFIX}" for field in fields], None, "text")
        frame = await framed(begin, lambda extraction: run_keys(extraction, keys))
        cycles = sla_cycles(frame, names)
        cycles.attrs["extraction"] = frame.attrs["extraction"]
        return await self._described(cycles)

    async def _values(self, path: str, params: Mapping[str, Any]) -> list[Any]:
        """Return the values of all pages of an agile endpoint."""
        rows: list[Any] = []
        while True:
            page = await self._object(path, **params, startAt=len(rows), maxResults=PAGE)
            values = page.get("values")
            if not isinstance(values, list):
                raise BadAnswerError(f"{self.site.name} answered {path} without values")
            rows += values
            if page.get("isLast") is True or not values or len(rows) >= page.get("total", len(rows) + 1):
                return rows

    async def _object(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.get(path, **params)
        if not isinstance(answer, dict):
            raise NotFoundError(f"{self.site.name} has nothing at {path}", hint="check the number")
        return answer

    async def _described(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame.attrs["site"] = (await self.session()).base
        return frame


def _number(id: int | str, what: str) -> str:
    if not str(id).isdecimal():
        raise UsageError(f"{safe_repr(id)} is not a {what}'s number", hint=f"it is in the {what}'s link")
    return str(id)

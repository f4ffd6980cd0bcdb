"""Any endpoint of the site, and what surrounds issues: boards, sprints, versions, people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from schedkit.atlassian import Request
from schedkit.errors import AuthError, BadAnswerError, NotFoundError, UsageError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.jql import Query
from schedkit.jira.pages.site_info import Connection
from schedkit.jira.search.keys import run_keys
from schedkit.jira.search.search_api import Issues, SearchApi
from schedkit.jira.table.columns import RAW_SUFFIX, layout
from schedkit.jira.table.records import BOARDS, SPRINTS, USERS, VERSIONS, board_columns, records, sla_cycles
from schedkit.values.text import safe_repr

__all__ = ["LookupApi"]

AGILE = "/rest/agile/1.0"
PAGE = 50
SLA_TYPE = "sd-servicelevelagreement"


class LookupApi:
    """What surrounds issues.

    Parameters
    ----------
    connection : Connection
        The site.
    search : SearchApi
        Finds the issues that a query names.
    """

    def __init__(self, connection: Connection, search: SearchApi) -> None:
        self.site = connection.site
        self._connection, self._search = connection, search

    async def fields(self) -> pd.DataFrame:
        """Return the site's fields: name, id and type."""
        catalog = (await self._connection.session()).catalog
        return pd.DataFrame([asdict(field) for field in catalog.fields.values()])

    async def myself(self) -> dict[str, Any]:
        """Return who is logged in."""
        answer = await self.get("/rest/api/2/myself")
        if not isinstance(answer, dict):
            raise AuthError(f"{self.site.url} does not say who is logged in")
        return answer

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

    async def boards(self, project: str | None = None) -> pd.DataFrame:
        """Return the boards: Id, Name, Type and Project.

        Parameters
        ----------
        project : str, optional
            Only those of this project.
        """
        params = {} if project is None else {"projectKeyOrId": project}
        return await self._with_site(records(await self._values(f"{AGILE}/board", params), BOARDS))

    async def board(self, id: int | str) -> pd.DataFrame:
        """Return a board's columns: Column, Status Id, Min and Max, a row for each status.

        ``attrs["board"]`` holds its name, type, filter, estimation field and kind of constraint.

        Parameters
        ----------
        id : int or str
            The number in the board's link.
        """
        answer = await self._object(f"{AGILE}/board/{_number(id, 'board')}/configuration")
        return await self._with_site(board_columns(answer))

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
        return await self._with_site(records(await self._values(path, params), SPRINTS))

    async def versions(self, project: str) -> pd.DataFrame:
        """Return a project's versions: Id, Name, Released, Archived, Start, Release and Description."""
        rows = await self.get(f"/rest/api/2/project/{project}/versions")
        return await self._with_site(records(rows if isinstance(rows, list) else (), VERSIONS))

    async def users(self, query: str) -> pd.DataFrame:
        """Return the people whose name or e-mail address begins with `query`.

        Two people of one name have two accounts; an edit takes the account where a name is not enough.

        Returns
        -------
        DataFrame
            Account (Cloud), Name, Email, User (Data Center), Active, Type and Time Zone.
        """
        session = await self._connection.session()
        name = "query" if session.dialect is CLOUD else "username"
        rows: list[Any] = []
        while True:
            params = {name: query, "startAt": len(rows), "maxResults": PAGE}
            page = await self.get(f"{session.dialect.api}/user/search", **params)
            rows += page if isinstance(page, list) else []
            if not isinstance(page, list) or len(page) < PAGE:
                return await self._with_site(records(rows, USERS))

    async def slas(self, issues: Issues) -> pd.DataFrame:
        """Return the cycles of the service levels of issues: each time the clock of one ran.

        Parameters
        ----------
        issues
            As for `changelog`.

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
        session = await self._connection.session()
        fields = [field for field in session.catalog.fields.values() if field.type == SLA_TYPE]
        if not fields:
            raise UsageError(
                f"{self.site.name} has no service levels", hint="they belong to service projects"
            )
        names = [f"{field.id}{RAW_SUFFIX}" for field in fields]
        columns = layout(session.catalog, session.dialect, names).columns[1:]
        labels = {column.label: field.name for column, field in zip(columns, fields, strict=True)}
        keys, _ = await self._search.keys_of(issues)
        frame = await self._search.extract(Query(), names, None, run=lambda found: run_keys(found, keys))
        cycles = sla_cycles(frame, labels)
        cycles.attrs["extraction"] = frame.attrs["extraction"]
        return await self._with_site(cycles)

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

    async def _with_site(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame.attrs["site"] = (await self._connection.session()).base
        return frame


def _number(id: int | str, what: str) -> str:
    if not str(id).isdecimal():
        raise UsageError(f"{safe_repr(id)} is not a {what}'s number", hint=f"it is in the {what}'s link")
    return str(id)

"""Issues by query, project, keys, root ticket, filter or a URL from the browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio.to_thread
import pandas as pd

from schedkit.atlassian import count_requests
from schedkit.errors import NotFoundError, SiteError, UsageError
from schedkit.jira.jql import Query, in_list, parse
from schedkit.jira.pages.site_info import Connection
from schedkit.jira.search.browser_url import read_link
from schedkit.jira.search.extraction import Extraction, joined, with_report
from schedkit.jira.search.hierarchy import LINKS, TREE_COLUMNS, run_hierarchy
from schedkit.jira.search.keys import is_key, keys_in, normal, run_keys
from schedkit.jira.search.query import run_query
from schedkit.jira.table.columns import RAW_SUFFIX, layout
from schedkit.values.scalars import whole_number_of
from schedkit.values.text import safe_repr

__all__ = ["Fields", "Issues", "SearchApi", "checked_limit"]

Fields = str | Sequence[str] | None
# A frame of issues, their keys, or a JQL query.
Issues = pd.DataFrame | Sequence[str] | str
Run = Callable[[Extraction], Awaitable[object]]


class SearchApi:
    """The ways to extract issues.

    Parameters
    ----------
    connection : Connection
        The site.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def search(
        self,
        jql: str,
        fields: Fields = None,
        limit: int | None = None,
        *,
        markup: str = "text",
        raw: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Return the issues that a JQL query finds, and check that none is missing.

        Parameters
        ----------
        jql : str
            The query; its ORDER BY is the order of the rows. Where a Data Center pages through 10,000
            issues only, a longer result is put together from pieces; if its order cannot be (by rank, by
            lists), it comes by time of creation, and ``warnings`` says so.
        fields : str or sequence of str, optional
            Columns, by name or id. By default those an analyst expects; ``"*all"`` for every field;
            ``["*default", "Environment"]`` for the default ones and more.
        limit : int, optional
            Only the first issues.
        markup : str
            What becomes of formatted texts: ``text``, ``markdown`` or ``raw``.
        raw : str or sequence of str
            Fields whose whole structure is wanted, e.g. ``["Sprint", "Assignee"]``: a column
            ``Sprint (raw)`` with what the site answers, decoded. In `fields` of any method the same name does
            the same.

        Returns
        -------
        DataFrame
            One row per issue. ``attrs["site"]`` is the base URL, ``attrs["fields"]`` tells each column's
            field, ``attrs["extraction"]`` what is known of its completeness. Moments are in UTC. A date is
            the midnight in UTC with which it begins, so that both compare: ``df["Resolved"] < df["Due"] +
            pd.Timedelta(days=1)`` is what was resolved by the end of its day in UTC. For the days of another
            zone compare wall times: ``df["Resolved"].dt.tz_convert("Europe/Berlin").dt.tz_localize(None)``
            with ``df["Due"].dt.tz_localize(None)``. Texts can be assigned and compared as they are
            (``df.loc[0, "Due"] = "2027-03-04"``). People are shown by name; where two of the frame share one,
            as ``Ann Lee (ann@example.org)``, or with the login name or account, and a warning says so.

        Raises
        ------
        JqlError
            If the site refuses the query.
        UnknownFieldError
            For a field the site does not have.
        SiteError
            If the site does not answer as it should.

        Examples
        --------
        >>> jira.search("project = DEMO AND statusCategory != Done", limit=100)  # doctest: +SKIP
        """
        originals = [f"{name}{RAW_SUFFIX}" for name in _names(raw)]
        if originals:
            fields = [*_names(fields), *originals]
        return await self.extract(parse(jql), fields, limit, markup)

    async def project(
        self, *keys: str, fields: Fields = None, limit: int | None = None, markup: str = "text"
    ) -> pd.DataFrame:
        """Return all issues of one project or several.

        Parameters
        ----------
        keys : str
            Project keys, e.g. ``"KAFKA"``.
        fields, limit, markup
            As for `search`.
        """
        if not keys:
            raise UsageError("no project was named", hint='e.g. jira.project("KAFKA")')
        wrong = [key for key in keys if not isinstance(key, str)]
        if wrong:
            raise UsageError(
                f"{safe_repr(wrong[0], 80)} is not a project's key",
                hint='of several: jira.project("KAFKA", "LUCENE"), jira.project(*keys)',
            )
        return await self.extract(Query(in_list("project", keys), "key ASC"), fields, limit, markup)

    async def keys(
        self,
        keys: pd.DataFrame | Sequence[str] | str,
        fields: Fields = None,
        limit: int | None = None,
        *,
        markup: str = "text",
    ) -> pd.DataFrame:
        """Return issues by their keys, in that order; moved issues are found under their former keys.

        ``attrs["extraction"]["missing"]`` lists those that do not exist or are not visible.

        Parameters
        ----------
        keys : sequence of str or DataFrame
            Issue keys, or a frame with them in its column Key.
        fields, limit, markup
            As for `search`.
        """
        wanted = keys_in(keys)[: checked_limit(limit)]
        if not wanted:
            raise UsageError("no key was given", hint='e.g. jira.keys(["KAFKA-1", "KAFKA-2"])')
        return await self.extract(
            Query(), fields, None, markup, run=lambda extraction: run_keys(extraction, wanted)
        )

    async def root(
        self,
        key: str,
        links_depth: int = 0,
        fields: Fields = None,
        limit: int | None = None,
        *,
        markup: str = "text",
    ) -> pd.DataFrame:
        """Return an issue and everything below it: epics, stories, subtasks, across projects.

        Parameters
        ----------
        key : str
            The root ticket.
        links_depth : int
            Follow issue links from them so many steps; 0 follows none.
        fields, limit, markup
            As for `search`.

        Returns
        -------
        DataFrame
            Each issue directly before those below it, with the columns ``Level`` (0 for the root, missing
            for linked issues) and ``Via`` (the parent, or the link, it was found by).
        """
        wanted = normal(key)[0]
        limit = checked_limit(limit)
        depth = whole_number_of(links_depth)
        if depth is None or depth < 0:
            raise UsageError(f"links_depth={links_depth!r} is not a number of steps", hint="give 0, 1, 2, …")
        names = _names(fields)
        # The parent decides the order, and the links are followed, whether or not they are shown.
        needed = [*names, "Parent", *([LINKS] if depth else [])]
        with count_requests() as stats:
            extraction = await self._begin(Query(), needed, None, markup, TREE_COLUMNS)
            session = extraction.session
            chosen = layout(session.catalog, session.dialect, names, taken=TREE_COLUMNS)
            shown = {column.label for column in chosen.columns}
            tree = await run_hierarchy(extraction, wanted, depth)
            frame = await anyio.to_thread.run_sync(joined, extraction)
        frame = await anyio.to_thread.run_sync(tree.annotate, frame)
        if "*all" not in names:
            added = {"Parent", tree.links_label} - shown
            frame = frame.drop(columns=[label for label in frame if label in added])
        return with_report(frame.head(len(frame) if limit is None else limit), extraction, stats)

    async def filter(
        self, id: int | str, fields: Fields = None, limit: int | None = None, *, markup: str = "text"
    ) -> pd.DataFrame:
        """Return the issues of a saved filter.

        Parameters
        ----------
        id : int or str
            The number in the filter's link.
        fields, limit, markup
            As for `search`.
        """
        return await self.extract(parse(await self._filter_jql(id)), fields, limit, markup)

    async def link(
        self, url: str, fields: Fields = None, limit: int | None = None, *, markup: str = "text"
    ) -> pd.DataFrame:
        """Return the issues that a link pasted from the browser shows.

        Parameters
        ----------
        url : str
            Of an issue, a search, a filter, a board, a sprint or a project. A board gives all issues of its
            filter, narrowed by the quick filters in its link, whatever its columns and sprints show.
        fields, limit, markup
            As for `search`.
        """
        session = await self._connection.session()
        shown = read_link(url, session.base, session.site.url)
        if shown.kind == "issue":
            return await self.keys([shown.value], fields, limit, markup=markup)
        if shown.kind == "project":
            return await self.project(shown.value, fields=fields, limit=limit, markup=markup)
        jql = shown.value
        if shown.kind == "filter":
            jql = await self._filter_jql(shown.value)
        elif shown.kind == "board":
            jql = await self._board_jql(shown.value, shown.quick)
        elif shown.kind == "sprint":
            jql = f"sprint in ({shown.value}) ORDER BY key ASC"
        return await self.extract(parse(jql), fields, limit, markup)

    async def _filter_jql(self, id: int | str) -> str:
        if not str(id).isdecimal():
            raise UsageError(f"{id!r} is not the number of a filter", hint="take it from the filter's link")
        jql = (await self._get(f"/rest/api/2/filter/{id}", f"filter {id}")).get("jql")
        if not isinstance(jql, str):
            raise NotFoundError(f"{self._connection.site.name} returned no query for filter {id}")
        return jql

    async def _board_jql(self, id: str, quick: Sequence[str] = ()) -> str:
        path = f"/rest/agile/1.0/board/{id}"
        answer = await self._get(f"{path}/configuration", f"board {id}")
        number = str((answer.get("filter") or {}).get("id", ""))
        if not number.isdecimal():
            raise NotFoundError(f"{self._connection.site.name} returned no filter for board {id}")
        query = parse(await self._filter_jql(number))
        # A Kanban board hides what is released by a second condition.
        narrowed = [(answer.get("subQuery") or {}).get("query")]
        for one in quick:
            shown = await self._get(f"{path}/quickfilter/{one}", f"quick filter {one} of board {id}")
            narrowed.append(shown.get("jql"))
        for jql in narrowed:
            query = query.also(where) if jql and (where := parse(jql).where) else query
        return str(query)

    async def _get(self, path: str, what: str) -> dict[str, Any]:
        """Return what the site has under a number."""
        session = await self._connection.session()
        try:
            answer = await session.get(path)
        except SiteError as error:
            if error.status not in (400, 403, 404):
                raise
            raise NotFoundError(
                f"{session.site.name} has no {what}, or you may not see it",
                status=error.status,
                hint="check the number, and that it is shared with you",
            ) from None
        return answer if isinstance(answer, dict) else {}

    # --- for the client's other parts ---

    async def extract(
        self, query: Query, fields: Fields, limit: int | None, markup: str = "text", run: Run = run_query
    ) -> pd.DataFrame:
        """Return the issues that an extraction finds; `run` runs it."""
        limit = checked_limit(limit)
        with count_requests() as stats:
            extraction = await self._begin(query, fields, limit, markup)
            await run(extraction)
            frame = await anyio.to_thread.run_sync(joined, extraction)
        return with_report(frame, extraction, stats)

    async def keys_of(self, issues: Issues) -> tuple[list[str], dict[str, str]]:
        """Return the keys of issues, and what is missing of them where a query names them."""
        missing: dict[str, str] = {}
        if isinstance(issues, str) and not is_key(issues):
            issues = await self.extract(parse(issues), ["Key"], None)
            missing = issues.attrs["extraction"]["missing"]
        return keys_in(issues), missing

    async def _begin(
        self, query: Query, fields: Fields, limit: int | None, markup: str, taken: Sequence[str] = ()
    ) -> Extraction:
        session = await self._connection.session()
        chosen = layout(session.catalog, session.dialect, fields, markup, taken)
        return Extraction(session, query, chosen, limit)


def _names(fields: Fields) -> list[str]:
    return ["*default"] if fields is None else [fields] if isinstance(fields, str) else [*fields]


def checked_limit(limit: int | None) -> int | None:
    """Return the limit if it is one.

    Raises
    ------
    UsageError
        If it is not a whole number from 1.
    """
    if limit is None:
        return None
    found = whole_number_of(limit)
    if found is None or found < 1:
        raise UsageError(
            f"limit must be >= 1, got {limit!r}", hint="give a whole number from 1, or leave it out"
        )
    return found

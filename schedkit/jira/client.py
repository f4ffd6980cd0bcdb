"""`Jira`: one site's issues as DataFrames."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import anyio
import pandas as pd

from schedkit.atlassian import Request, Site
from schedkit.errors import AuthError, NotFoundError, SiteError, UsageError
from schedkit.jira.asking import Source, together
from schedkit.jira.batch import Batch
from schedkit.jira.columns import layout
from schedkit.jira.connect import ask_login, recall, remember
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.extract import Extraction
from schedkit.jira.fields import Catalog
from schedkit.jira.hierarchy import LINKS, Tree, climb
from schedkit.jira.history import changelog, keys_in, worklogs
from schedkit.jira.jql import Query, in_list, parse
from schedkit.jira.keys import is_key, normal, run_keys
from schedkit.jira.pasted import read_link
from schedkit.jira.ranks import categories_of, ranks_of
from schedkit.jira.run import framed
from schedkit.jira.stream import extract_to
from schedkit.jira.sync import synchronise
from schedkit.jira.write import AsyncPlan, Plan
from schedkit.jira.write.edit import plan_edit
from schedkit.jira.write.move import plan_comment, plan_transition
from schedkit.loop import blocking, bridged

__all__ = ["AsyncJira", "Jira"]

Fields = str | Sequence[str] | None


class AsyncJira:
    """The async face of `Jira`: the same methods, to be awaited from any loop."""

    def __init__(self, site: Site, cloud: bool | None = None) -> None:
        self.site = site
        self._cloud = cloud
        self._source: Source | None = None
        self._opening = anyio.Lock()

    def __repr__(self) -> str:
        return f"AsyncJira({self.site.url!r})"

    @bridged
    async def source(self) -> Source:
        """Return what is known of the site; asked once: its kind, its fields, and whether the login works."""
        async with self._opening:
            if self._source is None:
                self._source = await self._open()
            return self._source

    async def _open(self) -> Source:
        found: dict[str, Any] = {}

        async def ask(name: str, path: str) -> None:
            found[name] = (await self.site.send(Request("GET", path))).json()

        async def look(name: str, path: str) -> None:
            # Only the order of categories depends on it.
            with suppress(SiteError):
                await ask(name, path)

        async with together() as group:
            # Version 2 exists on both kinds.
            group.start_soon(ask, "fields", "/rest/api/2/field")
            group.start_soon(ask, "server", "/rest/api/2/serverInfo")
            if not self.site.credentials.anonymous:
                # With a wrong token a search may answer 200 and nothing; this one does not.
                group.start_soon(ask, "me", "/rest/api/2/myself")
            for name in ("priority", "status"):
                group.start_soon(look, name, f"/rest/api/2/{name}")
        if not isinstance(found["fields"], list):
            raise NotFoundError(f"{self.site.url} does not answer like a Jira", hint="check the URL")
        server = found["server"] if isinstance(found["server"], dict) else {}
        cloud = server.get("deploymentType") == "Cloud" if self._cloud is None else self._cloud
        return Source(
            self.site,
            CLOUD if cloud else DATA_CENTER,
            Catalog.from_site(found["fields"]),
            _ahead(server.get("serverTime")),
            ranks=ranks_of(found.get("priority"), found.get("status")),
            statuses=categories_of(found.get("status")),
        )

    @bridged
    async def search(
        self, jql: str, fields: Fields = None, limit: int | None = None, *, markup: str = "text"
    ) -> pd.DataFrame:
        """Return the issues that a JQL query finds, proven complete.

        Parameters
        ----------
        jql : str
            The query; its ORDER BY is the order of the rows.
        fields : sequence of str, optional
            Columns, by name or id. By default those an analyst expects; ``"*all"`` for every field;
            ``["*default", "Environment"]`` for the default ones and more.
        limit : int, optional
            Only the first issues.
        markup : str
            What becomes of formatted texts: ``text``, ``markdown`` or ``raw``.

        Returns
        -------
        DataFrame
            One row per issue. ``attrs["site"]`` is the base URL, ``attrs["fields"]`` tells each column's
            field, ``attrs["extraction"]`` what is known of its completeness.

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
        return await self._extract(parse(jql), fields, limit, markup)

    @bridged
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
        return await self._extract(Query(in_list("project", keys), "key ASC"), fields, limit, markup)

    @bridged
    async def sync(
        self, jql: str, into: str | Path, fields: Fields = None, *, markup: str = "text"
    ) -> pd.DataFrame:
        """Keep a Parquet file of a query's issues up to date, asking only for what changed, and return it.

        The first call extracts everything. A later one asks what was updated since, and compares the ids,
        so that deleted issues and those that left the query go. The file is replaced whole, and only if
        something changed.

        Parameters
        ----------
        jql : str
            The query; a file serves one query and one choice of fields.
        into : str or Path
            The file.
        fields, markup
            As for `search`.

        Returns
        -------
        DataFrame
            All issues, as `search` gives them; ``attrs["sync"]`` holds the keys added, changed and removed.

        Raises
        ------
        UsageError
            If the file holds something else.
        """
        query = parse(jql)
        source = await self.source()
        chosen = layout(source.catalog, source.dialect, fields, markup)
        names = fields if fields is None or isinstance(fields, str) else list(fields)
        requested = {"fields": names, "markup": markup}
        return await synchronise(source, query, chosen, Path(into), requested)

    @bridged
    async def to_parquet(
        self,
        jql: str,
        path: str | Path,
        fields: Fields = None,
        limit: int | None = None,
        *,
        markup: str = "text",
    ) -> dict[str, Any]:
        """Extract a query's issues into a Parquet file, in constant memory and in no particular order.

        `schedkit.jira.read_parquet` reads it back as the frame that `search` would have given.

        Parameters
        ----------
        jql : str
            The query.
        path : str or Path
            The file; an existing one is replaced whole or not at all.
        fields, limit, markup
            As for `search`.

        Returns
        -------
        dict
            What is known of the extraction's completeness.
        """
        query = parse(jql)
        source = await self.source()
        chosen = layout(source.catalog, source.dialect, fields, markup)
        return await extract_to(source, query, chosen, _checked(limit), Path(path))

    @bridged
    async def changelog(
        self, issues: pd.DataFrame | Sequence[str] | str, fields: Fields = None
    ) -> pd.DataFrame:
        """Return every change of issues, one row per changed field, oldest first.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.
        fields : sequence of str, optional
            Only changes of these fields, by name or id.

        Returns
        -------
        DataFrame
            Key, When, Author, Field, From, To, From Id, To Id and Entry (what was changed together).
        """
        source = await self.source()
        names = [fields] if isinstance(fields, str) else fields
        for name in names or ():
            source.catalog.find(name)
        return await changelog(source, await self._keys_of(issues), names)

    @bridged
    async def worklogs(self, issues: pd.DataFrame | Sequence[str] | str) -> pd.DataFrame:
        """Return every entry of work on issues.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.

        Returns
        -------
        DataFrame
            Key, Author, Started, Hours and Comment, in order of time.
        """
        return await worklogs(await self.source(), await self._keys_of(issues))

    @bridged
    async def edit(self, frame: pd.DataFrame, columns: Sequence[str] | None = None) -> AsyncPlan:
        """Plan to make the site's issues what a frame says; nothing is written before `apply`.

        Parameters
        ----------
        frame : DataFrame
            One row per issue, with Key. Empty cells empty the field. Lists may be tuples, or texts with
            commas; users are found by name, e-mail address or account.
        columns : sequence of str, optional
            Which columns to compare; by default all that Jira lets people edit, without Parent and Sprint.

        Returns
        -------
        Plan
            Shows old → new for every cell that differs.

        Raises
        ------
        UsageError
            For a column that cannot be edited, or an issue twice.

        Examples
        --------
        >>> df = jira.search("project = DEMO AND priority is EMPTY")  # doctest: +SKIP
        >>> jira.edit(df.assign(Priority="Medium")).apply()  # doctest: +SKIP
        """

        async def read(keys: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
            return await self.keys(keys, fields=["Key", *names])

        return await plan_edit(await self.source(), frame, columns, read)

    @bridged
    async def transition(self, issues: pd.DataFrame | Sequence[str] | str, status: str) -> AsyncPlan:
        """Plan to bring issues into a status; nothing is written before `apply`.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.
        status : str
            The status to reach, or the name of a transition.

        Returns
        -------
        Plan
            Shows old → new for every issue that is not there yet, and which issues cannot go there.
        """
        source = await self.source()
        now = await self.keys(await self._keys_of(issues), fields=["Key", "Status"])
        return await plan_transition(source, now, status)

    @bridged
    async def comment(
        self, issues: pd.DataFrame | Sequence[str] | str, text: str | Mapping[str, str]
    ) -> AsyncPlan:
        """Plan to comment on issues; nothing is written before `apply`.

        An issue on which the same user has already made the same comment is left out, so that a task that
        runs again does not repeat itself.

        Parameters
        ----------
        issues : DataFrame, sequence of str or str
            A frame of issues, their keys, or a JQL query.
        text : str or mapping
            The comment (wiki markup), the same for all or by key.

        Returns
        -------
        Plan
            Shows each comment.
        """
        keys = await self._keys_of(issues)
        texts = dict.fromkeys(keys, text) if isinstance(text, str) else dict(text)
        for key in keys:
            if not isinstance(texts.get(key), str) or not texts[key].strip():
                raise UsageError(f"there is no text for the comment on {key}", hint="give one for each issue")
        return await plan_comment(await self.source(), keys, texts)

    async def _keys_of(self, issues: pd.DataFrame | Sequence[str] | str) -> list[str]:
        if isinstance(issues, str) and not is_key(issues):
            issues = await self._extract(parse(issues), ["Key"], None, "text")
        return keys_in(issues)

    @bridged
    async def fields(self) -> pd.DataFrame:
        """Return the site's fields: name, id and type."""
        catalog = (await self.source()).catalog
        return pd.DataFrame([asdict(field) for field in catalog.fields.values()])

    @bridged
    async def myself(self) -> dict[str, Any]:
        """Return who is logged in."""
        answer = (await self.site.send(Request("GET", "/rest/api/2/myself"))).json()
        if not isinstance(answer, dict):
            raise AuthError(f"{self.site.url} does not say who is logged in")
        return answer

    @bridged
    async def keys(
        self,
        keys: str | Sequence[str],
        fields: Fields = None,
        limit: int | None = None,
        *,
        markup: str = "text",
    ) -> pd.DataFrame:
        """Return issues by their keys, in that order; moved issues are found under their former keys.

        ``attrs["extraction"]["missing"]`` tells which do not exist or may not be seen.

        Parameters
        ----------
        keys : sequence of str
            Issue keys.
        fields, limit, markup
            As for `search`.
        """
        wanted = normal(keys)[: _checked(limit)]
        if not wanted:
            raise UsageError("no key was given", hint='e.g. jira.keys(["KAFKA-1", "KAFKA-2"])')
        begin = self._begin(Query(), fields, None, markup)
        return await framed(begin, lambda extraction: run_keys(extraction, wanted))

    @bridged
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
        limit = _checked(limit)
        if isinstance(links_depth, bool) or not isinstance(links_depth, int) or links_depth < 0:
            raise UsageError(f"links_depth={links_depth!r} is no number of steps", hint="give 0, 1, 2, …")
        names = ["*default"] if fields is None else [fields] if isinstance(fields, str) else list(fields)
        walked: list[Tree] = []
        shown: list[str] = []

        async def begin(batches: list[Batch]) -> Extraction:
            # The parent decides the order, and the links are followed, whether or not they are shown.
            source = await self.source()
            shown.extend(column.label for column in layout(source.catalog, source.dialect, names).columns)
            needed = [*names, "Parent", *([LINKS] if links_depth else [])]
            return await self._begin(Query(), needed, None, markup)(batches)

        async def work(extraction: Extraction) -> None:
            walked.append(await climb(extraction, wanted, links_depth))

        def finish(frame: pd.DataFrame) -> pd.DataFrame:
            frame = walked[0].annotate(frame)
            hidden = [
                c
                for c in ("Parent", walked[0].links_label)
                if c in frame and c not in shown and "*all" not in names
            ]
            return frame.drop(columns=hidden).head(limit if limit is not None else len(frame))

        return await framed(begin, work, finish)

    @bridged
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
        return await self._extract(parse(await self._filter_jql(id)), fields, limit, markup)

    @bridged
    async def link(
        self, url: str, fields: Fields = None, limit: int | None = None, *, markup: str = "text"
    ) -> pd.DataFrame:
        """Return the issues that a link pasted from the browser shows.

        Parameters
        ----------
        url : str
            Of an issue, a search, a filter, a board, a sprint or a project.
        fields, limit, markup
            As for `search`.
        """
        shown = read_link(url, self.site.url)
        if shown.kind == "issue":
            return await self.keys([shown.value], fields, limit, markup=markup)
        if shown.kind == "project":
            return await self.project(shown.value, fields=fields, limit=limit, markup=markup)
        jql = shown.value
        if shown.kind == "filter":
            jql = await self._filter_jql(shown.value)
        elif shown.kind == "board":
            jql = await self._board_jql(shown.value)
        elif shown.kind == "sprint":
            jql = f"sprint = {shown.value} ORDER BY key ASC"
        return await self._extract(parse(jql), fields, limit, markup)

    async def _filter_jql(self, id: int | str) -> str:
        if not str(id).isdecimal():
            raise UsageError(f"{id!r} is no filter's number", hint="it stands in the filter's link")
        try:
            answer = (await self.site.send(Request("GET", f"/rest/api/2/filter/{id}"))).json()
        except SiteError as error:
            if error.status not in (400, 404):
                raise
            raise NotFoundError(
                f"{self.site.name} has no filter {id}, or you may not see it",
                status=error.status,
                hint="check the number, and that the filter is shared with you",
            ) from None
        jql = answer.get("jql") if isinstance(answer, dict) else None
        if not isinstance(jql, str):
            raise NotFoundError(f"{self.site.name} tells no query for filter {id}")
        return jql

    async def _board_jql(self, id: str) -> str:
        path = f"/rest/agile/1.0/board/{id}/configuration"
        answer = (await self.site.send(Request("GET", path))).json()
        answer = answer if isinstance(answer, dict) else {}
        query = parse(await self._filter_jql((answer.get("filter") or {}).get("id", "")))
        # A Kanban board hides what is released by a second condition.
        narrowed = (answer.get("subQuery") or {}).get("query")
        return str(query.also(parse(narrowed).where) if narrowed else query)

    def _begin(
        self, query: Query, fields: Fields, limit: int | None, markup: str
    ) -> Callable[[list[Batch]], Awaitable[Extraction]]:
        async def begin(batches: list[Batch]) -> Extraction:
            source = await self.source()
            chosen = layout(source.catalog, source.dialect, fields, markup)
            return Extraction(source, query, chosen, limit, batches.append)

        return begin

    async def _extract(self, query: Query, fields: Fields, limit: int | None, markup: str) -> pd.DataFrame:
        return await framed(self._begin(query, fields, _checked(limit), markup))


def _checked(limit: int | None) -> int | None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise UsageError(
            f"limit={limit!r} asks for no issue", hint="give a whole number from 1, or leave it out"
        )
    return limit


def _ahead(server_time: Any) -> timedelta:
    """Return how far the site's clock is ahead of ours."""
    try:
        return datetime.fromisoformat(server_time) - datetime.now(UTC)
    except (TypeError, ValueError):
        return timedelta(0)


class Jira:
    """A Jira site: its issues as DataFrames.

    Parameters
    ----------
    url : str
        Base URL, e.g. ``https://example.atlassian.net`` or ``https://issues.example.org/jira``.
    user : str, optional
        E-mail address (Cloud) or user name (Data Center, with `password`).
    token : str, optional
        API token (Cloud, with `user`) or personal access token (Data Center, alone).
    cloud : bool, optional
        Whether it is Jira Cloud; by default the site is asked.
    site : Site, optional
        Instead of all the above: a site made elsewhere.
    **options
        As `schedkit.atlassian.Site` takes them: password, oauth2, verify, cert, proxies, timeout,
        concurrency, …

    Examples
    --------
    >>> jira = Jira("https://example.atlassian.net", user="ann@example.org", token="s3cret")
    >>> jira
    Jira('https://example.atlassian.net', user='ann@example.org')
    """

    def __init__(
        self,
        url: str | None = None,
        user: str | None = None,
        token: str | None = None,
        cloud: bool | None = None,
        *,
        site: Site | None = None,
        **options: Any,
    ) -> None:
        if (url is None) == (site is None):
            raise UsageError(
                "Jira takes either a url or a site", hint='e.g. Jira("https://issues.example.org")'
            )
        self.aio = AsyncJira(site or Site(str(url), user=user, token=token, **options), cloud)

    @classmethod
    def connect(cls, url: str, user: str | None = None, *, again: bool = False, **options: Any) -> Self:
        """Return a client for a site, asking for the login the first time.

        The token is typed hidden, checked, and kept in the system's keyring where there is one.

        Parameters
        ----------
        url : str
            Base URL.
        user : str, optional
            E-mail address (Cloud) or user name; on Data Center a personal access token needs none.
        again : bool
            Ask even if a login is kept: the token has changed.
        **options
            As for `Jira`.

        Raises
        ------
        AuthError
            If the login is refused, or there is nobody to ask.

        Examples
        --------
        >>> jira = Jira.connect("https://issues.example.org")  # doctest: +SKIP
        """
        kept = None if again else recall(url, user)
        name, token = kept or ask_login(url, user)
        jira = cls(url, user=name, token=token, **options)
        try:
            jira.myself()
        except AuthError as error:
            if kept:
                error.hint = "the kept token no longer works: Jira.connect(url, again=True)"
            raise
        if not kept:
            remember(url, user, name, token)
        return jira

    @property
    def site(self) -> Site:
        """The site it talks to."""
        return self.aio.site

    def __repr__(self) -> str:
        return repr(self.site).replace("Site(", "Jira(", 1)

    search = blocking(AsyncJira.search)
    project = blocking(AsyncJira.project)
    keys = blocking(AsyncJira.keys)
    root = blocking(AsyncJira.root)
    filter = blocking(AsyncJira.filter)
    link = blocking(AsyncJira.link)
    changelog = blocking(AsyncJira.changelog)
    worklogs = blocking(AsyncJira.worklogs)
    sync = blocking(AsyncJira.sync)
    _edit = blocking(AsyncJira.edit)
    _transition = blocking(AsyncJira.transition)
    _comment = blocking(AsyncJira.comment)

    @functools.wraps(AsyncJira.edit, assigned=("__doc__",), updated=())
    def edit(self, frame: pd.DataFrame, columns: Sequence[str] | None = None) -> Plan:
        return Plan(self._edit(frame, columns))

    @functools.wraps(AsyncJira.transition, assigned=("__doc__",), updated=())
    def transition(self, issues: pd.DataFrame | Sequence[str] | str, status: str) -> Plan:
        return Plan(self._transition(issues, status))

    @functools.wraps(AsyncJira.comment, assigned=("__doc__",), updated=())
    def comment(self, issues: pd.DataFrame | Sequence[str] | str, text: str | Mapping[str, str]) -> Plan:
        return Plan(self._comment(issues, text))

    to_parquet = blocking(AsyncJira.to_parquet)
    fields = blocking(AsyncJira.fields)
    myself = blocking(AsyncJira.myself)

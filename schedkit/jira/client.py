"""`Jira`: one site's issues as DataFrames."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import anyio
import pandas as pd

from schedkit import context
from schedkit.atlassian import Request, Site, tally
from schedkit.errors import AuthError, NotFoundError, UsageError
from schedkit.jira.asking import Source, together
from schedkit.jira.batch import Batch
from schedkit.jira.columns import layout
from schedkit.jira.dialect import CLOUD, DATA_CENTER, Dialect
from schedkit.jira.evidence import positions
from schedkit.jira.extract import Extraction
from schedkit.jira.fields import Catalog
from schedkit.jira.frame import assemble, described, newest
from schedkit.jira.jql import Query, in_list, parse
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

        async with together() as group:
            # Version 2 exists on both kinds.
            group.start_soon(ask, "fields", "/rest/api/2/field")
            if self._cloud is None:
                group.start_soon(ask, "server", "/rest/api/2/serverInfo")
            if not self.site.credentials.anonymous:
                # With a wrong token a search may answer 200 and nothing; this one does not.
                group.start_soon(ask, "me", "/rest/api/2/myself")
        if not isinstance(found["fields"], list):
            raise NotFoundError(f"{self.site.url} does not answer like a Jira", hint="check the URL")
        return Source(self.site, self._dialect(found.get("server")), Catalog.from_site(found["fields"]))

    def _dialect(self, server: Any) -> Dialect:
        cloud = self._cloud
        if cloud is None:
            cloud = isinstance(server, dict) and server.get("deploymentType") == "Cloud"
        return CLOUD if cloud else DATA_CENTER

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

    async def _extract(self, query: Query, fields: Fields, limit: int | None, markup: str) -> pd.DataFrame:
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
            raise UsageError(
                f"limit={limit!r} asks for no issue", hint="give a whole number from 1, or leave it out"
            )
        began = time.perf_counter()
        with tally() as cost:
            source = await self.source()
            chosen = layout(source.catalog, source.dialect, fields, markup)
            batches: list[Batch] = []
            extraction = Extraction(source, query, chosen, limit, batches.append)
            await extraction.run()
            frame = await anyio.to_thread.run_sync(_frame, extraction, batches)
        facts = extraction.evidence.told(
            requests=cost.requests,
            retries=cost.retries,
            throttled=cost.limited,
            bytes=cost.bytes,
            seconds=time.perf_counter() - began,
        )
        frame.attrs = {
            "site": self.site.url,
            "jql": str(query),
            "fields": {k: v for k, v in described(extraction.reader.columns).items() if k in frame},
            "extraction": facts,
        }
        context.fact("extraction", facts)
        return frame


def _frame(extraction: Extraction, batches: list[Batch]) -> pd.DataFrame:
    """Join the batches: each issue once, its newest copy, in the query's order."""
    import numpy as np

    ids = np.concatenate([batch.ids for batch in batches]) if batches else np.empty(0, np.int64)
    updated = np.concatenate([batch.updated for batch in batches]) if batches else np.empty(0, np.int64)
    kept = newest(ids, updated)
    rows = kept[positions(ids[kept], extraction.order)]
    return assemble(batches, extraction.reader.columns, rows)


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

    @property
    def site(self) -> Site:
        """The site it talks to."""
        return self.aio.site

    def __repr__(self) -> str:
        return repr(self.site).replace("Site(", "Jira(", 1)

    search = blocking(AsyncJira.search)
    project = blocking(AsyncJira.project)
    fields = blocking(AsyncJira.fields)
    myself = blocking(AsyncJira.myself)

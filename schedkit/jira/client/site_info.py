"""A site as the client knows it: its kind, its fields, its orders; asked once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import anyio
import pandas as pd

from schedkit.atlassian import Request, Site
from schedkit.errors import AuthError, NotFoundError, SiteError, UsageError
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.jql import Query, parse
from schedkit.jira.pages.session import Session, together
from schedkit.jira.search.extract import Extraction
from schedkit.jira.search.keys import is_key, keys_in
from schedkit.jira.search.run import framed
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.columns import layout
from schedkit.jira.table.fields import Catalog
from schedkit.jira.table.ranks import ranks_of
from schedkit.jira.table.statuses import statuses_of
from schedkit.loop import bridged
from schedkit.values.keywords import check_keywords

__all__ = ["Fields", "Opened", "checked"]

Fields = str | Sequence[str] | None


@check_keywords
class Opened:
    """The base of every part of the async client."""

    def __init__(self, site: Site, cloud: bool | None = None) -> None:
        self.site = site
        self._cloud = cloud
        self._source: Session | None = None
        self._opening = anyio.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.site.url!r})"

    @bridged
    async def session(self) -> Session:
        """Return what is known of the site; asked once: its kind, its fields, and whether the login works."""
        async with self._opening:
            if self._source is None:
                self._source = await self._open()
            return self._source

    async def _open(self) -> Session:
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
                group.start_soon(self._check_login)
            for name in ("priority", "status", "issuetype"):
                group.start_soon(look, name, f"/rest/api/2/{name}")
        if not isinstance(found["fields"], list):
            raise NotFoundError(f"{self.site.url} does not answer like a Jira", hint="check the URL")
        server = found["server"] if isinstance(found["server"], dict) else {}
        cloud = server.get("deploymentType") == "Cloud" if self._cloud is None else self._cloud
        return Session(
            self.site,
            CLOUD if cloud else DATA_CENTER,
            Catalog.from_site(found["fields"]),
            _ahead(server.get("serverTime")),
            ranks=ranks_of(found.get("priority"), found.get("status"), found.get("issuetype")),
            statuses=statuses_of(found.get("status")),
            base=_base(server.get("baseUrl")),
        )

    async def _check_login(self) -> None:
        try:
            await self.site.send(Request("GET", "/rest/api/2/myself"))
        except AuthError as error:
            # The login is right, and the token has not the scope to read who that is.
            if "scope does not match" not in error.message:
                raise

    @bridged
    async def fields(self) -> pd.DataFrame:
        """Return the site's fields: name, id and type."""
        catalog = (await self.session()).catalog
        return pd.DataFrame([asdict(field) for field in catalog.fields.values()])

    @bridged
    async def myself(self) -> dict[str, Any]:
        """Return who is logged in."""
        answer = (await self.site.send(Request("GET", "/rest/api/2/myself"))).json()
        if not isinstance(answer, dict):
            raise AuthError(f"{self.site.url} does not say who is logged in")
        return answer

    async def _asked(self, issues: pd.DataFrame | Sequence[str] | str) -> tuple[list[str], dict[str, str]]:
        """Return the keys of issues, and what is missing of them where a query names them."""
        missing: dict[str, str] = {}
        if isinstance(issues, str) and not is_key(issues):
            issues = await self._extract(parse(issues), ["Key"], None, "text")
            missing = issues.attrs["extraction"]["missing"]
        return keys_in(issues), missing

    async def _keys_of(self, issues: pd.DataFrame | Sequence[str] | str) -> list[str]:
        keys, _ = await self._asked(issues)
        return keys

    def _begin(
        self, query: Query, fields: Fields, limit: int | None, markup: str, taken: Sequence[str] = ()
    ) -> Callable[[list[Batch]], Awaitable[Extraction]]:
        async def begin(batches: list[Batch]) -> Extraction:
            session = await self.session()
            chosen = layout(session.catalog, session.dialect, fields, markup, taken)
            return Extraction(session, query, chosen, limit, batches.append)

        return begin

    async def _extract(self, query: Query, fields: Fields, limit: int | None, markup: str) -> pd.DataFrame:
        return await framed(self._begin(query, fields, checked(limit), markup))


def checked(limit: int | None) -> int | None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise UsageError(
            f"limit must be >= 1, got {limit!r}", hint="give a whole number from 1, or leave it out"
        )
    return limit


def _base(address: Any) -> str:
    """Return the address that the site reports, empty if a browser could not open it."""
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
        known = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/") if known else ""


def _ahead(server_time: Any) -> timedelta:
    """Return how far the site's clock is ahead of ours."""
    try:
        return datetime.fromisoformat(server_time) - datetime.now(UTC)
    except (TypeError, ValueError):
        return timedelta(0)

"""What a site tells of itself: its kind, its fields, its orders; asked once."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import anyio

from schedkit.atlassian import Request, Site
from schedkit.errors import AuthError, NotFoundError, SiteError
from schedkit.jira.dialect import CLOUD, DATA_CENTER
from schedkit.jira.pages.session import Session
from schedkit.jira.table.fields import Catalog
from schedkit.jira.table.ranks import ranks_of
from schedkit.jira.table.statuses import statuses_of
from schedkit.loop import task_group

__all__ = ["Connection"]


class Connection:
    """A site that is opened at first use.

    Parameters
    ----------
    site : Site
        With its login.
    cloud : bool, optional
        Whether it is Jira Cloud; by default the site is asked.
    """

    def __init__(self, site: Site, cloud: bool | None = None) -> None:
        self.site = site
        self._cloud = cloud
        self._session: Session | None = None
        self._opening = anyio.Lock()

    async def session(self) -> Session:
        """Return what is known of the site; asked once: its kind, its fields, and whether the login works."""
        async with self._opening:
            if self._session is None:
                self._session = await self._open()
            return self._session

    async def _open(self) -> Session:
        found: dict[str, Any] = {}

        async def ask(name: str, path: str) -> None:
            found[name] = (await self.site.send(Request("GET", path))).json()

        async def ask_order(name: str) -> None:
            # Only the order of categories depends on it.
            with suppress(SiteError):
                await ask(name, f"/rest/api/2/{name}")

        async with task_group() as group:
            # Version 2 exists on both kinds.
            group.start_soon(ask, "fields", "/rest/api/2/field")
            group.start_soon(ask, "server", "/rest/api/2/serverInfo")
            if not self.site.credentials.anonymous:
                # With a wrong token a search may answer 200 and nothing; this one does not.
                group.start_soon(self._check_login)
            for name in ("priority", "status", "issuetype"):
                group.start_soon(ask_order, name)
        if not isinstance(found["fields"], list):
            raise NotFoundError(f"{self.site.url} does not answer like a Jira", hint="check the URL")
        server = found["server"] if isinstance(found["server"], dict) else {}
        cloud = server.get("deploymentType") == "Cloud" if self._cloud is None else self._cloud
        return Session(
            self.site,
            CLOUD if cloud else DATA_CENTER,
            Catalog.from_site(found["fields"]),
            _clock_ahead(server.get("serverTime")),
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


def _base(address: Any) -> str:
    """Return the address that the site reports, empty if a browser could not open it."""
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
        known = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/") if known else ""


def _clock_ahead(server_time: Any) -> timedelta:
    """Return how far the site's clock is ahead of ours."""
    try:
        return datetime.fromisoformat(server_time) - datetime.now(UTC)
    except (TypeError, ValueError):
        return timedelta(0)

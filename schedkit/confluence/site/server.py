"""One Confluence behind its dialect: find out which it is, read and write a page."""

from __future__ import annotations

import re

import anyio

from schedkit.atlassian import Answer, Request, Site
from schedkit.confluence.site.dialect import CLOUD, DATA_CENTER, Dialect, PageState, state_of
from schedkit.errors import BadAnswerError, NotFoundError, UsageError

__all__ = ["Server", "page_id_of"]

_PAGE_ADDRESS = re.compile(r"/pages/([0-9]+)(?:[/?#]|$)|[?&]pageId=([0-9]+)")


class Server:
    """A site and the dialect it speaks, asked for once unless it is told."""

    def __init__(self, site: Site, cloud: bool | None) -> None:
        self.site = site
        self._dialect = None if cloud is None else (CLOUD if cloud else DATA_CENTER)
        self._asking = anyio.Lock()

    async def dialect(self) -> Dialect:
        async with self._asking:
            if self._dialect is None:
                self._dialect = await self._detect()
            return self._dialect

    async def _detect(self) -> Dialect:
        try:
            await self.site.send(Request("GET", "/wiki/api/v2/spaces", params={"limit": 1}))
        except NotFoundError:
            return DATA_CENTER
        return CLOUD

    @property
    def base(self) -> str:
        """Where links of pages start if an answer does not say."""
        return self.site.url + ("/wiki" if self._dialect is CLOUD else "")

    async def send(self, request: Request) -> Answer:
        return await self.site.send(request)

    async def read(self, page_id: str) -> PageState:
        """Read the current version of a page."""
        dialect = await self.dialect()
        answer = await self.site.send(dialect.read(page_id))
        return state_of(answer.json(), self.base)

    async def read_old(self, page_id: str, version: int) -> PageState:
        """Read an older version of a page."""
        dialect = await self.dialect()
        answer = await self.site.send(dialect.read_old(page_id, version))
        return state_of(answer.json(), self.base)

    async def space_of(self, page_id: str) -> str:
        """Return the id (Cloud) or key (Data Center) of the space a page is in."""
        dialect = await self.dialect()
        answer = await self.site.send(dialect.read_space(page_id))
        try:
            return dialect.space(answer.json())
        except (KeyError, TypeError):
            raise BadAnswerError(f"the answer about page {page_id} names no space") from None

    async def find(self, space: str, title: str) -> PageState | None:
        """Return the page of that title in a space; titles are unique there."""
        dialect = await self.dialect()
        answer = await self.site.send(dialect.find(space, title))
        results = answer.json().get("results", [])
        return state_of(results[0], self.base) if results else None

    async def create(self, space: str, parent: str, title: str, source: str) -> PageState:
        """Create a page under `parent`."""
        dialect = await self.dialect()
        answer = await self.site.send(dialect.create(space, parent, title, source))
        return await self.read(str(answer.json()["id"]))

    async def write(self, state: PageState, source: str, message: str, quiet: bool) -> None:
        """Put the version after `state`."""
        dialect = await self.dialect()
        await self.site.send(dialect.write(state, source, message, quiet))


def page_id_of(page: str | int) -> str:
    """Return a page's id, from a number or from the page's URL."""
    found = str(page).strip()
    address = _PAGE_ADDRESS.search(found)
    if address:
        found = address[1] or address[2]
    if not found.isdecimal():
        raise UsageError(
            f"{str(page)[:80]!r} is no page id",
            hint='give the number in the page\'s URL, e.g. page("100001")',
        )
    return found

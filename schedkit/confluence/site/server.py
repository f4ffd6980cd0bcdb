"""One Confluence behind its dialect: find out which it is, read and write a page."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio

from schedkit import context
from schedkit.atlassian import Answer, Request, Site
from schedkit.atlassian.by_name import by_name
from schedkit.confluence.site.addresses import PageAddress
from schedkit.confluence.site.dialects import (
    CLOUD,
    DATA_CENTER,
    Dialect,
    PageState,
    address_in,
    data_center,
    state_of,
    version_in,
)
from schedkit.errors import BadAnswerError, NotFoundError, SiteError, UnavailableError

__all__ = ["Server", "results_in"]


class Server:
    """A site and the dialect it speaks, detected once unless it is given.

    Parameters
    ----------
    site : Site
        The site, without ``/wiki`` behind it.
    cloud : bool, optional
        Which dialect; detected by default.
    below_wiki : bool
        The address that was given ends in ``/wiki``: a Data Center lives there.
    """

    def __init__(self, site: Site, cloud: bool | None, *, below_wiki: bool = False) -> None:
        self.site = site
        self._data_center = data_center("/wiki") if below_wiki else DATA_CENTER
        self._dialect = None if cloud is None else (CLOUD if cloud else self._data_center)
        self._asking = anyio.Lock()

    def __repr__(self) -> str:
        return f"Server({self.site.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name(self.site, self, "aio.server")

    async def dialect(self) -> Dialect:
        async with self._asking:
            if self._dialect is None:
                self._dialect = await self._detect()
            return self._dialect

    async def _detect(self) -> Dialect:
        try:
            if await self._lists("/wiki/api/v2/spaces"):
                return CLOUD
            refused: SiteError = BadAnswerError(f"{self.site.url} does not answer as a Confluence")
        except NotFoundError:
            return await self._where_data_center_is()
        except UnavailableError:
            raise
        except SiteError as error:
            # A proxy or a login page answers for what is not there; or the token may not list spaces.
            refused = error
        with suppress(SiteError):
            if await self._lists(self._data_center.content):
                return self._data_center
        advice = "tell whether it is a Cloud: cloud=True or cloud=False"
        refused.hint = f"{refused.hint}; or {advice}" if refused.hint else advice
        raise refused

    async def _where_data_center_is(self) -> Dialect:
        """Find the Data Center that is below ``/wiki`` although the address does not say so."""
        below = data_center("/wiki")
        with suppress(SiteError):
            if self._data_center is DATA_CENTER and await self._lists(below.content):
                return below
        return self._data_center

    async def _lists(self, path: str) -> bool:
        """Tell whether a path answers with a list, as only this dialect's does."""
        answer = await self.site.send(Request("GET", path, params={"limit": 1}, retries=2))
        return isinstance(answer.json(), dict) and "results" in answer.json()

    @property
    def base(self) -> str:
        """Where links of pages start if an answer does not say."""
        known = self._dialect or self._data_center
        return self.site.url + ("/wiki" if known.content.startswith("/wiki") else "")

    async def send(self, request: Request) -> Answer:
        return await self.site.send(request)

    async def read(self, page_id: str, *, retries: int | None = None) -> PageState:
        """Read the current version of a page, also of one in the trash."""
        dialect = await self.dialect()
        try:
            answer = await self.site.send(replace(dialect.read(page_id), retries=retries))
        except NotFoundError as error:
            trashed = dialect.read_trashed(page_id)
            if trashed is None:
                raise
            try:
                answer = await self.site.send(trashed)
            except SiteError:
                raise error from None
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
            raise BadAnswerError(f"the answer about page {page_id} contains no space") from None

    async def space_id(self, key: str) -> str:
        """Return what requests call the space of a key: its id on Cloud, the key itself elsewhere.

        Raises
        ------
        NotFoundError
            If Cloud has no such space.
        """
        dialect = await self.dialect()
        if not dialect.cloud:
            return key
        results = results_in((await self.site.send(dialect.space_by_key(key))).json())
        if not results:
            raise NotFoundError(
                f"{self.site.url} has no space {key!r}", hint="check the space's key, e.g. DEMO"
            )
        return str(results[0].get("id"))

    async def resolve(self, address: PageAddress) -> str:
        """Return the id of a page, looked up by title and space if need be.

        Raises
        ------
        NotFoundError
            If the space has no such page.
        """
        if address.id is not None:
            return address.id
        if address.beside is None:
            space, where = await self.space_id(address.space), f"space {address.space}"
        else:
            space = await self.space_of(await self.resolve(address.beside))
            where = f"the space of page {address.beside}"
        found = await self.find(space, address.title)
        if found is None:
            raise NotFoundError(
                f"{where} has no page {address.title!r}",
                hint="check its title, and that this login may see it",
            )
        return found.id

    async def find(self, space: str, title: str, *, retries: int | None = None) -> PageState | None:
        """Return the page of that title in a space; titles are unique there."""
        dialect = await self.dialect()
        answer = await self.site.send(replace(dialect.find(space, title), retries=retries))
        results = results_in(answer.json())
        return state_of(results[0], self.base) if results else None

    async def create(self, space: str, parent: str, title: str, source: str) -> PageState:
        """Create a page under `parent`; return it as it was sent, with the id and address of the answer."""
        dialect = await self.dialect()
        made = (await self.site.send(dialect.create(space, parent, title, source))).json()
        try:
            return PageState(str(made["id"]), title, 1, source, address_in(made, self.base))
        except (AttributeError, KeyError, TypeError):
            raise BadAnswerError(
                f"{self.site.url} answered the creation of page {title!r} without a page",
                status=200,
                hint="check any proxy before the site",
                maybe_done=True,
                final=True,
            ) from None

    async def write(self, state: PageState, source: str, message: str, quiet: bool) -> int | None:
        """Put the version after `state`; return the version in the site's answer."""
        dialect = await self.dialect()
        answer = await self.site.send(dialect.write(state, source, message, quiet))
        return version_in(answer.json())

    async def labels(self, page_id: str, *, retries: int | None = None) -> set[str]:
        """Return the names of a page's labels."""
        dialect = await self.dialect()
        asked = Request("GET", dialect.labels(page_id), params={"limit": 200}, retries=retries)
        answer = await self.site.send(asked)
        return {str(label.get("name")) for label in results_in(answer.json())}

    async def add_labels(self, page_id: str, names: Sequence[str]) -> None:
        """Put labels on a page; those that it has stay."""
        dialect = await self.dialect()
        made = [{"prefix": "global", "name": name} for name in names]
        await self.site.send(Request("POST", dialect.labels(page_id), json=made))

    async def read_property(
        self, page_id: str, key: str, *, folder: bool = False
    ) -> tuple[Any, tuple[str, int] | None]:
        """Return a property of a page or folder, its id and version; ``(None, None)`` if there is none."""
        dialect = await self.dialect()
        content = (dialect.folder if folder else dialect.page).format(page_id)
        try:
            value = (await self.site.send(dialect.property(content, key))).json()
        except NotFoundError:
            return None, None
        found = next(iter(results_in(value)), None) if dialect.cloud else value
        number = version_in(found)
        if not isinstance(found, dict) or number is None:
            return None, None
        return found.get("value"), (str(found.get("id")), number)

    async def write_property(
        self, page_id: str, key: str, value: Any, known: tuple[str, int] | None, *, folder: bool = False
    ) -> bool:
        """Make or replace a property of a page or folder; False if the site does not let it."""
        dialect = await self.dialect()
        content = (dialect.folder if folder else dialect.page).format(page_id)
        try:
            await self.site.send(dialect.set_property(content, key, value, known))
        except SiteError as error:
            context.log(f"{error.message}; property {key!r} was not written", logging.WARNING)
            return False
        return True


def results_in(value: Any) -> list[Any]:
    """Return what an answer lists; nothing if it is no list."""
    results = value.get("results") if isinstance(value, dict) else None
    return [each for each in results if isinstance(each, dict)] if isinstance(results, list) else []

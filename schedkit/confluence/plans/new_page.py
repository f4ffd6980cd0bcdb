"""A page that is made from a template: where it belongs, how it is found again, what is kept with it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import anyio

from schedkit import context
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.parents import Parent
from schedkit.confluence.site.server import Server, is_redirect
from schedkit.errors import NotFoundError, SiteError, UsageError
from schedkit.values.rng import chance

__all__ = ["NewPage", "create", "existing", "finish", "known_placeholders"]

# On the parent: the pages below it by their key. On a page: the placeholders it was given.
_PAGES = "schedkit-pages"
_PLACEHOLDERS = "schedkit-placeholders"


@dataclass(frozen=True)
class NewPage:
    """Where a page belongs that is made from a template.

    `key` names it whatever its title becomes; `placeholders` are those that its template has.
    """

    parent: Parent
    title: str
    key: str | None = None
    labels: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()


async def existing(server: Server, new: NewPage) -> PageState | None:
    """Return the page that was made for the same key, else the page of that title; None if there is none.

    Raises
    ------
    UsageError
        If the page of that title was made for another key.
    """
    keys = await _pages_by_key(server, new)
    known = keys.pop(new.key, None)
    if isinstance(known, str):
        try:
            state = await server.read(known)
        except NotFoundError:
            state = None
        # One that was deleted is created again.
        if state is not None and state.status == "current":
            return state
    found = await server.find(new.parent.space, new.title)
    if found is None:
        return None
    _refuse_other_keys(new, found, keys)
    return await server.read(found.id)


async def _pages_by_key(server: Server, new: NewPage) -> dict[str | None, object]:
    """Return the ids of the pages below the parent by their keys; none for a page without a key."""
    if new.key is None:
        return {}
    value, _ = await server.read_property(new.parent.id, _PAGES, folder=new.parent.folder)
    return dict(value) if isinstance(value, dict) else {}


def _refuse_other_keys(new: NewPage, found: PageState, keys: dict[str | None, object]) -> None:
    for key, page_id in keys.items():
        if key != new.key and page_id == found.id:
            raise UsageError(
                f"{found.name} was made for the key {key!r}, not for {new.key!r}",
                hint="give the page of each key a title of its own, e.g. with {{ project }} in it",
            )


async def known_placeholders(server: Server, page_id: str) -> set[str]:
    """Return the placeholders that a page was given when it was made or filled."""
    try:
        value, _ = await server.read_property(page_id, _PLACEHOLDERS)
    except SiteError as error:
        context.log(f"{error.message}; which placeholders the page had is unknown")
        return set()
    return set(value.get("names", [])) if isinstance(value, dict) else set()


async def create(server: Server, new: NewPage, source: str, until: float) -> tuple[bool, PageState]:
    """Create a page; True if this call made it, False if a twin had it made meanwhile."""
    unsure = False
    while True:
        found = await server.find(new.parent.space, new.title)
        if found is not None:
            _refuse_other_keys(new, found, await _pages_by_key(server, new))
            return unsure and found.version == 1 and found.source == source, found
        try:
            return True, await server.create(new.parent.space, new.parent.id, new.title, source)
        except SiteError as error:
            # Titles are unique in a space: a 400 may be a twin's page that is not listed yet.
            twin = error.status == 409 or (error.status == 400 and not unsure)
            if is_redirect(error) or not (error.maybe_done or twin):
                raise
            unsure = True
            wait = chance.uniform(0.1, 0.5)
            if time.monotonic() + wait > until:
                raise
            context.log(f"{error.message}; looking for the page again", logging.WARNING)
            await anyio.sleep(wait)


async def finish(server: Server, new: NewPage, state: PageState) -> None:
    """Give a page its labels, and remember its key and its placeholders; nothing is sent that is known."""
    missing = set(new.labels) - await server.labels(state.id) if new.labels else set()
    if missing:
        await server.add_labels(state.id, sorted(missing))
    if new.key is not None:
        await _remember(server, new.parent.id, _PAGES, {new.key: state.id}, folder=new.parent.folder)
    names = await known_placeholders(server, state.id)
    if not set(new.placeholders) <= names:
        await _remember(server, state.id, _PLACEHOLDERS, {"names": sorted(names | set(new.placeholders))})


async def _remember(
    server: Server, page_id: str, name: str, entries: dict[str, object], *, folder: bool = False
) -> None:
    """Merge entries into a property of a page or folder; another writer may come between once."""
    for _ in range(2):
        try:
            value, known = await server.read_property(page_id, name, folder=folder)
        except SiteError as error:
            # The page itself is written.
            context.log(f"{error.message}; property {name!r} was not written", logging.WARNING)
            return
        old = value if isinstance(value, dict) else {}
        if all(old.get(key) == entry for key, entry in entries.items()):
            return
        if await server.write_property(page_id, name, {**old, **entries}, known, folder=folder):
            return

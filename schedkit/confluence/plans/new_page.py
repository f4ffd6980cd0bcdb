"""A page that is made from a template: where it belongs, how it is found again, what is kept with it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from schedkit import context
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.lost_answers import LostAnswers, add_words
from schedkit.confluence.site.parents import Parent
from schedkit.confluence.site.server import Server
from schedkit.errors import NotFoundError, SiteError, UsageError

__all__ = ["NewPage", "create", "existing", "finish", "known_placeholders", "pages_by_key"]

# On the parent: the pages below it by their key. On a page: the placeholders it was given.
_PAGES = "schedkit-pages"
_PLACEHOLDERS = "schedkit-placeholders"
# A property that was not written is written by the next run.
_TRIES = 4


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
    keys = {} if new.key is None else await pages_by_key(server, new.parent)
    known = keys.pop(new.key or "", None)
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


async def pages_by_key(server: Server, parent: Parent) -> dict[str, object]:
    """Return the ids of the pages that were made below a parent, by their keys."""
    value, _ = await server.read_property(parent.id, _PAGES, folder=parent.folder)
    return dict(value) if isinstance(value, dict) else {}


def _refuse_other_keys(new: NewPage, found: PageState, keys: dict[str, object]) -> None:
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
    """Create a page; True if this call made it, as it was sent; False with the page that a twin has made."""
    # Titles are unique in a space: a 400 or 409 may be a twin's page that is not listed yet.
    lost = LostAnswers(until, twins=(400, 409))
    while True:
        with lost.looking():
            found = await server.find(new.parent.space, new.title, retries=lost.retries)
        if found is not None:
            if new.key is not None:
                _refuse_other_keys(new, found, await pages_by_key(server, new.parent))
            return lost.failures > 0 and found.version == 1 and found.source == source, found
        lost.check()
        try:
            return True, await server.create(new.parent.space, new.parent.id, new.title, source)
        except SiteError as error:
            await lost.failed(error)


async def finish(server: Server, new: NewPage, state: PageState, until: float) -> None:
    """Give a page its labels, and remember its key and its placeholders; nothing is sent that is known."""
    try:
        await _label(server, state.id, new.labels, until)
    except SiteError as error:
        raise add_words(error, f"{state.name} itself is as planned") from None
    if new.key is not None:
        await _remember(server, new.parent.id, _PAGES, {new.key: state.id}, folder=new.parent.folder)
    names = await known_placeholders(server, state.id)
    if not set(new.placeholders) <= names:
        await _remember(server, state.id, _PLACEHOLDERS, {"names": sorted(names | set(new.placeholders))})


async def _label(server: Server, page_id: str, names: Sequence[str], until: float) -> None:
    lost = LostAnswers(until, without="its labels were not set")
    while names:
        with lost.looking():
            missing = set(names) - await server.labels(page_id, retries=lost.retries)
        if not missing:
            return
        lost.check()
        try:
            await server.add_labels(page_id, sorted(missing))
            return
        except SiteError as error:
            await lost.failed(error)


async def _remember(
    server: Server, page_id: str, name: str, entries: dict[str, object], *, folder: bool = False
) -> None:
    """Merge entries into a property of a page or folder; other writers may come between."""
    for _ in range(_TRIES):
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

"""Optimistic locking: read, edit, put the next version, look at what was stored."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread

from schedkit import context
from schedkit.confluence.plans.edit import Draft, Edit, Replaced, outside
from schedkit.confluence.plans.late_comments import comments_meanwhile, restore_comments
from schedkit.confluence.plans.stored_forms import accepted_forms, remember_forms
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.lost_answers import LostAnswers
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.canonical import form
from schedkit.confluence.source.reading import shows_the_same, text
from schedkit.errors import BadAnswerError, ConflictError, ForbiddenError, NotFoundError, SiteError
from schedkit.loop import process_singleton
from schedkit.values.text import clip

__all__ = [
    "Outcome",
    "check_editable",
    "draft_of",
    "settled_draft",
    "stored_as_sent",
    "unconfirmed",
    "update",
]

_Edit = TypeVar("_Edit", bound=Edit)

# How often a page is read back until it shows the version that was put, and the first wait between; a replica
# may lag for seconds behind an answer that names the version.
_FIRST_WAIT = 0.1
_LOOKS = 5
_LOOKS_IF_TOLD = 8


@dataclass(frozen=True)
class Outcome:
    """How an update went; `draft` is the last one made, `state` the version it ended at.

    `written` tells that the page shows a version that was sent; `unconfirmed` says why one that was sent, and
    that the site accepted, could not be read back. `altered` names the cells and placeholders that the site
    stored otherwise than they were sent.
    """

    state: PageState
    draft: Draft
    written: bool
    puts: int
    conflicts: int
    outside: str
    altered: tuple[str, ...] = ()
    unconfirmed: str = ""


class _Queue:
    """The writers of one page in this process, served in turn."""

    def __init__(self) -> None:
        self.turn = anyio.Lock()


def _queue(server: Server, page_id: str) -> _Queue:
    queues: WeakValueDictionary[tuple[str, str], _Queue] = process_singleton(
        "confluence-queues", WeakValueDictionary
    )
    return queues.setdefault((server.site.url, page_id), _Queue())


_STATUS = {
    "trashed": ("is in the trash", "restore it in Confluence, or name another page"),
    "deleted": ("was deleted", "name another page"),
    "archived": ("is archived", "restore it from the archive in Confluence, or name another page"),
    "draft": ("is a draft that was never published", "publish it in Confluence first"),
    "historical": ("is an old version", "name the page itself"),
}


def check_editable(state: PageState) -> None:
    """Refuse a page that an update would bring back, or that cannot be updated.

    Raises
    ------
    ForbiddenError
        If it is in the trash, archived, a draft, a live document, or not to be edited by this login.
    """
    if state.status != "current":
        otherwise = (f"has the status {state.status!r}", "name a page that is published")
        why, hint = _STATUS.get(state.status, otherwise)
        raise ForbiddenError(f"{state.name} {why}; nothing was written", hint=hint)
    if state.live:
        raise ForbiddenError(
            f"{state.name} is a live document, which has no versions to replace; nothing was written",
            hint="convert it to a page in Confluence, or name a page",
        )
    if state.editable is False:
        raise ForbiddenError(
            f"{state.name} may be read by this login but not edited; nothing was written",
            hint="ask for the permission, or check the page's restrictions",
        )


def unconfirmed(sent: PageState, error: SiteError) -> str:
    """Return what is to be said of a version that the site accepted and does not show; logs it, too."""
    why = f"the site accepted version {sent.version}, which could not be read back: {error.message}"
    context.log(f"{sent.name}: {why}; a further run writes only what is missing", logging.WARNING)
    return why


async def draft_of(state: PageState, edit: Edit) -> Draft:
    """Apply `edit` in a worker thread: five megabytes of page must not hold up the loop."""
    return await anyio.to_thread.run_sync(edit, state.source, state.name)


async def settled_draft(
    server: Server, state: PageState, edit: _Edit, *, tell: bool = True
) -> tuple[Draft, _Edit]:
    """Apply `edit`, knowing what the site has made of contents that were sent before.

    Where it shows something else than was sent, a note says so.
    """
    draft = await draft_of(state, edit)
    if not draft.replaced:
        return draft, edit
    accepted = await accepted_forms(server, state.id)
    if not accepted:
        return draft, edit
    edit = edit.accepting(accepted)
    settled = await draft_of(state, edit)
    sent = {each.place for each in settled.replaced}
    lost = _shown_otherwise([each for each in draft.replaced if each.place not in sent])
    if not lost or not tell:
        return settled, edit
    note = f"the site shows {lost}; not sent again"
    context.log(f"{state.name}: {note}", logging.WARNING)
    return replace(settled, notes=[note]), edit


def _shown_otherwise(replaced: Sequence[Replaced]) -> str:
    """Return which places show another text than is to be there; empty if none does."""
    places = [
        f"{clip(text(each.old), 40)!r} instead of {clip(text(each.new), 40)!r} in {each.place}"
        for each in replaced
        if not shows_the_same(each.old, each.new)
    ]
    more = f" and {len(places) - 5} more" if len(places) > 5 else ""
    return ", ".join(places[:5]) + more


async def stored_as_sent(
    server: Server, stored: PageState, edit: Edit, sent: str, before: str = ""
) -> tuple[str, ...]:
    """Compare a page that was just written with what was sent, and return what the site stored otherwise.

    The forms that the site made are remembered on the page: they do not cause another write.

    Raises
    ------
    BadAnswerError
        If the page still says what it said `before`, lacks rows or columns that were sent, or shows another
        text than was sent.
    """
    if stored.source == sent:
        return ()
    again = await draft_of(stored, edit)
    if not again.changed:
        return ()
    lacking = "without the change that was sent" if before and form(stored.source) == form(before) else ""
    if not lacking and again.structural:
        lacking = "with other rows or columns than were sent"
    if not again.structural:
        await remember_forms(server, stored.id, again.replaced, refused=bool(lacking))
    lost = "" if lacking else _shown_otherwise(again.replaced)
    if lacking or lost:
        raise BadAnswerError(
            f"{stored.name}: the site stored version {stored.version} {lacking or f'and shows {lost}'}",
            hint="look at the page; an app or a setting of the site changes what is saved",
        )
    places = tuple(each.place for each in again.replaced)
    context.log(f"{stored.name}: the site changed what was sent: {', '.join(places[:10])}", logging.WARNING)
    return places


async def update(
    server: Server, page_id: str, edit: Edit, *, message: str, quiet: bool = True, deadline: float = 60.0
) -> Outcome:
    """Write `edit` to a page; nothing is written if the page already says so.

    Raises
    ------
    ConflictError
        If others kept saving the page until the deadline.
    BadAnswerError
        If the site says that it stored a version, and the page does not show it.
    """
    queue = _queue(server, page_id)
    async with queue.turn:
        return await _Update(server, page_id, edit, message, quiet, time.monotonic() + deadline).run()


@dataclass
class _Update:
    server: Server
    page_id: str
    edit: Edit
    message: str
    quiet: bool
    until: float
    puts: int = 0
    conflicts: int = 0
    sent: list[tuple[Draft, int]] = field(default_factory=list)
    lost: LostAnswers = field(init=False)

    def __post_init__(self) -> None:
        self.lost = LostAnswers(self.until)

    async def run(self) -> Outcome:
        while True:
            context.checkpoint()
            with self.lost.looking():
                state = await self.server.read(self.page_id, retries=self.lost.retries)
            check_editable(state)
            draft, self.edit = await settled_draft(self.server, state, self.edit, tell=False)
            if not draft.changed:
                # After a lost answer this is how a PUT that did arrive shows itself.
                before, base = self.sent[-1] if self.sent else (draft, None)
                return self._outcome(state, before, base, written=bool(self.sent))
            self.lost.check()
            try:
                self.puts += 1
                answered = await self._put(state, draft)
            except ConflictError as error:
                self.conflicts += 1
                await self.lost.pause(error, self.conflicts)
                continue
            except SiteError as error:
                self.sent.append((draft, state.version))
                await self.lost.failed(error)
                continue
            return await self._read_back(state, draft, answered)

    async def _put(self, state: PageState, draft: Draft) -> int | None:
        try:
            return await self.server.write(state, draft.new, self.message, self.quiet)
        except NotFoundError as error:
            # It was there a moment ago: sites answer so where a login may read and not edit.
            raise ForbiddenError(
                f"{state.name} can be read but not written: {error.message}",
                status=error.status,
                hint="ask for the permission to edit it, or check the page's restrictions",
            ) from None

    async def _read_back(self, state: PageState, draft: Draft, answered: int | None) -> Outcome:
        """Look at what the site has made of the version after `state`."""
        told = answered == state.version + 1
        try:
            stored = await self._shown_after(state, _LOOKS_IF_TOLD if told else _LOOKS)
        except SiteError as error:
            if told:
                return self._unconfirmed(state, draft, error)
            raise BadAnswerError(
                f"{state.name}: the answer to the PUT of version {state.version + 1} does not name it; "
                f"whether it was written is unknown: {error.message}",
                status=error.status,
                hint="check the page and any proxy before the site; a further run writes what is missing",
                maybe_done=True,
            ) from None
        if stored.version <= state.version:
            raise BadAnswerError(
                f"{state.name}: the site answered the PUT of version {state.version + 1} with success, "
                f"and still shows version {stored.version}",
                hint="check the page and any proxy before the site; a further run writes what is missing",
            )
        ours = stored.version == state.version + 1
        late = await comments_meanwhile(self.server, state) if ours else None
        if late is not None:
            return await self._restore_comments(state, draft, stored, late)
        altered: tuple[str, ...] = ()
        if ours:
            altered = await stored_as_sent(self.server, stored, self.edit, draft.new, state.source)
        return self._outcome(stored, draft, state.version, written=True, altered=altered)

    async def _shown_after(self, state: PageState, looks: int) -> PageState:
        """Read the page until it shows a later version than `state`: a replica may lag behind."""
        for look in range(looks):
            stored = await self.server.read(self.page_id)
            if stored.version > state.version or time.monotonic() > self.until:
                break
            if look < looks - 1:
                await anyio.sleep(_FIRST_WAIT * 2**look)
        return stored

    async def _restore_comments(
        self, state: PageState, draft: Draft, stored: PageState, late: str
    ) -> Outcome:
        restored = await draft_of(replace(state, source=late), self.edit)
        write = functools.partial(self.server.write, message=self.message, quiet=self.quiet)
        again, puts = await restore_comments(self.server, stored, draft.new, restored.new, write, self.until)
        self.puts += puts
        if again is None:
            return self._outcome(stored, draft, state.version, written=True)
        return self._outcome(again, restored, again.version - 1, written=True)

    def _unconfirmed(self, state: PageState, draft: Draft, error: SiteError) -> Outcome:
        sent = replace(state, version=state.version + 1, source=draft.new)
        why = unconfirmed(sent, error)
        return Outcome(sent, draft, False, self.puts, self.conflicts, "unread", unconfirmed=why)

    def _outcome(
        self,
        state: PageState,
        draft: Draft,
        base: int | None,
        *,
        written: bool,
        altered: tuple[str, ...] = (),
    ) -> Outcome:
        seen = "identical"
        if written:
            # A later version is someone else's edit.
            ours = base is not None and state.version == base + 1
            seen = outside(draft, state.source) if ours else "edited since"
        if seen == "changed":
            context.log(
                f"page {self.page_id}: the site changed content outside the region when storing it",
                logging.WARNING,
            )
        return Outcome(state, draft, written, self.puts, self.conflicts, seen, altered)

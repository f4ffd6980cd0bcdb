"""Optimistic locking: read, edit, put the next version; whoever came between is respected."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread

from schedkit import context
from schedkit.confluence.plans.draft import Draft, Edit, outside
from schedkit.confluence.site.dialect import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.comments import only_comments_added
from schedkit.errors import ConflictError, ForbiddenError, NotFoundError, SiteError
from schedkit.loop import live
from schedkit.values.rng import chance

__all__ = ["Outcome", "draft_of", "update"]

# Waits after a conflict: long enough for others to finish, never in step with them.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 2.0


@dataclass(frozen=True)
class Outcome:
    """How an update went; `draft` is the last one made, `state` the version it ended at."""

    state: PageState
    draft: Draft
    written: bool
    puts: int
    conflicts: int
    outside: str


class _Queue:
    """The writers of one page in this process, served in turn."""

    def __init__(self) -> None:
        self.turn = anyio.Lock()


def _queue(server: Server, page_id: str) -> _Queue:
    queues: WeakValueDictionary[tuple[str, str], _Queue] = live("confluence-queues", WeakValueDictionary)
    return queues.setdefault((server.site.url, page_id), _Queue())


async def draft_of(state: PageState, edit: Edit) -> Draft:
    """Apply `edit` in a worker thread: five megabytes of page must not hold up the loop."""
    return await anyio.to_thread.run_sync(edit, state.source, state.name)


async def update(
    server: Server, page_id: str, edit: Edit, *, message: str, quiet: bool = True, deadline: float = 60.0
) -> Outcome:
    """Write `edit` to a page; nothing is written if the page already says so.

    Raises
    ------
    ConflictError
        If others kept saving the page until the deadline.
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
    lost: int = 0

    async def run(self) -> Outcome:
        sent: tuple[Draft, int] | None = None
        while True:
            context.checkpoint()
            state = await self.server.read(self.page_id)
            draft = await draft_of(state, self.edit)
            if not draft.changed:
                # After a lost answer this is how a PUT that did arrive shows itself.
                return self._outcome(state, *(sent or (draft, None)), written=sent is not None)
            try:
                self.puts += 1
                await self.server.write(state, draft.new, self.message, self.quiet)
            except ConflictError as error:
                self.conflicts += 1
                await self._pause(error, self.conflicts)
                continue
            except SiteError as error:
                if not error.maybe_done:
                    raise
                self.lost += 1
                sent = (draft, state.version)
                context.log(f"{error.message}; reading the page before writing again", logging.WARNING)
                await self._pause(error, self.lost)
                continue
            return await self._read_back(state, draft)

    async def _read_back(self, state: PageState, draft: Draft) -> Outcome:
        """Look at what the site has made of the version after `state`."""
        try:
            stored = await self.server.read(self.page_id)
            late = await self._slipped_in(state) if stored.version == state.version + 1 else None
        except SiteError as error:
            # It is written all the same.
            context.log(f"{error.message}; the page was written and not read back", logging.WARNING)
            return self._unread(state, draft)
        if stored.version <= state.version:
            # A replica that has not heard of it yet.
            return self._unread(state, draft)
        if late is None:
            return self._outcome(stored, draft, state.version, written=True)
        context.log(f"page {self.page_id}: an inline comment came between reading and writing; restoring it")
        restored = await draft_of(replace(state, source=late), self.edit)
        try:
            self.puts += 1
            await self.server.write(stored, restored.new, self.message, self.quiet)
            again = await self.server.read(self.page_id)
        except SiteError as error:
            # Whoever saved in this moment saw neither; the edit itself is in.
            context.log(f"{error.message}; an inline comment's mark was lost", logging.WARNING)
            return self._outcome(stored, draft, state.version, written=True)
        return self._outcome(again, restored, stored.version, written=True)

    def _unread(self, state: PageState, draft: Draft) -> Outcome:
        written = replace(state, version=state.version + 1, source=draft.new)
        return Outcome(written, draft, True, self.puts, self.conflicts, "unread")

    async def _slipped_in(self, state: PageState) -> str | None:
        """Return the version written upon, if an inline comment was made there after it was read.

        Adding one changes a page's storage without a new version, so a PUT of the next version is not
        refused and takes the comment's mark away.
        """
        try:
            old = await self.server.read_old(self.page_id, state.version)
        except (NotFoundError, ForbiddenError):
            # Old versions may have been purged, or be for others' eyes.
            return None
        return old.source if only_comments_added(state.source, old.source) else None

    async def _pause(self, error: SiteError, times: int) -> None:
        wait = chance.uniform(0.3, 1.0) * min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(times - 1, 8))
        if time.monotonic() + wait > self.until:
            error.hint = (
                f"gave up after {self.puts} tries; give apply(deadline=…) more seconds, or run it again"
            )
            raise error
        await anyio.sleep(wait)

    def _outcome(self, state: PageState, draft: Draft, base: int | None, *, written: bool) -> Outcome:
        seen = "identical"
        if written:
            # A later version is someone else's edit, which is theirs to make.
            ours = base is not None and state.version == base + 1
            seen = outside(draft, state.source) if ours else "edited since"
        if seen == "changed":
            context.log(
                f"page {self.page_id}: the site stored something else outside the region than it was sent",
                logging.WARNING,
            )
        return Outcome(state, draft, written, self.puts, self.conflicts, seen)

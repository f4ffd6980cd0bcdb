"""Running a query: list, fetch in parallel, and prove that nothing is missing.

There is no snapshot in Jira's API. So an extraction lists the ids again when it is done and asks what was
updated meanwhile: what appeared or changed is fetched, what left is dropped. Where a last check finds
nothing of the kind, the frame is exact. A first check begins while the last pages are on their way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
import numpy as np

from schedkit import context
from schedkit.jira.dialect import CLOUD
from schedkit.jira.pages.pages import Listing
from schedkit.jira.search.extraction import STAGE, Extraction
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.reader import Page
from schedkit.loop import task_group

__all__ = ["ROUNDS", "catch_up", "run_query"]

# A busy site never comes to rest; after so many passes the time window is reported instead.
ROUNDS = 3


async def run_query(extraction: Extraction) -> None:
    """Extract; afterwards `order` holds the ids of the result and `completeness` what is known of it.

    Raises
    ------
    JqlError
        If the site refuses the query.
    SiteError
        If it does not answer as it should.
    """
    completeness, limit = extraction.completeness, extraction.limit
    context.progress(STAGE, 0, None)
    checks = Checks(extraction)
    asked = anyio.Event()
    async with task_group() as beside, task_group() as group:
        beside.start_soon(extraction.pages.confirm_login)
        extraction.reading = beside
        if limit is None:
            group.start_soon(checks.begin_early, asked)
        listing = await extraction.read(extraction.query, limit, asked.set)
        if not asked.is_set():
            group.cancel_scope.cancel()
    extraction.reading = None
    if limit is not None or listing.single:
        # One answer is a snapshot of its own; a limited result is not meant to be complete.
        completeness.limited = limit is not None and len(listing.ids) >= limit
        completeness.exact = listing.single
        await extraction.fill(listing.ids)
    else:
        listing = await checks.finish_early(listing)
        if not completeness.exact:
            del listing  # of half a million issues it weighs
            listing = await checks.repeat()
    await _end(extraction, listing)


async def catch_up(extraction: Extraction, known: Batch, since: int) -> None:
    """Extract what changed since an earlier extraction, of which `known` is the result.

    Afterwards `order` is that of the whole result, and the sink has what is new in it.

    Parameters
    ----------
    known : Batch
        What is held already.
    since : int
        Milliseconds of the site's clock.
    """
    context.progress(STAGE, 0, None)
    extraction.seen_ids.add(known)
    await _end(extraction, await Checks(extraction).repeat(since))


async def _end(extraction: Extraction, listing: Listing) -> None:
    completeness = extraction.completeness
    if not listing.ids:
        # The login may have run out just before.
        await extraction.pages.confirm_login()
    extraction.settle(listing)
    await extraction.finish()
    if not completeness.exact or listing.single:
        completeness.ended = datetime.now(UTC)
    context.progress(STAGE, len(extraction.order), len(extraction.order))


@dataclass(slots=True)
class Check:
    """What a check that began at `moment` saw.

    Parameters
    ----------
    listing : Listing
        The ids.
    recent : dict
        Of what had been updated since `since` (milliseconds), when.
    new : int
        Issues that it found and that had not arrived.
    agrees : bool
        Whether what arrived during the check is as old as it is.
    """

    moment: datetime
    since: int
    listing: Listing
    recent: dict[int, int]
    new: int = 0
    agrees: bool = True


class Checks:
    """Asks the site again what a query finds, until nothing has changed meanwhile."""

    def __init__(self, extraction: Extraction) -> None:
        self.extraction = extraction
        self._early: Check | None = None
        # What has left the result since it arrived.
        self._left: set[int] = set()

    async def begin_early(self, asked: anyio.Event) -> None:
        """Check while the last pages of the first pass are on their way.

        It agrees if it finds nothing that was updated after the copies that had arrived when it began: then
        those that arrived later are as old, and all are as they were when it began.
        """
        extraction = self.extraction
        await asked.wait()
        await extraction.pages.wait_for_capacity(self._rounds())
        since = extraction.since(extraction.completeness.started)
        before = extraction.seen_ids.recent(since)
        check = await self.check(since)
        check.agrees = check.recent == before
        self._early = check

    def _rounds(self) -> int:
        """Return how many requests of a check wait for each other: so early it begins before the last issues.

        Cloud lists page after page, and then asks what was updated.
        """
        extraction, dialect = self.extraction, self.extraction.session.dialect
        if dialect is not CLOUD:
            return 1
        listed = len(extraction.seen_ids) + extraction.pages.under_way * dialect.bulk
        return 2 + listed // dialect.id_page

    async def finish_early(self, listing: Listing) -> Listing:
        """Compare the first pass, of which `listing` came, with the check that began during it."""
        check, self._early = self._early, None
        if check is None:
            return listing
        # What was deleted after the check had begun shows only in the passes' difference, or in that it was
        # listed and did not come.
        seen = self.extraction.seen_ids
        same = listing.steady and np.array_equal(np.sort(listing.ids), np.sort(check.listing.ids))
        came = not seen.missing(check.listing.ids)
        unchanged = check.recent == seen.recent(check.since)
        check.agrees = check.agrees and same and came and unchanged
        return await self._apply(check, 0)

    async def repeat(self, since: int | None = None) -> Listing:
        """Check until nothing has changed since the check before, or the rounds are used up."""
        extraction = self.extraction
        for _ in range(ROUNDS):
            _, newer = extraction.seen_ids.counts
            started = extraction.completeness.started
            check = await self.check(extraction.since(started) if since is None else since)
            listing = await self._apply(check, newer)
            if extraction.completeness.exact:
                break
            since = None
        return listing

    async def check(self, since: int) -> Check:
        """List the ids again, and fetch what was updated since then."""
        extraction = self.extraction
        check = Check(datetime.now(UTC), since, Listing([]), {})

        def take(page: Page) -> None:
            arrived, _ = extraction.seen_ids.counts
            extraction.take(page)
            check.new += extraction.seen_ids.counts[0] - arrived
            check.recent.update(zip(page.batch.ids.tolist(), page.batch.updated.tolist(), strict=True))

        async def list_ids() -> None:
            check.listing = await extraction.list_ids(extraction.query)

        recent = extraction.query.also(f"updated >= {since}")
        if extraction.session.dialect is CLOUD:
            # Asked last, so that it also shows what left the result and came back before it was listed.
            await list_ids()
            await extraction.read(recent, take=take)
        else:
            # Here the list itself says when each issue was updated.
            async with task_group() as group:
                group.start_soon(extraction.pages.confirm_login)
                group.start_soon(list_ids)
                await extraction.read(recent, take=take)
        return check

    async def _apply(self, check: Check, newer: int) -> Listing:
        """Fetch what a check listed and has not arrived; the frame is exact if nothing happened.

        `newer` is how many newer copies had arrived before what is compared.
        """
        extraction, listing = self.extraction, check.listing
        seen, completeness = extraction.seen_ids, extraction.completeness
        before = seen.counts
        await extraction.fill(listing.ids)
        # What had left is held as it was outside the result; what left and came back between two lists of
        # it, as it was before.
        back = sorted(self._left.intersection(listing.ids))
        older = seen.older(listing.batches)
        await extraction.fetch_all([*back, *(id for id in older if id not in self._left)])
        appeared = check.new + seen.counts[0] - before[0] + len(back)
        changed = max(seen.counts[1] - newer, len(older))
        beyond = set(seen.beyond(listing.ids))
        # What was updated lately is asked after the ids, or beside them: it has come since, and may stay.
        gone = beyond - set(check.recent)
        left = beyond - self._left
        self._left = gone
        completeness.appeared += appeared
        completeness.changed += changed
        completeness.left += len(left & gone)
        if check.agrees and listing.steady and not (appeared or changed or left):
            # All that happened before this check began would have been seen: the frame is that moment's.
            completeness.exact, completeness.ended = True, check.moment
        else:
            completeness.started = check.moment
        return listing

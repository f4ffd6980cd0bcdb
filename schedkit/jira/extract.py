"""Extracting issues: list, fetch in parallel, and prove that nothing is missing.

There is no snapshot in Jira's API. So an extraction lists the ids again when it is done and asks what was
updated meanwhile: what appeared or changed is fetched, what left is dropped. Where a last look finds
nothing of the kind, the frame is exact.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from schedkit import context
from schedkit.jira import cloud, windows
from schedkit.jira.asking import Asker, Listing, Source, Take, together
from schedkit.jira.batch import Batch
from schedkit.jira.columns import Layout
from schedkit.jira.dialect import CLOUD
from schedkit.jira.evidence import Evidence, Held
from schedkit.jira.jql import Query, chunks
from schedkit.jira.reader import Page, Reader
from schedkit.jira.wire import by_ids

__all__ = ["STAGE", "Extraction"]

# How far before the start to look for changes: clocks differ, and search indexes lag.
OVERLAP = timedelta(seconds=60)
# A busy site never comes to rest; after so many looks the window is told instead.
ROUNDS = 3
STAGE = "extract"


@dataclass
class Extraction:
    """One extraction of one query.

    Parameters
    ----------
    source : Source
        Where from.
    query : Query
        What.
    layout : Layout
        Which columns.
    limit : int, optional
        Only the first issues in the query's order.
    sink : callable
        Takes each batch as it arrives.
    """

    source: Source
    query: Query
    layout: Layout
    limit: int | None = None
    sink: Callable[[Batch], object] = lambda batch: None
    held: Held = field(default_factory=Held)
    order: list[int] = field(default_factory=list)
    listeners: list[Take] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.query.order:
            self.query = self.query.ordered("key ASC")
        self.reader = Reader(self.layout, self.source.catalog)
        self.asker = Asker(self.source)
        now = datetime.now(UTC)
        self.evidence = Evidence(self.source.site.name, str(self.query), now, now)
        self.ids = Reader(Layout(()), self.source.catalog)
        self._errors: dict[str, str] = {}
        self._expected: int | None = None
        self._left: set[int] = set()

    async def run(self) -> None:
        """Extract; afterwards `order` holds the ids of the result and `evidence` what is known of it.

        Raises
        ------
        JqlError
            If the site refuses the query.
        SiteError
            If it does not answer as it should.
        """
        evidence = self.evidence
        context.progress(STAGE, 0, None)
        listing = await self.read(self.query, self.limit)
        if self.limit is not None or listing.single:
            # One answer is a snapshot of its own; a limited result is not meant to be complete.
            evidence.limited = self.limit is not None and len(listing.ids) >= self.limit
            evidence.exact = listing.single
            await self.fill(listing.ids)
        else:
            del listing  # of half a million issues it weighs
            listing = await self._prove()
        self._end(listing)

    async def catch_up(self, known: Batch, since: int) -> None:
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
        self.held.add(known)
        self._end(await self._prove(since))

    def _end(self, listing: Listing) -> None:
        evidence = self.evidence
        self.settle(listing)
        evidence.warnings = self.asker.warnings
        if not evidence.exact or listing.single:
            evidence.ended = datetime.now(UTC)
        context.progress(STAGE, len(self.order), len(self.order))

    # --- the parts, also for other ways of extracting ---

    def since(self, moment: datetime) -> int:
        """Return from when on to look for changes after `moment`, in milliseconds of the site's clock."""
        return int((moment - OVERLAP + self.source.clock_ahead).timestamp() * 1000)

    async def read(self, query: Query, limit: int | None = None) -> Listing:
        """Fetch a query's issues."""
        if self._cloud:
            return await cloud.read(
                self.asker, query, self.layout.requested, self.reader, self.ids, self.take, limit
            )
        return await windows.read(self.asker, query, self.layout.requested, self.reader, self.take, limit)

    async def listed(self, query: Query) -> Listing:
        """List a query's ids."""
        if self._cloud:
            return await cloud.list_ids(self.asker, query, self.ids)
        # Of the query itself it is known how long it was.
        expected = self._expected if query is self.query else None
        return await windows.read(self.asker, query, ["id"], self.ids, lambda page: None, expected=expected)

    @property
    def _cloud(self) -> bool:
        return self.source.dialect is CLOUD

    def take(self, page: Page) -> None:
        """Take a page of issues in."""
        self.held.add(page.batch)
        self._errors.update(page.errors)
        if self._errors:
            for id in page.batch.ids.tolist():
                self._errors.pop(str(id), None)
        self.sink(page.batch)
        for listener in self.listeners:
            listener(page)
        if page.total is not None:
            self._expected = max(self._expected or 0, min(page.total, self.limit or page.total))
        context.progress(STAGE, len(self.held.updated), self._expected)

    async def _prove(self, since: int | None = None) -> Listing:
        """Look again until nothing has changed since the look before, or the rounds are used up."""
        evidence = self.evidence
        for _ in range(ROUNDS):
            looked = datetime.now(UTC)
            before = self.held.counts
            since = self.since(evidence.started) if since is None else since
            found: list[Listing] = []

            async def look(found: list[Listing] = found) -> None:
                found.append(await self.listed(self.query))

            async with together() as group:
                group.start_soon(look)
                group.start_soon(self.read, self.query.also(f"updated >= {since}"))
            listing = found[0]
            await self.fill(listing.ids)
            left = set(self.held.beyond(listing.ids)) - self._left
            self._left |= left
            appeared, changed = self.held.since(before)
            evidence.appeared += appeared
            evidence.changed += changed
            evidence.left += len(left)
            if listing.steady and not (appeared or changed or left):
                # All that happened before this look began would have been seen: the frame is that moment's.
                evidence.exact, evidence.ended = True, looked
                break
            evidence.started, since = looked, None
        return listing

    async def fill(self, listed: Sequence[int]) -> None:
        """Fetch by id what was listed but has not arrived; once more what is silently left out."""
        for _ in range(2):
            missing = [id for id in self.held.missing(listed) if str(id) not in self._errors]
            if not missing:
                return
            async with together() as group:
                for some in chunks(missing, self.source.dialect.bulk):
                    group.start_soon(self.fetch, some)

    async def fetch(self, ids: Sequence[int | str]) -> None:
        """Fetch issues by id, at most as many as one request may name."""
        request = by_ids(ids, self.layout.requested, self.reader.page, self.source.dialect)
        self.take(await self.asker.page(request))

    def settle(self, listing: Listing) -> None:
        """Compare what was listed with what arrived."""
        evidence = self.evidence
        self.order = [id for id in listing.ids if id in self.held.updated]
        evidence.requested = len(listing.ids)
        evidence.returned = len(self.order)
        evidence.duplicates = self.held.duplicates
        # An issue that is held from before, but could not be fetched again, is stale: missing as well.
        lost = {*self.held.missing(listing.ids), *(id for id in listing.ids if str(id) in self._errors)}
        silent = "listed, but not returned"
        evidence.missing = {str(id): self._errors.get(str(id), silent) for id in sorted(lost)}
        evidence.exact = evidence.exact and not evidence.missing
        self.tell_missing()

    def tell_missing(self) -> None:
        """Log a warning if something is missing."""
        missing = self.evidence.missing
        if missing:
            few = ", ".join(f"{id} ({why})" for id, why in list(missing.items())[:5])
            context.log(f"{len(missing)} issues could not be fetched: {few}", logging.WARNING)

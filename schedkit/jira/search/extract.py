"""Extracting issues: list, fetch in parallel, and prove that nothing is missing.

There is no snapshot in Jira's API. So an extraction lists the ids again when it is done and asks what was
updated meanwhile: what appeared or changed is fetched, what left is dropped. Where a last look finds
nothing of the kind, the frame is exact. A first look already begins while the last pages are on their way.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio
import numpy as np

from schedkit import context
from schedkit.errors import SiteError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.jql import Query, chunks
from schedkit.jira.pages import offset_paging, token_paging
from schedkit.jira.pages.completeness import Completeness, SeenIds
from schedkit.jira.pages.requests import by_ids
from schedkit.jira.pages.session import Listing, Pages, Session, Take, together
from schedkit.jira.search.lists import whole_list
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.columns import Layout
from schedkit.jira.table.reader import Page, Reader
from schedkit.values.text import one_line

__all__ = ["STAGE", "Extraction"]

# How far before the start to look for changes: clocks differ, and search indexes lag.
OVERLAP = timedelta(seconds=60)
# A busy site never comes to rest; after so many passes the time window is reported instead.
ROUNDS = 3
STAGE = "extract"


@dataclass(slots=True)
class Look:
    """What a look that began at `moment` saw.

    Parameters
    ----------
    listing : Listing
        The ids.
    recent : dict
        Of what had been updated since `since` (milliseconds), when.
    new : int
        Issues that it found and that were not held.
    agrees : bool
        Whether what arrived while it looked is as old as it is.
    """

    moment: datetime
    since: int
    listing: Listing
    recent: dict[int, int]
    new: int = 0
    agrees: bool = True


@dataclass
class Extraction:
    """One extraction of one query.

    Parameters
    ----------
    session : Session
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

    session: Session
    query: Query
    layout: Layout
    limit: int | None = None
    sink: Callable[[Batch], object] = lambda batch: None
    seen_ids: SeenIds = field(default_factory=SeenIds)
    order: Sequence[int] = field(default_factory=list)
    listeners: list[Take] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.query.order:
            self.query = self.query.ordered(offset_paging.DEFAULT_ORDER)
        self.reader = Reader(self.layout, self.session.catalog)
        self.pages = Pages(self.session)
        now = datetime.now(UTC)
        self.completeness = Completeness(
            self.session.site.name, str(self.query), now, now, unreadable=self.reader.unreadable
        )
        self.ids = Reader(Layout(()), self.session.catalog)
        self._errors: dict[str, str] = {}
        self._expected: int | None = None
        self._left: set[int] = set()
        # By label and id: lists that the site had cut inside an issue, read whole.
        self.lists: dict[str, dict[int, tuple[str, ...]]] = {}
        self._cut: dict[str, set[int]] = {}

    async def run(self) -> None:
        """Extract; afterwards `order` holds the ids of the result and `completeness` what is known of it.

        Raises
        ------
        JqlError
            If the site refuses the query.
        SiteError
            If it does not answer as it should.
        """
        completeness = self.completeness
        context.progress(STAGE, 0, None)
        asked = anyio.Event()
        looks: list[Look] = []
        async with together() as confirming, together() as group:
            confirming.start_soon(self.pages.confirm)
            if self.limit is None:
                group.start_soon(self._ahead, asked, looks)
            listing = await self.read(self.query, self.limit, asked.set)
            if not asked.is_set():
                group.cancel_scope.cancel()
        if self.limit is not None or listing.single:
            # One answer is a snapshot of its own; a limited result is not meant to be complete.
            completeness.limited = self.limit is not None and len(listing.ids) >= self.limit
            completeness.exact = listing.single
            await self.fill(listing.ids)
        else:
            for look in looks:
                # What was deleted after the look had begun shows only in the passes' difference, or in
                # that it was listed and did not come.
                same = listing.steady and np.array_equal(np.sort(listing.ids), np.sort(look.listing.ids))
                came = not self.seen_ids.missing(look.listing.ids)
                unchanged = look.recent == self.seen_ids.recent(look.since)
                look.agrees = look.agrees and same and came and unchanged
                listing = await self._judge(look, 0)
            if not completeness.exact:
                del listing, looks  # of half a million issues they weigh
                listing = await self._prove()
        await self._end(listing)

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
        self.seen_ids.add(known)
        await self._end(await self._prove(since))

    async def _end(self, listing: Listing) -> None:
        completeness = self.completeness
        if not listing.ids:
            # The login may have run out just before.
            await self.pages.confirm()
        self.settle(listing)
        await self.complete_lists()
        self.log_problems()
        if not completeness.exact or listing.single:
            completeness.ended = datetime.now(UTC)
        context.progress(STAGE, len(self.order), len(self.order))

    # --- the parts, also for other ways of extracting ---

    def since(self, moment: datetime) -> int:
        """Return from when on to look for changes after `moment`, in milliseconds of the site's clock."""
        return int((moment - OVERLAP + self.session.clock_ahead).timestamp() * 1000)

    async def read(
        self,
        query: Query,
        limit: int | None = None,
        asked: Callable[[], object] = lambda: None,
        take: Take | None = None,
    ) -> Listing:
        """Fetch a query's issues; `asked` is called when all have been asked for, if that takes several."""
        take, wanted = take or self.take, self.layout.requested
        if self._cloud:
            return await token_paging.read(
                self.pages, query, wanted, self.reader, self.ids, take, limit, asked
            )
        return await offset_paging.read(self.pages, query, wanted, self.reader, take, limit, asked=asked)

    async def listed(self, query: Query) -> Listing:
        """List a query's ids."""
        if self._cloud:
            return await token_paging.list_ids(self.pages, query, self.ids)
        # Of the query itself it is known how long it was.
        expected = self._expected if query is self.query else None
        return await offset_paging.list_ids(self.pages, query, self.ids, expected)

    @property
    def _cloud(self) -> bool:
        return self.session.dialect is CLOUD

    def take(self, page: Page) -> None:
        """Take a page of issues in."""
        self.seen_ids.add(page.batch)
        for label, rows in page.batch.cut.items():
            self._cut.setdefault(label, set()).update(page.batch.ids[rows].tolist())
        self._errors.update(page.errors)
        if self._errors:
            for id in page.batch.ids.tolist():
                self._errors.pop(str(id), None)
        self.sink(page.batch)
        for listener in self.listeners:
            listener(page)
        if page.total is not None:
            self._expected = max(self._expected or 0, min(page.total, self.limit or page.total))
        context.progress(STAGE, len(self.seen_ids), self._expected)

    async def _ahead(self, asked: anyio.Event, looks: list[Look]) -> None:
        """Look while the last pages of the first pass are on their way.

        It agrees if nothing shows that was updated after the copies that had arrived when it began: then
        those that arrived later are as old, and all are as they were when it began.
        """
        await asked.wait()
        # Cloud lists page after page: started so early, it is done when the last issues are there.
        requests = 1 + len(self.seen_ids) // self.session.dialect.id_page if self._cloud else 0
        await self.pages.spare(1 + requests)
        since = self.since(self.completeness.started)
        before = self.seen_ids.recent(since)
        look = await self._look(since)
        look.agrees = look.recent == before
        looks.append(look)

    async def _look(self, since: int) -> Look:
        """List the ids again, and fetch what was updated since then."""
        look = Look(datetime.now(UTC), since, Listing([]), {})

        def take(page: Page) -> None:
            held, _ = self.seen_ids.counts
            self.take(page)
            look.new += self.seen_ids.counts[0] - held
            look.recent.update(zip(page.batch.ids.tolist(), page.batch.updated.tolist(), strict=True))

        async def listed() -> None:
            look.listing = await self.listed(self.query)

        recent = self.query.also(f"updated >= {since}")
        if self._cloud:
            # Asked last, so that it also shows what left the result and came back before it was listed.
            await listed()
            await self.read(recent, take=take)
        else:
            # Here the list itself says when each issue was updated.
            async with together() as group:
                group.start_soon(self.pages.confirm)
                group.start_soon(listed)
                await self.read(recent, take=take)
        return look

    async def _prove(self, since: int | None = None) -> Listing:
        """Look again until nothing has changed since the look before, or the rounds are used up."""
        for _ in range(ROUNDS):
            _, newer = self.seen_ids.counts
            look = await self._look(self.since(self.completeness.started) if since is None else since)
            listing = await self._judge(look, newer)
            if self.completeness.exact:
                break
            since = None
        return listing

    async def _judge(self, look: Look, newer: int) -> Listing:
        """Fetch what a look listed and is not held; the frame is exact if nothing happened.

        `newer` is how many newer copies had arrived before what is to be judged.
        """
        completeness, listing = self.completeness, look.listing
        before = self.seen_ids.counts
        await self.fill(listing.ids)
        # What had left is held as it was outside the result; what left and came back between two looks at
        # it, as it was before.
        back = sorted(self._left.intersection(listing.ids))
        older = self.seen_ids.older(listing.seen)
        await self.fetch_all([*back, *(id for id in older if id not in self._left)])
        appeared = look.new + self.seen_ids.since(before)[0] + len(back)
        changed = max(self.seen_ids.counts[1] - newer, len(older))
        beyond = set(self.seen_ids.beyond(listing.ids))
        # What was updated lately is asked after the ids, or beside them: it has come since, and may stay.
        gone = beyond - set(look.recent)
        left = beyond - self._left
        self._left = gone
        completeness.appeared += appeared
        completeness.changed += changed
        completeness.left += len(left & gone)
        if look.agrees and listing.steady and not (appeared or changed or left):
            # All that happened before this look began would have been seen: the frame is that moment's.
            completeness.exact, completeness.ended = True, look.moment
        else:
            completeness.started = look.moment
        return listing

    async def fill(self, listed: Sequence[int]) -> None:
        """Fetch by id what was listed but has not arrived; once more what is silently left out."""
        for _ in range(2):
            missing = [id for id in self.seen_ids.missing(listed) if str(id) not in self._errors]
            if not missing:
                return
            await self.fetch_all(missing)

    async def fetch_all(self, ids: list[int]) -> None:
        """Fetch issues by id."""
        bulk = self.session.dialect.bulk
        async with together() as group:
            for some in chunks(ids, min(bulk, self.pages.page_size or bulk)):
                group.start_soon(self.fetch, some)

    async def fetch(self, ids: Sequence[int | str]) -> None:
        """Fetch issues by id, at most as many as one query may name."""
        requests = by_ids(ids, self.layout.requested, self.reader.page, self.session.dialect)
        await self.pages.drive(requests, self.take)

    def settle(self, listing: Listing) -> None:
        """Compare what was listed with what arrived."""
        completeness = self.completeness
        self.order = array("q", self.seen_ids.among(listing.ids).tobytes())
        completeness.requested = len(listing.ids)
        completeness.returned = len(self.order)
        completeness.duplicates = self.seen_ids.duplicates
        # An issue that is held from before, but could not be fetched again, is stale: missing as well.
        stale = {int(id) for id in self._errors if id.isdecimal()}.intersection(listing.ids)
        lost = {*self.seen_ids.missing(listing.ids), *stale}
        silent = "listed, but not returned"
        completeness.missing = {str(id): self._errors.get(str(id), silent) for id in sorted(lost)}
        completeness.exact = completeness.exact and not completeness.missing

    async def complete_lists(self) -> None:
        """Read in full the lists that the site gave in part; report those that cannot be read."""
        kinds = {column.label: column.kind for column in self.reader.columns}

        async def read(label: str, id: int) -> None:
            try:
                self.lists.setdefault(label, {})[id] = await whole_list(self.session, id, kinds[label])
            except SiteError as error:
                self.completeness.cut.setdefault(label, {})[str(id)] = error.message

        wanted = set(self.order)
        async with together() as group:
            for label, ids in self._cut.items():
                for id in sorted(ids & wanted):
                    group.start_soon(read, label, id)

    def log_problems(self) -> None:
        """Log what is missing, what could not be read, and what the site warns about; the report has it."""
        self.completeness.warnings = [*self.pages.warnings]
        missing = self.completeness.missing
        if missing:
            few = ", ".join(f"{id} ({why})" for id, why in list(missing.items())[:5])
            context.log(f"{len(missing)} issues could not be fetched: {few}", logging.WARNING)
        for column, issues in self.completeness.cut.items():
            self._warn(
                f"the site gave only a part of {column} of {len(issues)} issues, e.g. {next(iter(issues))}"
            )
        for column, values in self.completeness.unreadable.items():
            key, value = next(iter(values.items()))
            self._warn(
                f"{len(values)} values of {column} could not be read and are left out, e.g. {key}: {value}"
            )
        for name, accounts in self.reader.people.items():
            if len(accounts) > 1:
                self._warn(
                    f"{len(accounts)} people are called {one_line(name, 60)}: the structure of the field, by "
                    "raw=…, tells their accounts"
                )
        for warning in self.pages.warnings:
            context.log(f"{self.session.site.name}: {one_line(warning)}", logging.WARNING)

    def _warn(self, told: str) -> None:
        self.completeness.warnings.append(told)
        context.log(told, logging.WARNING)

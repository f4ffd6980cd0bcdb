"""One extraction: what has arrived of it, how more is fetched, and the frame that it becomes.

`run_query`, `run_keys` and `run_hierarchy` run one to its end.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from anyio.abc import TaskGroup

from schedkit import context
from schedkit.atlassian import RequestStats
from schedkit.gcpause import gc_paused
from schedkit.jira.dialect import CLOUD
from schedkit.jira.jql import Query, chunks
from schedkit.jira.pages import offset_paging, token_paging
from schedkit.jira.pages.completeness import Completeness, SeenIds, positions
from schedkit.jira.pages.pages import Listing, Pages, Take
from schedkit.jira.pages.requests import by_ids
from schedkit.jira.pages.session import Session
from schedkit.jira.search.lists import PartialLists
from schedkit.jira.table.batch import Batch, mend, take
from schedkit.jira.table.columns import Layout
from schedkit.jira.table.frame import assemble, described, newest, ranked, tell_apart
from schedkit.jira.table.people import PeopleNames, shared_names
from schedkit.jira.table.reader import Page, Reader
from schedkit.loop import task_group
from schedkit.values.text import one_line

__all__ = ["STAGE", "Extraction", "joined", "with_report"]

# How far before the start to look for changes: clocks differ, and search indexes lag.
OVERLAP = timedelta(seconds=60)
STAGE = "extract"


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
    sink : callable, optional
        Takes each batch as it arrives; without one, `batches` holds them.
    order : sequence of int
        The ids of the result, once it has run.
    reading : TaskGroup, optional
        Where lists that the site cut inside an issue are read at once; without one, at the end.
    """

    session: Session
    query: Query
    layout: Layout
    limit: int | None = None
    sink: Callable[[Batch], object] | None = None
    batches: list[Batch] = field(default_factory=list)
    seen_ids: SeenIds = field(default_factory=SeenIds)
    order: Sequence[int] = field(default_factory=list)
    listeners: list[Take] = field(default_factory=list)
    reading: TaskGroup | None = None

    def __post_init__(self) -> None:
        if not self.query.order:
            self.query = self.query.ordered(offset_paging.DEFAULT_ORDER)
        self.reader = Reader(self.layout, self.session.catalog, PeopleNames(self.session.addresses))
        self.id_reader = Reader(Layout(()), self.session.catalog)
        self.pages = Pages(self.session)
        now = datetime.now(UTC)
        self.completeness = Completeness(
            self.session.site.name, str(self.query), now, now, unreadable=self.reader.unreadable
        )
        self._errors: dict[str, str] = {}
        self._expected: int | None = None
        self.partial_lists = PartialLists()

    def since(self, moment: datetime) -> int:
        """Return from when on to look for changes after `moment`, in milliseconds of the site's clock."""
        return int((moment - OVERLAP + self.session.clock_ahead).timestamp() * 1000)

    async def read(
        self,
        query: Query,
        limit: int | None = None,
        asked: Callable[[], object] | None = None,
        take: Take | None = None,
    ) -> Listing:
        """Fetch a query's issues; `asked` is called when all have been asked for, if that takes several."""
        take, wanted = take or self.take, self.layout.requested
        if self.session.dialect is CLOUD:
            return await token_paging.read(
                self.pages, query, wanted, self.reader, self.id_reader, take, limit, asked
            )
        return await offset_paging.read(self.pages, query, wanted, self.reader, take, limit, asked=asked)

    async def list_ids(self, query: Query) -> Listing:
        """List a query's ids."""
        if self.session.dialect is CLOUD:
            return await token_paging.list_ids(self.pages, query, self.id_reader)
        # Of the query itself it is known how long it was.
        expected = self._expected if query is self.query else None
        return await offset_paging.list_ids(self.pages, query, self.id_reader, expected)

    def take(self, page: Page) -> None:
        """Take a page of issues in."""
        self.seen_ids.add(page.batch)
        unread = self.partial_lists.add(page.batch)
        if unread and self.reading is not None:
            self._read_lists(unread, self.reading)
        self._errors.update(page.errors)
        if self._errors:
            for id in page.batch.ids.tolist():
                self._errors.pop(str(id), None)
        (self.sink or self.batches.append)(page.batch)
        for listener in self.listeners:
            listener(page)
        if page.total is not None:
            self._expected = max(self._expected or 0, min(page.total, self.limit or page.total))
        context.progress(STAGE, len(self.seen_ids), self._expected)

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
        async with task_group() as group:
            for some in chunks(ids, min(bulk, self.pages.page_size or bulk)):
                group.start_soon(self.fetch, some)

    async def fetch(self, ids: Sequence[int | str], take: Take | None = None) -> None:
        """Fetch issues by id or key, at most as many as one query may name."""
        requests = by_ids(ids, self.layout.requested, self.reader.page, self.session.dialect)
        await self.pages.read(requests, take or self.take)

    async def finish(self) -> None:
        """Count the issues of the result, read the lists that the site gave in part, log what is missing."""
        completeness = self.completeness
        completeness.returned = len(self.order)
        completeness.duplicates = self.seen_ids.duplicates
        completeness.exact = completeness.exact and not completeness.missing
        wanted = set(self.order)
        if unread := self.partial_lists.unread(wanted):
            async with task_group() as group:
                self._read_lists(unread, group)
        for label, failures in self.partial_lists.failures.items():
            cut = {str(id): why for id, why in sorted(failures.items()) if id in wanted}
            if cut:
                completeness.cut[label] = cut
        self._log_problems()

    def settle(self, listing: Listing) -> None:
        """Compare what was listed with what arrived."""
        completeness = self.completeness
        self.order = array("q", self.seen_ids.among(listing.ids).tobytes())
        completeness.requested = len(listing.ids)
        # An issue that is held from before, but could not be fetched again, is stale: missing as well.
        stale = {int(id) for id in self._errors if id.isdecimal()}.intersection(listing.ids)
        lost = {*self.seen_ids.missing(listing.ids), *stale}
        silent = "listed, but not returned"
        completeness.missing = {str(id): self._errors.get(str(id), silent) for id in sorted(lost)}

    def _read_lists(self, lists: list[tuple[str, int]], group: TaskGroup) -> None:
        kinds = {column.label: column.kind for column in self.reader.columns}
        for label, id in lists:
            name = self.reader.people.cell
            group.start_soon(self.partial_lists.read, self.session, label, id, kinds[label], name)

    def _log_problems(self) -> None:
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
        if warning := shared_names(self.reader.people.shared()):
            self._warn(warning)
        for warning in self.pages.warnings:
            context.log(f"{self.session.site.name}: {one_line(warning)}", logging.WARNING)

    def _warn(self, warning: str) -> None:
        self.completeness.warnings.append(warning)
        context.log(warning, logging.WARNING)


def joined(extraction: Extraction) -> pd.DataFrame:
    """Return the issues that have arrived: each once, its newest copy, in the extraction's order."""
    batches = extraction.batches
    for batch in batches:
        mend(batch, extraction.partial_lists.whole)
    tell_apart(batches, extraction.reader.columns, extraction.reader.people.shared())
    ids = np.concatenate([batch.ids for batch in batches]) if batches else np.empty(0, np.int64)
    updated = np.concatenate([batch.updated for batch in batches]) if batches else np.empty(0, np.int64)
    latest = newest(ids, updated)
    rows = latest[positions(ids[latest], extraction.order)]
    columns = extraction.reader.columns
    ranks = ranked(columns, extraction.session.ranks)
    with gc_paused():
        arranged = _arranged(batches, rows)
        if arranged is not None:
            batches.clear()
            return assemble(arranged, columns, ranks=ranks)
        return assemble(batches, columns, rows, ranks)


def _arranged(batches: list[Batch], rows: npt.NDArray[np.int64]) -> list[Batch] | None:
    """Return the batches so that, one after the other, they are the rows; None if the rows interleave.

    Usually each batch is a piece of the result, so that the texts need not be copied to sort them.
    """
    starts = np.cumsum([0, *map(len, batches)])
    owner = np.searchsorted(starts, rows, side="right") - 1
    runs = np.flatnonzero(np.diff(owner, prepend=-1))
    if not len(rows) or len(set(owner[runs].tolist())) < len(runs):
        return None
    arranged = []
    for first, stop in zip(runs, [*runs[1:], len(rows)], strict=True):
        batch = batches[owner[first]]
        inside = rows[first:stop] - starts[owner[first]]
        whole = len(inside) == len(batch) and bool((inside == np.arange(len(batch))).all())
        arranged.append(batch if whole else take(batch, inside))
    return arranged


def with_report(frame: pd.DataFrame, extraction: Extraction, stats: RequestStats) -> pd.DataFrame:
    """Return the frame with what is known of its columns and its completeness in its attrs."""
    facts = extraction.completeness.as_attrs(stats)
    columns = described(extraction.reader.columns)
    frame.attrs = {
        "site": extraction.session.base,
        "jql": extraction.completeness.jql,
        "fields": {name: columns.get(str(name), {"id": None, "type": "derived"}) for name in frame},
        "statuses": extraction.session.statuses,
        "extraction": facts,
    }
    context.fact("extraction", facts)
    return frame

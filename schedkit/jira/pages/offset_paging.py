"""Data Center: a result read in parallel windows, and in ranges where paging is not deep enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import numpy as np
import numpy.typing as npt

from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError, IncompleteError, UnavailableError
from schedkit.jira.jql import Query
from schedkit.jira.pages.completeness import positions
from schedkit.jira.pages.pages import Listing, Pages, Take
from schedkit.jira.pages.requests import window_pages, window_request
from schedkit.jira.table.batch import Batch, join, microseconds
from schedkit.jira.table.batch import take as rows_of
from schedkit.jira.table.columns import Layout
from schedkit.jira.table.ordering import restored, terms
from schedkit.jira.table.reader import Page, Reader
from schedkit.loop import task_group

__all__ = ["DEFAULT_ORDER", "RESULT_WINDOW", "list_ids", "read"]

# From here on some Data Centers answer 500, or nothing.
RESULT_WINDOW = 10_000
# Of a query that names none.
DEFAULT_ORDER = "key ASC"


async def read(
    pages: Pages,
    query: Query,
    fields: Sequence[str],
    reader: Reader,
    take: Take,
    limit: int | None = None,
    expected: int | None = None,
    asked: Callable[[], object] | None = None,
    in_order: bool = False,
) -> Listing:
    """Read a query's result in parallel windows.

    Where the site does not page through all of it, the listing comes in the query's order only if it is
    `in_order`, or limited; then nothing but ids is read of it.

    Parameters
    ----------
    fields : sequence of str
        What to ask for.
    reader : Reader
        Reads it.
    take : callable
        Gets each page as it arrives.
    limit : int, optional
        Only the first issues.
    expected : int, optional
        How many there were a moment ago: saves waiting for the first page to learn it.
    asked : callable, optional
        Called when several windows make up the result and all of them have been asked for.
    """
    session = pages.session
    ask = partial(window_request, str(query), fields, reader.page, session.dialect)
    parts: dict[int, npt.NDArray[np.int64]] = {}
    totals: set[int] = set()

    def add(page: Page, start: int) -> None:
        parts[start] = page.batch.ids
        totals.add(_total(page, session.site.name))
        take(page)

    async def window(start: int, end: int) -> None:
        at = start

        def take_window(page: Page) -> None:
            nonlocal at
            add(page, at)
            at += len(page.batch)

        await pages.read(window_pages(start, end, ask), take_window)

    async def windows(start: int, end: int, step: int) -> None:
        async with task_group() as group:
            for at in range(start, end, step):
                group.start_soon(window, at, min(at + step, end))
            if asked is not None and start < end:
                asked()

    # With every field an issue weighs 10 KB and more: shorter pages, so that less waits to be decoded.
    most = session.dialect.page // 3 if "*all" in fields else session.dialect.page
    step = min(pages.page_size or most, most)
    if expected and (session.deep or (session.deep is None and expected <= RESULT_WINDOW)):
        done = expected
        await windows(0, done, step)
        if max(totals) > RESULT_WINDOW and not session.deep:
            # Grown beyond it since.
            return await read(pages, query, fields, reader, take, limit, in_order=in_order)
    else:
        first = await pages.page(ask(0, min(step, limit or step)))
        total = _total(first, session.site.name)
        if min(total, limit or total) > RESULT_WINDOW and not await _is_deep(pages, query, reader, total):
            if in_order or limit is not None:
                listing = await _in_order(pages, query)
                return Listing(listing.ids[:limit], listing.steady, batches=listing.batches)
            return await _ranges(pages, query, fields, reader, take)
        add(first, 0)
        done = len(first.batch)
        # An administrator's cap shows in how many come.
        if done < min(step, total):
            pages.page_size = done or None
        step = done or step
    stop = max(totals, default=0) if limit is None else min(limit, *totals)
    single = done >= stop and len(parts) == 1
    await windows(done, stop, step)
    arrived = np.concatenate([parts[start] for start in sorted(parts)])
    distinct = len(np.unique(arrived)) == len(arrived)
    ids = arrived.tolist() if distinct else list(dict.fromkeys(arrived.tolist()))
    return Listing(ids[:limit], distinct and len(arrived) == stop and len(totals) == 1, single)


def _total(page: Page, site: str) -> int:
    if page.total is None:
        raise BadAnswerError(f"{site} does not report how many issues a search finds")
    return page.total


async def _is_deep(pages: Pages, query: Query, reader: Reader, total: int) -> bool:
    """Tell whether the site pages to the end of a long result; tried once per site."""
    if pages.session.deep is None:
        ask = partial(window_request, str(query), ["id"], reader.page, pages.session.dialect)
        try:
            page = await pages.page(ask(total - 1, 1, retries=1))
            pages.session.deep = len(page.batch) == 1
        except (UnavailableError, BadAnswerError):
            pages.session.deep = False
    return pages.session.deep


async def list_ids(pages: Pages, query: Query, reader: Reader, expected: int | None = None) -> Listing:
    """List a query's ids in its order, with the time of each issue's last update."""
    batches: list[Batch] = []
    listing = await read(
        pages,
        query,
        ["updated"],
        reader,
        lambda page: batches.append(page.batch),
        expected=expected,
        in_order=True,
    )
    listing.batches = listing.batches or batches
    return listing


async def _in_order(pages: Pages, query: Query) -> Listing:
    """List a long result in its order, put together from pieces; where that cannot be, by creation."""
    session = pages.session
    wanted, by_creation = (
        terms(clause, session.catalog, session.dialect) for clause in (query.order, "created")
    )
    columns = {term.column.label: term.column for term in [*by_creation, *wanted] if term.column}
    reader = Reader(Layout(tuple(columns.values())), session.catalog)
    batches: list[Batch] = []
    pieces = await _pieces(
        pages, query, reader.layout.requested, reader, lambda page: batches.append(page.batch)
    )
    listing = _merged(pieces)
    listing.batches = [Batch(batch.ids, batch.updated, {}) for batch in batches]
    arrived, _ = join(batches, {label: column.kind.store for label, column in columns.items()})
    ids, first = np.unique(arrived.ids, return_index=True)
    pieces_held = [rows_of(arrived, first[positions(ids, piece.ids)]) for piece in pieces]
    order = restored(wanted, pieces_held) if listing.steady else None
    clause = " ".join(query.order.split())
    warning = f"more issues than the site pages through: they come by time of creation, not ORDER BY {clause}"
    pages.warnings = [other for other in pages.warnings if other != warning]
    if order is None:
        pages.warnings.append(warning)
        created = [np.asarray(batch.columns["Created"]) for batch in pieces_held]
        order = np.argsort(np.concatenate(created), kind="stable")
    listing.ids = list(dict.fromkeys(np.concatenate([batch.ids for batch in pieces_held])[order].tolist()))
    return listing


async def _ranges(pages: Pages, query: Query, fields: Sequence[str], reader: Reader, take: Take) -> Listing:
    """Read a long result in no particular order."""
    return _merged(await _pieces(pages, query.ordered(DEFAULT_ORDER), fields, reader, take))


def _merged(pieces: Sequence[Listing]) -> Listing:
    ids = [id for piece in pieces for id in piece.ids]
    unique = list(dict.fromkeys(ids))
    return Listing(unique, len(ids) == len(unique) and all(piece.steady for piece in pieces))


async def _pieces(
    pages: Pages, query: Query, fields: Sequence[str], reader: Reader, take: Take
) -> list[Listing]:
    """Read a long result as ranges of creation time, which never changes, each short enough to page."""
    first, last = (
        await _created(pages, query.ordered("created ASC")),
        await _created(pages, query.ordered("created DESC")),
    )
    listings: dict[int, Listing] = {}

    async def read_range(low: int, high: int | None) -> None:
        upper = f" AND created < {high}" if high is not None else ""
        part = query.also(f"created >= {low}{upper}")
        ask = partial(window_request, str(part), ["id"], reader.page, pages.session.dialect)
        count = _total(await pages.page(ask(0, 0)), pages.session.site.name)
        if count <= RESULT_WINDOW:
            listings[low] = await read(pages, part, fields, reader, take)
            return
        end = last + 1 if high is None else high
        middle = (low + end) // 2
        if middle <= low:
            raise IncompleteError(
                f"{count} issues of {query} were created at once, more than the site pages through",
                hint="narrow the query, e.g. by project",
            )
        async with task_group() as group:
            group.start_soon(read_range, low, middle)
            group.start_soon(read_range, middle, high)

    await read_range(first, None)
    return [listings[low] for low in sorted(listings)]


async def _created(pages: Pages, query: Query) -> int:
    """Return when the first issue of a query was created, in milliseconds since 1970."""
    session = pages.session
    body = {"jql": str(query), "startAt": 0, "maxResults": 1, "fields": ["created"]}
    answer = await session.site.send(
        Request(
            "POST", f"{session.dialect.api}/search", json=body, idempotent=True, decode=msgspec.json.decode
        )
    )
    try:
        return int(microseconds([answer.value["issues"][0]["fields"]["created"]])[0]) // 1000
    except (LookupError, TypeError):
        raise BadAnswerError(f"{session.site.name} returned no creation time for {query}") from None

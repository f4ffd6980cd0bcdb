"""Data Center: a result read in parallel windows, and in ranges where paging is not deep enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from schedkit.atlassian import Request
from schedkit.errors import BadAnswerError, IncompleteError, UnavailableError
from schedkit.jira.asking import Asker, Listing, Take, together
from schedkit.jira.batch import microseconds
from schedkit.jira.jql import Query
from schedkit.jira.paging import window_pages
from schedkit.jira.reader import Page, Reader
from schedkit.jira.wire import by_window

__all__ = ["DEFAULT_ORDER", "RESULT_WINDOW", "read"]

# From here on some Data Centers answer 500, or nothing.
RESULT_WINDOW = 10_000
# Of a query that names none.
DEFAULT_ORDER = "key ASC"


async def read(
    asker: Asker,
    query: Query,
    fields: Sequence[str],
    reader: Reader,
    take: Take,
    limit: int | None = None,
    expected: int | None = None,
    asked: Callable[[], object] = lambda: None,
) -> Listing:
    """Read a query's result in parallel windows.

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
    asked : callable
        Called when several windows make up the result and all of them have been asked for.
    """
    source = asker.source
    ask = by_window(str(query), fields, reader.page, source.dialect)
    parts: dict[int, npt.NDArray[np.int64]] = {}
    totals: set[int] = set()

    def took(page: Page, start: int) -> None:
        parts[start] = page.batch.ids
        totals.add(page.total if page.total is not None else start + len(page.batch))
        take(page)

    async def window(start: int, end: int) -> None:
        at = start

        def both(page: Page) -> None:
            nonlocal at
            took(page, at)
            at += len(page.batch)

        await asker.drive(window_pages(start, end, ask), both)

    async def windows(start: int, end: int, step: int) -> None:
        async with together() as group:
            for at in range(start, end, step):
                group.start_soon(window, at, min(at + step, end))
            if start < end:
                asked()

    # With every field an issue weighs 10 KB and more: shorter pages, so that less waits to be decoded.
    most = source.dialect.page // 3 if "*all" in fields else source.dialect.page
    step = min(asker.page_size or most, most)
    if expected and (source.deep or (source.deep is None and expected <= RESULT_WINDOW)):
        done = expected
        await windows(0, done, step)
        if max(totals) > RESULT_WINDOW and not source.deep:
            # Grown beyond it since.
            return await read(asker, query, fields, reader, take, limit)
    else:
        first = await asker.page(ask(0, min(step, limit or step)))
        total = first.total if first.total is not None else len(first.batch)
        if min(total, limit or total) > RESULT_WINDOW and not await _is_deep(asker, query, reader, total):
            return await _ranges(asker, query, fields, reader, take)
        took(first, 0)
        done = len(first.batch)
        # An administrator's cap shows in how many come.
        if done < min(step, total):
            asker.page_size = done or None
        step = done or step
    stop = max(totals, default=0) if limit is None else min(limit, *totals)
    single = done >= stop and len(parts) == 1
    await windows(done, stop, step)
    arrived = np.concatenate([parts[start] for start in sorted(parts)])
    distinct = len(np.unique(arrived)) == len(arrived)
    ids = arrived.tolist() if distinct else list(dict.fromkeys(arrived.tolist()))
    return Listing(ids[:limit], distinct and len(arrived) == stop and len(totals) == 1, single)


async def _is_deep(asker: Asker, query: Query, reader: Reader, total: int) -> bool:
    """Tell whether the site pages to the end of a long result; tried once per site."""
    if asker.source.deep is None:
        ask = by_window(str(query), ["id"], reader.page, asker.source.dialect)
        try:
            page = await asker.page(ask(total - 1, 1, retries=1))
            asker.source.deep = len(page.batch) == 1
        except (UnavailableError, BadAnswerError):
            asker.source.deep = False
    return asker.source.deep


async def _ranges(asker: Asker, query: Query, fields: Sequence[str], reader: Reader, take: Take) -> Listing:
    """Read a long result as ranges of creation time, which never changes, each short enough to page."""
    order = " ".join(query.order.split())
    warning = f"more issues than the site pages through: they come by time of creation, not ORDER BY {order}"
    natural = order.casefold() in (DEFAULT_ORDER.casefold(), "created", "created asc")
    if not natural and warning not in asker.warnings:
        asker.warnings.append(warning)
    first, last = (
        await _created(asker, query.ordered("created ASC")),
        await _created(asker, query.ordered("created DESC")),
    )
    listings: dict[int, Listing] = {}

    async def cut(low: int, high: int | None) -> None:
        upper = f" AND created < {high}" if high is not None else ""
        part = query.also(f"created >= {low}{upper}").ordered("key ASC")
        ask = by_window(str(part), ["id"], reader.page, asker.source.dialect)
        count = (await asker.page(ask(0, 0))).total or 0
        if count <= RESULT_WINDOW:
            listings[low] = await read(asker, part, fields, reader, take)
            return
        end = last + 1 if high is None else high
        middle = (low + end) // 2
        if middle <= low:
            raise IncompleteError(
                f"{count} issues of {query} were created at once, more than the site pages through",
                hint="narrow the query, e.g. by project",
            )
        async with together() as group:
            group.start_soon(cut, low, middle)
            group.start_soon(cut, middle, high)

    await cut(first, None)
    ids = [id for low in sorted(listings) for id in listings[low].ids]
    unique = list(dict.fromkeys(ids))
    return Listing(unique, len(ids) == len(unique) and all(part.steady for part in listings.values()))


async def _created(asker: Asker, query: Query) -> int:
    """Return when the first issue of a query was created, in milliseconds since 1970."""
    source = asker.source
    body = {"jql": str(query), "startAt": 0, "maxResults": 1, "fields": ["created"]}
    answer = await source.site.send(
        Request(
            "POST", f"{source.dialect.api}/search", json=body, idempotent=True, decode=msgspec.json.decode
        )
    )
    try:
        return int(microseconds([answer.value["issues"][0]["fields"]["created"]])[0]) // 1000
    except (LookupError, TypeError):
        raise BadAnswerError(f"{source.site.name} tells no creation time for {query}") from None

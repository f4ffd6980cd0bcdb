"""Cloud: ids listed page after page, and every hundred of them fetched as soon as they are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schedkit.jira.jql import Query
from schedkit.jira.pages.paging import PageRequests, token_pages
from schedkit.jira.pages.requests import by_ids, by_token
from schedkit.jira.pages.session import Listing, Pages, Take, together
from schedkit.jira.table.reader import Page, Reader

__all__ = ["list_ids", "read"]


async def read(
    pages: Pages,
    query: Query,
    fields: Sequence[str],
    reader: Reader,
    ids: Reader,
    take: Take,
    limit: int | None = None,
    asked: Callable[[], object] = lambda: None,
) -> Listing:
    """Read a query's result.

    Parameters
    ----------
    fields : sequence of str
        What to ask for.
    reader, ids : Reader
        Read the issues, and the pages of ids.
    take : callable
        Gets each page of issues as it arrives.
    limit : int, optional
        Only the first issues.
    asked : callable
        Called when all issues are listed and have been asked for.
    """
    bulk = pages.session.dialect.bulk
    waiting: list[int] = []

    async def fetch(some: list[int]) -> None:
        await pages.drive(by_ids(some, fields, reader.page, pages.session.dialect), take)

    async with together() as group:

        def listed(new: list[int]) -> None:
            waiting.extend(new)
            while len(waiting) >= bulk:
                group.start_soon(fetch, waiting[:bulk])
                del waiting[:bulk]

        listing = await list_ids(pages, query, ids, limit, listed)
        if waiting:
            group.start_soon(fetch, waiting)
        asked()
    return listing


async def list_ids(
    pages: Pages,
    query: Query,
    reader: Reader,
    limit: int | None = None,
    listed: Callable[[list[int]], object] = lambda new: None,
) -> Listing:
    """List a query's ids in its order; `listed` gets the new ones of each page."""
    seen: dict[int, None] = {}
    repeated = False

    def take(page: Page) -> None:
        nonlocal repeated
        ids = page.batch.ids.tolist()
        new = [id for id in dict.fromkeys(ids) if id not in seen]
        repeated = repeated or len(new) < len(ids)
        if limit is not None:
            new = new[: limit - len(seen)]
        seen.update(dict.fromkeys(new))
        listed(new)

    size = min(pages.session.dialect.id_page, limit or pages.session.dialect.id_page)
    requests = token_pages(by_token(str(query), ["id"], size, reader.page, pages.session.dialect))
    await pages.drive(_until(requests, lambda: limit is not None and len(seen) >= limit), take)
    return Listing(list(seen), not repeated)


def _until(requests: PageRequests, enough: Callable[[], bool]) -> PageRequests:
    """End a paging once it is enough."""
    request = next(requests)
    while True:
        page = yield request
        if enough():
            return
        try:
            request = requests.send(page)
        except StopIteration:
            return

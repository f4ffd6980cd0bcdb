"""Cloud: ids listed page after page, and every hundred of them fetched as soon as they are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from schedkit.jira.jql import Query
from schedkit.jira.pages.pages import Listing, Pages, Take
from schedkit.jira.pages.requests import by_ids, token_pages, token_request
from schedkit.jira.table.reader import Page, Reader
from schedkit.loop import task_group

__all__ = ["list_ids", "read"]


async def read(
    pages: Pages,
    query: Query,
    fields: Sequence[str],
    reader: Reader,
    ids: Reader,
    take: Take,
    limit: int | None = None,
    asked: Callable[[], object] | None = None,
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
    asked : callable, optional
        Called when all issues are listed and have been asked for.
    """
    bulk = pages.session.dialect.bulk
    waiting: list[int] = []

    async def fetch(some: list[int]) -> None:
        await pages.read(by_ids(some, fields, reader.page, pages.session.dialect), take)

    async with task_group() as group:

        def listed(new: list[int]) -> None:
            waiting.extend(new)
            while len(waiting) >= bulk:
                group.start_soon(fetch, waiting[:bulk])
                del waiting[:bulk]

        listing = await list_ids(pages, query, ids, limit, listed)
        if waiting:
            group.start_soon(fetch, waiting)
        if asked is not None:
            asked()
    return listing


async def list_ids(
    pages: Pages,
    query: Query,
    reader: Reader,
    limit: int | None = None,
    listed: Callable[[list[int]], object] | None = None,
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
        if listed is not None:
            listed(new)

    size = min(pages.session.dialect.id_page, limit or pages.session.dialect.id_page)
    ask = partial(token_request, str(query), ["id"], size, reader.page, pages.session.dialect)
    enough = None if limit is None else lambda: len(seen) >= limit
    await pages.read(token_pages(ask, enough), take)
    return Listing(list(seen), not repeated)

"""Jira's requests: what is asked of which endpoint in which dialect, and in which order. No I/O.

Paging is a protocol of generators that yield requests and are sent the pages. Every known way of a site to
page without end stops here: a repeated token, tokens without issues, an empty page in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial

from schedkit.atlassian import Body, Request
from schedkit.errors import BadAnswerError
from schedkit.jira.dialect import CLOUD, Dialect
from schedkit.jira.jql import in_list
from schedkit.jira.table.reader import Page

__all__ = ["PageRequests", "by_ids", "token_pages", "token_request", "window_pages", "window_request"]

Read = Callable[[Body], Page]
PageRequests = Generator[Request, Page, None]
EMPTY_PAGES = 4
# Cloud may remove the issues that the account may not see after it has cut the page.
EMPTY_TOKENS = 100


def token_pages(
    ask: Callable[[str | None], Request], enough: Callable[[], bool] | None = None
) -> PageRequests:
    """Page through a Cloud search.

    Parameters
    ----------
    ask : callable
        Makes the request for a token, None for the first page.
    enough : callable, optional
        Tells after a page whether more are wanted.

    Raises
    ------
    BadAnswerError
        If a token comes twice, or is missing before the last page, or page after page is empty.
    """
    token: str | None = None
    seen: set[str] = set()
    empty = 0
    while True:
        page = yield ask(token)
        if enough is not None and enough():
            return
        token = page.token
        if token is None:
            if page.last is False:
                raise BadAnswerError(
                    f"page {len(seen) + 1} is not the last, but has no token for the next one"
                )
            return
        if token in seen:
            raise BadAnswerError(
                f"the site repeats the page token after page {len(seen) + 1}: paging would not end",
                hint="try again; the site's search index may be busy",
            )
        seen.add(token)
        empty = 0 if len(page.batch) else empty + 1
        if empty >= EMPTY_TOKENS:
            raise BadAnswerError(f"{empty} pages without an issue although the site promises more")


def window_pages(start: int, stop: int, ask: Callable[[int, int], Request]) -> PageRequests:
    """Page through the window ``[start, stop)`` of a Data Center search.

    The site may return fewer issues than asked (an administrator's cap, even lowered midway): what is
    missing of the window is asked again.

    Parameters
    ----------
    ask : callable
        Makes the request for (startAt, maxResults).

    Raises
    ------
    BadAnswerError
        If the site returns another window, or nothing although its total says otherwise.
    """
    empty = 0
    while start < stop:
        page = yield ask(start, stop - start)
        if page.start is not None and page.start != start:
            raise BadAnswerError(f"asked from issue {start}, the site answered from {page.start}")
        start += len(page.batch)
        if page.total is not None and start >= page.total:
            # Of a window: the result has become shorter since; the proof will tell which issues are gone.
            return
        if len(page.batch):
            empty = 0
        elif page.total is None:
            return
        else:
            empty += 1
            if empty >= EMPTY_PAGES:
                raise BadAnswerError(
                    f"the page from issue {start} is empty although the site counts {page.total}",
                    hint="the site may limit how deep a search can be paged, or count what you may not see",
                )


def token_request(
    jql: str, fields: Sequence[str], size: int, read: Read, dialect: Dialect, token: str | None
) -> Request:
    """Ask for the page of a Cloud search that `token` names, None for the first."""
    body = {"jql": jql, "maxResults": size, "fields": list(fields)}
    if token is not None:
        body["nextPageToken"] = token
    return Request("POST", f"{dialect.api}/search/jql", json=body, idempotent=True, decode=read)


def window_request(
    jql: str,
    fields: Sequence[str],
    read: Read,
    dialect: Dialect,
    start: int,
    size: int,
    *,
    lenient: bool = False,
    retries: int | None = None,
) -> Request:
    """Ask for a window of a Data Center search.

    `lenient` lets keys and ids that do not exist be ignored rather than refused.
    """
    body = {"jql": jql, "startAt": start, "maxResults": size, "fields": list(fields)}
    if lenient:
        body["validateQuery"] = False
    return Request("POST", f"{dialect.api}/search", json=body, idempotent=True, decode=read, retries=retries)


def by_ids(ids: Sequence[int | str], fields: Sequence[str], read: Read, dialect: Dialect) -> PageRequests:
    """Ask for issues by id (or key), at most `dialect.bulk` of them.

    A Data Center whose pages are shorter, by an administrator's cap, takes several.
    """
    if dialect is CLOUD:
        body = {"issueIdsOrKeys": [str(i) for i in ids], "fields": list(fields)}
        yield Request("POST", f"{dialect.api}/issue/bulkfetch", json=body, idempotent=True, decode=read)
        return
    jql = f"{in_list('key' if isinstance(ids[0], str) else 'id', ids)} ORDER BY key ASC"
    ask = partial(window_request, jql, fields, read, dialect, lenient=True)
    yield from window_pages(0, len(ids), ask)

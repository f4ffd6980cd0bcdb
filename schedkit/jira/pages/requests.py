"""Jira's requests: what is asked of which endpoint in which dialect. Values only, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schedkit.atlassian import Body, Request
from schedkit.jira.dialect import CLOUD, Dialect
from schedkit.jira.jql import in_list
from schedkit.jira.pages.paging import PageRequests, window_pages
from schedkit.jira.table.reader import Page

__all__ = ["by_ids", "by_token", "by_window"]

Read = Callable[[Body], Page]


def by_token(
    jql: str, fields: Sequence[str], size: int, read: Read, dialect: Dialect = CLOUD
) -> Callable[[str | None], Request]:
    """Return what makes the request for a page of a Cloud search."""

    def ask(token: str | None) -> Request:
        body = {"jql": jql, "maxResults": size, "fields": list(fields)}
        if token is not None:
            body["nextPageToken"] = token
        return Request("POST", f"{dialect.api}/search/jql", json=body, idempotent=True, decode=read)

    return ask


def by_window(
    jql: str, fields: Sequence[str], read: Read, dialect: Dialect, *, lenient: bool = False
) -> Callable[..., Request]:
    """Return what makes the request for a window (start, size) of a Data Center search.

    `lenient` lets keys and ids that do not exist be ignored rather than refused.
    """

    def ask(start: int, size: int, retries: int | None = None) -> Request:
        body = {"jql": jql, "startAt": start, "maxResults": size, "fields": list(fields)}
        if lenient:
            body["validateQuery"] = False
        return Request(
            "POST", f"{dialect.api}/search", json=body, idempotent=True, decode=read, retries=retries
        )

    return ask


def by_ids(ids: Sequence[int | str], fields: Sequence[str], read: Read, dialect: Dialect) -> PageRequests:
    """Ask for issues by id (or key), at most `dialect.bulk` of them.

    A Data Center whose pages are shorter, by an administrator's cap, takes several.
    """
    if dialect is CLOUD:
        body = {"issueIdsOrKeys": [str(i) for i in ids], "fields": list(fields)}
        yield Request("POST", f"{dialect.api}/issue/bulkfetch", json=body, idempotent=True, decode=read)
        return
    jql = f"{in_list('key' if isinstance(ids[0], str) else 'id', ids)} ORDER BY key ASC"
    yield from window_pages(0, len(ids), by_window(jql, fields, read, dialect, lenient=True))

"""`Jira`: one site's issues as DataFrames, and its async API."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, Unpack

from schedkit.atlassian import Site
from schedkit.atlassian.client import SiteClient
from schedkit.atlassian.site import SiteOptions
from schedkit.jira.history.history_api import HistoryApi
from schedkit.jira.local_store.store_api import StoreApi
from schedkit.jira.lookups import LookupApi
from schedkit.jira.pages.site_info import Connection
from schedkit.jira.search.search_api import SearchApi
from schedkit.jira.write.plan import blocking_plan
from schedkit.jira.write.write_api import WriteApi
from schedkit.loop import blocking, service
from schedkit.values.keywords import Keywords, check_keywords

__all__ = ["AsyncJira", "Jira"]

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def _of(
    part: Callable[[AsyncJira], S], method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]]
) -> Callable[Concatenate[AsyncJira, P], Coroutine[Any, Any, T]]:
    """Make a method of a part one of the client: any loop may await it, its body runs on our loop."""
    keywords = Keywords(method)

    @functools.wraps(method)
    async def call(self: AsyncJira, /, *args: P.args, **kwargs: P.kwargs) -> T:
        keywords.check(kwargs, type(self))
        return await service().hop(method, part(self), *args, **kwargs)

    return call


@check_keywords
class AsyncJira:
    """The async API of `Jira`: the same methods, awaitable from any loop."""

    def __init__(self, site: Site, cloud: bool | None = None) -> None:
        self.site = site
        self._connection = Connection(site, cloud)
        self._search = SearchApi(self._connection)
        self._history = HistoryApi(self._connection, self._search)
        self._store = StoreApi(self._connection)
        self._write = WriteApi(self._connection, self._search)
        self._lookup = LookupApi(self._connection, self._search)

    def __repr__(self) -> str:
        return f"AsyncJira({self.site.url!r})"

    session = _of(lambda jira: jira._connection, Connection.session)

    search = _of(lambda jira: jira._search, SearchApi.search)
    project = _of(lambda jira: jira._search, SearchApi.project)
    keys = _of(lambda jira: jira._search, SearchApi.keys)
    root = _of(lambda jira: jira._search, SearchApi.root)
    filter = _of(lambda jira: jira._search, SearchApi.filter)
    link = _of(lambda jira: jira._search, SearchApi.link)

    changelog = _of(lambda jira: jira._history, HistoryApi.changelog)
    worklogs = _of(lambda jira: jira._history, HistoryApi.worklogs)

    sync = _of(lambda jira: jira._store, StoreApi.sync)
    to_parquet = _of(lambda jira: jira._store, StoreApi.to_parquet)

    edit = _of(lambda jira: jira._write, WriteApi.edit)
    transition = _of(lambda jira: jira._write, WriteApi.transition)
    create = _of(lambda jira: jira._write, WriteApi.create)
    link_issues = _of(lambda jira: jira._write, WriteApi.link_issues)
    worklog = _of(lambda jira: jira._write, WriteApi.worklog)
    comment = _of(lambda jira: jira._write, WriteApi.comment)

    get = _of(lambda jira: jira._lookup, LookupApi.get)
    fields = _of(lambda jira: jira._lookup, LookupApi.fields)
    myself = _of(lambda jira: jira._lookup, LookupApi.myself)
    boards = _of(lambda jira: jira._lookup, LookupApi.boards)
    board = _of(lambda jira: jira._lookup, LookupApi.board)
    sprints = _of(lambda jira: jira._lookup, LookupApi.sprints)
    slas = _of(lambda jira: jira._lookup, LookupApi.slas)
    versions = _of(lambda jira: jira._lookup, LookupApi.versions)
    users = _of(lambda jira: jira._lookup, LookupApi.users)


@check_keywords
class Jira(SiteClient):
    """A Jira site: its issues as DataFrames.

    Parameters
    ----------
    url : str
        Base URL, e.g. ``https://example.atlassian.net`` or ``https://issues.example.org/jira``.
    user : str, optional
        E-mail address (Cloud) or user name (Data Center, with `password`).
    token : str, optional
        API token (Cloud, with `user`) or personal access token (Data Center, alone).
    cloud : bool, optional
        Whether it is Jira Cloud; by default the site is asked.
    site : Site, optional
        A site made elsewhere, instead of all the above but `cloud`.
    **options
        As `schedkit.atlassian.Site` takes them: password, oauth2, verify, cert, proxies, timeout,
        concurrency, …

    Examples
    --------
    >>> jira = Jira("https://example.atlassian.net", user="ann@example.org", token="s3cret")
    >>> jira
    Jira('https://example.atlassian.net', user='ann@example.org')
    """

    def __init__(
        self,
        url: str | None = None,
        user: str | None = None,
        token: str | None = None,
        cloud: bool | None = None,
        *,
        site: Site | None = None,
        **options: Unpack[SiteOptions],
    ) -> None:
        super().__init__(url, user, token, cloud, site=site, **options)
        self.aio = AsyncJira(self.site, cloud)

    search = blocking(AsyncJira.search)
    project = blocking(AsyncJira.project)
    keys = blocking(AsyncJira.keys)
    root = blocking(AsyncJira.root)
    filter = blocking(AsyncJira.filter)
    link = blocking(AsyncJira.link)

    changelog = blocking(AsyncJira.changelog)
    worklogs = blocking(AsyncJira.worklogs)

    sync = blocking(AsyncJira.sync)
    to_parquet = blocking(AsyncJira.to_parquet)

    edit = blocking_plan(AsyncJira.edit)
    transition = blocking_plan(AsyncJira.transition)
    create = blocking_plan(AsyncJira.create)
    link_issues = blocking_plan(AsyncJira.link_issues)
    worklog = blocking_plan(AsyncJira.worklog)
    comment = blocking_plan(AsyncJira.comment)

    get = blocking(AsyncJira.get)
    fields = blocking(AsyncJira.fields)
    myself = blocking(AsyncJira.myself)
    boards = blocking(AsyncJira.boards)
    board = blocking(AsyncJira.board)
    sprints = blocking(AsyncJira.sprints)
    slas = blocking(AsyncJira.slas)
    versions = blocking(AsyncJira.versions)
    users = blocking(AsyncJira.users)

"""`Jira`: one site's issues as DataFrames, and its async API."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar, Unpack

from schedkit.atlassian import Site
from schedkit.atlassian.by_name import by_name
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
    part: type[S], method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]]
) -> Callable[Concatenate[AsyncJira, P], Coroutine[Any, Any, T]]:
    """Make a method of a part one of the client: any loop may await it, its body runs on our loop."""
    keywords = Keywords(method)

    @functools.wraps(method)
    async def call(self: AsyncJira, /, *args: P.args, **kwargs: P.kwargs) -> T:
        keywords.check(args, kwargs, type(self))
        try:
            return await service().call_async(method, self._parts[part], *args, **kwargs)
        except Exception as error:
            keywords.explain(error, args, kwargs, type(self))
            raise

    call.__qualname__ = f"AsyncJira.{method.__name__}"
    return call


class AsyncJira:
    """The async API of `Jira`: the same methods, awaitable from any loop."""

    @check_keywords
    def __init__(self, site: Site, cloud: bool | None = None) -> None:
        self.site = site
        connection = Connection(site, cloud)
        search = SearchApi(connection)
        self._parts: dict[type, Any] = {
            Connection: connection,
            SearchApi: search,
            HistoryApi: HistoryApi(connection, search),
            StoreApi: StoreApi(connection),
            WriteApi: WriteApi(connection, search),
            LookupApi: LookupApi(connection, search),
        }

    def __repr__(self) -> str:
        return f"AsyncJira({self.site.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name(self.site, self, "aio")

    session = _of(Connection, Connection.session)

    search = _of(SearchApi, SearchApi.search)
    project = _of(SearchApi, SearchApi.project)
    keys = _of(SearchApi, SearchApi.keys)
    root = _of(SearchApi, SearchApi.root)
    filter = _of(SearchApi, SearchApi.filter)
    link = _of(SearchApi, SearchApi.link)

    changelog = _of(HistoryApi, HistoryApi.changelog)
    worklogs = _of(HistoryApi, HistoryApi.worklogs)

    sync = _of(StoreApi, StoreApi.sync)
    to_parquet = _of(StoreApi, StoreApi.to_parquet)

    edit = _of(WriteApi, WriteApi.edit)
    transition = _of(WriteApi, WriteApi.transition)
    create = _of(WriteApi, WriteApi.create)
    link_issues = _of(WriteApi, WriteApi.link_issues)
    worklog = _of(WriteApi, WriteApi.worklog)
    comment = _of(WriteApi, WriteApi.comment)

    get = _of(LookupApi, LookupApi.get)
    fields = _of(LookupApi, LookupApi.fields)
    myself = _of(LookupApi, LookupApi.myself)
    boards = _of(LookupApi, LookupApi.boards)
    board = _of(LookupApi, LookupApi.board)
    sprints = _of(LookupApi, LookupApi.sprints)
    slas = _of(LookupApi, LookupApi.slas)
    versions = _of(LookupApi, LookupApi.versions)
    users = _of(LookupApi, LookupApi.users)


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

"""Asking one site on behalf of one extraction."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import anyio
import anyio.abc

from schedkit.atlassian import Request, Site
from schedkit.errors import JqlError, SiteError
from schedkit.jira.dialect import CLOUD, Dialect
from schedkit.jira.pages.paging import PageRequests
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.fields import Catalog
from schedkit.jira.table.reader import Page
from schedkit.jira.table.statuses import Statuses
from schedkit.values.text import clip

__all__ = ["Listing", "Pages", "Session", "Take", "together"]

Take = Callable[[Page], object]


@dataclass
class Session:
    """A site as an extraction needs it.

    Parameters
    ----------
    site : Site
        With its login.
    dialect : Dialect
        Cloud or Data Center.
    catalog : Catalog
        Its fields.
    clock_ahead : timedelta
        How far its clock is ahead of ours.
    deep : bool, optional
        Whether a search can be paged beyond the result window; None: not tried yet.
    ranks : dict
        The site's own order of priorities, statuses and status categories, by kind.
    statuses : dict
        Name and category of each status, by its id.
    base : str
        The site's own address, as its pages and links have it: other than that of a gateway or an internal
        one, by which it may be asked.
    written : dict
        By key and field id, what this client's edits have replaced there, and what they wrote last.
    """

    site: Site
    dialect: Dialect
    catalog: Catalog
    clock_ahead: timedelta = timedelta(0)
    deep: bool | None = None
    ranks: dict[str, list[str]] = field(default_factory=dict)
    statuses: Statuses = field(default_factory=Statuses)
    base: str = ""
    written: dict[tuple[str, str], tuple[tuple[Any, ...], Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base = self.base or self.site.url


@dataclass(slots=True)
class Listing:
    """The ids of a query's result.

    Parameters
    ----------
    ids : sequence of int
        In the query's order, each once; kept as an array, for half a million of them weigh.
    steady : bool
        Whether the pages fit together, so that no id can have slipped between two of them.
    single : bool
        Whether one answer held them all: a snapshot.
    seen : list of Batch
        What the pages told of each issue besides its id: when it was updated. Cloud tells nothing.
    """

    ids: Sequence[int]
    steady: bool = True
    single: bool = False
    seen: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = array("q", self.ids)


@asynccontextmanager
async def together() -> AsyncIterator[anyio.abc.TaskGroup]:
    """A task group that raises the first failure itself instead of a group of them."""
    try:
        async with anyio.create_task_group() as group:
            yield group
    except BaseExceptionGroup as several:
        error: BaseException = several
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


@dataclass
class Pages:
    """Sends an extraction's requests and collects what the site warns about.

    `page_size` is how many issues a page has been seen to hold, None before the first.
    """

    session: Session
    warnings: list[str] = field(default_factory=list)
    page_size: int | None = None
    under_way: int = 0
    _answered: anyio.Event = field(default_factory=anyio.Event)

    async def page(self, request: Request) -> Page:
        """Return one page.

        Raises
        ------
        JqlError
            If the site refuses the query.
        SiteError
            For anything else that fails.
        """
        self.under_way += 1
        try:
            answer = await self.session.site.send(request)
        except SiteError as error:
            if error.status != 400:
                raise
            words = error.message.partition("answered 400")[2].strip(": ")
            jql = str((request.json or {}).get("jql", ""))
            jql = clip(jql, 300)
            raise JqlError(
                f"{self.session.site.name} refused the query {jql!r}: {words}",
                hint="try it in the site's issue search",
            ) from None
        finally:
            self.under_way -= 1
            self._answered.set()
        page: Page = answer.value
        self.warnings += [warning for warning in page.warnings if warning not in self.warnings]
        return page

    async def confirm(self) -> None:
        """Ask whether the login still works.

        After it has expired, Data Center answers a search as for an anonymous user: with what is public, or
        nothing, as if that were all. Cloud reports it in a header.

        Raises
        ------
        AuthError
            If it does not.
        """
        if self.session.dialect is not CLOUD and not self.session.site.credentials.anonymous:
            await self.session.site.send(Request("GET", f"{self.session.dialect.api}/myself"))

    async def spare(self, rounds: int = 1) -> None:
        """Wait until what is under way fits into less than so many rounds of requests at once."""
        while self.under_way >= rounds * self.session.site.concurrency:
            self._answered = anyio.Event()
            await self._answered.wait()

    async def drive(self, requests: PageRequests, take: Take) -> None:
        """Run a paging protocol against the site, giving each page to `take`."""
        try:
            request = next(requests)
            while True:
                page = await self.page(request)
                take(page)
                request = requests.send(page)
        except StopIteration:
            return

"""The requests of one extraction: page by page, with what the site warns about."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio

from schedkit.atlassian import Request
from schedkit.errors import JqlError, SiteError
from schedkit.jira.dialect import CLOUD
from schedkit.jira.pages.requests import PageRequests
from schedkit.jira.pages.session import Session
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.reader import Page
from schedkit.values.text import clip

__all__ = ["Listing", "Pages", "Take"]

# Gets each page as it arrives.
Take = Callable[[Page], object]


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
    batches : list of Batch
        When each issue was updated, as the pages show it. Cloud's show nothing but ids.
    """

    ids: Sequence[int]
    steady: bool = True
    single: bool = False
    batches: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = array("q", self.ids)


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
            jql = clip(str((request.json or {}).get("jql", "")), 300)
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

    async def read(self, requests: PageRequests, take: Take) -> None:
        """Send the requests of a paging protocol, giving each page to `take`."""
        try:
            request = next(requests)
            while True:
                page = await self.page(request)
                take(page)
                request = requests.send(page)
        except StopIteration:
            return

    async def confirm_login(self) -> None:
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

    async def wait_for_capacity(self, rounds: int = 1) -> None:
        """Wait until what is under way fits into less than so many rounds of requests at once."""
        while self.under_way >= rounds * self.session.site.concurrency:
            self._answered = anyio.Event()
            await self._answered.wait()

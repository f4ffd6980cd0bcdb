"""Each request of an update in turn is answered by something else: what is said is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from support.confluence_pages import anchor, table

from schedkit.confluence import Applied, Confluence
from schedkit.demo import DemoSite, Faults
from schedkit.errors import SchedkitError, SiteError

MakePage = Callable[[str], DemoPage]
BODY = f"<p>x</p>{anchor('t')}{table(['Key', 'Summary', 'Comment'], [['K-1', 'one', 'mine']])}"
WANTED = BODY.replace("<td>one", "<td>ONE")
FRAME = pd.DataFrame({"Key": ["K-1"], "Summary": ["ONE"]})

ANSWERS: dict[str, Callable[[], Response]] = {
    "403": lambda: HTMLResponse("<html><title>Blocked</title></html>", 403),
    "409": lambda: JSONResponse({"errors": [{"code": "CONFLICT"}]}, 409),
    "502": lambda: HTMLResponse("<html><title>Bad Gateway</title></html>", 502),
    "portal": lambda: HTMLResponse("<html><title>Portal</title></html>"),
    "login": lambda: HTMLResponse("<html><title>Log in</title></html>"),
    "redirect": lambda: RedirectResponse("https://elsewhere.example.org/", 302),
    "empty": lambda: JSONResponse({}),
}
KINDS = [*ANSWERS, "reset", "truncate", "lost"]


class Interruption:
    """Answers the request of a number, and with `persistent` all after it."""

    def __init__(self, demo: DemoSite, kind: str, at: int, persistent: bool) -> None:
        self.demo, self.kind, self.at, self.persistent = demo, kind, at, persistent
        self.met = False
        self._numbers = count()

    def __call__(self, request: Request) -> Response | None:
        number = next(self._numbers)
        if number != self.at and not (self.persistent and number > self.at):
            return None
        self.met = True
        if self.kind in ANSWERS:
            return ANSWERS[self.kind]()
        self.demo.faults = Faults(rate=1, kinds=(self.kind,), times=None if self.persistent else 1)
        return None


def interrupted(
    demo: DemoSite, wiki: Confluence, page: DemoPage, met: Interruption
) -> Applied | SchedkitError:
    undo = demo.before(met)
    try:
        return update(wiki, page)
    except SchedkitError as error:
        return error
    finally:
        undo()
        demo.faults = None


def update(wiki: Confluence, page: DemoPage) -> Applied:
    plan = wiki.page(page.id).table("anchor:t").replace(FRAME, key="Key", keep=["Comment"])
    return plan.apply(deadline=2)


def clients(demo: DemoSite, wiki: Confluence) -> Iterator[Confluence]:
    """Yield clients that reached the site before, and know its dialect."""
    cloud = wiki.aio.server.site.credentials.user is not None
    place = demo.confluence_cloud if cloud else demo.confluence_dc
    while True:
        made = Confluence(place.url, place.user, place.token, cloud, backoff=0.01, retries=2, patience=0.5)
        made.page("100001").source()
        yield made


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_is_what_the_site_shows(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, kind: str, persistent: bool
) -> None:
    fresh = clients(demo, wiki)
    for at in count():
        page, met = make_page(BODY), Interruption(demo, kind, at, persistent)
        outcome = interrupted(demo, next(fresh), page, met)
        if not met.met:
            break
        shown = page.body == WANTED
        case = f"request {at}: {outcome!r}"
        assert page.body in (BODY, WANTED), case
        assert page.version == 1 + shown, case
        if isinstance(outcome, Applied):
            assert shown, case
            assert outcome.written or outcome.unconfirmed, case
        elif shown:
            assert isinstance(outcome, SiteError), case
            assert outcome.maybe_done, case
            assert "nothing was written" not in str(outcome), case
        again = update(next(fresh), page)
        assert (page.body, page.version, again.written) == (WANTED, 2, not shown), case
    assert at >= 4, "reading, putting and reading back were all met"

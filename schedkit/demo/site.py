"""The demo site: a Jira and a Confluence over HTTP on this machine, all state within reach of tests."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from schedkit.demo import answers
from schedkit.demo.auth import Door
from schedkit.demo.confluence import seeded
from schedkit.demo.confluence.store import WikiStore
from schedkit.demo.confluence.v1 import Wiki1
from schedkit.demo.confluence.v2 import CloudWiki
from schedkit.demo.confluence.v2_extras import CloudExtras
from schedkit.demo.confluence.view import view
from schedkit.demo.endpoints import CLOUD, DATA_CENTER, GATEWAY, Endpoint
from schedkit.demo.gate import Gate
from schedkit.demo.jira.agile import Agile
from schedkit.demo.jira.cloud import CloudDesk
from schedkit.demo.jira.datacenter import DataCenterDesk
from schedkit.demo.jira.desk import Desk
from schedkit.demo.jira.entries import Entries
from schedkit.demo.jira.face import Dialect
from schedkit.demo.jira.making import Making
from schedkit.demo.journal import Answered, Journal
from schedkit.demo.knobs import Faults, parse_faults, parse_latency
from schedkit.demo.oauth import TokenServer
from schedkit.demo.quirks import Quirks
from schedkit.demo.quota import Quota
from schedkit.demo.server import Server, Tls, bind, make_server
from schedkit.demo.store import Store
from schedkit.demo.world.catalog import DAY
from schedkit.demo.world.generate import generate
from schedkit.errors import UnavailableError, UsageError
from schedkit.values.keywords import check_keywords

# An issue of the default fields weighs about so many bytes before its description.
_BARE = 7020
# ... and each character of it so many more, as markup or as a document.
_PER_CHARACTER = 1.325


@check_keywords
class DemoSite:
    """A Jira and a Confluence, in the Cloud and the Data Center dialect, over the same seeded data.

    Cloud answers at the root and under ``/wiki``, Data Center under ``/jira`` and ``/confluence``.

    Parameters
    ----------
    issues : int
        How many issues the accounts can see.
    seed : int
        Of everything random: data, faults, local ids.
    latency : float or str
        Seconds (or ``"150ms"``) every request waits; settable later.
    page_cap : int, optional
        The most issues a page holds: the administrator's limit on Data Center, a lower one on Cloud.
    issue_kb : float, optional
        About how many KB an issue with all its fields weighs.
    faults : str or Faults, optional
        Planned failures, ``"rate=0.1,kinds=429|503"``; settable later.
    port : int
        0 picks a free one.
    now : datetime, optional
        What the data ends at; midnight UTC today by default. The same seed and `now` make the same data.

    rate_limit : float
        Requests a second per endpoint and method before a 429, 0 for no limit; settable later.
    gzip : bool
        Compress answers for clients that take it.
    zone : str
        The time zone of the demo accounts: of all times in Jira's answers and of dates in JQL.
    tls : Tls, optional
        Serve HTTPS, asking clients for a certificate where it names who signs them.
    quota_clock : callable
        The seconds by which `rate_limit` is kept; tests pass one that a slow machine does not change.

    Examples
    --------
    >>> import urllib.request
    >>> with DemoSite(issues=20) as site:
    ...     status = urllib.request.urlopen(site.jira_dc.url + "/rest/api/2/serverInfo").status
    >>> status
    200
    """

    def __init__(
        self,
        issues: int = 2000,
        seed: int = 7,
        latency: float | str = 0.0,
        page_cap: int | None = None,
        issue_kb: float | None = None,
        faults: str | Faults | None = None,
        port: int = 0,
        now: datetime | None = None,
        rate_limit: float = 0.0,
        gzip: bool = False,
        zone: str = "Europe/Berlin",
        tls: Tls | None = None,
        quota_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Bad knobs are refused before a port is taken.
        seconds, planned = parse_latency(latency), _faults(faults)
        _check(issues=issues, port=port, page_cap=page_cap, issue_kb=issue_kb, rate_limit=rate_limit)
        _check_zone(zone)
        self._socket = bind(port)
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._tls = tls
        self._quota_clock = quota_clock
        anchor = _anchor(now)
        # The clock of the site: real time, or `now` and on from there.
        offset = 0.0 if now is None else anchor / 1000 - time.time()
        self.clock: Callable[[], int] = lambda: int((time.time() + offset) * 1000)
        length = max(80, int((issue_kb * 1024 - _BARE) / _PER_CHARACTER)) if issue_kb else 0
        self.store = Store(generate(issues, seed, anchor, zone), self.clock, length)
        self.wiki = WikiStore(self.clock, seed)
        seeded.fill(self.wiki, self.store, f"{self.url}/jira/browse")
        self.requests = Journal()
        self.quirks = Quirks()
        self.oauth = TokenServer()
        self.cloud_door, self.dc_door = Door(CLOUD, True, self.oauth), Door(DATA_CENTER, False)
        self.cloud = CloudDesk(self.store, self.url, self.cloud_door, Dialect(True, "3"), self.quirks)
        self.cloud2 = CloudDesk(
            self.store, self.url, self.cloud_door, Dialect(True, "2"), self.quirks, self.cloud.searcher
        )
        self.dc = DataCenterDesk(
            self.store, f"{self.url}/jira", self.dc_door, Dialect(False, "2"), self.quirks
        )
        self.cloud_wiki = CloudWiki(self.wiki, f"{self.url}/wiki", self.cloud_door)
        self.cloud_wiki1 = Wiki1(self.wiki, f"{self.url}/wiki", self.cloud_door, cloud=True)
        self.dc_wiki = Wiki1(self.wiki, f"{self.url}/confluence", self.dc_door, cloud=False)
        self.page_cap = page_cap
        self._gate = Gate(self._app(), self.requests, seed)
        self.latency, self.faults = seconds, planned
        self.rate_limit = rate_limit
        self._gate.gzip = gzip
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    # Where ------------------------------------------------------------------

    @property
    def jira_cloud(self) -> Endpoint:
        """Jira as on Cloud."""
        return Endpoint(self.url, CLOUD.user, CLOUD.token)

    @property
    def jira_gateway(self) -> Endpoint:
        """Jira Cloud by the address of the gateway."""
        return Endpoint(f"{self.url}{GATEWAY}", CLOUD.user, CLOUD.token)

    @property
    def jira_dc(self) -> Endpoint:
        """Jira as on Data Center."""
        return Endpoint(f"{self.url}/jira", None, DATA_CENTER.token)

    @property
    def confluence_cloud(self) -> Endpoint:
        """Confluence as on Cloud."""
        return Endpoint(f"{self.url}/wiki", CLOUD.user, CLOUD.token)

    @property
    def confluence_dc(self) -> Endpoint:
        """Confluence as on Data Center."""
        return Endpoint(f"{self.url}/confluence", None, DATA_CENTER.token)

    def ready(self) -> dict[str, dict[str, str]]:
        """What ``schedkit demo-site`` prints when it is ready."""
        names = ("jira_cloud", "jira_dc", "confluence_cloud", "confluence_dc")
        return {name: getattr(self, name).ready() for name in names}

    @property
    def dc_password(self) -> tuple[str, str]:
        """User name and password that Data Center takes besides the token."""
        return "demo", DATA_CENTER.password

    # Knobs ------------------------------------------------------------------

    @property
    def latency(self) -> float:
        """Seconds every request waits."""
        return self._gate.latency

    @latency.setter
    def latency(self, value: float | str) -> None:
        self._gate.latency = parse_latency(value)

    @property
    def faults(self) -> Faults:
        """Planned failures; None or "" ends them."""
        return self._gate.faults

    @faults.setter
    def faults(self, value: str | Faults | None) -> None:
        self._gate.faults = _faults(value)
        self._gate.plan.restart(self._gate.faults)

    @property
    def rate_limit(self) -> float:
        """Requests a second per endpoint and method, 0 for no limit."""
        return self._gate.quota.rate

    @rate_limit.setter
    def rate_limit(self, value: float) -> None:
        self._gate.quota = Quota(value, self._quota_clock)

    @property
    def page_cap(self) -> int | None:
        """The most issues a page holds, None for each dialect's own limit."""
        return self.dc.page_cap

    @page_cap.setter
    def page_cap(self, value: int | None) -> None:
        self.dc.page_cap = self.cloud.page_cap = self.cloud2.page_cap = value

    def before(self, hook: Callable[[Request], Response | None]) -> Callable[[], None]:
        """Call `hook` with every request, on the server's thread; a Response it returns is the answer.

        Returns what takes the hook away again.
        """
        self._gate.before.append(hook)
        return lambda: self._gate.before.remove(hook)

    def after(self, hook: Callable[[Answered], object]) -> Callable[[], None]:
        """Call `hook` with every log entry, before the client sees the end of the answer."""
        self._gate.after.append(hook)
        return lambda: self._gate.after.remove(hook)

    # Running ----------------------------------------------------------------

    def _app(self) -> Starlette:
        async def page(request: Request) -> Response:
            return view(self.wiki, request)

        async def browse(request: Request) -> Response:
            issue = self.store.find(request.path_params["key"])
            if issue is None:
                return answers.html("<!DOCTYPE html><title>Not found</title><p>No such issue.</p>", 404)
            return answers.html(f"<!DOCTYPE html><title>{issue.key}</title><h1>{escape(issue.summary)}</h1>")

        look = [
            Route("/pages/viewpage.action", page),
            Route("/pages/{id}", page),
            Route("/spaces/{key}/pages/{id}", page),
            Route("/spaces/{key}/pages/{id}/{title}", page),
        ]
        open_issue = Route("/browse/{key}", browse)
        agile = Agile(self.cloud), Agile(self.dc)
        cloud = [
            *(route for desk in (self.cloud, self.cloud2) for route in _jira_routes(desk)),
            *agile[0].routes(),
        ]
        return Starlette(
            routes=[
                Mount(
                    "/jira",
                    routes=[*_jira_routes(self.dc), *agile[1].routes(), open_issue],
                ),
                Mount("/confluence", routes=[*self.dc_wiki.routes(), *look]),
                Mount(
                    "/wiki",
                    routes=[
                        *self.cloud_wiki.routes(),
                        *CloudExtras(self.cloud_wiki).routes(),
                        *self.cloud_wiki1.routes(),
                        *look,
                    ],
                ),
                # The gateway by which tokens with scopes ask; its addresses are none that a browser opens.
                Mount(GATEWAY, routes=cloud),
                *cloud,
                Route("/oauth/token", self.oauth.exchange, methods=["POST"]),
                open_issue,
            ]
        )

    def start(self) -> Self:
        """Answer requests from a thread of this process until `stop`."""
        try:
            server = self._server = self.server()
        except UsageError:
            self.stop()
            raise
        self._thread = threading.Thread(
            target=lambda: asyncio.run(server.serve([self._socket])), name="schedkit-demo-site", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise UnavailableError(f"the demo site did not start on port {self.port}")
            time.sleep(0.002)
        return self

    def server(self) -> Server:
        """A server of this site, to be run by the caller with the site's `socket`."""
        return make_server(self._gate, self._tls)

    @property
    def socket(self) -> socket.socket:
        """The listening socket."""
        return self._socket

    def listen(self) -> None:
        """Let clients connect; they wait for the server to answer."""
        self._socket.listen(2048)

    def stop(self) -> None:
        """End the server and free the port."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join(10)
            self._server = self._thread = None
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()


_LIMITS = {
    "issues": (0, 5_000_000),
    "port": (0, 65_535),
    "page_cap": (1, 5000),
    "issue_kb": (1, 1000),
    "rate_limit": (0, 1_000_000),
}


def _jira_routes(desk: Desk) -> list[Route]:
    return [*desk.routes(), *Entries(desk).routes(), *Making(desk).routes()]


def _check(**knobs: float | None) -> None:
    for name, value in knobs.items():
        low, high = _LIMITS[name]
        if value is not None and not low <= value <= high:
            raise UsageError(f"demo site: {name} {value} is not possible", hint=f"choose {low} to {high}")


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(f"demo site: no time zone {zone!r}", hint="write one like Europe/Berlin") from error


def _faults(value: str | Faults | None) -> Faults:
    return value if isinstance(value, Faults) else parse_faults(value or "")


def _anchor(now: datetime | None) -> int:
    """Epoch milliseconds of the moment the data ends at."""
    if now is None:
        return int(time.time() * 1000) // DAY * DAY
    return int((now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp() * 1000)

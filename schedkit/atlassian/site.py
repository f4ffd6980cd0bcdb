"""One site: every request of every cell, task and thread goes through it, at the rate it allows."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypedDict
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import anyio.to_thread

from schedkit import context
from schedkit.atlassian.by_name import Opener, by_name
from schedkit.atlassian.credentials import Credentials, OAuth2, normalised
from schedkit.atlassian.error_mapping import budget, near_limit
from schedkit.atlassian.messages import Answer, Request
from schedkit.atlassian.oauth import renew
from schedkit.atlassian.rate_limiter import Clock, Gate, Pace
from schedkit.atlassian.request_stats import count
from schedkit.atlassian.retries import Tries
from schedkit.atlassian.transport import Transport, Wire
from schedkit.errors import (
    AuthError,
    BadAnswerError,
    RateLimitedError,
    SiteError,
    UnavailableError,
    UsageError,
)
from schedkit.loop import on_own_loop
from schedkit.values.durations import Duration, elapsed_text
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import duration, hosts_of, whole_number
from schedkit.values.rates import count_and_seconds
from schedkit.values.rng import chance
from schedkit.values.secrets import masked_url

__all__ = ["Site", "SiteOptions"]


class SiteOptions(TypedDict, total=False):
    """The keywords of `Site` that `Jira` and `Confluence` pass on, for type checkers and completion."""

    password: str | None
    oauth2: OAuth2 | None
    verify: bool | str
    cert: str | tuple[str, str] | None
    proxies: Mapping[str, str] | None
    timeout: Duration
    concurrency: int
    rate: str | None
    retries: int
    patience: Duration
    backoff: Duration
    headers: Mapping[str, str] | None
    redirects: str | Iterable[str]
    name: str | None
    clock: Clock | None


@check_keywords
class Site:
    """A Jira or Confluence site with its login.

    Parameters
    ----------
    url : str
        Base URL, e.g. ``https://example.atlassian.net`` or ``https://issues.example.org/jira``.
    user : str, optional
        E-mail address on Cloud, user name with `password` on Data Center; omit with a personal access
        token.
    token, password : str, optional
        The secret. `token` alone is sent as a bearer token, with `user` as basic authentication.
    oauth2 : OAuth2, optional
        Instead of them.
    verify : bool or str
        Check certificates; or the path of a CA file.
    cert : str or (str, str), optional
        Client certificate, or certificate and key.
    proxies : mapping, optional
        As in `requests`; by default the environment's.
    timeout : duration
        Time without a received byte after which a request fails.
    concurrency : int
        Requests in flight at most.
    rate : str, optional
        Requests at most in a period, such as ``"300/min"``, besides what the site itself allows.
    retries : int
        How often a read is repeated after a network error, a 5xx or a garbled answer. A 503 is repeated for
        as long as `patience` lasts, except with ``retries=0``, which repeats nothing but a 429.
    patience : duration
        How long a request waits at most while the site says "not now": a 429, a 503, a wait that it asks
        for, or a limit in its headers.
    backoff : duration
        Time before the first repetition; doubles each time, at most a minute, with jitter.
    headers : mapping, optional
        Sent with every request.
    redirects : str or iterable of str
        Other hosts to which the site may redirect reads, e.g. ``"proxy.example.org"``. Neither the login nor
        `headers` go there.
    name : str, optional
        What reports call the site; its host by default.

    Attributes
    ----------
    opener : callable or None
        What opens its client in another process; None: it was not opened by a name of the settings.

    Raises
    ------
    UsageError
        For a URL that is none, or a user without secret.

    Examples
    --------
    >>> site = Site("https://example.atlassian.net/", user="ann@example.org", token="s3cret")
    >>> site.url
    'https://example.atlassian.net'
    >>> site
    Site('https://example.atlassian.net', user='ann@example.org')
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        token: str | None = None,
        password: str | None = None,
        oauth2: OAuth2 | None = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        timeout: Duration = 75.0,
        concurrency: int = 16,
        rate: str | None = None,
        retries: int = 6,
        patience: Duration = 600.0,
        backoff: Duration = 0.5,
        headers: Mapping[str, str] | None = None,
        redirects: str | Iterable[str] = (),
        name: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        silence = duration(above=True)(timeout, "timeout")
        concurrency = whole_number(1)(concurrency, "concurrency")
        self.url = normalised(url)
        self.name = name or self.url.partition("://")[2]
        secret = password if isinstance(token, str | None) and not token else token
        self.credentials = Credentials(user, secret, oauth2)
        self.concurrency = concurrency
        self.retries = whole_number(0)(retries, "retries")
        self.patience = duration()(patience, "patience")
        self.backoff = duration()(backoff, "backoff")
        self.clock = clock or Clock()
        pace = None if rate is None else Pace(*count_and_seconds(rate, "rate"))
        self.gate = Gate(concurrency, self.clock, self.patience, self.name, pace)
        hosts = frozenset(hosts_of(redirects, "redirects"))
        self._wire = Wire(silence, verify, cert, proxies, headers, concurrency, hosts)
        self._transport: Transport | None = None
        self._threads = anyio.CapacityLimiter(concurrency)
        self._making = threading.Lock()
        self._renewing = anyio.Lock()
        self._reached = False
        self.opener: Opener | None = None

    def __repr__(self) -> str:
        user = f", user={self.credentials.user!r}" if self.credentials.user else ""
        return f"Site({self.url!r}{user})"

    def __reduce__(self) -> tuple[Any, ...]:
        return by_name(self, self, "site")

    @property
    def proxied(self) -> bool:
        """Whether its requests go through a proxy, of its own or of the environment."""
        address = urlsplit(self.url)
        named = address.scheme in getproxies() and not proxy_bypass(address.hostname or "")
        return bool(self._wire.proxies) or named

    @on_own_loop
    async def send(self, request: Request) -> Answer:
        """Send `request`; repeat it where that is safe and may help.

        Raises
        ------
        SiteError
            The request failed; the error's `maybe_done` tells whether a write may nevertheless
            have had its effect.
        UsageError
            If the request's address is not of this site.
        """
        request = self._own(request)
        most = self.retries if request.retries is None else request.retries
        tries = Tries(most, self.patience, persistent=request.retries is None)
        while True:
            token = await self._access_token()
            try:
                return await self._attempt(request)
            except AuthError as error:
                if token is None or tries.renewed or error.maybe_done:
                    raise
                tries.renewed, delay = True, 0.0
                await self._access_token(refused=token)
            except (RateLimitedError, UnavailableError, BadAnswerError) as error:
                delay = self._delay(request, error, tries)
            count(retries=1)
            await self.clock.wait(delay, f"{self.name} does not answer as it should")

    def _delay(self, request: Request, error: SiteError, tries: Tries) -> float:
        """Return how long to wait before `request` is repeated; raises `error` if it is not."""
        now = self.clock.time()
        if isinstance(error, RateLimitedError):
            if error.status is None:
                raise error  # by the gate, where patience has ended
            # The gate holds everyone back until then.
            wait = max(self.gate.limiter(request.endpoint).not_before - now, error.retry_in or 0.0)
            delay = chance.uniform(0, min(self.backoff, 0.2))
        else:
            # A site never reached is a wrong URL rather than a bad moment.
            if error.maybe_done or not self._reached or error.final:
                raise error
            wait = delay = max(error.retry_in or 0.0, self._backed_off(tries.failures))
        tries.failed(error, wait, now)
        context.log(f"{error.message}; trying again in {elapsed_text(max(0.0, wait))}")
        return delay

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._transport is not None:
            self._transport.close()

    async def _attempt(self, request: Request) -> Answer:
        limiter = self.gate.limiter(request.endpoint)
        async with self.gate.enter(request.endpoint) as (started, number):
            count(requests=1)
            try:
                # A read may be left behind when its caller is cancelled; a write's outcome is worth
                # waiting for.
                answer = await anyio.to_thread.run_sync(
                    self._exchange, request, limiter=self._threads, abandon_on_cancel=request.repeatable
                )
            except RateLimitedError as error:
                count(limited=1)
                # Some sites ask for no wait at all and refuse again.
                delay = error.retry_in or self._backed_off(limiter.backoff_level)
                limiter.on_refusal(started, self.clock.time(), delay)
                raise
            except SiteError as error:
                connected = self._transport is not None and self._transport.connected
                self._reached = self._reached or connected or error.status is not None
                raise
            self._reached = True
            count(size=answer.size)
            limiter.on_success()
            if near_limit(answer.headers):
                limiter.on_refusal(started, self.clock.time(), 0.0)
            limiter.on_answer(self.clock.time(), budget(answer.headers, self.clock.now()), number)
            return answer

    def _exchange(self, request: Request) -> Answer:
        # Made in a worker thread: importing the library takes most of a second.
        with self._making:
            if self._transport is None:
                self._transport = Transport(self.url, self.credentials, self._wire, self.clock)
        return self._transport.exchange(request)

    async def _access_token(self, refused: str | None = None) -> str | None:
        """Return the OAuth 2.0 access token, renewed if there is none or it is the refused one."""
        oauth2 = self.credentials.oauth2
        if oauth2 is None:
            return None
        async with self._renewing:
            if not oauth2.access_token or oauth2.access_token == refused:
                await anyio.to_thread.run_sync(renew, oauth2, self._wire, limiter=self._threads)
            return oauth2.access_token

    def _own(self, request: Request) -> Request:
        """Return the request with a path of this site; credentials never go to another one."""
        path = request.path
        if path.startswith(("http://", "https://")):
            if not path.startswith(self.url + "/"):
                host = masked_url(path).partition("://")[2].partition("/")[0]
                raise UsageError(
                    f"the address is of {host}, not of {self.name}", hint="use that site's client"
                )
            path = path[len(self.url) :]
        return replace(request, path="/" + path.lstrip("/"))

    def _backed_off(self, failures: int) -> float:
        return float(min(60.0, self.backoff * 2**failures) * chance.uniform(0.5, 1.0))

"""One HTTP exchange in a worker thread, over atlassian-python-api's session and login.

Its own retries are off: they know only one form of 429, never repeat a 503, and with
`backoff_and_retry=True` repeat a POST without end. Its status check is off too: it raises on what we
judge better ourselves.
"""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from schedkit.atlassian.bodies import opened
from schedkit.atlassian.credentials import Credentials
from schedkit.atlassian.decoding import decoded
from schedkit.atlassian.error_mapping import error_of, login_page, retry_after
from schedkit.atlassian.lazy_import import rest_api
from schedkit.atlassian.messages import Answer, Body, Request
from schedkit.atlassian.rate_limiter import Clock
from schedkit.atlassian.unpacking import OversizeError
from schedkit.errors import BadAnswerError, SchedkitError, SiteError, UnavailableError, UsageError
from schedkit.values.failures import Reason, certificate_reason, reason
from schedkit.values.secrets import masked_url
from schedkit.values.text import one_line

__all__ = ["Transport", "Wire"]


@dataclass(frozen=True, slots=True)
class Wire:
    """How the connections are made."""

    timeout: float = 75.0
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    proxies: Mapping[str, str] | None = field(repr=False, default=None)
    headers: Mapping[str, str] | None = field(repr=False, default=None)
    pool: int = 8
    redirects: frozenset[str] = frozenset()


class Transport:
    """Sends one request and judges the answer; blocking, safe in many threads at once."""

    def __init__(self, url: str, credentials: Credentials, wire: Wire, clock: Clock) -> None:
        self.url = url
        self.credentials = credentials
        self.clock = clock
        self._hosts = {urlsplit(url).hostname, *wire.redirects}
        self.connected = False  # whether a server ever accepted a connection and then closed it
        self._api = rest_api()(
            url,
            username=credentials.user,
            password=credentials.secret if credentials.kind == "basic" else None,
            token=credentials.secret if credentials.kind == "bearer" else None,
            verify_ssl=wire.verify,
            cert=wire.cert,
            proxies=dict(wire.proxies) if wire.proxies else None,
            backoff_and_retry=False,
            retry_with_header=False,
            advanced_mode=True,
        )
        # The constructor casts to int, which makes 0.5 s a refused zero.
        self._api.timeout = wire.timeout
        self._api.session.headers.update(wire.headers or {})
        if credentials.oauth2:
            self._api.session.auth = _current_bearer(credentials)
        # We read the body ourselves, when there is room for it.
        self._api.session.stream = True
        self._api.session.rebuild_auth = self._without_headers(wire.headers or {})
        adapter = _adapter(wire.pool)
        self._api.session.mount("https://", adapter)
        self._api.session.mount("http://", adapter)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def exchange(self, request: Request) -> Answer:
        """Send `request` once.

        Raises
        ------
        SiteError
            For no answer or an error answer; `maybe_done` tells whether it may have had an effect.
        """
        what = f"{request.method} {self.url}{request.path.partition('?')[0]}"
        with self._answering(what, request):
            response = self._sent(request)
            try:
                self._refuse_other_host(what, request, response.url)
                return opened(response.raw, lambda body: self._judged(what, request, response, body))
            finally:
                # Unless it was read to its end, the connection cannot be used again.
                response.close()

    def _without_headers(self, headers: Mapping[str, str]) -> Callable[[Any, Any], None]:
        """Return what takes headers of ours off a request that is redirected to another host."""
        session = self._api.session
        without_auth = session.rebuild_auth

        def rebuild(prepared: Any, response: Any) -> None:
            if session.should_strip_auth(response.request.url, prepared.url):
                for name in headers:  # an API key, say; requests itself takes only the login off
                    prepared.headers.pop(name, None)
            without_auth(prepared, response)

        return rebuild

    def _refuse_other_host(self, what: str, request: Request, url: str) -> None:
        """Refuse data of a host that is not named; files may lie elsewhere, as attachments on Cloud do."""
        host = urlsplit(url).hostname
        if not request.raw and host not in self._hosts:
            raise BadAnswerError(
                f"{what} was redirected to {host}",
                status=302,
                hint=f"if the site has moved there, use that address as its URL; else redirects: [{host}]",
                final=True,
            )

    def _judged(self, what: str, request: Request, response: Any, body: Body) -> Answer:
        headers = response.headers
        error = error_of(what, response.status_code, headers, body)
        if error is None and not request.raw:
            error = login_page(what, response.status_code, headers, body)
            if error is not None:
                # A busy proxy may let the next read through; it is no reason to send a write again.
                error.final = not request.repeatable
        if error is None:
            try:
                # Nothing at all is an answer only where nothing was promised.
                empty = request.raw or not (body or request.decode)
                value = None if empty else (request.decode or decoded)(body)
                # A decoder of its own takes what it needs; the bytes need not live on.
                kept = b"" if request.decode else bytes(body)
                return Answer(response.status_code, headers, kept, value, len(body))
            except Exception as problem:
                known = reason(problem)
                if known is None:
                    raise
                why = known.why.removeprefix("it is not the expected JSON: ")
                error = BadAnswerError(
                    f"{what} answered {len(body)} bytes that are not valid JSON: {why}",
                    status=response.status_code,
                    hint="a proxy may have cut the answer short; try again",
                )
        raise self._outcome(request, error, headers)

    def _sent(self, request: Request) -> Any:
        headers = {**self._api.default_headers, **(request.headers or {})}
        if request.method != "GET":
            # Without it, what looks like a browser's request (its User-Agent, a cookie) is refused as XSRF.
            headers.setdefault("X-Atlassian-Token", "no-check")
        if request.files is not None:
            # requests itself names the multipart boundary.
            headers.pop("Content-Type", None)
        return self._api.request(
            request.method,
            path=request.path,
            params=request.params,
            json=request.json,
            data=request.data,
            headers=headers,
            files=request.files,
            # A redirected POST would silently become a GET.
            allow_redirects=request.method == "GET",
        )

    @contextmanager
    def _answering(self, what: str, request: Request) -> Iterator[None]:
        """Turn what the libraries raise where there is no whole answer into our errors."""
        try:
            yield
        except Exception as problem:
            error = self._no_answer(what, problem)
            if error is None:
                raise
            if isinstance(error, SiteError):
                error.maybe_done = not request.repeatable and not _never_sent(problem)
            raise error from None

    def _no_answer(self, what: str, problem: Exception) -> SchedkitError | None:
        import requests
        import urllib3

        if isinstance(problem, requests.exceptions.InvalidSchema):
            return UsageError(f"{what} was redirected to an address that is not http(s)")
        if isinstance(problem, OversizeError):
            return BadAnswerError(
                f"{what} {problem}", hint="ask for less at once: fewer fields, or smaller pages", final=True
            )
        if isinstance(problem, EOFError | zlib.error):
            why = (reason(problem) or Reason(str(problem))).why
            return BadAnswerError(
                f"{what} answered with data that cannot be unpacked: {why}",
                hint="a proxy may have cut the answer short; try again",
            )
        if isinstance(problem, requests.exceptions.RequestException | urllib3.exceptions.HTTPError | OSError):
            self.connected = self.connected or _was_dropped(problem)
            known = _network_reason(problem)
            why = masked_url(self.credentials.scrub(known.why))
            return UnavailableError(f"{what} got no answer: {why}", hint=known.hint)
        return None

    def _outcome(self, request: Request, error: SiteError, headers: Mapping[str, str]) -> SiteError:
        error.message = self.credentials.scrub(error.message)
        error.args = (error.message,)
        # A 5xx, a garbled answer or a login page does not tell whether a write took effect; a 4xx does.
        unsure = isinstance(error, UnavailableError) or (error.status or 0) < 400
        error.maybe_done = unsure and not request.repeatable
        error.retry_in = retry_after(headers, self.clock.now()) if error.status in (429, 503) else None
        return error


def _current_bearer(credentials: Credentials) -> Callable[[Any], Any]:
    def sign(prepared: Any) -> Any:
        assert credentials.oauth2 is not None
        prepared.headers["Authorization"] = f"Bearer {credentials.oauth2.access_token}"
        return prepared

    return sign


def _adapter(pool: int) -> Any:
    import requests
    from requests.adapters import HTTPAdapter

    class Response(requests.Response):
        # The library logs `response.text` at debug level: it would read and decode every page for nothing,
        # with everything people wrote into it.
        text = property(lambda self: "<body>")

    class Adapter(HTTPAdapter):
        def send(self, *request: Any, **options: Any) -> Any:
            answer: Any = super().send(*request, **options)
            answer.__class__ = Response
            return answer

    return Adapter(pool_connections=4, pool_maxsize=pool, max_retries=0)


def _never_sent(problem: BaseException) -> bool:
    """Whether the connection was never made, so that the request cannot have had an effect."""
    import requests
    import urllib3

    if isinstance(problem, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    return isinstance(_innermost(problem), urllib3.exceptions.NewConnectionError)


def _was_dropped(problem: BaseException) -> bool:
    """Whether a server took the connection and closed it without an answer."""
    inner = _innermost(problem)
    return isinstance(inner, ConnectionResetError | ConnectionAbortedError | http.client.HTTPException)


def _innermost(problem: BaseException) -> BaseException:
    for inner in (getattr(problem, "reason", None), *problem.args):
        if isinstance(inner, BaseException):
            return _innermost(inner)
    return problem


def _network_reason(problem: BaseException) -> Reason:
    import requests

    known = certificate_reason(problem)
    if known is not None:
        return known
    inner = _innermost(problem)
    words = " ".join(str(arg) for arg in inner.args if isinstance(arg, str | int)) or str(inner)
    # urllib3 starts its messages with the object: "<…HTTPConnection object at 0x7f…>: Failed to …"
    why = f"{type(inner).__name__}: {one_line(words.rpartition('>: ')[2], 200)}"
    if isinstance(problem, requests.exceptions.ProxyError):
        return Reason(why, "check proxies={'https': …}")
    if isinstance(problem, requests.exceptions.Timeout):
        return Reason(why, "the site is slow: try again, or raise timeout=")
    return Reason(why, "check the URL and the network")

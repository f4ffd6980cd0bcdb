"""What every request passes: the log, latency, planned faults, and hooks of tests."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schedkit.demo import answers
from schedkit.demo.journal import Answered, Journal
from schedkit.demo.knobs import Faults, parse_faults, parse_latency
from schedkit.errors import UsageError

MAX_URL = 8192
_TRANSPORT = "schedkit.demo.transport"


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also tells the application its transport: a reset needs it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[literal-required]  # a key of ours


class Gate:
    """The outermost application."""

    def __init__(self, app: ASGIApp, journal: Journal, seed: int) -> None:
        self.app, self.journal = app, journal
        self.latency = 0.0
        self.faults = Faults()
        self.before: list[Callable[[Request], Response | None]] = []
        self.after: list[Callable[[Answered], object]] = []
        self._rng, self._lock = Random(seed), threading.Lock()
        self._planned: tuple[Faults, int] = (self.faults, 0)
        self._forms = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            latency, faults = self._knobs(request)
        except UsageError as error:
            await self._answer(request, answers.refused(400, [str(error)]), send)
            return
        if latency:
            await asyncio.sleep(latency)
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URL:
            page = answers.TOMCAT_PAGE.format(status=414, name="Request-URI Too Long")
            await self._answer(request, answers.html(page, 414), send)
            return
        for hook in self.before:
            scripted = hook(request)
            if scripted is not None:
                await self._answer(request, scripted, send)
                return
        kind = self._draw(request, faults)
        if kind in ("429", "503", "401", "html"):
            await self._answer(request, self._refusal(kind, faults), send, kind)
        elif kind == "reset":
            self._break(request, kind)
        elif kind is None:
            await self._serve(request, receive, send)
        else:
            await self._spoil(request, receive, send, kind, faults)

    def _knobs(self, request: Request) -> tuple[float, Faults]:
        headers = request.headers
        latency, faults = self.latency, self.faults
        if "x-demo-latency" in headers:
            latency = parse_latency(headers["x-demo-latency"])
        if "x-demo-faults" in headers:
            faults = parse_faults(headers["x-demo-faults"])
        return latency, faults

    def _draw(self, request: Request, faults: Faults) -> str | None:
        """The fault this request meets, if any. Seeded; setting `faults` anew starts its `times` anew."""
        if (
            not faults.rate
            or faults.path not in request.url.path
            or faults.method not in ("", request.method)
        ):
            return None
        with self._lock:
            known, met = self._planned
            if known is not faults:
                met = 0
            if faults.times is not None and met >= faults.times:
                return None
            if self._rng.random() >= faults.rate:
                return None
            self._planned = (faults, met + 1)
            return self._rng.choice(faults.kinds)

    def _refusal(self, kind: str, faults: Faults) -> Response:
        if kind == "503":
            page = answers.TOMCAT_PAGE.format(status=503, name="Service Unavailable")
            return answers.html(page, 503)
        if kind == "401":
            page = answers.TOMCAT_PAGE.format(status=401, name="Unauthorized")
            return answers.html(page, 401)
        if kind == "html":
            return answers.html(answers.LOGIN_PAGE)
        self._forms += 1
        return too_many(self._forms % 4, faults.after)

    async def _answer(
        self, request: Request, response: Response, send: Send, fault: str | None = None
    ) -> None:
        await response(request.scope, request.receive, send)
        self._note(request, response.status_code, len(response.body), fault)

    def _note(self, request: Request, status: int, size: int, fault: str | None = None) -> None:
        entry = Answered(request.method, request.url.path, request.url.query, status, size, fault)
        self.journal.add(entry)
        for hook in self.after:
            hook(entry)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        status, size = 0, 0

        async def watch(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                # Before the client can see the end of the answer, the log shows it.
                self._note(request, status, size)
            await send(message)

        await self.app(request.scope, receive, watch)

    async def _spoil(self, request: Request, receive: Receive, send: Send, kind: str, faults: Faults) -> None:
        """Carry the request out, then lose, cut or hold back its answer."""
        start: dict[str, Any] = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(request.scope, receive, keep)
        if kind == "lost":
            self._break(request, kind)
            return
        half = b"".join(parts)[: max(1, sum(map(len, parts)) // 2)]
        if kind == "truncate" and self._rng.random() < 0.5:
            # Cut by a proxy that mended the length: valid HTTP, broken JSON.
            headers = [(k, v) for k, v in start["headers"] if k != b"content-length"]
            start["headers"] = [*headers, (b"content-length", str(len(half)).encode())]
            await send(start)
            await send({"type": "http.response.body", "body": half})
            self._note(request, start["status"], len(half), kind)
            return
        self._note(request, start["status"], len(half), kind)
        await send(start)
        await send({"type": "http.response.body", "body": half, "more_body": True})
        if kind == "stall":
            await self._silence(receive, faults.stall)
        request.scope[_TRANSPORT].abort()

    async def _silence(self, receive: Receive, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            pass

    def _break(self, request: Request, kind: str) -> None:
        self._note(request, 0, 0, kind)
        transport = request.scope[_TRANSPORT]
        sock = transport.get_extra_info("socket")
        # Linger 0 turns the close into a reset.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def too_many(form: int, after: float) -> Response:
    """A 429 in one of its four forms: seconds, an HTTP date, an ISO minute, a Tomcat page without a word."""
    moment = datetime.now(UTC) + timedelta(seconds=after)
    if form == 1:
        headers = {"Retry-After": f"{after:.0f}", "RateLimit-Reason": "jira-quota-tenant-based"}
        return _limited(headers)
    if form == 2:
        return _limited({"Retry-After": format_datetime(moment, usegmt=True)})
    if form == 3:
        return _limited(
            {
                "X-RateLimit-Limit": "350",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": f"{moment:%Y-%m-%dT%H:%MZ}",
                "RateLimit-Reason": "jira-burst-based",
            }
        )
    page = answers.TOMCAT_PAGE.format(status=429, name="Too Many Requests")
    headers = {
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Interval-Seconds": "1",
        "X-RateLimit-FillRate": "10",
    }
    return answers.html(page, 429, headers)


def _limited(headers: dict[str, str]) -> Response:
    return answers.json({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429, headers)

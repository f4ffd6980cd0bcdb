"""What every request passes: the log, latency, a rate limit, planned faults, and hooks of tests."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from isal import igzip
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schedkit.demo import answers
from schedkit.demo.journal import Answered, Journal
from schedkit.demo.knobs import Faults, parse_faults, parse_latency
from schedkit.demo.planned import Plan
from schedkit.demo.quota import Quota
from schedkit.errors import UsageError

MAX_URL = 8192
_TRANSPORT = "schedkit.demo.transport"
_WORTH_PACKING = 1024


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also tells the application its transport: a reset needs it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[literal-required]  # a key of ours


class Gate:
    """The outermost application."""

    def __init__(self, app: ASGIApp, journal: Journal, seed: int) -> None:
        self.app, self.journal, self.plan = app, journal, Plan(seed)
        self.latency = 0.0
        self.faults = Faults()
        self.quota = Quota(0.0)
        self.gzip = False
        self.before: list[Callable[[Request], Response | None]] = []
        self.after: list[Callable[[Answered], object]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
        for hook in tuple(self.before):
            scripted = hook(request)
            if scripted is not None:
                await self._answer(request, scripted, send)
                return
        headers: dict[str, str] = {}
        if self.quota.rate:
            cloud = not request.url.path.startswith(("/jira", "/confluence"))
            level = self.quota.take(request)
            if level < 0:
                await self._answer(request, self.quota.refusal(level, cloud), send)
                return
            headers = self.quota.headers(level, cloud)
        kind = self.plan.draw(request, faults)
        if kind is None:
            await self._serve(request, receive, send, headers)
        elif kind == "reset":
            self._break(request, kind)
        elif kind in ("truncate", "stall", "lost"):
            await self._spoil(request, receive, send, kind, faults)
        else:
            await self._answer(request, self.plan.refusal(kind, faults.after), send, kind)

    def _knobs(self, request: Request) -> tuple[float, Faults]:
        headers = request.headers
        latency, faults = self.latency, self.faults
        if "x-demo-latency" in headers:
            latency = parse_latency(headers["x-demo-latency"])
        if "x-demo-faults" in headers:
            faults = parse_faults(headers["x-demo-faults"])
        return latency, faults

    async def _answer(
        self, request: Request, response: Response, send: Send, fault: str | None = None
    ) -> None:
        self._note(request, response.status_code, len(response.body), fault)
        await response(request.scope, request.receive, send)

    def _note(self, request: Request, status: int, size: int, fault: str | None = None) -> None:
        entry = Answered(request.method, request.url.path, request.url.query, status, size, fault)
        self.journal.add(entry)
        for hook in tuple(self.after):
            hook(entry)

    async def _carry_out(self, request: Request, receive: Receive) -> tuple[dict[str, Any], bytes]:
        """The answer's start and whole body."""
        start: dict[str, Any] = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(request.scope, receive, keep)
        return start, b"".join(parts)

    async def _serve(self, request: Request, receive: Receive, send: Send, headers: dict[str, str]) -> None:
        start, body = await self._carry_out(request, receive)
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        packs = self.gzip and "gzip" in request.headers.get("accept-encoding", "")
        if packs and len(body) >= _WORTH_PACKING:
            body = igzip.compress(body, 1)
            told += [(b"content-encoding", b"gzip"), (b"content-length", str(len(body)).encode())]
            start["headers"] = [(k, v) for k, v in start["headers"] if k != b"content-length"]
        start["headers"] = [*start["headers"], *told]
        # Before the client can see the answer, the log shows it.
        self._note(request, start["status"], len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _spoil(self, request: Request, receive: Receive, send: Send, kind: str, faults: Faults) -> None:
        """Carry the request out, then lose, cut or hold back its answer."""
        start, body = await self._carry_out(request, receive)
        if kind == "lost":
            self._break(request, kind)
            return
        half = body[: max(1, len(body) // 2)]
        self._note(request, start["status"], len(half), kind)
        if kind == "truncate" and self.plan.coin():
            # Cut by a proxy that mended the length: valid HTTP, broken JSON.
            headers = [(k, v) for k, v in start["headers"] if k != b"content-length"]
            start["headers"] = [*headers, (b"content-length", str(len(half)).encode())]
            await send(start)
            await send({"type": "http.response.body", "body": half})
            return
        await send(start)
        await send({"type": "http.response.body", "body": half, "more_body": True})
        if kind == "stall":
            await _silence(receive, faults.stall)
        request.scope[_TRANSPORT].abort()

    def _break(self, request: Request, kind: str) -> None:
        self._note(request, 0, 0, kind)
        transport = request.scope[_TRANSPORT]
        sock = transport.get_extra_info("socket")
        # Linger 0 turns the close into a reset.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


async def _silence(receive: Receive, seconds: float) -> None:
    """Say nothing until the client leaves or the time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass

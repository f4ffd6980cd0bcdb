"""A site over real HTTP that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from schedkit.atlassian import Clock, Site


@dataclass
class Reply:
    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    cut: int | None = None  # send this many bytes of the promised length, then hang up
    reset: bool = False  # hang up without a byte
    until: threading.Event | None = None  # hold the answer until then


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int = 0  # of the client's end of the connection

    def json(self) -> Any:
        return json.loads(self.body)


class Scripted:
    """Answers by a function of (request, how many came before it)."""

    reply = Reply

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: Callable[[Asked, int], Reply] = lambda asked, n: Reply()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    self.command, self.path, dict(self.headers), self.rfile.read(size), self.client_address[1]
                )
                with outer._lock:
                    number = len(outer.asked)
                    outer.asked.append(asked)
                # Whoever would ask for ever is stopped: the test fails instead of hanging.
                reply = outer.script(asked, number) if number < 500 else Reply(410)
                if reply.until:
                    reply.until.wait(60)
                if reply.reset:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut])
                if reply.cut is not None:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = handle_one  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class FastClock(Clock):
    """Sleeping takes no time, but the clock shows that it did."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.close()


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def site(scripted: Scripted, clock: FastClock) -> Site:
    return Site(scripted.url, user="ann@example.org", token="s3cret-t0ken", clock=clock, timeout=60)

"""Runs uvicorn in a thread with its own loop, with limits on heads and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from schedkit.errors import SettingsError
from schedkit.server.app import ServerApp
from schedkit.server.limits import MAX_HEADER_BYTES, MAX_PATH_BYTES, MAX_QUERY_BYTES
from schedkit.server.options import ServerOptions

__all__ = ["DRAIN_SECONDS", "Server", "address", "listen"]

# How long a client may take to send the head of a request.
HEAD_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 15
MAX_CONNECTIONS = 1000
START_SECONDS = 30.0
DRAIN_SECONDS = 5.0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on the size of a request's head and on the time it takes."""

    _late: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_url(self, url: bytes) -> None:
        self._count(len(url), MAX_PATH_BYTES + MAX_QUERY_BYTES)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value), MAX_HEADER_BYTES + MAX_PATH_BYTES + MAX_QUERY_BYTES)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_is_here()
        super().on_headers_complete()

    def _count(self, size: int, most: int) -> None:
        self._head_bytes += size
        if self._head_bytes > most:
            raise ValueError("the head of the request is too large")  # the parser answers 400

    def _expect_head(self) -> None:
        self._head_is_here()
        self._head_bytes = 0
        self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_is_here(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: the command handles signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = threading.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.begun.set()


class Server:
    """Serves an application of `asgi` from its own thread.

    Parameters
    ----------
    app : ServerApp
        What `asgi` returns.
    options : ServerOptions
        The address it listens on.
    listening : socket, optional
        A listening socket to use instead of the options' host and port.

    Attributes
    ----------
    url : str
        Where it answers, once it has started.
    """

    def __init__(
        self, app: ServerApp, options: ServerOptions, listening: socket.socket | None = None
    ) -> None:
        self._app = app
        self._options = options
        self._listening = listening
        self.url = ""
        self._uvicorn: _Uvicorn | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, and begin to answer.

        Raises
        ------
        SettingsError
            If it cannot listen on that address.
        """
        listening = self._listening or listen(self._options)
        self.url = address(listening)
        config = uvicorn.Config(
            self._app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # it would believe who a client says to be
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(DRAIN_SECONDS),
        )
        self._uvicorn = _Uvicorn(config)
        self._thread = threading.Thread(
            target=self._uvicorn.run, args=([listening],), name="schedkit-server", daemon=True
        )
        self._thread.start()
        if not self._uvicorn.begun.wait(START_SECONDS):
            raise SettingsError(f"the server did not start within {START_SECONDS:g} s", hint="try again")

    def drain(self) -> None:
        """Accept no more connections, end the streams, and answer the requests under way."""
        self._app.end_streams()
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True

    def stop(self) -> None:
        """Drain, and return when the server has ended: after about `DRAIN_SECONDS` at most."""
        self.drain()
        if self._thread is not None:
            self._thread.join(DRAIN_SECONDS + 2)
        if self._uvicorn is not None and self._thread is not None and self._thread.is_alive():
            self._uvicorn.force_exit = True
            self._thread.join(DRAIN_SECONDS)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()


def address(listening: socket.socket) -> str:
    """Return the URL at which a socket listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(options: ServerOptions) -> socket.socket:
    """Return a socket that listens on the address of the options.

    Raises
    ------
    SettingsError
        If the address does not exist, or the port is in use.
    """
    where = f"{options.host}:{options.port}"
    try:
        found = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        # With the protocol named, asyncio turns Nagle off; else each answer waits 40 ms for a delayed ACK.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(2048)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        raise SettingsError(
            f"the server cannot listen on {where}: {error.strerror or error}", hint="choose another --port"
        ) from error
    return sock

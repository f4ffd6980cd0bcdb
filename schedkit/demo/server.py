"""Runs uvicorn for the demo site."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import uvicorn

from schedkit.demo.gate import Gate, Protocol
from schedkit.errors import UnavailableError, UsageError

_GRACE = 0.5


class Server(uvicorn.Server):
    """A server without signal handlers, which ends at once on request."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = threading.Event()
        self._wake: Callable[[], object] = self._told.set

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """Stop serving; from any thread, or from a signal handler."""
        self._told.set()
        with suppress(RuntimeError):  # its loop has seen the flag at a tick, and is closed
            self._wake()

    async def main_loop(self) -> None:
        """Wait for the request to stop, and keep the Date header current meanwhile."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._wake = partial(loop.call_soon_threadsafe, ended.set)
        ticks = 0
        while not self._told.is_set() and not await self.on_tick(ticks):
            ticks = (ticks + 1) % 864_000
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give running requests half a second, without the tenth of a second that uvicorn always waits."""
        await self._stop_accepting()
        for sock in sockets or ():
            sock.close()
        for connection in tuple(self.server_state.connections):
            connection.shutdown()
        await self._wait_for_tasks()
        for connection in tuple(self.server_state.connections):
            # Ends connections that stall on purpose.
            connection.transport.abort()
        await self._wait_for_tasks()
        await _turns()  # in which the aborted connections are closed

    async def _stop_accepting(self) -> None:
        """Stop accepting connections, and let those just accepted be set up.

        asyncio's `Server.close()` alone never closes a socket that it accepted one turn of the loop before.
        """
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for listening in server.sockets:
                with suppress(NotImplementedError):  # Windows' own loop has no readers
                    loop.remove_reader(listening.fileno())
        await _turns()
        for server in self.servers:
            server.close()

    async def _wait_for_tasks(self) -> None:
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_GRACE)


async def _turns() -> None:
    """Wait as many turns of the loop as asyncio needs to set up a connection (three), or to close one."""
    for _ in range(4):
        await asyncio.sleep(0)


def bind(port: int) -> socket.socket:
    """Return a socket bound to `port` of 127.0.0.1, 0 for a free one.

    Raises
    ------
    UnavailableError
        Where the port is taken.
    """
    # With the protocol named, asyncio turns Nagle off; else each answer waits 40 ms for a delayed ACK.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sock.close()
        raise UnavailableError(
            f"the demo site cannot listen on 127.0.0.1:{port}: {error.strerror}", hint="choose another --port"
        ) from error
    return sock


@dataclass(frozen=True)
class Tls:
    """Serve HTTPS with this certificate and key; with `client_ca`, only to clients with its certificates.

    All three are paths of PEM files.
    """

    cert: str
    key: str
    client_ca: str | None = None


def make_server(gate: Gate, tls: Tls | None = None) -> Server:
    """Return a server of `gate` that is not running yet."""
    config = uvicorn.Config(
        gate, http=Protocol, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, date_header=True, backlog=2048,
    )  # fmt: skip
    if tls is not None:
        config.ssl_certfile, config.ssl_keyfile = tls.cert, tls.key
        if tls.client_ca is not None:
            config.ssl_ca_certs, config.ssl_cert_reqs = tls.client_ca, ssl.CERT_REQUIRED
        try:
            config.load()
        except OSError as error:
            raise UsageError(
                f"demo site: certificate {tls.cert} cannot be used: {error.strerror or error}",
                hint="name PEM files of a certificate and its key",
            ) from error
    return Server(config)

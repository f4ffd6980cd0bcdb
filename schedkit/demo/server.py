"""uvicorn, as the demo site runs it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from schedkit.demo.gate import Gate, Protocol
from schedkit.errors import UnavailableError


class Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(port: int) -> socket.socket:
    """A socket of this machine alone on `port`, 0 for a free one.

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
    """Serve HTTPS with this certificate and key; with `client_ca`, only clients it signed may enter.

    All three are paths of PEM files.
    """

    cert: str
    key: str
    client_ca: str | None = None


def make_server(gate: Gate, tls: Tls | None = None) -> Server:
    """A server in front of `gate`, not yet running."""
    config = uvicorn.Config(
        gate, http=Protocol, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, date_header=True, timeout_graceful_shutdown=1, backlog=2048,
    )  # fmt: skip
    if tls is not None:
        config.ssl_certfile, config.ssl_keyfile = tls.cert, tls.key
        if tls.client_ca is not None:
            config.ssl_ca_certs, config.ssl_cert_reqs = tls.client_ca, ssl.CERT_REQUIRED
    return Server(config)

"""A port on which one connection is accepted: with a certificate, or without TLS at all."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import trustme


@contextmanager
def accepting(certificate: trustme.LeafCert | None) -> Iterator[int]:
    """Yield a port of 127.0.0.1 whose first connection gets this certificate; None: plain HTTP."""

    def answer() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            if certificate is None:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            else:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                certificate.configure_cert(context)
                context.wrap_socket(connection, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()

"""Ports for tests: one that nobody answers at, and one that stays free until it is used."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

# Below the ports that systems give to whoever names none: 32768 and more on Linux, 49152 on others.
_FIRST, _PORTS = 20_000, 12_000
_OFFSETS = itertools.count(os.getpid() * 61)


@contextmanager
def dead_port() -> Iterator[int]:
    """Hold a port of 127.0.0.1 where connections are refused: nobody else can listen there meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def free_port() -> int:
    """Return a port of 127.0.0.1 that no other process is given before the caller listens there."""
    for offset in itertools.islice(_OFFSETS, _PORTS):
        port = _FIRST + offset % _PORTS
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")

"""Messages between two processes: bytes with their length before them."""

from __future__ import annotations

import struct
from typing import IO

__all__ = ["KEPT", "STOP", "receive", "send"]

_HEADER = struct.Struct("!Q")
# To the process that makes a call: its code should stop.
STOP = b"stop"
# To it, too: what it has delivered last is in the ledger.
KEPT = b"kept"


def send(stream: IO[bytes], payload: bytes) -> None:
    """Write a message."""
    stream.write(_HEADER.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """Read a message.

    Raises
    ------
    EOFError
        If the other side has gone.
    """
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise EOFError
    (size,) = _HEADER.unpack(header)
    payload = stream.read(size)
    if len(payload) < size:
        raise EOFError
    return payload

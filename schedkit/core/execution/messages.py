"""Messages between two processes: bytes with their length before them."""

from __future__ import annotations

import struct
from typing import IO

__all__ = ["KEPT", "STOP", "beat", "heard_in", "receive", "send"]

_HEADER = struct.Struct("!Q")
# To the process that makes a call: its code should stop.
STOP = b"stop"
# To it, too: what it has delivered last is in the ledger.
KEPT = b"kept"
# To it, too: when the home of its task gave its last sign of life.
_BEAT = b"beat"
_HEARD = struct.Struct("!d")


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


def beat(heard: float) -> bytes:
    """Return the message that the home gave a sign of life then, on the monotonic clock of the machine."""
    return _BEAT + _HEARD.pack(heard)


def heard_in(message: bytes) -> float | None:
    """Return when the home gave a sign of life, if that is what a message says.

    Examples
    --------
    >>> heard_in(beat(1.5)), heard_in(STOP)
    (1.5, None)
    """
    if len(message) != len(_BEAT) + _HEARD.size or not message.startswith(_BEAT):
        return None
    heard: float = _HEARD.unpack(message[len(_BEAT) :])[0]
    return heard

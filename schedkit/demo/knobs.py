"""Latency and faults as text: ``150ms`` and ``rate=0.1,kinds=429|503|reset``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from schedkit.errors import UsageError

KINDS = ("429", "503", "401", "reset", "truncate", "html", "stall", "lost")
_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0}


@dataclass(frozen=True, slots=True)
class Faults:
    """Which requests fail, and how.

    Parameters
    ----------
    rate : float
        Share of requests that fail, 0 to 1.
    kinds : tuple of str
        Drawn from evenly: ``429`` (its four forms in turn), ``503``, ``401``, ``reset`` (the connection
        breaks), ``truncate``, ``html`` (a login page with status 200), ``stall`` (half an answer, then
        silence), ``lost`` (the request is carried out, its answer never arrives).
    path : str
        Only requests whose path holds this text.
    method : str
        Only requests of this method.
    times : int or None
        At most so many faults, None for no end.
    after : float
        Seconds a 429 asks to wait.
    stall : float
        Seconds of silence before a stalled connection breaks.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = KINDS[:2]
    path: str = ""
    method: str = ""
    times: int | None = None
    after: float = 1.0
    stall: float = 30.0


def parse_latency(text: str | float) -> float:
    """Seconds of ``150ms``, ``0.2s`` or a number of seconds.

    Raises
    ------
    UsageError
        For anything else.

    Examples
    --------
    >>> parse_latency("150ms")
    0.15
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|)\s*", str(text))
    if found is None:
        raise UsageError(f"latency {str(text)!r} is not a duration", hint="write 150ms, 0.2s or seconds")
    return float(found[1]) * _UNITS[found[2]]


def parse_faults(text: str) -> Faults:
    """Faults of ``rate=0.1,kinds=429|503|reset[,path=…][,method=PUT][,times=1][,after=1s][,stall=5s]``.

    Raises
    ------
    UsageError
        For an unknown key or kind, or a rate outside 0 to 1.

    Examples
    --------
    >>> parse_faults("rate=0.1,kinds=429|503").kinds
    ('429', '503')
    """
    values: dict[str, object] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or key not in Faults.__slots__:
            known = ", ".join(Faults.__slots__)
            raise UsageError(f"faults: {part!r} is not understood", hint=f"write key=value with {known}")
        values[key] = _READ[key](value)
    if values and "rate" not in values:
        values["rate"] = 1.0
    return Faults(**values)  # type: ignore[arg-type]  # each value was read by its key's reader


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0.0 <= rate <= 1.0:
        raise UsageError(
            f"faults: rate {text!r} is not between 0 and 1", hint="rate=0.1 fails every tenth request"
        )
    return rate


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split("|"))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UsageError(f"faults: no kind {unknown[0]!r}", hint=f"kinds are {'|'.join(KINDS)}")
    return kinds


def _times(text: str) -> int:
    if not text.isdigit():
        raise UsageError(f"faults: times {text!r} is not a whole number", hint="times=1 fails once")
    return int(text)


_READ: dict[str, Callable[[str], object]] = {
    "rate": _rate,
    "kinds": _kinds,
    "path": str,
    "method": str.upper,
    "times": _times,
    "after": parse_latency,
    "stall": parse_latency,
}

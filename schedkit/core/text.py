"""JSON text that any database can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from schedkit.values.limits import MAX_DEPTH
from schedkit.values.text import ELLIPSIS, clean

__all__ = ["dump", "load"]


def _as_text(value: object) -> str:
    # Its text is made by code of its own, which may fail; what a run notes must be written all the same.
    try:
        return clean(str(value))
    except Exception as failure:
        return f"({type(value).__name__}, no text: asking for it raised {type(failure).__name__})"


_encoder = msgspec.json.Encoder(enc_hook=_as_text)


def dump(value: Any) -> str:
    """Return JSON text of anything; what JSON does not know becomes its text."""
    try:
        return _encoder.encode(value).decode()
    except Exception:
        return _encoder.encode(_plain(value)).decode()


def _plain(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _as_text(value)
    if depth == MAX_DEPTH:  # it may hold itself
        return ELLIPSIS
    if isinstance(value, Mapping):
        return {_as_text(key): _plain(inside, depth + 1) for key, inside in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inside, depth + 1) for inside in value]
    try:
        known = msgspec.to_builtins(value, enc_hook=_as_text, str_keys=True)
    except Exception:
        return _as_text(value)
    return _plain(known, depth + 1)


def load(text: str | None) -> Any:
    """Return the value of JSON text, None for None."""
    return None if text is None else msgspec.json.decode(text)

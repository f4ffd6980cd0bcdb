"""JSON text that any database can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["clean", "dump", "load"]

_encoder = msgspec.json.Encoder(enc_hook=str)


def clean(text: str) -> str:
    """Return text that any database can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def dump(value: Any) -> str:
    """Return JSON text; what JSON does not know becomes its text."""
    try:
        return _encoder.encode(value).decode()
    except (UnicodeEncodeError, TypeError):
        return _encoder.encode(_plain(msgspec.to_builtins(value, enc_hook=str, str_keys=True))).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _plain(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inside) for inside in value]
    return value


def load(text: str | None) -> Any:
    """Return the value of JSON text, None for None."""
    return None if text is None else msgspec.json.decode(text)

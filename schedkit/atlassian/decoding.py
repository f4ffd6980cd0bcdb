"""Decoding JSON in which a character is broken: the rest of the page is kept.

A length limit that counts as Java does cuts an emoji in two, some databases give bytes that are no UTF-8, and
some proxies put a byte order mark in front.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from schedkit.atlassian.messages import Body

__all__ = ["decoded"]

# Half a pair, or what holds no half: a backslash of its own, a whole pair.
_HALF = re.compile(r"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)")


def decoded(body: Body, kind: Any = Any, *, strict: bool = True) -> Any:
    """Return the value of JSON, of a type; half characters become U+FFFD.

    Raises
    ------
    msgspec.DecodeError
        If it is not JSON, or of another type.

    Examples
    --------
    >>> decoded(b'["cut \\\\ud83d here"]') == ["cut \\ufffd here"]
    True
    """
    try:
        return msgspec.json.decode(body, type=kind, strict=strict)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = bytes(body).decode("utf-8", "replace").removeprefix("\ufeff")
        text = _HALF.sub(lambda m: "\\ufffd" if m[1] else m[0], text)
        return msgspec.json.decode(text, type=kind, strict=strict)

"""Whether a client already has an answer (``If-None-Match``)."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["is_known"]

_TAG = re.compile(r'"[^"]*"')


def is_known(etag: str, known: Sequence[str]) -> bool:
    """Tell whether the headers ``If-None-Match`` of a request name this ETag.

    They are compared weakly (RFC 9110, 13.1.2): a proxy that compresses an answer makes its ETag weak.
    """
    if known == [etag]:
        return True
    text = ",".join(known)
    return text.strip() == "*" or etag.removeprefix("W/") in _TAG.findall(text)

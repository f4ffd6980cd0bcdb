"""What requests ask: bodies, pages, numbers."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request


async def body_of(request: Request) -> dict[str, Any]:
    """The decoded JSON object; any other body counts as an empty one, which handlers then refuse."""
    try:
        found = msgspec.json.decode(await request.body() or b"{}")
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def page_of(request: Request, cap: int) -> tuple[int, int]:
    """`startAt` and `maxResults` of a request, the latter capped."""
    start = whole(request.query_params.get("startAt"), 0)
    return start, min(whole(request.query_params.get("maxResults"), cap), cap)


def whole(value: Any, default: int) -> int:
    """A non-negative whole number, or the default."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else default

"""Limits on the size of a request, and on the time that its body takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
from starlette.types import Message, Receive, Scope

from schedkit.server.guard import Refusal

__all__ = ["MAX_BODY_BYTES", "RequestRefusedError", "bounded_body", "refused_head"]

MAX_BODY_BYTES = 1_000_000
MAX_HEADER_BYTES = 32_000
MAX_HEADERS = 100
MAX_PATH_BYTES = 4_000
MAX_QUERY_BYTES = 8_000
BODY_SECONDS = 10.0


class RequestRefusedError(Exception):
    """Raised to refuse a request before its body is read to its end."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refused_head(scope: Mapping[str, Any]) -> Refusal | None:
    """Return why a path, query or headers are refused; None if they are within the limits."""
    headers = scope["headers"]
    if (
        len(headers) > MAX_HEADERS
        or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES
    ):
        return Refusal(431, f"more than {MAX_HEADERS} headers, or {MAX_HEADER_BYTES:,} bytes of them")
    if len(scope["path"]) > MAX_PATH_BYTES or len(scope["query_string"]) > MAX_QUERY_BYTES:
        return Refusal(414, f"a path over {MAX_PATH_BYTES:,} bytes, or a query over {MAX_QUERY_BYTES:,}")
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        return Refusal(400, "the path or the query contains a NUL character")
    return None


async def bounded_body(scope: Scope, receive: Receive) -> Receive:
    """Read the body of a request, and return a `receive` that gives it again.

    Raises
    ------
    RequestRefusedError
        If it is larger than `MAX_BODY_BYTES`, takes longer than `BODY_SECONDS`, or the client leaves.
    """
    _refuse_announced(scope)
    chunks: list[bytes] = []
    size = 0
    with anyio.move_on_after(BODY_SECONDS) as patience:
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise RequestRefusedError(Refusal(400, "the client left before its request was complete"))
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > MAX_BODY_BYTES:
                raise RequestRefusedError(_TOO_LARGE)
            more = message.get("more_body", False)
    if patience.cancelled_caught:
        raise RequestRefusedError(Refusal(408, f"the body was not complete after {BODY_SECONDS:g} s"))
    return _again(b"".join(chunks), receive)


_TOO_LARGE = Refusal(413, f"a body over {MAX_BODY_BYTES:,} bytes", "write the data to a file, give its path")


def _refuse_announced(scope: Scope) -> None:
    for name, value in scope["headers"]:
        # What is no number the server's own reader of HTTP refuses.
        if name == b"content-length" and value.isdigit() and int(value[:20]) > MAX_BODY_BYTES:
            raise RequestRefusedError(_TOO_LARGE)


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

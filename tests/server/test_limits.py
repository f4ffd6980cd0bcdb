"""Large, slow and malformed requests are refused before anything is done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from starlette.types import Message

from schedkit.server import limits
from schedkit.server.limits import MAX_BODY_BYTES, RequestRefusedError, bounded_body, refused_head


def scope(path: str = "/", query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None) -> Any:
    return {"path": path, "query_string": query, "headers": headers or []}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (scope(), None),
        (scope(headers=[(b"x", b"y")] * 101), 431),
        (scope(headers=[(b"x", b"y" * 33_000)]), 431),
        (scope(path="/" + "a" * 4000), 414),
        (scope(query=b"a" * 8001), 414),
        (scope(path="/tasks/\x00"), 400),
        (scope(query=b"task=%00"), 400),
    ],
)
def test_heads(given: Any, status: int | None) -> None:
    refusal = refused_head(given)
    assert (refusal and refusal.status) == status


def receiving(*chunks: bytes, more_comes: bool = False) -> Callable[[], Any]:
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": more_comes or number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        if more_comes:
            await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    return receive


def body_of(given: Any, receive: Callable[[], Any]) -> bytes:
    async def read() -> bytes:
        again = await bounded_body(given, receive)
        first = await again()
        assert (await again())["type"] == "http.disconnect"
        return bytes(first["body"])

    return anyio.run(read)


def refused(given: Any, receive: Callable[[], Any]) -> int:
    async def read() -> None:
        await bounded_body(given, receive)

    with pytest.raises(RequestRefusedError) as told:
        anyio.run(read)
    return told.value.refusal.status


def test_a_body_is_given_again_whole() -> None:
    assert body_of(scope(), receiving(b"a", b"", b"bc")) == b"abc"
    assert body_of(scope(), receiving(b"x" * MAX_BODY_BYTES)) == b"x" * MAX_BODY_BYTES


def test_large_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(scope(), receiving(b"x" * MAX_BODY_BYTES, b"y")) == 413
    for length in (str(MAX_BODY_BYTES + 1), "9" * 5000):
        announced = scope(headers=[(b"content-length", length.encode())])
        assert refused(announced, receiving(more_comes=True)) == 413


def test_a_slow_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)
    assert refused(scope(), receiving(b"x", more_comes=True)) == 408


def test_a_client_that_leaves() -> None:
    assert refused(scope(), receiving()) == 400

"""The wrapper around the application: what it lets through, and how failures are answered."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from schedkit.core.store.database import Store
from schedkit.core.store.tokens import Tokens
from schedkit.server.guard import Guard
from schedkit.server.hidden_paths import HiddenPaths
from schedkit.server.sessions import KnownTokens
from schedkit.server.wrapper import ACCESS, Wrapper


def wrapped(app: ASGIApp, folder: Path, *, opened: bool = True) -> Wrapper:
    store = Store(folder / "ledger.db")
    if opened:
        store.open()
    known = KnownTokens(Tokens(store))
    guard = Guard(by_token=known.access, by_session=lambda cookie: None, hosts=("localhost",))
    return Wrapper(app, guard, known, HiddenPaths([folder]))


def asked(app: ASGIApp, kind: str = "http") -> list[Any]:
    """Return what an application sends."""
    sent: list[Any] = []
    scope = {
        "type": kind,
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 5),
        "server": ("localhost", 8000),
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(app, scope, receive, send)
    return sent


def test_the_application_finds_who_asks(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope[ACCESS].actor if scope["type"] == "http" else scope["type"])
        if scope["type"] == "http":
            await send(
                {"type": "http.response.start", "status": 204, "headers": [(b"referrer-policy", b"x")]}
            )
            await send({"type": "http.response.body", "body": b""})

    start, _ = asked(wrapped(app, tmp_path))
    asked(wrapped(app, tmp_path), "lifespan")
    assert seen == ["local", "lifespan"]
    headers = dict(start["headers"])
    assert (headers[b"referrer-policy"], headers[b"x-frame-options"]) == (b"x", b"DENY")


def test_what_nobody_foresaw_is_logged_and_tells_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("secret")

    with caplog.at_level(logging.ERROR):
        start, body = asked(wrapped(app, tmp_path))
    assert (start["status"], json.loads(body["body"])["title"]) == (500, "Internal Server Error")
    assert b"secret" not in body["body"]
    assert "secret" in caplog.text


def test_an_answer_that_breaks_off_is_not_made_whole(tmp_path: Path) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError

    with pytest.raises(ConnectionError, match="broke off"):
        asked(wrapped(app, tmp_path))


def test_what_was_answered_before_the_failure_stays(tmp_path: Path) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"told"})
        raise ValueError

    assert [message.get("body") for message in asked(wrapped(app, tmp_path))] == [None, b"told"]


def test_without_a_ledger_nobody_is_judged(tmp_path: Path) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("let in unjudged")

    start, body = asked(wrapped(app, tmp_path, opened=False))
    assert start["status"] == 503
    assert str(tmp_path).encode() not in body["body"]

"""Who may, for every route that the application has: a route that is new is in here by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.rest import AWAY, HERE, Rest, client, token

from schedkit.core.store.tokens import SCOPES
from schedkit.server.routes.system import ADMIN_PATHS, OPEN_ROUTES

FOREIGN = {"host": "evil.example.com"}
CROSS = {"sec-fetch-site": "same-site", "origin": "http://localhost:8888"}
CLOSED = (401, 403, 421)


def routes(app: Any) -> list[tuple[str, str]]:
    """Return the method and the path of every route."""
    found = [(method, route.path) for route in app.routes.routes for method in sorted(route.methods)]
    return [(method, path) for method, path in found if method != "HEAD"]


def filled(path: str) -> str:
    """Return a path of which the parameters name nothing that exists, so that nothing is changed."""
    values = {"{number}": "0", "{status}": "DONE"}
    return re.sub(r"\{\w+\}", lambda found: values.get(found[0], "nothing0"), path)


@pytest.fixture(scope="module")
def tokens(app: Any, folder: Path) -> dict[str, str]:
    return {scope: token(folder, f"matrix {scope}", scope) for scope in SCOPES}


def test_there_are_the_routes_that_the_guard_names(app: Any) -> None:
    known = routes(app)
    assert len(known) > 35
    assert set(known) >= OPEN_ROUTES
    assert {path for _, path in known} >= ADMIN_PATHS


Caller = tuple[str, str, int | None, dict[str, str]]


def callers(method: str, template: str, tokens: dict[str, str]) -> Iterator[Caller]:
    """Yield who asks: a name, an address, the guard's status (None: let in), and headers."""
    opened = (method, template) in OPEN_ROUTES
    unsafe, admin = method not in ("GET", "OPTIONS"), template in ADMIN_PATHS
    needed = "admin" if admin else "act" if unsafe else "read"
    for address in (HERE, AWAY):
        yield "a foreign host", address, 421, FOREIGN
    if opened and method == "POST":  # the sign-in refuses who has no token by itself
        yield "a page next door", HERE, 403, CROSS
        return
    yield "a stranger", AWAY, None if opened else 401, {}
    yield "a wrong token", AWAY, None if opened else 401, {"authorization": "Bearer sk_00000000_x"}
    yield "a wrong login", HERE, None if opened else 401, {"authorization": "Basic eDp5"}
    yield "this machine", HERE, 403 if admin else None, {}
    yield "this machine by a proxy", HERE, None if opened else 401, {"x-forwarded-for": "1.2.3.4"}
    if unsafe:
        yield "a page next door", HERE, 403, CROSS
    for scope in SCOPES:
        allowed = opened or SCOPES.index(scope) >= SCOPES.index(needed)
        bearer = {"authorization": f"Bearer {tokens[scope]}"}
        yield f"the scope {scope}", AWAY, None if allowed else 403, bearer


def test_every_route_by_every_caller(app: Any, tokens: dict[str, str]) -> None:
    wrong: list[str] = []

    async def ask() -> None:  # in one event loop: there are some four hundred
        asking = {address: client(app, address) for address in (HERE, AWAY)}
        for method, template in routes(app):
            path = filled(template)
            if (method, path) == ("GET", "/api/v1/events"):
                path += "?run=x;y"  # refused after the guard, where it would go on for ever
            for name, address, expected, headers in callers(method, template, tokens):
                answer = await asking[address].request(method, path, headers=headers)
                status = answer.status_code
                if status != expected if expected else status in CLOSED:
                    wrong.append(f"{method} {path} by {name}: {status}, not {expected or 'let in'}")
                assert not answer.cookies

    anyio.run(ask)
    assert wrong == []


def test_what_has_no_route_is_closed_too(app: Any) -> None:
    for path in ("/nothing", "/docs/", "/login/", "/healthz/", "/static/../docs", "//healthz"):
        assert Rest(app, AWAY).get(path).status_code == 401


def test_websockets_are_refused(app: Any) -> None:
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        scope = {"type": "websocket", "path": "/healthz", "headers": [], "query_string": b""}
        await app(scope, receive, send)

    anyio.run(ask)
    assert sent == [{"type": "websocket.close", "code": 1008}]

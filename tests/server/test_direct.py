"""Routes that are called without FastAPI's layers: which they are, and that they answer all the same."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI, Request, Response
from support.rest import HOST, Rest, client

from schedkit.server.direct import DirectRoutes
from schedkit.server.problems import ProblemError

LARGE = ("/scheduler/status", "/scheduler/tasks", "/tasks", "/metrics", "/api/v1/board")


@pytest.fixture(scope="module")
def direct(app: Any) -> DirectRoutes:
    return DirectRoutes(app.routes)


def test_the_large_answers_are_among_them(direct: DirectRoutes) -> None:
    assert direct.paths >= set(LARGE)
    assert not [path for path in direct.paths if "{" in path]


def test_they_are_routes_of_the_document_and_of_the_guard(app: Any, direct: DirectRoutes) -> None:
    documented = app.routes.openapi()["paths"]
    assert {path for path in LARGE if "get" in documented[path]} == set(LARGE)
    assert direct.paths <= {route.path for route in app.routes.routes}


@pytest.mark.parametrize("path", LARGE)
def test_they_answer_what_the_routes_behind_them_answer(app: Any, rest: Rest, path: str) -> None:
    async def behind() -> httpx.Response:
        async with client(app) as asking:
            return await asking.get(f"{path}?unknown=1")

    answer = rest.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == anyio.run(behind).headers["content-type"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_only_what_takes_nothing_but_the_request_and_by_get() -> None:
    app = FastAPI()

    @app.get("/plain")
    async def plain(request: Request) -> Response:
        return Response(b"plain")

    @app.get("/counted")
    async def counted(request: Request, count: int) -> Response:
        return Response(b"counted")

    @app.post("/made")
    async def made(request: Request) -> Response:
        return Response(b"made")

    direct = DirectRoutes(app)
    assert direct.paths == {"/plain"}

    async def ask() -> list[tuple[int, bytes]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(direct), base_url=HOST) as asking:
            answers = [
                await asking.get("/plain"),
                await asking.get("/counted?count=x"),
                await asking.post("/made"),
                await asking.post("/plain"),
            ]
        return [(answer.status_code, answer.content[:7]) for answer in answers]

    assert anyio.run(ask) == [(200, b"plain"), (422, b'{"detai'), (200, b"made"), (405, b'{"detai')]


def test_a_problem_of_theirs_is_answered_as_one(
    app: Any, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from schedkit.server.pictures import Pictures

    async def fail(self: Pictures) -> None:
        raise ProblemError(409, "no picture", "ask later")

    monkeypatch.setattr(Pictures, "current", fail)
    answer = rest.get("/scheduler/status")
    assert (answer.status_code, answer.json()["detail"]) == (409, "no picture")

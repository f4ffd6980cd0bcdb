"""What clients and proxies send that browsers and curl do not: the rules of HTTP for every route."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import anyio
import pytest
from support.rest import AWAY, Rest, client

from schedkit.server.routes.system import ADMIN_PATHS

ASKED = {"tags": ["SITE"], "task_type": "IMMEDIATE"}
JSON = {"content-type": "application/json"}


def test_head_is_answered_as_get_without_a_body(rest: Rest) -> None:
    """HAProxy's and Uptime Kuma's checks, ``curl -I`` and ``wget --spider`` send it."""
    for path in ("/healthz", "/readyz", "/scheduler/status", "/api/v1/runs", "/docs"):
        head, whole = rest.request("HEAD", path), rest.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert int(head.headers["content-length"]) > 0
    assert rest.request("HEAD", "/api/v1/runs/nothing0").status_code == 404
    assert rest.request("HEAD", "/login/x").status_code == 404


def test_the_head_of_a_stream_ends(rest: Rest) -> None:
    head = rest.request("HEAD", "/api/v1/events")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


def test_a_head_is_judged_as_its_get(app: Any) -> None:
    stranger = Rest(app, AWAY)
    assert stranger.request("HEAD", "/healthz").status_code == 200
    assert stranger.request("HEAD", "/scheduler/status").status_code == 401
    assert Rest(app).request("HEAD", "/api/v1/audit").status_code == 403


def test_a_method_that_a_path_does_not_take(app: Any) -> None:
    """Allow names the methods of all routes of a path (RFC 9110, 15.5.6)."""
    taken: dict[str, set[str]] = {}
    for route in [route for route in app.routes.routes if route.path not in ADMIN_PATHS]:
        path = re.sub(r"\{status\}", "DONE", re.sub(r"\{number\}", "0", route.path))
        taken.setdefault(re.sub(r"\{\w+\}", "nothing0", path), set()).update(route.methods)

    async def ask() -> dict[str, set[str]]:
        async with client(app) as asking:
            answers = {path: await asking.request("DELETE", path) for path in taken}
        assert {answer.status_code for answer in answers.values()} == {405}
        return {path: set(answer.headers["allow"].split(", ")) for path, answer in answers.items()}

    allowed = anyio.run(ask)
    assert allowed["/tasks"] == {"GET", "HEAD", "POST"}
    assert {path for path in taken if not taken[path] <= allowed[path]} == set()


def test_a_path_that_is_none(rest: Rest) -> None:
    for path in ("/nothing", "/tasks/", "/healthz;x=1", "/scheduler/tasks/a%2Fb"):
        problem = rest.get(path).json()
        assert problem["status"] == 404
        assert problem["detail"].startswith("there is no path '/")
        assert problem["hint"] == "GET /openapi.json lists them"


def test_a_slash_in_a_name_opens_no_other_route(rest: Rest) -> None:
    """Names have no slash, so an encoded one means what a plain one does, also to the guard."""
    plain, encoded = (rest.get(f"/scheduler/tasks/crawl_site{slash}history").json() for slash in ("/", "%2F"))
    assert plain == encoded


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({}, json.dumps(ASKED).encode(), 201),
        ({"content-type": "application/json; charset=utf-8"}, json.dumps(ASKED).encode(), 201),
        ({"content-encoding": "identity"}, json.dumps(ASKED).encode(), 201),
        ({}, b"\xef\xbb\xbf" + json.dumps(ASKED).encode(), 201),
        ({"content-encoding": "gzip"}, gzip.compress(json.dumps(ASKED).encode()), 415),
        ({"content-type": "text/json"}, json.dumps(ASKED).encode(), 415),
        ({}, json.dumps(ASKED).encode("utf-16"), 422),
    ],
    ids=["plain", "charset", "identity", "mark of UTF-8", "gzip", "text/json", "UTF-16"],
)
def test_how_a_body_may_be_written(rest: Rest, headers: dict[str, str], content: bytes, status: int) -> None:
    answer = rest.post("/tasks", content=content, headers={**JSON, **headers})
    assert answer.status_code == status, answer.text


def test_one_key_only(rest: Rest) -> None:
    headers = [("idempotency-key", "a"), ("idempotency-key", "b"), *JSON.items()]
    answer = rest.post("/tasks", content=json.dumps(ASKED), headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "the header idempotency-key is given more than once",
    )

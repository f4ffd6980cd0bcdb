"""The server on a real port: what it takes, how it ends."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.rest import served, token
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.database import Store
from schedkit.core.store.tokens import Tokens
from schedkit.errors import SettingsError
from schedkit.server import Server, ServerOptions, serving

Served = tuple[Scheduler, Server]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def both(folder: Path) -> Iterator[Served]:
    options = ServerOptions(port=0)
    with served(folder, options) as (scheduler, app), Server(app, options) as server:
        yield scheduler, server


@pytest.fixture
def url(both: Served) -> str:
    return both[1].url


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def messages(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield the events of a stream but for the first, who looks: their kind and their data."""
    events = all_messages(lines)
    assert next(events)[0] == "access"
    return events


def all_messages(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield the events of a stream: their kind and their data."""
    kind = "message"
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data:"):
            text = line.removeprefix("data:").strip()
            yield kind, json.loads(text) if text.startswith("{") else text
            kind = "message"


def test_it_answers_over_http(url: str) -> None:
    answer = httpx.get(f"{url}/scheduler/status", timeout=60)
    assert answer.json()["running"] is True
    assert "server" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_answers_while_the_users_loop_is_blocked(both: Served) -> None:
    """The server has a thread and a loop of its own."""
    scheduler, server = both
    begun, go_on = threading.Event(), threading.Event()

    @scheduler.task
    async def blocks() -> None:
        begun.set()
        go_on.wait(60)

    run = blocks.submit()
    try:
        assert begun.wait(60)
        assert httpx.get(f"{server.url}/scheduler/status", timeout=60).is_success
        assert httpx.get(f"{server.url}/api/v1/runs/{run.id}", timeout=60).json()["state"] == "RUNNING"
    finally:
        go_on.set()
        run.wait("60s")
        scheduler.remove("blocks")
    assert "schedkit-server" in {thread.name for thread in threading.enumerate()}


def test_who_sends_no_head_is_not_waited_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.1)
    for begun in (b"", b"GET /healthz HTTP/1.1\r\nHost: local", b"GET /healthz HTTP/1.1\r\n" * 1):
        with connected(url) as client:
            client.sendall(begun)
            assert client.recv(1000) == b""


def test_an_endless_head_is_refused(url: str) -> None:
    for head in (b"GET /" + b"a" * 20_000, b"GET / HTTP/1.1\r\n" + b"x-y: " + b"a" * 60_000 + b"\r\n\r\n"):
        with connected(url) as client:
            client.sendall(head + b" HTTP/1.1\r\n\r\n")
            assert client.recv(1000).startswith((b"HTTP/1.1 400", b"HTTP/1.1 414"))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET http://evil.example.com/healthz HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"GET /scheduler/tasks/%ff%fe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET /tasks?x=\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ],
)
def test_malformed_requests_are_the_clients_fault(url: str, raw: bytes) -> None:
    with connected(url) as client:
        client.sendall(raw)
        first = client.recv(100)
    assert first == b"" or b" 4" in first[:14] or (b"200 OK" in first and b"?x=" in raw)


def test_a_page_sees_what_happens(both: Served) -> None:
    scheduler, server = both
    with httpx.stream("GET", f"{server.url}/api/v1/events", timeout=60) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-accel-buffering"] == "no"
        heard = messages(stream.iter_lines())
        _, snapshot = next(heard)
        assert (snapshot["kind"], len(snapshot["tasks"])) == ("snapshot", 4)
        scheduler.pause("crawl_site")
        _, change = next(heard)
        assert change["tasks"]["crawl_site"]["paused"] is True
        scheduler.resume("crawl_site")


def test_a_page_goes_on_where_its_stream_broke_off(both: Served) -> None:
    scheduler, server = both
    url = f"{server.url}/api/v1/events"
    with httpx.stream("GET", url, timeout=60) as stream:
        last = next(line for line in stream.iter_lines() if line.startswith("id: ")).removeprefix("id: ")
    scheduler.pause("crawl_site")
    for query, headers in (({"since": last}, {}), ({"since": "other-1"}, {"last-event-id": last})):
        with httpx.stream("GET", url, params=query, headers=headers, timeout=60) as stream:
            _, change = next(messages(stream.iter_lines()))
        assert (change["kind"], change["tasks"]["crawl_site"]["paused"]) == ("changes", True)
    with httpx.stream("GET", url, params={"since": "other-1"}, timeout=60) as stream:
        assert next(messages(stream.iter_lines()))[1]["kind"] == "snapshot"
    scheduler.resume("crawl_site")


def test_who_looks_is_told_what_they_may(both: Served, folder: Path) -> None:
    bearer = {"authorization": f"Bearer {token(folder, 'looker', 'read')}"}
    with httpx.stream("GET", f"{both[1].url}/api/v1/events", headers=bearer, timeout=60) as stream:
        first = next(all_messages(stream.iter_lines()))
    assert first == ("access", {"actor": "looker", "scopes": ["read"], "signed_in": True})


def test_the_log_of_a_run_comes_where_it_is_asked_for(both: Served) -> None:
    scheduler, server = both
    run = scheduler.submit("crawl_site", pages=9)
    run.result("60s")
    with httpx.stream("GET", f"{server.url}/api/v1/events", params={"run": run.id}, timeout=60) as stream:
        heard = (message for _, message in messages(stream.iter_lines()))
        # The first snapshot may be from before the run was opened.
        row = next(row for message in heard if (row := run_in(message, run.id)) and row.get("log"))
    assert [line["message"] for line in row["log"]] == ["crawled 9 pages"]


def run_in(message: dict[str, Any], run: str) -> dict[str, Any] | None:
    """Return a run of a message: of a snapshot, which may be a moment old, or of a change."""
    runs = message["runs"]
    rows: dict[str, Any] = runs if isinstance(runs, dict) else {row["id"]: row for row in runs}
    return rows.get(run)


def test_a_stream_ends_when_its_token_is_revoked(both: Served, folder: Path) -> None:
    _, server = both
    bearer = {"authorization": f"Bearer {token(folder, 'viewer', 'read')}"}
    with httpx.stream("GET", f"{server.url}/api/v1/events", headers=bearer, timeout=60) as stream:
        heard = messages(stream.iter_lines())
        next(heard)
        Tokens(Store(folder / "ledger.db")).revoke("viewer")
        assert list(heard)[-1] == ("closed", "access ended")
    assert httpx.get(f"{server.url}/tasks", headers=bearer, timeout=60).status_code == 401


def test_too_many_streams(both: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from schedkit.server.routes import board

    monkeypatch.setattr(board, "MOST_STREAMS", 0)
    answer = httpx.get(f"{both[1].url}/api/v1/events", timeout=60)
    assert (answer.status_code, answer.json()["title"]) == (429, "Too Many Requests")


def test_the_end_does_not_wait_for_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "DRAIN_SECONDS", 3600)
    options = ServerOptions(port=0)
    with served(tmp_path, options) as (_, app):
        server = Server(app, options)
        server.start()
        with httpx.stream("GET", f"{server.url}/api/v1/events", timeout=60) as stream:
            heard = messages(stream.iter_lines())
            next(heard)
            server.stop()
            assert list(heard) == []
        wait_until(lambda: _refused(server.url))


def _refused(url: str) -> bool:
    try:
        connected(url).close()
    except OSError:
        return True
    return False


def test_a_port_that_is_taken(both: Served) -> None:
    scheduler, server = both
    taken = ServerOptions(port=int(server.url.rpartition(":")[2]))
    with pytest.raises(SettingsError, match=r"cannot listen on 127.0.0.1:.*choose another --port"):
        Server(served_app(scheduler), taken).start()
    with pytest.raises(SettingsError, match=r"cannot listen on no\.such\.host"):
        Server(served_app(scheduler), ServerOptions(host="no.such.host.invalid")).start()


def served_app(scheduler: Scheduler) -> Any:
    from schedkit.server import asgi

    return asgi(scheduler)


def test_options_that_cannot_be() -> None:
    for wrong, words in (
        ({"port": 70000}, "invalid port 70000"),
        ({"proxy_scope": "actt"}, "did you mean 'act'"),
        ({"proxies": ("proxy.example.com",)}, "an IP address, not a name"),
    ):
        with pytest.raises(SettingsError, match=words):
            ServerOptions(**wrong)
    assert {"sched.example.com", "localhost"} <= ServerOptions(host_names=("Sched.example.com",)).names
    assert "0.0.0.0" not in ServerOptions(host="0.0.0.0").names

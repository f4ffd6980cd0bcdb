"""The application inside one's own: the same answers below a prefix, and the same guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI
from support.rest import AWAY, HOST, Rest, token

from schedkit.core.api.scheduler import Scheduler
from schedkit.server import ServerOptions, asgi


def test_mounted_in_an_application_with_its_own_lifespan(tmp_path: Path) -> None:
    """As document 004 writes it: the scheduler starts and stops with the application."""
    sched = Scheduler(str(tmp_path / "ledger.db"))

    @sched.task
    def crawl_site() -> str:
        return "done"

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await sched.aio.start()
        yield
        await sched.aio.stop()

    app = FastAPI(lifespan=lifespan)
    app.mount("/schedkit", asgi(sched))

    async def use() -> None:
        async with lifespan(app):
            transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
            async with httpx.AsyncClient(transport=transport, base_url=HOST, timeout=60) as client:
                status = await client.get("/schedkit/scheduler/status")
                assert status.json()["task_count"] == 1
                made = await client.post("/schedkit/scheduler/tasks/crawl_site/trigger")
                assert await sched.aio.result(made.json()["run_id"]) == "done"
                assert (await client.get("/schedkit/audit")).status_code == 403
                assert (await client.get("/schedkit/docs")).status_code == 200

    anyio.run(use)


def test_the_guard_is_the_same_below_a_prefix(tmp_path: Path) -> None:
    with Scheduler(str(tmp_path / "ledger.db")) as sched:
        app = FastAPI()
        app.mount("/schedkit", asgi(sched))
        stranger = Rest(app, AWAY)
        assert stranger.get("/schedkit/healthz").status_code == 200
        assert stranger.get("/schedkit/tasks").status_code == 401
        assert stranger.get("/schedkit/schedkit/healthz").status_code == 401
        browser = Rest(app, AWAY, origin=HOST)
        answer = browser.post("/schedkit/login", json={"token": token(tmp_path, "ann", "read")})
        assert "Path=/schedkit" in answer.headers["set-cookie"]
        assert browser.get("/schedkit/tasks").status_code == 200
        assert browser.get("/schedkit/audit").status_code == 403


def test_where_this_machine_needs_a_token_too(tmp_path: Path) -> None:
    with Scheduler(str(tmp_path / "ledger.db")) as sched:
        rest = Rest(asgi(sched, ServerOptions(loopback=False)))
        assert rest.get("/tasks").status_code == 401
        assert rest.get("/healthz").status_code == 200


def test_users_of_a_proxy(tmp_path: Path) -> None:
    with Scheduler(str(tmp_path / "ledger.db")) as sched:

        @sched.task
        def one() -> None: ...

        options = ServerOptions(proxies=(AWAY,), proxy_scope="act", user_header="X-Remote-User")
        proxy = Rest(asgi(sched, options), AWAY, **{"x-remote-user": "ann"})
        assert proxy.post("/scheduler/tasks/one/disable", headers={"origin": HOST}).status_code == 200
        assert Rest(asgi(sched, options), AWAY).get("/tasks").status_code == 401


def test_a_ledger_that_is_away_is_no_fault_of_the_client(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sched = Scheduler(str(tmp_path / "ledger.db"))
    sched.watch()
    rest = Rest(asgi(sched))
    assert rest.get("/readyz").status_code == 200
    (tmp_path / "ledger.db").rename(tmp_path / "gone.db")
    answer = rest.get("/task_history")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:schedkit:LedgerError")
    assert str(tmp_path) not in answer.text
    unready = rest.get("/readyz")
    assert (unready.status_code, unready.headers["content-type"]) == (503, "application/json")
    assert unready.json() == {"status": "the ledger cannot be read"}
    (tmp_path / "gone.db").rename(tmp_path / "ledger.db")
    sched.stop()

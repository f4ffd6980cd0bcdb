"""A scheduler behind its server, asked in this process: no socket, the whole application."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
from support.waiting import wait_until

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import State
from schedkit.core.store.database import Store
from schedkit.core.store.tokens import Tokens
from schedkit.core.triggers.constructors import cron, every
from schedkit.server import ServerOptions, asgi

HOST = "http://localhost:8000"
HERE, AWAY = "127.0.0.1", "10.9.8.7"


class Rest:
    """A client that calls an application from an address, and keeps its cookies."""

    def __init__(self, app: Any, address: str = HERE, **headers: str) -> None:
        self._client = functools.partial(client, app, address, headers=headers)
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Ask, and return the answer."""

        async def ask() -> httpx.Response:
            async with self._client(cookies=self.cookies) as asking:
                answer = await asking.request(method, path, **given)
                self.cookies = asking.cookies
                return answer

        return anyio.run(ask)

    def get(self, path: str, **given: Any) -> httpx.Response:
        """Read."""
        return self.request("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        """Change."""
        return self.request("POST", path, **given)


def client(app: Any, address: str = HERE, **options: Any) -> httpx.AsyncClient:
    """Return a client that calls an application from an address."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=(address, 5)), base_url=HOST, **options
    )


@contextmanager
def served(folder: Path, options: ServerOptions | None = None) -> Iterator[tuple[Scheduler, Any]]:
    """Run a scheduler with a few tasks; yield it and its application."""
    with Scheduler(str(folder / "ledger.db"), results=folder / "results", tz="UTC") as scheduler:
        declare(scheduler, folder)
        yield scheduler, asgi(scheduler, options)


def declare(scheduler: Scheduler, folder: Path) -> None:
    """Declare tasks that return, fail, write a file, and wait."""

    @scheduler.task(cron("0 2 * * *"), description="定时爬取站点内容", tags=("SITE",))
    def crawl_site(pages: int = 1) -> int:
        context.log(f"crawled {pages} pages")
        return pages

    @scheduler.task(every("1h"), name="JIRA Extraction - Root Ticket ü")
    def export() -> str:
        path = folder / "report.xlsx"
        path.write_bytes(b"PK rows")
        context.artifact(path, "Report")
        return "done"

    @scheduler.task
    def fails(why: str = "no such project") -> None:
        raise ValueError(f"{why} in {folder / 'x.csv'}")

    @scheduler.task
    def waits() -> None:
        while True:
            time.sleep(0.01)
            context.checkpoint()


def token(folder: Path, name: str, scope: str) -> str:
    """Make a token of the ledger in a folder."""
    return Tokens(Store(folder / "ledger.db")).new(name, scope)[1]


def ended(rest: Rest, run: str) -> dict[str, Any]:
    """Return a run when it has ended."""

    def look() -> dict[str, Any] | None:
        row: dict[str, Any] = rest.get(f"/api/v1/runs/{run}").json()
        return row if State(row["state"]).final else None

    found: dict[str, Any] = wait_until(look)
    return found

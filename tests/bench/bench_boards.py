"""Boards in browsers: what open ones cost the server, and how soon one with 5,000 tasks is painted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.browser_lab import NoChromiumError, chromium

from bench.common import Row, median
from bench.sides import run_side
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.tasks.declare import declare
from schedkit.core.triggers.constructors import every
from schedkit.server import Server, ServerOptions, asgi

READERS, UPDATES, SECONDS, ROUNDS = 20, 200, 5, 3
CPU_BUDGET_PERCENT = 6.0
TASKS, PAINT_BUDGET_MS = 5000, 1000.0


def rows() -> Iterator[Row]:
    yield from open_boards()
    try:
        with chromium() as browser:
            yield first_paint(browser)
    except NoChromiumError as error:
        print(f"boards: {error}")


def percent(readers: int) -> float:
    """CPU of the server's process, in percent of a core."""
    told = run_side("board_sides", "serve", readers=readers, updates=UPDATES, seconds=SECONDS)
    return float(told["cpu"]) / SECONDS * 100


def open_boards() -> Iterator[Row]:
    """Yield what the boards cost: what the same server takes with nobody looking is taken off."""
    alone, watched = [], []
    for _ in range(ROUNDS):  # alternately, because the machine has other work
        alone.append(percent(0))
        watched.append(percent(READERS))
    cost = median(watched) - median(alone)
    yield Row(
        f"server: {READERS} open boards at {UPDATES} updates/s",
        cost,
        CPU_BUDGET_PERCENT,
        "budget",
        "% CPU",
        cost / CPU_BUDGET_PERCENT,
        1.0,
        "<=",
    )


def first_paint(browser: Any) -> Row:
    """Return how long it takes from asking for the page to the rows of the tasks, all files fetched anew."""

    def work(pages: int = 1) -> None: ...

    with tempfile.TemporaryDirectory() as folder:
        sched = Scheduler(str(Path(folder) / "ledger.db"))
        for number in range(TASKS):
            sched.add(declare(work, every("1h"), name=f"task {number:05d}"))
        with sched, Server(asgi(sched), ServerOptions(port=0)) as server:
            times = [painted(browser, server.url) for _ in range(ROUNDS)]
    milliseconds = median(times)
    return Row(
        f"board of {TASKS:,} tasks: first paint",
        milliseconds,
        PAINT_BUDGET_MS,
        "budget",
        "ms",
        milliseconds / PAINT_BUDGET_MS,
        1.0,
        "<=",
    )


def painted(browser: Any, url: str) -> float:
    page = browser.new_page()
    page.add_init_script(
        """window.painted = new Promise((done) => {
          const end = () => setTimeout(() => done(performance.now()));
          const look = () => requestAnimationFrame(document.querySelector(".sk-tasks .sk-name") ? end : look);
          look();
        });"""
    )
    page.goto(f"{url}/board")
    milliseconds: float = page.evaluate("window.painted")
    page.close()
    return milliseconds

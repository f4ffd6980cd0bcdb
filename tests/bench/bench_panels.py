"""Panels: what they cost the kernel and the browser, against the budgets a reader can feel.

The peer of a budget is the budget itself (ratio 1.0 = exactly spent); a cold start has a real peer: the bare
imports it needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from support.browser_boards import NOW, many_tasks
from support.browser_lab import Lab, NoChromiumError, Notebook, View, chromium, jupyter_lab, web_files

from bench.common import Row, median
from schedkit.core.board.board import Board
from schedkit.core.board.feed import Feed

START = """
import tempfile
from schedkit.core.api.scheduler import Scheduler
Scheduler(tempfile.mkdtemp() + '/a.db').start()
"""
# What a started scheduler has imported that is not ours: the bare imports it needs, as one program.
NEEDED = """
import sys
before = set(sys.modules)
{start}
names = [n for n in sys.modules if n not in before and not n.startswith(("schedkit", "_schedkit"))]
print("import " + ", ".join(n for n in names if all(part.isidentifier() for part in n.split("."))))
"""

# A kernel's own view of 1,000 running runs, each moving ten times a second, with one panel open.
TESTS = str(Path(__file__).parents[1])
THOUSAND = """
import sys, threading, time
from datetime import UTC, datetime
sys.path.insert(0, {tests!r})
from support.run_events import RunEvents, changed
from schedkit.core.board.board import Board
from schedkit.notebook.live_panel import Panel
from schedkit.notebook.publisher import publisher

class Stage(Board):
    def __init__(self): super().__init__(); self.listeners = []; self.screens = self
    def board(self): return self.snapshot()
    def subscribe(self, listener): self.listeners.append(listener); return lambda: None

stage = Stage()
tell = RunEvents(datetime.now(UTC))
for n in range(1000):
    stage.fold(changed(f"task {n}"))
    stage.fold(tell.queued(str(n), f"task {n}"))
    stage.fold(tell.started(str(n), f"task {n}"))

def work():
    done = 0
    while True:
        done += 1
        for n in range(1000):
            stage.fold(tell.progressed(str(n), f"task {n}", done, stage="extract", done=done, total=100000))
        for listener in stage.listeners: listener()
        time.sleep(0.1)

threading.Thread(target=work, daemon=True).start()
panel = Panel(stage)
panel.show()
"""
CPU = """
def cpu():
    clock = time.pthread_getcpuclockid(publisher()._thread.ident)
    return time.clock_gettime(clock)
before, start = cpu(), time.monotonic()
time.sleep(10)
print((cpu() - before) / (time.monotonic() - start))
"""
LIVE = """
import tempfile, time
from schedkit import Scheduler, context
sched = Scheduler(tempfile.mkdtemp() + "/a.db")
sched.start()
paused = []

def hear(event):
    if getattr(event, "change", "") == "paused":
        paused.append(time.time())

sched.subscribe(hear)

@sched.task()
def extract():
    for step in range(200):
        context.progress("extract", step + 1, 200)
        time.sleep(0.05)
"""


def rows() -> Iterator[Row]:
    yield from starting()
    try:
        with chromium() as browser:
            yield from plain_page(browser)
            with tempfile.TemporaryDirectory() as home, jupyter_lab(browser, Path(home)) as lab:
                yield from in_the_lab(lab)
    except NoChromiumError as error:
        print(f"panels: {error}")


def budget(name: str, ours: float, limit: float, unit: str) -> Row:
    return Row(name, ours, limit, "the budget", unit, ours / limit, 1.0, "<=")


def process_seconds(*programs: str, runs: int = 9) -> list[float]:
    """Return the seconds of each program, run in turns; compiled once, as installed packages are."""
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def once(code: str) -> float:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
            return time.perf_counter() - start

        for code in programs:
            once(code)
        return [median(times) for times in zip(*([*map(once, programs)] for _ in range(runs)), strict=True)]


def starting() -> Iterator[Row]:
    program = [sys.executable, "-c", NEEDED.format(start=START)]
    needed = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    bare, ours, start, imports = process_seconds("pass", "import schedkit", START, needed)
    yield budget("import schedkit", (ours - bare) * 1000, 150, "ms")
    yield Row(
        "cold Scheduler().start()",
        start * 1000,
        imports * 1000,
        "the bare imports it needs",
        "ms",
        start / imports,
        1.5,
        "<=",
    )


class Source:
    """Where a feed has its board from."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def board(self) -> dict[str, Any]:
        return self._board.snapshot(NOW)

    def changes(self, since: int) -> dict[str, Any] | None:
        return self._board.changes(since)


def plain_page(browser: Any) -> Iterator[Row]:
    with web_files() as url:
        page = browser.new_page()
        view = View(page, url)
        # The modules are loaded and warm, as in a session where a panel has been shown before.
        view.mount(many_tasks(1).snapshot(NOW))
        page.evaluate("window.unmount()")
        board = many_tasks(5000)
        page.evaluate("snapshot => { window.snapshot = snapshot; }", board.snapshot(NOW))
        paint = page.evaluate(
            """async (url) => {
              const { createStore } = await import(`${url}/store.js`);
              const { mount } = await import(`${url}/board.js`);
              const start = performance.now();
              window.store = createStore();
              window.store.apply(window.snapshot);
              const place = document.getElementById("board");
              mount(place, { store: window.store, send: async () => ({ ok: true }) });
              await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
              return performance.now() - start;
            }""",
            url,
        )
        yield budget("5,000 tasks: first paint", paint, 1500, "ms")
        rows, feed = board.tasks(), Feed(Source(board))
        page.evaluate("message => window.store.apply(message)", feed.next())
        times = []
        for turn in range(10):
            for n in range(5):
                board.put_task(replace(rows[f"task {n:05d}"], paused=turn % 2 == 0))
            times.append(
                page.evaluate(
                    """async (message) => {
                      const start = performance.now();
                      window.store.apply(message);
                      await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
                      return performance.now() - start;
                    }""",
                    feed.next(),
                )
            )
        yield budget("5,000 tasks: a change of 5 rows painted", median(times), 100, "ms")
        page.close()


def in_the_lab(lab: Lab) -> Iterator[Row]:
    notebook = lab.open("live", [LIVE, "sched", "extract.submit(); time.sleep(6)", "print(paused[0])"])
    notebook.run(0)
    yield budget("panel appears after its cell", appearing(notebook), 1000, "ms")
    notebook.page.evaluate(
        """() => {
          window.moves = [];
          new MutationObserver(() => {
            const bar = document.querySelector(".sk-tasks [role=progressbar][aria-valuetext]");
            const words = bar && bar.getAttribute("aria-valuetext");
            const known = window.moves.at(-1)?.words;
            if (words && words !== known) window.moves.push({ words, at: performance.now() });
          }).observe(document.querySelector(".sk"), { subtree: true, childList: true, attributes: true });
        }"""
    )
    notebook.run(2, wait=False)
    notebook.page.wait_for_function("window.moves.length > 2")
    clicked = notebook.page.evaluate(
        """() => {
          const now = performance.timeOrigin + performance.now();
          document.querySelector("button[aria-label='Pause extract']").click();
          return now;
        }"""
    )
    notebook.page.wait_for_timeout(5500)
    moves = notebook.page.evaluate(
        "window.moves.filter((move) => move.at < window.moves[0].at + 5000).length"
    )
    yield Row(
        "progress moves in 5 s of a blocked cell", moves, 15, "the floor", "moves", moves / 15, 1.0, ">="
    )
    notebook.run(3)
    yield budget(
        "a click in a blocked cell, until it is in the ledger",
        float(notebook.output(3)) * 1000 - clicked,
        100,
        "ms",
    )
    assert notebook.problems == []
    notebook.close()
    notebook = lab.open("thousand", [THOUSAND.replace("{tests!r}", repr(TESTS)), CPU])
    notebook.run(0)
    notebook.page.wait_for_selector(".sk-name")
    notebook.run(1)
    yield budget("publisher's CPU at 1,000 active runs", float(notebook.output(1)) * 100, 2, "%")
    notebook.close()


def appearing(notebook: Notebook) -> float:
    """Milliseconds from running the cell to the painted panel."""
    milliseconds: float = notebook.page.evaluate(
        """async () => {
          const notebook = window.jupyterapp.shell.currentWidget.content;
          notebook.activeCellIndex = 1;
          const start = performance.now();
          void window.jupyterapp.commands.execute("notebook:run-cell");
          await new Promise((shown) => {
            const observer = new MutationObserver(() => {
              if (document.querySelector(".sk-name")) { observer.disconnect(); shown(); }
            });
            observer.observe(document.body, { subtree: true, childList: true });
          });
          await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
          return performance.now() - start;
        }"""
    )
    return milliseconds

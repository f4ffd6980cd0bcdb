"""Three notebooks, one schedule: a cell sleeps, one holds its interpreter, one kernel is restarted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SETUP = """
import ctypes, os, time
from schedkit import Scheduler, every
sched = Scheduler("{ledger}")
sched.start()

@sched.task(every("1s"), name="{name}")
def tick(run):
    return [{version}, os.getpid(), time.time() - run.scheduled_at.timestamp()]
"""
PICTURES = os.environ.get("SCHEDKIT_PICTURES")  # a folder: what a person sees is kept there


class Three:
    """Three notebooks, each with a task of its own name."""

    def __init__(self, lab: Any, ledger: Path, stack: ExitStack) -> None:
        self.ledger, self._lab, self._stack = ledger, lab, stack
        self.sleeping, self.holding, self.edited = map(self._open, ("sleeping", "holding", "edited"))

    def _open(self, name: str) -> Any:
        cells = [
            SETUP.format(ledger=self.ledger, name=name, version=1),
            "sched",
            "time.sleep(100)",
            "ctypes.PyDLL(None).sleep(5)",
            SETUP.format(ledger=self.ledger, name=name, version=2),
        ]
        notebook = self._lab.open(name, cells)
        self._stack.callback(notebook.close)
        notebook.run(0)
        return notebook


@contextmanager
def following(ledger: Path) -> Iterator[Scheduler]:
    """Look at the ledger from here."""
    scheduler = Scheduler(ledger, results=ledger.with_suffix(".results"), name="looks")
    scheduler.watch()
    try:
        yield scheduler
    finally:
        scheduler.stop()


@pytest.fixture
def three(lab: Any, tmp_path: Path) -> Iterator[Three]:
    with ExitStack() as stack:
        yield Three(lab, tmp_path / "lab.db", stack)


def picture(notebook: Any, name: str) -> None:
    if PICTURES:
        notebook.page.screenshot(path=f"{PICTURES}/{name}.png")


def done(scheduler: Scheduler, task: str) -> list[Any]:
    """Return what the ended runs of a task returned, the oldest first."""
    runs = [run for run in scheduler.runs(task) if run.result is not None]
    return [run.result["value"] for run in reversed(runs)]


def grows(scheduler: Scheduler, task: str, by: int) -> None:
    """Wait until so many more runs of a task have ended."""
    before = len(done(scheduler, task))
    wait_until(lambda: len(done(scheduler, task)) >= before + by)


def test_a_busy_kernel_and_a_restarted_one_hold_nobody_up(three: Three) -> None:
    with following(three.ledger) as sched:
        assert sorted(node.kind for node in sched.nodes) == ["kernel"] * 3
        three.sleeping.run(1)
        for name in ("holding", "edited"):
            row = three.sleeping.page.locator(".sk-tasks tbody tr").filter(has_text=f"runs in {name}.ipynb")
            expect(row).to_have_count(1)
        picture(three.sleeping, "1-all-tasks-and-where-they-run")

        three.sleeping.run(2, wait=False)
        three.holding.run(3, wait=False)
        grows(sched, "sleeping", 3)  # its own cell sleeps
        grows(sched, "edited", 3)  # another's holds its interpreter
        picture(three.sleeping, "2-while-a-cell-sleeps")
        assert three.sleeping.runs(2)
        three.sleeping.interrupt()

        three.edited.restart()
        three.edited.wait_idle()
        three.edited.run(4)
        wait_until(lambda: done(sched, "edited")[-1][0] == 2)  # the edited code runs, in the new kernel
        picture(three.edited, "3-a-restarted-kernel")
        grows(sched, "holding", 2)
        three.edited.run(1)
        picture(three.edited, "4-its-panel")
        for name in ("sleeping", "holding", "edited"):
            times = sched.due_times(name)
            assert not times.scheduled.duplicated().any()
            assert len({pid for _, pid, _ in done(sched, name)}) == (2 if name == "edited" else 1)

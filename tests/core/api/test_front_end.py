"""A notebook provides displays and panels; without one there are the repr and one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schedkit.core.api.front_end import NoFrontEnd, set_front_end
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UsageError


@pytest.fixture(autouse=True)
def _none() -> Iterator[None]:
    before = set_front_end(NoFrontEnd())
    yield
    set_front_end(before)


class Recording(NoFrontEnd):
    def __init__(self) -> None:
        self.calls: list[object] = []

    def display(self, thing: object) -> None:
        self.calls.append(thing)

    def panel(self, thing: object, kind: str) -> object:
        return (thing, kind)

    def task_declared(self, ledger: str, task: str, present: object, changed: bool) -> None:
        self.calls.append((ledger, task, sorted(present())))

    def scheduler_started(self, scheduler: object) -> None:
        self.calls.append(("started", scheduler))


def test_without_one_ipython_falls_back_to_the_repr(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "plain.db") as sched:
        task = sched.task(name="one")(int)
        for thing in (sched, task, task.submit()):
            with pytest.raises(NotImplementedError):
                thing._ipython_display_()
        with pytest.raises(UsageError, match=r"panels need IPython \(open a notebook"):
            sched.panel()


def test_core_calls_the_one_that_was_set(tmp_path: Path) -> None:
    recording = Recording()
    set_front_end(recording)
    with Scheduler(tmp_path / "shown.db") as sched:
        task = sched.task(name="one")(int)
        run = task.submit()
        for thing in (sched, task, run):
            thing._ipython_display_()
        assert sched.panel("runs") == (sched, "runs")
    assert recording.calls == [("started", sched), (sched.ledger, "one", ["one"]), sched, task, run]

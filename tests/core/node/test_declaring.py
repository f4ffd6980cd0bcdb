"""A cell that declares a task continues once the task is at home, or when the ledger is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.faulty import locked
from support.lives import life_of
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import TaskChanged
from schedkit.core.model import Task
from schedkit.core.node import declaring
from schedkit.loop import service


@contextmanager
def busy_writer(sched: Scheduler) -> Iterator[None]:
    """Hold up the writer of a running scheduler, as another program that keeps the ledger locked."""
    entered, release = threading.Event(), threading.Event()
    life_of(sched).writer.call(lambda connection: (entered.set(), release.wait(60)))
    assert entered.wait(60)
    try:
        yield
    finally:
        release.set()


def declared(sched: Scheduler) -> threading.Thread:
    """Declare the task `one` on a thread of its own."""
    declares = threading.Thread(target=lambda: sched.task(name="one")(lambda: 1))
    declares.start()
    return declares


def test_a_declaration_waits_until_its_task_is_at_home(sched: Scheduler) -> None:
    with busy_writer(sched):
        declares = declared(sched)
        declares.join(1.5)
        assert declares.is_alive()
    declares.join(60)
    assert sched.at_home == ["one"]


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_a_ledger_that_is_away_does_not_hold_up_the_cell(sched: Scheduler, where: str) -> None:
    with locked(where):
        declares = declared(sched)
        declares.join(60)
        assert not declares.is_alive()
        assert sched.queries.ledger.task("one") is None
    wait_until(lambda: sched.queries.ledger.task("one"))


def test_a_removal_of_before_a_declaration_does_not_take_it_back(sched: Scheduler) -> None:
    """Another process has removed the task, and this one hears of it once it is declared again."""
    sched.task(name="one")(lambda: 1)
    life, row = life_of(sched), sched.queries.ledger.task("one")

    def hear(at: datetime) -> None:
        removed = TaskChanged(at=at, change="removed", row=row)
        service().call(life.declarations.hear, [removed], life.lease.life)

    hear(datetime.now(UTC) - timedelta(hours=1))
    assert "one" in life.registry
    hear(datetime.now(UTC) + timedelta(hours=1))
    assert "one" not in life.registry


def test_a_task_that_is_refused_again_and_again_is_at_home_in_the_end(
    sched: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As one that comes after tasks whose runs change faster than a busy machine reads the ledger."""
    declare_once, tries = declaring.declare_once, 0

    async def refused(life: Any, tasks: Sequence[Task], **options: Any) -> list[Task]:
        nonlocal tries
        tries += 1
        return await declare_once(life, tasks, **options) if tries > 50 else list(tasks)

    monkeypatch.setattr(declaring, "declare_once", refused)
    sched.task(name="one")(lambda: 1)
    assert tries < 50, "the cell is not kept"
    assert "task 'one' is not at home here yet" in caplog.text
    wait_until(lambda: sched.at_home == ["one"])
    assert sched.submit("one").result("60s") == 1


def test_more_tasks_than_are_declared_at_once(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declaring, "DECLARED_AT_ONCE", 2)
    sizes: list[int] = []
    declare_once = declaring.declare_once

    async def noted(life: Any, tasks: Sequence[Task], **options: Any) -> list[Task]:
        sizes.append(len(tasks))
        return await declare_once(life, tasks, **options)

    monkeypatch.setattr(declaring, "declare_once", noted)
    sched = Scheduler(where, results=tmp_path / "results")
    for name in ("a", "b", "c", "d"):
        sched.task(name=name)(lambda: 1)
    sched.task(name="e", after=["a", "d"])(lambda: 2)
    with sched:
        assert sizes == [2, 2, 1]
        assert sorted(sched.at_home) == ["a", "b", "c", "d", "e"]
        sched.submit_many("a", [{}])
        sched.submit("d").result("60s")
        wait_until(lambda: any(run.state.name == "DONE" for run in sched.tasks["e"].runs()))

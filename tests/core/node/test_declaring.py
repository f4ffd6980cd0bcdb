"""A cell that declares a task continues once the task is at home, or when the ledger is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.faulty import locked
from support.lives import life_of
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler


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

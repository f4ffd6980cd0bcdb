"""A chore of a ledger is taken by one process, and again when it is due."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.chores import take_chore
from schedkit.core.store.database import Store

Make = Callable[..., Scheduler]


def test_a_chore_is_taken_once_each_time_it_is_due(where: str) -> None:
    store = Store(where)
    store.open()
    with store.connect() as connection, connection.begin():
        assert take_chore(connection, "retention", "a", now=0, again=100)
        assert not take_chore(connection, "retention", "b", now=99, again=199)
        assert take_chore(connection, "other", "b", now=99, again=199)
        assert take_chore(connection, "retention", "b", now=100, again=200)
        assert not take_chore(connection, "retention", "b", now=120, again=220)
        assert take_chore(connection, "retention", "a", now=50, again=150), "the clock was set back"
    store.close()


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_processes_that_live_shortly_prune(make: Make) -> None:
    """As `schedkit run --once` from cron does: each is over long before the time to prune comes."""
    for _ in range(4):
        sched = make(keep_results=2)
        sched.task(name="large")(lambda: "x" * 5000)
        with sched:
            sched.submit("large").result("60s")
            forget_the_last_time(sched)
    kept = list(sched.process.results.rglob("*.json"))
    assert len(kept) == 2
    with sched.viewing():
        assert len(sched.runs("large")) == 4
    again = make(keep_results=1)
    with again:
        pass
    assert len(list(sched.process.results.rglob("*.json"))) == 2, "it was done not long ago"


def forget_the_last_time(sched: Scheduler) -> None:
    """Let the chore be due: as if it was done long ago."""
    store = sched.queries.ledger.store
    with store.connect() as connection, connection.begin():
        connection.exec_driver_sql("DELETE FROM schedkit_chores")

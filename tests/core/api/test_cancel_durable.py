"""A cancel is in the ledger when it returns: a run that was cancelled never comes back after a crash."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.conftest import Recorder

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.states import State
from schedkit.errors import RetryableError


def test_a_run_that_waits_for_its_retry_is_cancelled_at_once(make: Callable[..., Scheduler]) -> None:
    sched = make(name="tests")
    sched.start()
    recorder = Recorder(sched)

    @sched.task(name="fails", retry=Retry(attempts=3, delay=3600))
    def fails() -> None:
        raise RetryableError("not yet")

    for _ in range(5):
        run = sched.submit("fails")
        recorder.wait_for(recorder.of(events.RunRetrying, run=run.id))
        assert run.cancel()
        (row,) = [row for row in sched.runs() if row.id == run.id]  # as the ledger has it
        assert (row.state, run.state) == (State.CANCELLED, State.CANCELLED)
        assert not run.cancel()


def test_a_cancel_waits_for_a_store_that_takes_no_writes(tmp_path: Path) -> None:
    sched = Scheduler(tmp_path / "ledger.db", concurrency=1)
    recorder = Recorder(sched)
    release = threading.Event()
    with sched, ThreadPoolExecutor(1) as pool:
        sched.task(name="blocks")(lambda: release.wait(60))
        sched.task(name="waits")(lambda: 1)
        sched.submit("blocks")
        run = sched.submit("waits")
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        cancelling = pool.submit(run.cancel)
        recorder.wait_for(recorder.of(events.StoreAway))
        assert not cancelling.done()
        other.execute("ROLLBACK")
        other.close()
        assert cancelling.result(60)
        (row,) = sched.runs("waits")  # as the ledger has it
        assert row.state is State.CANCELLED
        release.set()
    sched.queries.ledger.store.close()

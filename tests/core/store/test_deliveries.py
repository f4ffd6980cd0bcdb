"""What a run has delivered is known to its next attempt, wherever it runs and however it ended."""

from __future__ import annotations

import os
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.store.database import Store
from schedkit.core.store.deliveries import Deliveries
from schedkit.errors import LedgerError, RetryableError

TWICE = Retry(attempts=2, delay=0)


def delivers() -> dict[str, str]:
    run = context.current()
    earlier = run.deliveries()
    run.delivered("workbook", "a.xlsx")
    run.delivered("page", "")
    run.delivered("page", "1")
    if not earlier:
        raise RetryableError("away")
    return earlier


KEPT = {"workbook": "a.xlsx", "page": "1"}


@pytest.mark.parametrize("where", ["thread", "process"])
def test_another_attempt_knows_what_was_delivered(where: Any, tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db") as sched:
        task = sched.task(name="delivers", runs_in=where, retry=TWICE)(delivers)
        first = task.submit()
        assert first.result("60s") == KEPT
        again = task.submit()
        assert again.wait("60s").attempt == 2, "another run has delivered nothing"


def test_in_a_worker_of_an_executor(tmp_path: Path) -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        Scheduler(tmp_path / "ledger.db") as sched,
    ):
        assert sched.task(name="delivers", runs_in=pool, retry=TWICE)(delivers).submit().result("60s") == KEPT


def dies_after_a_delivery() -> dict[str, str]:
    run = context.current()
    if not (earlier := run.deliveries()):
        run.delivered("mail", "sent")
        os._exit(7)
    return earlier


def test_a_process_that_dies_after_a_delivery(tmp_path: Path) -> None:
    """The delivery is in the ledger before the code goes on."""
    with Scheduler(tmp_path / "ledger.db") as sched:
        task = sched.task(name="dies", runs_in="process", retry=TWICE)(dies_after_a_delivery)
        assert task.submit().result("60s") == {"mail": "sent"}


def test_a_delivery_that_cannot_be_recorded_is_told(tmp_path: Path) -> None:
    """Else the run goes on to its next delivery, and another attempt makes this one again."""
    written = Future[None]()
    written.set_exception(LedgerError("the disk is full"))
    deliveries = Deliveries(Store(str(tmp_path / "ledger.db")), lambda write: written)
    with pytest.raises(LedgerError, match="the disk is full"):
        deliveries.record("run", "page", "1")

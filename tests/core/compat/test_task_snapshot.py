"""Lists of very many tasks come from one look, not from one for each of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.boards import board_now

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.reader import Ledger
from schedkit.core.triggers.constructors import cron

Make = Callable[..., Scheduler]


@pytest.mark.parametrize("who", ["home", "other"])
def test_jobs_and_status_take_as_many_reads_for_many_tasks_as_for_few(
    make: Make, sched: Scheduler, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    looking = sched
    if who == "other":
        looking = make(name="other")
        looking.start()
    board_now(looking)
    reads: list[sa.Select[tuple[object, ...]]] = []
    read = Ledger._all

    def counted(ledger: Ledger, query: sa.Select[tuple[object, ...]], *more: Any) -> object:
        # Not its own look for news, which another thread reads beside.
        if ledger is looking.queries.ledger and threading.current_thread() is threading.main_thread():
            reads.append(query)
        return read(ledger, query, *more)

    def cost(ask: Callable[[], object]) -> int:
        monkeypatch.setattr(Ledger, "_all", counted)
        reads.clear()
        ask()
        monkeypatch.setattr(Ledger, "_all", read)
        return len(reads)

    costs = []
    for upto in (2, 40):
        for number in range(upto):
            sched.task(cron("0 7 * * *"), name=f"t{number}")(lambda: None)
        assert len(looking.get_jobs()) == upto
        costs.append((cost(looking.get_jobs), cost(looking.get_status)))
    assert costs[1] == costs[0]


def test_a_job_for_once_stays_while_all_are_paused(sched: Scheduler) -> None:
    sched.add_job(print, "date", run_date=datetime.now(UTC) + timedelta(hours=1), id="once")
    sched.add_job(print, "interval", hours=2, id="often")
    assert [job.id for job in sched.get_jobs()] == ["once", "often"]
    sched.pause()
    assert sched.get_job("once") is not None
    assert {job.id for job in sched.get_jobs()} == {"once", "often"}
    assert sched.get_job("nobody") is None

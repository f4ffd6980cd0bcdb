"""Behaviours 2 and 4 of the ten (see test_behaviours.py), with several real processes at one ledger."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from core.conftest import Begin
from crash.judge import judge
from sqlalchemy.exc import OperationalError
from support.node_processes import OUTLASTS, NodeProcess
from support.waiting import wait_until

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import Outcome, State
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger
from schedkit.core.store.schema import beats, nodes


def effects(folder: Path) -> int:
    journal = folder / "journal"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_behaviour_2_processes_that_race_for_a_task_run_no_time_twice(
    begin: Begin, where: str, tmp_path: Path
) -> None:
    """Four begin at one instant; the home is killed, then its heir, and so on; the last one ends."""
    racing = {name: begin(name) for name in ("a", "b", "c", "d")}
    for process in racing.values():
        process.hear("started")
    store = Store(where)
    ledger = Ledger(store)
    while racing:
        while (home := ledger.home("ticking")) is None or home.name not in racing:
            pass  # the others have not seen yet that it was killed
        first = racing.pop(home.name)
        seen = effects(tmp_path)
        while effects(tmp_path) < seen + 10:
            assert not first.process.ended()
        if racing:
            first.kill()
        else:
            first.hear("home")
            first.end()
    times = [run.scheduled_at for run in ledger.runs(limit=100_000) if run.scheduled_at is not None]
    store.close()
    assert len(set(times)) == len(times), "one time, two runs"
    # Forty effects at least; some are the second of a run whose first home was killed after its effect.
    assert judge(where, tmp_path / "journal")["run"] >= 30


def stop_beyond_its_lease(process: NodeProcess, where: str) -> None:
    """Stop a process between two of its transactions, and let its lease be over by the store's clock."""
    store = Store(where)
    mine = sa.select(nodes.c.id).where(nodes.c.name == process.name, nodes.c.gone.is_(None))
    stopped = False
    while not stopped:
        process.send(signal.SIGSTOP)
        try:
            with store.connect() as connection, connection.begin():
                # Within a transaction it would keep the row of its life from who inherits its tasks.
                life = connection.scalar(mine.with_for_update(nowait=True))
                connection.execute(beats.update().where(beats.c.life == life).values(expires=0))
            stopped = True
        except OperationalError:
            process.send(signal.SIGCONT)
    store.close()


@pytest.mark.parametrize("where", ["postgres"], indirect=True)
@pytest.mark.parametrize("what", ["process", "loop"])
def test_behaviour_4_a_runner_that_was_taken_for_dead_cannot_record_success(
    begin: Begin, where: str, tmp_path: Path, what: str
) -> None:
    """SIGSTOP stops the whole process (a laptop's sleep). Else only our loop stands still, and the thread
    that writes, which could go on telling that it lives, must not."""
    # A thread that goes on to tell is noticed only if the lease does run out.
    stale = begin("stale") if what == "process" else begin("stale", lease="8s")
    stale.hear("home")
    sched = Scheduler(where, results=tmp_path / "results", name="asks", lease=OUTLASTS)
    with sched.viewing():
        run = sched.submit("held")
    stale.hear("entered")
    fresh = begin("fresh")
    # At home at once, if the machine has stood still for longer than the lease.
    said = fresh.hear("standing by", "home")
    if what == "process":
        stop_beyond_its_lease(stale, where)
    else:
        stale.tell("stall")
        stale.hear("standing")
    if said != "home":
        fresh.hear("home")  # the life of the other, which is alive, has been judged to be over
    fresh.hear("entered")
    # The stale attempt returns while the fresh one still runs: the worst moment.
    stale.tell("release")
    if what == "process":
        stale.send(signal.SIGCONT)
    else:
        stale.tell("wake")
    stale.hear("lost")
    stale.hear("standing by")  # born again
    with sched.viewing():
        assert (run.state, run.run.attempt) == (State.RUNNING, 2)
        assert [attempt.outcome for attempt in run.attempts] == [Outcome.INTERRUPTED]
        wait_until(lambda: [node.name for node in sched.nodes] == ["fresh", "stale"], "the oldest first")
        fresh.tell("release")
        assert run.result("60s") == "by fresh"
        assert [attempt.outcome for attempt in run.attempts] == [Outcome.INTERRUPTED, Outcome.DONE]
    fresh.end()
    stale.hear("home")
    stale.end()
    sched.queries.ledger.store.close()

"""The store fails in every way it can: nothing is lost, nothing happens twice, the scheduler goes on."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from core.conftest import Recorder
from crash.judge import judge_schedule
from support.boards import board_now
from support.faulty import answers_lost, commits_failing, disk_full, failing, locked, reads_failing
from support.lives import life_of

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import Outcome, State
from schedkit.core.store import schema
from schedkit.core.triggers.constructors import every
from schedkit.errors import LedgerError, LifeEndedError
from schedkit.loop import service

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """These faults are SQLite's."""
    return str(tmp_path / "ledger.db")


class Ticking:
    """A task that fires ten times a second, and knows what it did."""

    def __init__(self, sched: Scheduler, recorder: Recorder) -> None:
        self.sched, self.recorder, self.ran = sched, recorder, list[tuple[str, int]]()
        sched.task(every("0.1s"), name="ticking", overlap="allow", coalesce=False)(self.tick)

    def tick(self, run: Any) -> None:
        self.ran.append((run.id, run.attempt))

    def wait(self, more: int) -> None:
        ended = self.recorder.of(events.RunEnded, task="ticking")
        self.recorder.wait_for(ended, sum(map(ended, self.recorder.events)) + more)

    def judge(self) -> None:
        self.sched.pause("ticking")
        ledger = self.sched.queries.ledger
        # From the ledger: of the last run we may not have heard yet.
        recorded = len(ledger.runs("ticking", limit=10_000))
        self.recorder.wait_for(self.recorder.of(events.RunEnded, task="ticking"), recorded)
        (row,) = [row for row in ledger.tasks() if row.name == "ticking"]
        runs = ledger.runs("ticking", limit=10_000)
        seen = judge_schedule(ledger, row, runs)
        assert seen["run"] >= 5
        assert {run.state for run in runs} == {State.DONE}
        assert sorted(self.ran) == sorted((run.id, 1) for run in runs), "each run had its one effect"


@pytest.fixture
def ticking(sched: Scheduler, recorder: Recorder) -> Ticking:
    made = Ticking(sched, recorder)
    made.wait(2)
    return made


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO schedkit_runs",
        "UPDATE schedkit_runs",
        "UPDATE schedkit_tasks SET next_at",
        "INSERT INTO schedkit_attempts",
        "INSERT INTO schedkit_events",
        "UPDATE schedkit_nodes",
    ],
)
def test_a_write_fails_and_is_tried_again(ticking: Ticking, recorder: Recorder, statement: str) -> None:
    with failing(ticking.sched, statement, times=3) as failed:
        recorder.wait_for(recorder.of(events.StoreBack))
    assert len(failed) == 3
    ticking.wait(3)
    ticking.judge()


def test_a_commit_whose_answer_is_lost_is_not_repeated(ticking: Ticking, recorder: Recorder) -> None:
    with answers_lost(ticking.sched, times=5) as lost:
        recorder.wait_for(recorder.of(events.StoreBack))
        ticking.wait(60)
    assert len(lost) == 5
    ticking.wait(3)
    ticking.judge()


def test_a_commit_that_failed_is_repeated(ticking: Ticking, recorder: Recorder) -> None:
    with commits_failing(ticking.sched, times=5) as failed:
        recorder.wait_for(recorder.of(events.StoreBack))
        ticking.wait(60)
    assert len(failed) == 5
    ticking.wait(3)
    ticking.judge()


def test_a_commit_of_a_life_that_is_gone_by_now_is_none(sched: Scheduler, where: str) -> None:
    """Its outcome is unknown, and the number of its group is there."""
    life = life_of(sched)
    engine = sa.create_engine(f"sqlite:///{where}")

    def taken() -> None:
        with engine.begin() as connection:
            connection.execute(schema.nodes.update().values(gone=1, batch=life.writer.transactions))

    with commits_failing(sched, 1, taken), pytest.raises(LifeEndedError):
        life.writer.call(lambda connection: None).result(60)
    engine.dispose()


def test_another_process_holds_the_lock(
    ticking: Ticking, recorder: Recorder, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    with locked(where), caplog.at_level(logging.INFO, "schedkit"):
        (away,) = recorder.wait_for(recorder.of(events.StoreAway))
        assert "locked" in away.reason
        # Reads and the board answer meanwhile.
        assert ticking.sched.runs("ticking")
        assert board_now(ticking.sched)["tasks"][0]["name"] == "ticking"
    (back,) = recorder.wait_for(recorder.of(events.StoreBack))
    assert back.seconds > 0.5
    assert any("takes no writes" in record.message for record in caplog.records)
    ticking.wait(3)
    ticking.judge()


def test_reads_fail_and_due_times_go_on(ticking: Ticking, make: Make) -> None:
    other = make(name="other")
    other.start()
    with reads_failing(ticking.sched) as failed:
        ticking.wait(60)
        with pytest.raises(LedgerError, match="disk I/O error"):
            ticking.sched.runs("ticking")
        assert any("schedkit_commands" in sql for sql in failed), "it goes on looking for commands"
    other.submit("ticking").result("60s")
    ticking.sched.queries.ledger.store.close()
    ticking.wait(3)


def test_the_disk_is_full(ticking: Ticking, recorder: Recorder) -> None:
    with disk_full(ticking.sched):
        (away,) = recorder.wait_for(recorder.of(events.StoreAway))
        assert "full" in away.reason
    recorder.wait_for(recorder.of(events.StoreBack))
    ticking.wait(3)
    ticking.judge()


def test_a_submit_waits_for_a_locked_store_and_is_durable(
    sched: Scheduler, recorder: Recorder, where: str
) -> None:
    ran: list[str] = []
    sched.task(name="one")(lambda run: ran.append(run.id))
    durable = threading.Event()
    ids: list[str] = []

    def submit() -> None:
        ids.append(sched.submit("one").id)
        durable.set()

    with locked(where):
        threading.Thread(target=submit, daemon=True).start()
        recorder.wait_for(recorder.of(events.StoreAway))
        assert not durable.is_set()
        assert ran == []
    assert durable.wait(60)
    assert sched.run(ids[0]).wait("60s").state is State.DONE
    assert ran == ids


@pytest.mark.parametrize("word", ["pause", "submit_many", "reschedule", "task"])
def test_who_gives_up_waiting_for_a_locked_store_stops_nobody_else(
    sched: Scheduler, recorder: Recorder, where: str, word: str
) -> None:
    sched.task(name="one")(lambda: 1)
    calls: dict[str, Callable[[], object]] = {
        "pause": lambda: asyncio.run(impatient(sched.aio.pause("one"))),
        "submit_many": lambda: asyncio.run(impatient(sched.aio.submit("one"))),
        "reschedule": lambda: asyncio.run(impatient(sched.aio.reschedule("one", every("1h")))),
        "task": lambda: sched.task(every("1h"), name="other")(lambda: 1),  # waits a second at most by itself
    }
    with locked(where):
        calls[word]()
        recorder.wait_for(recorder.of(events.StoreAway))
    recorder.wait_for(recorder.of(events.StoreBack))
    assert sched.submit("one").result("60s") == 1


async def impatient(call: Coroutine[Any, Any, object]) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, 0.3)


@pytest.mark.parametrize("room", [True, False])
def test_what_the_store_refuses_for_good_harms_nobody_else(make: Make, room: bool) -> None:
    sched = make(concurrency=5 if room else 1)
    sched.start()
    life = life_of(sched)
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="holds")
    def holds() -> None:
        entered.set()
        release.wait(0 if room else 60)

    sched.submit("holds")
    assert entered.wait(60)
    curse = (
        "CREATE TRIGGER ledger.curse BEFORE INSERT ON schedkit_runs WHEN new.task = 'cursed' "
        "BEGIN SELECT RAISE(ABORT, 'cursed'); END"
    )
    life.writer.call(lambda connection: connection.exec_driver_sql(curse)).result(60)
    ran: list[str] = []
    sched.task(name="cursed")(lambda run: ran.append(run.id))
    fine = sched.task(name="fine", overlap="allow")(lambda: 1)
    recorder = Recorder(sched)
    with pytest.raises(Exception, match="cursed"):
        sched.submit("cursed")
    life.writer.call(lambda connection: None).result(60)
    service().call(asyncio.sleep, 0)  # what follows the refusal on our loop has happened
    assert life.engine.alive("cursed") == 0
    release.set()
    assert [run.result("60s") for run in sched.submit_many("fine", [{}] * 5)] == [1] * 5
    assert fine.state == "idle"
    assert ran == []
    assert not [event for event in recorder.events if event.task == "cursed"], (
        "what was not written is not told"
    )
    assert not life.engine.runs
    assert not life.engine.queue.running


def test_who_waits_for_a_run_whose_start_is_refused_is_told(make: Make) -> None:
    sched = make(concurrency=1)
    sched.start()
    life = life_of(sched)
    entered, release, ran = threading.Event(), threading.Event(), list[str]()

    @sched.task(name="holds")
    def holds() -> None:
        entered.set()
        release.wait(60)

    sched.submit("holds")
    assert entered.wait(60)
    sched.task(name="cursed")(lambda run: ran.append(run.id))
    run = sched.submit("cursed")
    curse = (
        "CREATE TRIGGER ledger.curse BEFORE UPDATE ON schedkit_runs WHEN new.task = 'cursed' "
        "BEGIN SELECT RAISE(ABORT, 'cursed'); END"
    )
    life.writer.call(lambda connection: connection.exec_driver_sql(curse)).result(60)
    release.set()
    with pytest.raises(LedgerError, match="cursed"):
        run.wait("60s")
    assert ran == []
    sched.task(name="next")(lambda: 1)
    assert sched.submit("next").result("60s") == 1


def test_a_life_that_is_gone_can_record_nothing(sched: Scheduler, recorder: Recorder, where: str) -> None:
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="stale")
    def stale() -> str:
        entered.set()
        release.wait(60)
        return "too late"

    run = sched.submit("stale")
    assert entered.wait(60)
    # Others have taken it for dead, as after a process that slept past its lease.
    engine = sa.create_engine(f"sqlite:///{where}")
    with engine.begin() as connection:
        connection.execute(schema.nodes.update().values(gone=1))
    release.set()
    engine.dispose()
    recorder.wait_for(recorder.of(events.NodeChanged, change="lost"))
    assert run.result("60s") == "too late", "it ran again in the next life"
    outcomes = [attempt.outcome for attempt in run.attempts]
    assert outcomes == [Outcome.INTERRUPTED, Outcome.DONE]


def test_an_event_store_reads_back(sched: Scheduler) -> None:
    sched.task(name="one")(lambda: 1)
    sched.submit("one").result("60s")
    log = sched.queries.ledger.events()
    assert [event.seq for event in log] == sorted(event.seq for event in log)
    assert all(isinstance(event.at, datetime) for event in log)


def test_a_ledger_that_cannot_be_written_at_stop_is_said(make: Make, where: str) -> None:
    sched = make()
    sched.start()
    sched.task(name="one")(lambda: 1)
    with locked(where):
        future = life_of(sched).writer.call(lambda connection: None)
        sched.stop("0.2s")
        with pytest.raises(LedgerError, match="locked"):
            future.result(60)
    assert sched.state == "stopped"


def test_an_end_that_could_not_be_written_at_stop_is_told_by_others(make: Make, where: str) -> None:
    sched, other = make(name="sched"), make(name="other")
    sched.start()
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="held")
    def held() -> None:
        entered.set()
        release.wait(60)

    run = sched.submit("held")
    assert entered.wait(60)
    with locked(where):
        sched.stop("0.2s")
    release.set()
    assert other.run(run.id).state is State.RUNNING, "nobody could write that it is not"
    recorder = Recorder(other)
    other.start()
    recorder.wait_for(recorder.of(events.NodeChanged, change="gone", name="sched"))
    assert other.run(run.id).state is State.QUEUED
    assert [attempt.outcome for attempt in other.run(run.id).attempts] == [Outcome.INTERRUPTED]


def test_what_no_waiting_cures_is_not_waited_for(sched: Scheduler) -> None:
    writer = life_of(sched).writer
    with pytest.raises(LedgerError, match="no such table"):
        writer.call(lambda connection: connection.exec_driver_sql("DELETE FROM nowhere")).result(60)


def test_a_stop_writes_all_that_was_asked_for_before_it(make: Make, where: str) -> None:
    sched = make()
    sched.start()
    sched.task(name="one")(lambda: 1)
    writer = life_of(sched).writer
    with locked(where):
        asked = [writer.call(lambda connection: "written") for _ in range(3)]
        stopping = threading.Thread(target=sched.stop, args=("20s",))
        stopping.start()
        while writer._deadline is None:
            threading.Event().wait(0.01)
    assert [call.result(60) for call in asked] == ["written"] * 3
    stopping.join(60)
    assert sched.nodes == []


def test_what_nobody_waits_for_any_more_is_left_out(sched: Scheduler, recorder: Recorder, where: str) -> None:
    writer = life_of(sched).writer
    written: list[int] = []
    with locked(where):
        writer.call(lambda connection: written.append(1))
        recorder.wait_for(
            recorder.of(events.StoreAway)
        )  # at that, or at a write of the scheduler's own before it
        assert writer.call(lambda connection: written.append(2)).cancel()
        last = writer.call(lambda connection: written.append(3))
    last.result(60)
    assert written == [1, 3]

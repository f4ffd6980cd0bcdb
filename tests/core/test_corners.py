"""Corners of the engine: what the ledger contradicts, what is asked twice, what cannot be."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import os
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from core.conftest import Recorder
from msgspec import structs
from support.lives import life_of, node_of

from schedkit import context
from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.decision import Decision
from schedkit.core.execution.attempt import Execution
from schedkit.core.execution.run_context import RunContext
from schedkit.core.ids import new_id
from schedkit.core.model import After, Rate, Retry, Task
from schedkit.core.run import Run, TaskResult
from schedkit.core.states import Outcome, State
from schedkit.core.store import schema
from schedkit.core.store.rows import FIXED, MUTABLE, CommandRow, run_values
from schedkit.core.tasks.base import as_task
from schedkit.core.triggers.constructors import every
from schedkit.errors import (
    BlockingCallError,
    DeclarationError,
    LedgerError,
    SettingsError,
    UsageError,
)
from schedkit.loop import service
from schedkit.values.instants import to_micros

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """The corners are the same on any database."""
    return str(tmp_path / "ledger.db")


def write(sched: Scheduler, work: Callable[[sa.Connection], Any]) -> Any:
    life = life_of(sched)
    return life.writer.call(work).result(60)


def test_a_schedule_that_the_ledger_has_moved(
    sched: Scheduler, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "schedkit")
    sched.task(every("0.2s"), name="moved", overlap="allow")(lambda: 1)
    recorder.wait_for(recorder.of(events.RunEnded, task="moved"))
    upcoming = life_of(sched).engine.rows["moved"].next_at
    assert upcoming is not None
    later = to_micros(upcoming + timedelta(seconds=1.6))  # another of its times
    write(sched, lambda c: c.execute(schema.tasks.update().values(next_at=later)))
    recorder.wait_for(recorder.of(events.RunQueued, task="moved", scheduled=later))
    sched.pause()
    assert "decides again" in caplog.text


def test_a_time_that_has_its_run_already(sched: Scheduler, recorder: Recorder) -> None:
    """As after the clock was set back: the time comes a second time, the run does not."""
    handle = sched.task(every("0.5s"), name="again", overlap="allow")(lambda: 1)
    recorder.wait_for(recorder.of(events.RunEnded, task="again"))
    life = life_of(sched)
    upcoming = life.engine.rows["again"].next_at
    assert upcoming is not None
    at = to_micros(upcoming)
    run = Run(
        id=new_id(), task="again", state=State.QUEUED, cause="schedule", scheduled=at, due=at, queued=at
    )
    row = {**dict(zip((*FIXED, *MUTABLE), run_values(run), strict=True)), "state": "DONE"}
    write(sched, lambda c: c.execute(schema.runs.insert(), [row]))
    recorder.wait_for(
        lambda event: isinstance(event, events.RunEnded) and event.task == "again" and event.at > upcoming
    )
    sched.pause()
    times = [run.scheduled_at for run in handle.runs()]
    assert len(times) == len(set(times))
    assert handle.runs()[0].scheduled_at != upcoming or len(times) > 1


def test_an_absent_task_is_rescheduled_and_its_runs_wait(make: Make) -> None:
    first = make()
    with first:
        first.task(every("1h"), name="absent")(lambda: 1)
    second = make()
    second.start()
    assert second.tasks["absent"].state == "waiting"
    with pytest.raises(DeclarationError, match="known from the ledger only"):
        second.tasks["absent"]()
    second.reschedule("absent", every("2h"))
    assert "2" in second.tasks["absent"].task.trigger.text()
    second.reschedule("absent", None)
    assert second.tasks["absent"].next_run is None
    run = second.submit("absent", anything="goes")
    assert run.state is State.QUEUED
    assert run.cancel()
    assert run.attempts == []


def test_a_failing_start_leaves_no_life(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make()

    def torn(life: str) -> None:
        raise LedgerError("torn page")

    monkeypatch.setattr(first.queries.ledger, "snapshot", torn)
    with pytest.raises(LedgerError, match="torn page"):
        first.start()
    assert (first.state, first.nodes) == ("stopped", [])
    second = make()
    second.start()
    assert second.state == "running"


def test_starting_twice_is_once(sched: Scheduler) -> None:
    life = life_of(sched)
    sched.start()
    sched.watch()
    assert life_of(sched) is life
    assert sched.running


def test_the_same_declaration_again_writes_nothing(sched: Scheduler) -> None:
    def again() -> int:
        return 1

    handle = sched.task(every("1h"), name="again")(again)
    before, upcoming = len(sched.queries.ledger.events()), handle.next_run
    assert sched.task(every("1h"), name="again")(again).next_run == upcoming
    assert len(sched.queries.ledger.events()) == before


def test_a_cell_run_again_after_downtime_keeps_its_missed_times(make: Make) -> None:
    first = make()
    with first:
        first.task(every("0.2s"), name="cell", coalesce=False, overlap="allow")(lambda: 1)
    (row,) = first.queries.ledger.tasks()
    threading.Event().wait(0.7)
    second = make()
    second.start()
    recorder = Recorder(second)
    threading.Event().wait(0.3)
    assert not [event for event in recorder.events if event.task == "cell"], "it waits for its cell"
    second.task(every("0.2s"), name="cell", coalesce=False, overlap="allow")(lambda: 2)
    runs = recorder.wait_for(recorder.of(events.RunQueued, task="cell"), 5)
    assert runs[0].after.scheduled_at == row.next_at
    assert second.queries.ledger.tasks()[0].anchor == row.anchor
    second.pause()


def test_blocking_names_refuse_inside_a_coroutine(sched: Scheduler) -> None:
    sched.task(name="one")(lambda: 1)
    run = sched.submit("one")

    async def main() -> None:
        calls: dict[Callable[..., object], str] = {
            run.result: "await run",
            run.wait: "await run",
            sched.stop: "await ….aio.stop(…)",
            functools.partial(sched.submit, "one"): "await ….aio.submit(…)",
            functools.partial(sched.backfill, "one", *[datetime.now(UTC)] * 2): "await ….aio.backfill(…)",
        }
        for call, instead in calls.items():
            with pytest.raises(BlockingCallError, match=re.escape(f"write `{instead}")):
                call()
        assert await run == 1

    asyncio.run(main())


def test_handles_have_a_repr(sched: Scheduler) -> None:
    handle = sched.task(every("1h"), name="one", description="does one thing")(lambda: 1)
    run = handle.submit()
    run.result("60s")
    assert repr(handle).startswith("<task 'one': idle, next 20")
    assert repr(run) == f"<run {run.id} of 'one': DONE>"
    assert repr(sched) == f"<Scheduler running, ledger {sched.ledger}, 1 task>"
    assert sched.name == "tests"
    assert service().call(sched.aio.result, run.id) == 1
    handle.pause()
    assert (handle.state, handle.paused, handle.next_run) == ("paused", True, None)
    handle.resume()
    assert handle.state == "idle"
    assert sched.enable == sched.resume
    assert sched.disable == sched.pause


def test_a_run_forwards_its_progress_to_who_waits(sched: Scheduler) -> None:
    class Bar(context.ExecutionContext):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def progress(self, stage: str, done: float, total: float | None) -> None:
            self.seen.append((stage, done, total))

        def log(self, level: int, message: str) -> None:
            self.seen.append(message)

    @sched.task(name="tells")
    def tells(run: Any) -> int:
        while not bar.seen:
            run.log("is anybody listening?")
            threading.Event().wait(0.005)
        run.progress("rows", 2, 2)
        run.log(logging.WARNING, "careful")
        return 1

    bar = Bar()
    run = sched.submit("tells")
    with context.use(bar):
        assert run.result("60s") == 1
    assert bar.seen[-2:] == [("rows", 2, 2), "careful"]
    assert set(bar.seen[:-2]) == {"is anybody listening?"}
    # Someone who waits inside a run that is asked to stop does not wait on.
    with context.use(bar):
        assert asyncio.run(_awaited(sched.submit("tells"))) == 1


async def _awaited(run: Any) -> Any:
    return await run


def test_what_nobody_runs_is_seen_all_the_same(make: Make) -> None:
    looking = make()
    with looking.viewing():
        assert looking.nodes == []
        assert not looking.paused


def test_commands_are_carried_out_once(sched: Scheduler) -> None:
    sched.task(name="one")(lambda: 1)
    life = life_of(sched)
    run = new_id()
    now, asked_for = life.decisions.clock.wall(), {"task": "one", "run": run, "params": {}}
    command = CommandRow(id=new_id(), at=now, actor="cli", kind="submit", data=asked_for)
    pause = CommandRow(id=new_id(), at=now, actor="cli", kind="pause", data={"task": "one"})
    resume = structs.replace(pause, id=new_id(), kind="resume")
    # As after a home that died with the run written and the command not yet answered.
    once_more = structs.replace(command, id=new_id())
    stranger = structs.replace(command, id=new_id(), data={"task": "nobody", "run": new_id()})

    async def twice() -> None:
        for asked in (command, command, once_more, stranger, pause, pause, resume):
            await node_of(sched).dispatcher.answer(life, asked)

    service().call(twice)
    service().call(life.decided)
    life.writer.call(lambda connection: None).result(60)
    assert sched.run(run).result("60s") == 1
    assert len(sched.runs()) == 1
    told = [event for event in sched.queries.ledger.events() if isinstance(event, events.TaskChanged)]
    assert [event.change for event in told] == ["declared", "paused", "resumed"]
    assert {event.actor for event in told[1:]} == {"cli"}


def test_a_failing_listener_harms_nobody(sched: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    unsubscribe = sched.subscribe(lambda event: 1 / 0)
    recorder = Recorder(sched)
    sched.task(name="one")(lambda: 1)
    sched.submit("one").result("60s")
    recorder.wait_for(recorder.of(events.RunEnded))
    unsubscribe()
    assert any("a listener failed" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    "make_it",
    [
        lambda: as_task(Task(name="", function=print)),
        lambda: as_task(Task(name=" padded", function=print)),
        lambda: as_task(Task(name="t", timeout=0)),
        lambda: as_task(Task(name="t", max_instances=0)),
        lambda: as_task(Task(name="t", catch_up=0)),
        lambda: as_task(Task(name="t", jitter=-1)),
        lambda: as_task(Task(name="t", misfire_grace=0)),
        lambda: as_task(Task(name="t", runs_in="cloud")),
        lambda: as_task(Task(name="t", function=print, after=(After("t"),))),
        lambda: After("t", on="tuesday"),
        lambda: Rate(0, 1),
        lambda: Retry(attempts=0),
        lambda: Retry(attempts="3"),
        lambda: Retry(attempts=True),
        lambda: Retry(backoff=0.5),
        lambda: Retry(backoff="2"),
        lambda: Retry(jitter=None),
    ],
)
def test_values_that_cannot_be(make_it: Callable[[], object]) -> None:
    with pytest.raises(DeclarationError):
        make_it()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"durability": "fll"}, r"durability='fll' \(one of 'normal', 'full'\)"),
        ({"limits": {"a": 0}}, r"limits\['a'\]=0 \(a whole number, at least 1\)"),
        ({"interruptions": -1}, r"interruptions=-1 \(a whole number, at least 0\)"),
        ({"concurrency": "five"}, r"concurrency='five' \(a whole number, at least 1\)"),
        ({"concurency": 3}, r"^unknown option 'concurency' \(did you mean 'concurrency'\?\)"),
        ({"threads": True}, "threads=True"),
        ({"processes": 0}, "processes=0"),
        ({"lease": -1}, r"lease=-1 \(longer than 0s\)"),
        ({"lease": "soon"}, "lease: invalid duration 'soon'"),
        ({"limits": ["jira"]}, r"limits=\['jira'\] .a mapping"),
        ({"keep_runs": "long"}, "keep_runs: invalid duration 'long'"),
        ({"keep_runs": 0}, "keep_runs=0 .longer than 0s"),
        ({"keep_results": "all"}, "keep_results='all' .a whole number, at least 1"),
        ({"tz": 5}, "tz: invalid time zone 5"),
        ({"cancel_grace": -0.5}, r"cancel_grace=-0.5 \(at least 0s\)"),
    ],
)
def test_a_scheduler_that_cannot_be(make: Make, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make(**options)


def test_each_due_time_is_shown_with_its_outcome(sched: Scheduler, recorder: Recorder) -> None:
    task = sched.task(every("0.1s"), name="ticks")(lambda: 1)
    recorder.wait_for(recorder.of(events.RunEnded, task="ticks"))
    assert task.due_times().dtypes.equals(sched.due_times("ticks", limit=1).dtypes)
    task.pause()
    upcoming = sched.queries.row("ticks").next_at
    assert upcoming is not None
    while datetime.now(UTC) < upcoming + timedelta(seconds=0.25):
        threading.Event().wait(0.05)
    task.resume()
    frame = task.due_times()
    missed = frame[frame["scheduled"] == upcoming].iloc[0]
    assert (missed["outcome"], missed["count"] >= 3) == ("missed", True)
    assert missed["until"] > missed["scheduled"]
    assert missed["reason"]
    assert str(frame["scheduled"].dtype) == "datetime64[us, UTC]"
    assert frame["scheduled"].is_monotonic_decreasing
    ran, left = task.due_times(ran=True), task.due_times(ran=False)
    assert set(ran["run"]) >= {run.id for run in task.runs() if run.scheduled_at in set(frame["scheduled"])}
    assert set(left["run"]) == {""}
    assert len(task.due_times(limit=1)) == 1
    with pytest.raises(UsageError, match="did you mean 'ticks'"):
        sched.due_times("tick")


def test_a_result_that_says_how_it_went() -> None:
    assert TaskResult.success("fine").ok
    assert TaskResult.skipped("nothing").ok
    assert not TaskResult.failed("no").ok
    assert TaskResult.failed(message="only words").error == "only words"


def test_children_that_are_gone_are_replaced(sched: Scheduler) -> None:
    sched.task(runs_in="process", name="pid", overlap="allow")(os.getpid)
    first = sched.submit("pid").result("60s")
    os.kill(first, 9)
    with contextlib.suppress(ChildProcessError):  # somebody has waited for its end already
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert sched.submit("pid").result("60s") != first


def test_an_outcome_is_told_to_a_waiter_of_an_ended_run(sched: Scheduler, make: Make) -> None:
    sched.task(name="one")(lambda: 7)
    run = sched.submit("one")
    run.wait("60s")
    again = sched.run(run.id)
    assert again.result("60s") == 7
    assert [attempt.outcome for attempt in again.attempts] == [Outcome.DONE]
    assert again.attempts[0].seconds >= 0


def test_an_ended_run_leaves_no_cycles(sched: Scheduler) -> None:
    async def coroutine() -> None: ...

    sched.task(name="sync")(lambda: None)
    sched.task(name="async")(coroutine)

    def some() -> None:
        for _ in range(10):
            sched.submit("sync").wait("60s")
            sched.submit("async").wait("60s")
        life = life_of(sched)
        assert not life.executions

    some()
    gc.collect()
    gc.disable()
    try:
        some()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [thing for thing in gc.garbage if isinstance(thing, Execution | RunContext | Decision)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert len(left) <= 2, "the last run may still be on its way"

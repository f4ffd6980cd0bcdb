"""What the ledger refuses is decided again: no due time, run or waiting caller is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from core.conftest import Recorder
from support.clocks import Later
from support.lives import life_of
from support.waiting import wait_until

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.changes import HomeExpected, TaskAdvanced
from schedkit.core.engine.decision import Decision
from schedkit.core.engine.engine import Engine
from schedkit.core.engine.stimuli import Cancel, Declare, Ended, Stimulus, Submit
from schedkit.core.ids import new_id
from schedkit.core.node.life import Life
from schedkit.core.promise import Promise
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store import schema
from schedkit.core.store.rows import FIXED, MUTABLE, run_values
from schedkit.core.triggers.constructors import at, every
from schedkit.errors import LedgerError, SchedkitError
from schedkit.loop import service
from schedkit.values.instants import to_micros

LATER = datetime.now(UTC) + timedelta(hours=1)
Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """Both databases refuse alike: tests/core/store/test_writer.py."""
    return str(tmp_path / "ledger.db")


@pytest.fixture
def life(sched: Scheduler) -> Life:
    """Two tasks due at one time; the first has its run for it already, as after the clock was set back."""
    for name in ("again", "beside"):
        sched.task(at(LATER), name=name)(lambda: None)
    found = life_of(sched)
    insert_run(found, "again", LATER)
    return found


def write(life: Life, work: Callable[[sa.Connection], Any]) -> Any:
    return life.writer.call(work).result(60)


def insert_run(life: Life, task: str, scheduled_at: datetime, state: State = State.DONE) -> str:
    when = to_micros(scheduled_at)
    run = Run(id=new_id(), task=task, state=state, cause="schedule", scheduled=when, due=when, queued=when)
    row = dict(zip((*FIXED, *MUTABLE), run_values(run), strict=True))
    write(life, lambda connection: connection.execute(schema.runs.insert(), [row]))
    return run.id


def pass_time(life: Life, until: datetime = LATER) -> None:
    """Let the wall clock be a second after a time."""
    life.decisions.clock = Later(until - datetime.now(UTC) + timedelta(seconds=1))
    life.post()


def runs(life: Life, name: str) -> list[datetime | None]:
    return [run.scheduled_at for run in life.ledger.runs(name)]


def test_a_time_that_has_its_run_costs_no_other_task_its_own(
    life: Life, sched: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(sched)
    with caplog.at_level(logging.INFO, "schedkit"):
        pass_time(life)
        recorder.wait_for(recorder.of(events.RunEnded, task="beside"))
    (told,) = [line for line in caplog.records if "decides again" in line.getMessage()]
    assert (told.levelname, told.exc_info) == ("INFO", None), "another process may have been quicker"
    assert runs(life, "again") == runs(life, "beside") == [LATER]
    assert [life.ledger.task(name).next_at for name in ("again", "beside")] == [None, None]


def test_a_time_that_has_its_run_leaves_those_before_it_their_fate(life: Life, sched: Scheduler) -> None:
    """Three times are due: two are coalesced into the third, which has its run already."""
    sched.task(every("1h", start=LATER), name="hourly")(lambda: None)
    third = LATER + timedelta(hours=2)
    insert_run(life, "hourly", third)
    recorder = Recorder(sched)
    pass_time(life, third)
    recorder.wait_for(recorder.of(events.Fired, task="hourly"))
    recorder.wait_for(recorder.of(events.RunEnded, task="beside"))
    assert runs(life, "hourly") == [third]
    (fire,) = life.ledger.fires("hourly")
    assert (fire.scheduled_at, fire.until, fire.count) == (LATER, LATER + timedelta(hours=1), 2)
    row = life.ledger.task("hourly")
    assert row is not None
    assert row.next_at == third + timedelta(hours=1)


def test_a_task_that_has_moved_just_then_is_not_left_aside(
    life: Life, sched: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    """Its due time is refused shortly after something else was, when each refusal tells what is wrong."""
    recorder, later = Recorder(sched), LATER + timedelta(hours=1)
    sched.task(at(later), name="moves")(lambda: None)
    pass_time(life)
    recorder.wait_for(recorder.of(events.RunEnded, task="beside"))
    before = life.engine
    elsewhere = schema.tasks.update().where(schema.tasks.c.name == "moves").values(home="another")
    write(life, lambda connection: connection.execute(elsewhere))
    pass_time(life, later)
    wait_until(lambda: life.engine is not before)
    assert [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING] == []
    assert runs(life, "moves") == []


def test_the_end_of_a_run_is_kept_while_tasks_move(
    life: Life, sched: Scheduler, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is run elsewhere takes its tasks home one by one: each refuses what was decided before."""
    sched.task(name="asked")(lambda: 42)
    real, moves = Engine.handle_all, [1, 2, 3]

    def moved(self: Engine, stimuli: Sequence[Stimulus], *given: Any, **more: Any) -> Decision:
        decision = real(self, stimuli, *given, **more)
        if moves and any(isinstance(stimulus, Ended) for stimulus in stimuli):
            moves.pop()
            decision.changes.append(HomeExpected("asked", "another life"))
        return decision

    monkeypatch.setattr(Engine, "handle_all", moved)
    run = sched.submit("asked")
    assert run.result("60s") == 42
    assert moves == []
    assert [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING] == []
    assert [each.attempt for each in sched.runs("asked")] == [1]


def test_many_declarations_for_which_another_process_is_quicker(
    make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that starts declares tasks that run elsewhere all the time: each of their events comes between."""
    names = [f"task-{number}" for number in range(8)]
    sched = make()
    for name in names:
        sched.task(name=name)(lambda: 42)
    real, tries = Engine.handle_all, {name: list[object]() for name in names}

    def quicker(self: Engine, stimuli: Sequence[Stimulus], *given: Any, **more: Any) -> Decision:
        decision = real(self, stimuli, *given, **more)
        for stimulus in stimuli:
            if isinstance(stimulus, Declare) and stimulus.token is not None:
                of_task = tries[stimulus.task.name]
                if stimulus.token not in of_task:
                    of_task.append(stimulus.token)
                if stimulus.token in of_task[:2]:
                    decision.changes.append(TaskAdvanced(stimulus.task.name, 1, 2, "another life"))
        return decision

    monkeypatch.setattr(Engine, "handle_all", quicker)
    sched.start()
    assert sched.at_home == names
    assert {len(of_task) for of_task in tries.values()} == {3}
    assert sched.submit(names[-1]).result("60s") == 42
    assert [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING] == []


def test_what_is_asked_for_meanwhile_is_done_in_its_order(life: Life, sched: Scheduler) -> None:
    recorder = Recorder(sched)
    sched.task(name="asked")(lambda: 42)
    life.decisions.clock = Later(LATER - datetime.now(UTC) + timedelta(seconds=1))
    life.post()
    answers = [Promise[dict[str, Any]]() for _ in range(3)]
    run = new_id()
    life.post(
        Submit(run=run, task="asked", token=answers[0]),
        Submit(run=new_id(), task="nobody", token=answers[1]),
        Cancel(run="no such run", actor="me", token=answers[2]),
    )
    assert answers[0].result(60) == {"run": run}
    with pytest.raises(SchedkitError, match="no task is called 'nobody'"):
        answers[1].result(60)
    assert answers[2].result(60) == {"cancelled": False}
    recorder.wait_for(recorder.of(events.RunEnded, task="beside"))
    assert sched.run(run).result("60s") == 42


def test_who_hands_in_what_the_ledger_refuses_is_told(life: Life, sched: Scheduler) -> None:
    """A run of this id is there, and has ended: no engine knows of it, rebuilt or not."""
    sched.task(name="asked")(lambda: 42)
    taken = insert_run(life, "asked", LATER)
    answer, after = Promise[dict[str, Any]](), Promise[dict[str, Any]]()
    life.post(Submit(run=taken, task="asked", token=answer), Cancel(run="none", actor="me", token=after))
    with pytest.raises(LedgerError):
        answer.result(60)
    assert after.result(60) == {"cancelled": False}
    assert sched.submit("asked").result("60s") == 42


def test_what_runs_goes_on_while_the_engine_is_made_anew(life: Life, sched: Scheduler) -> None:
    entered, release, recorder = threading.Event(), threading.Event(), Recorder(sched)

    def held() -> str:
        entered.set()
        release.wait(60)
        return "in one go"

    sched.task(name="held")(held)
    run = sched.submit("held")
    assert entered.wait(60)
    before = life.engine
    pass_time(life)
    recorder.wait_for(recorder.of(events.RunEnded, task="beside"))
    assert life.engine is not before
    assert not run.attempts
    release.set()
    assert run.result("60s") == "in one go"
    assert run.run.attempt == 1


def test_an_engine_that_fails_is_made_anew(
    life: Life, sched: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours in a decision costs one stimulus, and nobody who waits for another."""
    sched.task(name="asked")(lambda: 42)
    decide = type(life.engine).handle_all

    def mistaken(engine: Any, stimuli: Any, *times: int, **how: bool) -> Any:
        if any(isinstance(stimulus, Cancel) for stimulus in stimuli):
            raise ZeroDivisionError("a mistake")
        return decide(engine, stimuli, *times, **how)

    monkeypatch.setattr(type(life.engine), "handle_all", mistaken)
    run, answers = new_id(), [Promise[dict[str, Any]]() for _ in range(2)]
    life.post(Submit(run=run, task="asked", token=answers[0]), Cancel(run=run, actor="me", token=answers[1]))
    assert answers[0].result(60) == {"run": run}
    with pytest.raises(SchedkitError, match="the scheduler failed on it: ZeroDivisionError: a mistake"):
        answers[1].result(60)
    assert sched.run(run).result("60s") == 42
    assert "decides again" in caplog.text


def test_a_pause_that_was_written_meanwhile_stands(life: Life, sched: Scheduler) -> None:
    """Somebody has changed the ledger behind the engine's back: what it says counts."""
    recorder = Recorder(sched)
    later = to_micros(LATER + timedelta(hours=3))
    moved = schema.tasks.update().where(schema.tasks.c.name == "beside").values(paused=True, next_at=later)
    write(life, lambda connection: connection.execute(moved))
    pass_time(life)
    recorder.wait_for(recorder.of(events.ScheduleAdvanced, task="again"))
    service().call(life.decided)
    assert runs(life, "beside") == []
    row = life.engine.rows["beside"]
    assert (row.paused, row.next) == (True, later)


@pytest.mark.parametrize("name", [None, "beside"])
def test_resuming_what_is_not_paused_passes_over_nothing(
    life: Life, sched: Scheduler, name: str | None
) -> None:
    sched.resume(name)
    with life.ledger.store.reading() as connection:
        assert not connection.scalar(sa.select(sa.func.count()).select_from(schema.fires))
    assert life.engine.rows["beside"].next_at == LATER


def test_an_engine_that_always_fails_is_given_up(
    life: Life, sched: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As with a ledger whose file is damaged: nobody waits for ever, and it can be stopped."""
    entered, release = threading.Event(), threading.Event()

    def held(run: Any) -> None:
        entered.set()
        while not (run.should_stop() or release.wait(0.01)):
            pass

    sched.task(name="held")(held)
    sched.submit("held")
    assert entered.wait(60)

    def broken(engine: Any, stimuli: Any, *times: int, **how: bool) -> Any:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(type(life.engine), "handle_all", broken)
    with pytest.raises(SchedkitError):
        sched.submit("held")
    with pytest.raises(LedgerError, match=r"nothing can be decided any more: .* a mistake"):
        sched.submit("held")
    assert "restore the ledger" in caplog.text
    (trouble,) = life.troubles()
    assert isinstance(trouble, events.StoreAway)
    assert "nothing can be decided any more" in trouble.reason
    sched.stop("0.2s")
    assert sched.state == "stopped"

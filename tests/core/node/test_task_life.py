"""Pausing, resuming and declaring again: what they do to due times, here and after a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from core.conftest import Recorder
from msgspec.structs import replace
from support.clocks import Later
from support.faulty import locked
from support.lives import die, life_of, node_of

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.engine.stimuli import Declare
from schedkit.core.model import After
from schedkit.core.node.life import Life
from schedkit.core.promise import Promise
from schedkit.core.states import State
from schedkit.core.store import schema
from schedkit.core.store.rows import FireRow
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import RunFailedError
from schedkit.loop import service
from schedkit.values.instants import from_micros, to_micros

Make = Callable[..., Scheduler]
NOW = datetime.now(UTC)
# Times far enough from now that the tests do not meet one: half a year.
MONTH = NOW.month + 6 if NOW.month <= 6 else NOW.month - 6
YEARLY = cron(f"0 0 1 {MONTH} *", tz="UTC")
YEAR = NOW.year if NOW.month <= 6 else NOW.year + 1  # of the next one
LAST, THIS, NEXT = (datetime(YEAR + years, MONTH, 1, tzinfo=UTC) for years in (-2, -1, 0))


@pytest.fixture
def where(tmp_path: Path) -> str:
    """It is the same on any database."""
    return str(tmp_path / "ledger.db")


def declaration(life: Life, name: str) -> Declare:
    """Return what the engine of a life is told of a task that is at home with it."""
    (declared,) = service().call(life.declarations.again, {name})
    return declared


def would_fire(sched: Scheduler, at: datetime = NEXT) -> list[str]:
    """Return the tasks that the clock would find due at a time."""

    async def due() -> list[str]:
        await life_of(sched).decided()
        times = life_of(sched).engine.schedules.due_times
        return sorted(name for name, due in times.items() if due <= to_micros(at))

    return service().call(due)


def stood_still(sched: Scheduler, name: str, since: datetime) -> None:
    """Let the ledger say that nobody has looked after a task's times since then; its scheduler stops."""
    back = schema.tasks.update().where(schema.tasks.c.name == name)
    back = back.values(next_at=to_micros(since), anchor=to_micros(since))
    life_of(sched).writer.call(lambda connection: connection.execute(back)).result(60)
    sched.stop("1s")


def written(sched: Scheduler) -> None:
    """Wait until everything that was posted before is in the ledger."""
    life = life_of(sched)
    service().call(life.decided)
    life.writer.call(lambda connection: None).result(60)


def missed(sched: Scheduler, name: str) -> list[tuple[datetime, datetime, str, str]]:
    def told(fire: FireRow) -> tuple[datetime, datetime, str, str]:
        return fire.scheduled_at, fire.until, str(fire.outcome), fire.reason

    written(sched)
    return [told(fire) for fire in sched.queries.ledger.fires(name)]


def begun(make: Make, **tasks: Any) -> Scheduler:
    """Return a running scheduler with tasks, as after a restart."""
    sched = make()
    for name, trigger in tasks.items():
        sched.task(trigger, name=name)(lambda: 1)
    sched.start()
    return sched


def test_a_paused_task_has_no_due_times_until_it_is_resumed(make: Make) -> None:
    sched = begun(make, a=YEARLY, b=YEARLY)
    sched.pause("a")
    assert would_fire(sched) == ["b"]
    assert sched.queries.ledger.task("a").paused
    sched.stop("1s")
    again = begun(make, a=YEARLY, b=YEARLY)
    assert again.tasks["a"].state == "paused"
    assert would_fire(again) == ["b"]
    again.resume("a")
    assert would_fire(again) == ["a", "b"]
    assert not again.queries.ledger.task("a").paused


def test_what_is_paused_as_a_whole_stays_so_over_a_restart(make: Make) -> None:
    first = begun(make, a=YEARLY)
    first.pause()
    assert would_fire(first) == []
    first.stop("1s")
    second = begun(make, a=YEARLY, late=YEARLY)
    assert second.paused
    assert would_fire(second) == []
    second.resume()
    assert would_fire(second) == ["a", "late"]
    second.stop("1s")
    third = begun(make, a=YEARLY)
    assert not third.paused
    assert would_fire(third) == ["a"]


def test_resuming_all_leaves_what_is_paused_by_itself(make: Make) -> None:
    first = begun(make, a=YEARLY, b=YEARLY)
    first.pause("a")
    first.pause()
    stood_still(first, "a", LAST)
    second = begun(make, a=YEARLY, b=YEARLY)
    second.resume()
    assert second.tasks["a"].state == "paused"
    assert would_fire(second) == ["b"]
    assert missed(second, "a") == [], "its times wait for its own end of the pause"
    second.resume("a")
    assert missed(second, "a") == [(LAST, THIS, "missed", "paused")]
    assert would_fire(second) == ["a", "b"]
    assert second.queries.ledger.task("a").next_at == NEXT


@pytest.mark.parametrize("how", ["declared", "rescheduled", "rescheduled in its absence"])
def test_another_schedule_leaves_no_passed_time_of_the_old_one_untold(make: Make, how: str) -> None:
    first = begun(make, a=YEARLY)
    if how == "rescheduled":
        first.pause("a")  # else the clock would deal with them at once
    stood_still(first, "a", LAST)
    later = cron(f"0 0 2 {MONTH} *", tz="UTC")
    if how == "declared":
        second = begun(make, a=later)
    else:
        second = begun(make, **({"a": YEARLY} if how == "rescheduled" else {}))
        second.reschedule("a", later)
    assert missed(second, "a") == [(LAST, THIS, "missed", "rescheduled")]
    row = second.queries.ledger.task("a")
    assert row.next_at.day == 2
    assert row.anchor > datetime.now(UTC) - timedelta(minutes=10), "an interval counts from here"
    second.stop("1s")
    third = begun(make, a=later)
    assert missed(third, "a") == [(LAST, THIS, "missed", "rescheduled")]


def test_what_else_a_cell_changes_is_kept(make: Make) -> None:
    sched = begun(make)
    sched.task(every("1h"), name="a", priority="low")(lambda: 1)
    sched.task(every("1h"), name="a", priority="high", tags="new")(lambda: 1)
    facts = sched.queries.ledger.task("a").facts
    assert (facts["priority"], facts["tags"]) == (20, ["new"])


def test_the_same_declaration_again_waits_for_nothing(make: Make) -> None:
    sched = begun(make, a=YEARLY)

    written(sched)
    with locked(sched.ledger):
        durable, life = Promise[dict[str, Any]](), life_of(sched)
        life.post(replace(declaration(life, "a"), token=durable))
        assert durable.result(60) == {}


@pytest.mark.parametrize(("on", "state"), [("success", State.SKIPPED), ("any", State.DONE)])
def test_how_a_parent_ended_is_known_after_a_restart(make: Make, on: str, state: State) -> None:
    def fails() -> None:
        raise ValueError("no")

    first = begun(make)
    first.task(name="parent")(fails)
    with pytest.raises(RunFailedError):
        first.submit("parent").result("60s")
    first.task(YEARLY, name="child", after=After("parent", on))(lambda: 1)
    stood_still(first, "child", THIS)
    second = make()
    recorder = Recorder(second)
    second.task(name="parent")(fails)
    second.task(YEARLY, name="child", after=After("parent", on))(lambda: 1)
    second.start()
    (ended,) = recorder.wait_for(recorder.of(events.RunEnded, task="child"))
    assert ended.after.state is state
    assert ended.after.reason == ("its parent 'parent' ended as FAILED" if on == "success" else "")


def test_with_a_task_go_its_due_times_and_its_runs(make: Make) -> None:
    entered, release = threading.Event(), threading.Event()

    def held(run: Any) -> None:
        entered.set()
        while not release.wait(0.01):
            run.progress("waits", 0)

    sched = begun(make)
    sched.task(YEARLY, name="a")(held)
    running, waiting = sched.submit_many("a", [{}, {}])
    assert entered.wait(60)
    sched.remove("a")
    assert would_fire(sched) == []
    for run in (running, waiting):
        ended = run.wait("60s")
        assert (ended.state, ended.reason) == (State.CANCELLED, f"cancelled by {sched.name}")


def test_a_scheduler_that_is_stopping_leaves_due_times_to_the_next(make: Make) -> None:
    entered, release = threading.Event(), threading.Event()
    sched = begun(make, a=YEARLY)

    @sched.task(name="held")
    def held() -> None:
        entered.set()
        release.wait(60)

    run = sched.submit("held")
    assert entered.wait(60)
    life = life_of(sched)
    stopping = threading.Thread(target=sched.stop, args=("30s",))
    stopping.start()
    while not life.stopping:
        pass
    assert would_fire(sched) == []
    life.post(declaration(life, "a"))
    assert would_fire(sched) == []
    release.set()
    stopping.join(60)
    assert sched.queries.ledger.run(run.id).state is State.DONE
    assert sched.queries.ledger.task("a").next_at == NEXT


def test_who_only_watches_changes_nothing_of_a_task_that_it_declares(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    home = begun(make, a=YEARLY)
    written(home)
    row = home.queries.ledger.task("a")
    assert row is not None
    watching = make()
    watching.watch()
    watching.task(every("1h"), name="a")(lambda: 2)
    assert "this scheduler only watches and runs nothing" in caplog.text
    assert watching.submit("a").result("60s") == 1
    assert home.queries.ledger.task("a") == row
    assert would_fire(home) == ["a"]


def test_what_was_interrupted_counts_towards_the_limit_of_its_task(make: Make) -> None:
    """It starts again, but not beside those that waited behind it."""
    entered, release = threading.Semaphore(0), threading.Event()

    def held() -> None:
        entered.release()
        release.wait(60)

    first = make(name="first")
    first.task(cron("0 0 * * *", tz="UTC"), name="held")(held)
    first.start()
    runs = first.backfill("held", "2025-01-01T00:00+00:00", "2025-01-03T00:00+00:00")
    assert entered.acquire(timeout=60)
    die(first)
    second = make(name="second")
    second.task(cron("0 0 * * *", tz="UTC"), name="held")(held)
    second.start()
    assert entered.acquire(timeout=60)
    written(second)
    assert sorted(second.run(run.id).state for run in runs) == [State.QUEUED, State.QUEUED, State.RUNNING]
    release.set()
    for run in runs:
        assert second.run(run.id).wait("60s").state is State.DONE


@pytest.mark.parametrize("how", ["declared without it", "removed"])
def test_a_child_that_no_longer_follows_gets_no_more_runs(make: Make, how: str) -> None:
    sched = begun(make, parent=None)
    sched.task(name="child", after="parent")(lambda: 1)
    sched.submit("parent").result("60s")
    assert len(sched.runs("child")) == 1
    if how == "removed":
        sched.remove("child")
    else:
        sched.task(name="child")(lambda: 1)
    sched.submit("parent").result("60s")
    assert len(sched.runs("child")) == 1


def test_jitter_moves_when_a_run_starts_and_never_its_key(make: Make) -> None:
    sched = begun(make)
    sched.task(YEARLY, name="a", jitter="1m")(lambda: 1)
    life = life_of(sched)

    put_off = from_micros(life.engine.schedules.due_times["a"])
    assert NEXT < put_off < NEXT + timedelta(minutes=1)
    recorder = Recorder(sched)
    life.decisions.clock = Later(put_off - datetime.now(UTC) + timedelta(milliseconds=1))
    life.post()
    (queued,) = recorder.wait_for(recorder.of(events.RunQueued, task="a"))
    (run,) = sched.runs("a")
    assert (run.scheduled_at, run.due_at) == (NEXT, put_off)
    assert queued.at >= put_off


def test_a_run_that_ends_well_while_its_task_is_removed_is_done(make: Make) -> None:
    sched = make()
    sched.start()
    entered, released = threading.Event(), threading.Event()

    def deaf() -> str:
        entered.set()
        return "well" if released.wait(60) else "late"

    run = sched.task(name="a")(deaf).submit()
    assert entered.wait(60)
    sched.remove("a")
    released.set()
    assert run.result("60s") == "well"
    assert sched.runs("a")[0].state is State.DONE


def test_a_task_removed_and_declared_again_in_one_breath_is_there(make: Make) -> None:
    """The order decides, though it is declared before its removal is decided."""
    sched = begun(make, a=YEARLY)
    life, task = life_of(sched), sched.tasks["a"].task

    async def in_one_breath() -> None:
        life.post(life.declarations.remove("a", "a cell"))
        node_of(sched).registry.add(task)
        await node_of(sched).declare([task])

    service().call(in_one_breath)
    written(sched)
    assert sched.queries.ledger.task("a") is not None
    assert would_fire(sched) == ["a"]

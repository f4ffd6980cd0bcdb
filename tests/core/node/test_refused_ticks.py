"""A tick that the ledger refuses: no time of any of its tasks goes without its disposition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from schedkit.core.api.facade import Scheduler
from schedkit.core.ledger import schema
from schedkit.core.ledger.rows import FIXED, MUTABLE, run_values
from schedkit.core.owner.owner import Owner
from schedkit.core.when.dispositions import due
from schedkit.core.when.triggers import at, every
from schedkit.loop import service
from schedkit.values.instants import to_micros

LATER = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "ledger.db")


@pytest.fixture
def owner(sched: Scheduler) -> Owner:
    """Two tasks due at one time; the first has its run for it already, as after the clock was set back."""
    for name in ("again", "beside"):
        sched.task(at(LATER), name=name)(lambda: None)
    found = sched._node.owner
    assert found is not None
    insert_run(found, "again", LATER)
    return found


def insert_run(owner: Owner, task: str, scheduled_at: datetime) -> None:
    run = owner.new_run(task, "schedule", "", scheduled_at=scheduled_at)
    row = {**dict(zip((*FIXED, *MUTABLE), run_values(run), strict=True)), "state": "DONE"}
    owner.writer.call(lambda connection: connection.execute(schema.runs.insert(), [row])).result(10)


async def tick(owner: Owner, meanwhile: str = "") -> None:
    """Do what the clock does when their time has come."""
    decided = due(owner.timetable.take(LATER), LATER, owner.alive)
    recording = asyncio.ensure_future(owner.record(decided))
    await asyncio.sleep(0)
    if meanwhile:
        owner.pause(meanwhile, "a colleague")
        owner.pump()
    await recording
    owner.timetable.settle(decided.after)


def runs(owner: Owner, name: str) -> list[datetime | None]:
    return [run.scheduled_at for run in owner.ledger.runs(name)]


def test_a_time_that_has_its_run_costs_no_other_task_its_own(owner: Owner) -> None:
    service().call(tick, owner)
    assert runs(owner, "again") == [LATER]
    assert owner.rows["again"].next_at is None
    assert owner.rows["beside"].next_at == LATER  # refused with the other's: it is decided anew
    service().call(tick, owner)
    assert runs(owner, "beside") == [LATER]
    assert owner.rows["beside"].next_at is None


def test_a_time_that_has_its_run_leaves_those_before_it_their_fate(owner: Owner, sched: Scheduler) -> None:
    """Three times are due: two are coalesced into the third, which has its run already."""
    sched.task(every("1h", start=LATER), name="hourly")(lambda: None)
    third = LATER + timedelta(hours=2)
    insert_run(owner, "hourly", third)

    async def late() -> None:
        taken = [schedule for schedule in owner.timetable.take(third) if schedule.task == "hourly"]
        await owner.record(due(taken, third, owner.alive))

    service().call(late)
    assert runs(owner, "hourly") == [third]
    (fire,) = owner.ledger.fires("hourly")
    assert (fire.scheduled_at, fire.until, fire.count) == (LATER, LATER + timedelta(hours=1), 2)
    row = owner.ledger.task("hourly")
    assert row is not None
    assert row.next_at == third + timedelta(hours=1)


def test_a_time_that_was_missed_before_may_be_missed_again(owner: Owner, sched: Scheduler) -> None:
    """As after the clock was set back: what is written of it stands, and the schedule goes on."""
    sched.task(at(LATER), name="late", misfire_grace="1s")(lambda: None)
    much_later = LATER + timedelta(hours=1)

    async def miss() -> None:
        taken = [schedule for schedule in owner.timetable.take(much_later) if schedule.task == "late"]
        await owner.record(due(taken, much_later, owner.alive))

    service().call(miss)
    back = schema.tasks.update().where(schema.tasks.c.name == "late").values(next_at=to_micros(LATER))
    owner.writer.call(lambda connection: connection.execute(back)).result(10)

    async def miss_again() -> None:
        owner.rows["late"] = replace(owner.rows["late"], next_at=LATER)
        owner._put_schedule(owner.rows["late"])
        await miss()

    service().call(miss_again)
    row = owner.ledger.task("late")
    assert row is not None
    assert row.next_at is None
    assert [fire.disposition for fire in owner.ledger.fires("late")] == ["missed"]


def test_a_pause_while_the_tick_is_on_its_way(owner: Owner) -> None:
    service().call(tick, owner, "beside")
    assert runs(owner, "beside") == [LATER]
    assert owner.rows["beside"].paused
    row = owner.ledger.task("beside")
    assert row is not None
    assert row.next_at is None
    assert row.paused


def test_a_pause_while_the_ledger_is_asked_how_it_stands(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, asked = owner.writer.call, list[int]()

    def interfering(function: Callable[[sa.Connection], Any]) -> Future[Any]:
        answer = call(function)
        asked.append(1)
        if len(asked) == 2:  # of the second task: the pause is written after the answer
            owner.pause("beside", "a colleague")
            owner.pump()
        return answer

    monkeypatch.setattr(owner.writer, "call", interfering)
    service().call(tick, owner)
    assert len(asked) == 3
    assert runs(owner, "beside") == [LATER]
    row = owner.ledger.task("beside")
    assert row is not None
    assert (row.next_at, row.paused) == (None, True)


def test_a_tick_decided_before_its_task_was_paused(owner: Owner, sched: Scheduler) -> None:
    sched.task(at(LATER), name="other")(lambda: None)

    async def late() -> None:
        taken = [schedule for schedule in owner.timetable.take(LATER) if schedule.task != "again"]
        decided = due(taken, LATER, owner.alive)
        owner.pause("beside", "a colleague")
        await owner.record(decided)

    service().call(late)
    assert runs(owner, "beside") == []
    assert owner.rows["beside"].next_at == LATER  # its time is dealt with when it is resumed
    assert runs(owner, "other") == [LATER]


@pytest.mark.parametrize("name", [None, "beside"])
def test_resuming_what_is_not_paused_passes_over_nothing(owner: Owner, name: str | None) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)

    async def resume() -> None:
        row = owner.rows["beside"] = replace(owner.rows["beside"], next_at=past)
        owner.resume(name, "a colleague")
        assert owner.rows["beside"] == row
        owner.pump()

    service().call(resume)
    with owner.ledger.store.reading() as connection:
        assert not connection.scalar(sa.select(sa.func.count()).select_from(schema.fires))


def test_a_schedule_older_than_what_is_known_is_put_right(owner: Owner) -> None:
    moved = LATER + timedelta(hours=1)

    async def late() -> None:
        taken = [schedule for schedule in owner.timetable.take(LATER) if schedule.task != "again"]
        decided = due(taken, LATER, owner.alive)
        owner.rows["beside"] = replace(owner.rows["beside"], next_at=moved)
        await owner.record(decided)
        owner.timetable.settle(decided.after)

    service().call(late)
    assert runs(owner, "beside") == []
    assert owner.timetable["beside"].next_at == moved


def live(owner: Owner, name: str) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (run.state, tuple(owner.joins.missing(run.id))) for run in owner.runs.values() if run.task == name
    ]


def test_a_refused_run_leaves_no_run_of_a_child_behind(owner: Owner, sched: Scheduler) -> None:
    """Else the other parent's next run would be paired with one that nobody knows."""
    sched.task(name="other")(lambda: None)
    sched.task(name="child", after=["again", "other"])(lambda: None)
    sched.task(name="grandchild", after="child")(lambda: None)
    service().call(tick, owner)
    assert live(owner, "child") == []
    assert live(owner, "grandchild") == []
    sched.submit("other").result("10s")
    assert live(owner, "child") == [("PENDING", ("again",))]
    assert [run.state for run in owner.ledger.runs("child")] == ["PENDING"]
    sched.submit("again").result("10s")
    (child,) = owner.ledger.runs("child")
    assert sched.run(child.id).wait("10s").state == "DONE"


def test_who_waits_for_a_run_that_is_refused_waits_for_the_next(owner: Owner, sched: Scheduler) -> None:
    sched.task(name="other")(lambda: None)
    sched.task(name="child", after=["again", "other"])(lambda: None)
    sched.submit("other").result("10s")
    service().call(tick, owner)
    assert live(owner, "child") == [("PENDING", ("again",))]
    sched.submit("again").result("10s")
    (child,) = owner.ledger.runs("child")
    assert sched.run(child.id).wait("10s").state == "DONE"

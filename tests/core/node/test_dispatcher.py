"""Every verb does the same from every door and wherever its task is at home, and tells who asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from core.conftest import Recorder
from support.ledgers import ledger_of
from support.lives import die, life_of
from support.waiting import wait_until

from schedkit import context
from schedkit.core import events
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node import dispatcher, send_command
from schedkit.core.node.commands import PauseTask, SubmitRun
from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.core.store.reader import Ledger
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import cron
from schedkit.errors import NotRunningError, ParameterError, UsageError
from schedkit.loop import service

Make = Callable[..., Scheduler]
NEW_YEAR, LATER = cron("0 0 1 1 *", tz="UTC"), cron("0 0 2 1 *", tz="UTC")
DAY = datetime(2026, 1, 1, tzinfo=UTC)
SQLITE = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


def held(n: int = 0) -> int:
    """Wait until it is asked to stop, unless there is a number."""
    while not n:
        context.checkpoint()
        threading.Event().wait(0.01)
    return n


def declare(home: Scheduler) -> None:
    home.task(NEW_YEAR, name="one", overlap="allow")(held)


class Doors:
    """The verbs as a scheduler has them."""

    def __init__(self, sched: Scheduler) -> None:
        self.sched = sched

    def pause(self) -> None:
        self.sched.pause("one")

    def resume(self) -> None:
        self.sched.resume("one")

    def reschedule(self, trigger: Trigger) -> None:
        self.sched.reschedule("one", trigger)

    def submit(self, **params: Any) -> RunHandle:
        return self.sched.submit("one", **params)

    def cancel(self, run: RunHandle) -> bool:
        return self.sched.cancel(run.id)

    def retry(self, run: RunHandle, **params: Any) -> RunHandle:
        return self.sched.retry(run, **params)

    def backfill(self) -> list[RunHandle]:
        return self.sched.backfill("one", DAY, DAY + timedelta(days=1))

    def remove(self) -> None:
        self.sched.remove("one")


class Handles(Doors):
    """The verbs as handles have them."""

    def pause(self) -> None:
        self.sched.tasks["one"].pause()

    def resume(self) -> None:
        self.sched.tasks["one"].resume()

    def submit(self, **params: Any) -> RunHandle:
        return self.sched.tasks["one"].submit(**params)

    def cancel(self, run: RunHandle) -> bool:
        return run.cancel()

    def retry(self, run: RunHandle, **params: Any) -> RunHandle:
        return run.retry(**params)

    def backfill(self) -> list[RunHandle]:
        return self.sched.tasks["one"].backfill(DAY, DAY + timedelta(days=1))


class Jobs(Doors):
    """The verbs as APScheduler's jobs have them."""

    def pause(self) -> None:
        self.sched.get_jobs()[0].pause()

    def resume(self) -> None:
        self.sched.resume_job("one")

    def reschedule(self, trigger: Trigger) -> None:
        self.sched.get_jobs()[0].reschedule(trigger)

    def remove(self) -> None:
        self.sched.get_jobs()[0].remove()


class Async(Doors):
    """The verbs as a user's coroutines have them."""

    def _awaited(self, verb: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(verb)

    def pause(self) -> None:
        self._awaited(self.sched.aio.pause("one"))

    def resume(self) -> None:
        self._awaited(self.sched.aio.resume("one"))

    def reschedule(self, trigger: Trigger) -> None:
        self._awaited(self.sched.aio.reschedule("one", trigger))

    def submit(self, **params: Any) -> RunHandle:
        made: RunHandle = self._awaited(self.sched.aio.submit("one", **params))
        return made

    def cancel(self, run: RunHandle) -> bool:
        return bool(self._awaited(self.sched.aio.cancel(run.id)))

    def retry(self, run: RunHandle, **params: Any) -> RunHandle:
        made: RunHandle = self._awaited(self.sched.aio.retry(run.id, **params))
        return made

    def backfill(self) -> list[RunHandle]:
        made: list[RunHandle] = self._awaited(self.sched.aio.backfill("one", DAY, DAY + timedelta(days=1)))
        return made

    def remove(self) -> None:
        self._awaited(self.sched.aio.remove("one"))


def asking(place: str, make: Make) -> Scheduler:
    """Return who asks: the task is at home here, with another process, or with nobody."""
    home = make(name="home")
    home.start()
    declare(home)
    if place == "here":
        return home
    asks = make(name="asks")
    if place == "watched":
        asks.watch()
    else:
        asks.start()
    if place == "homeless":
        home.stop("1s")
    return asks


def walk(doors: Doors, at_home: bool) -> None:
    """Have every verb done, on behalf of somebody."""
    sched, task = doors.sched, doors.sched.tasks["one"]
    with context.acting_as("ann"):
        doors.pause()
        assert task.paused
        doors.resume()
        assert not task.paused
        doors.reschedule(LATER)
        assert task.next_run is not None
        assert task.next_run.day == 2
        run = doors.submit()
        assert doors.cancel(run)
        assert run.wait("60s").state is State.CANCELLED
        assert not doors.cancel(run)
        again = doors.retry(run, n=3)
        if at_home:
            assert again.result("60s") == 3
            (made,) = doors.backfill()
            assert sched.cancel(made.id)
        else:
            assert again.state is State.QUEUED
            with pytest.raises(NotRunningError, match="no process that runs has the task 'one'"):
                doors.backfill()
        doors.remove()
    assert list(sched.tasks) == []


def check_log(sched: Scheduler, at_home: bool) -> None:
    """Judge what the ledger says of a walk."""
    with ledger_of(sched) as ledger:
        told = [event for event in ledger.events() if isinstance(event, events.TaskChanged)]
        runs = ledger.runs("one")
        open_commands = [ledger.commands(node.life) for node in ledger.nodes()]
    assert [event.change for event in told] == ["declared", "paused", "resumed", "rescheduled", "removed"]
    assert {event.actor for event in told[1:]} == {"ann"}
    first, again = runs[-1], runs[-2]
    assert [run.cause for run in reversed(runs)] == ["submit", "retry", "backfill"][: 3 if at_home else 2]
    assert {run.actor for run in runs} == {"ann"}
    assert first.reason == "cancelled by ann"
    assert (again.retry_of, again.params) == (first.id, {"n": 3})
    assert not any(open_commands)


@SQLITE
@pytest.mark.parametrize("doors", [Doors, Handles, Jobs, Async])
@pytest.mark.parametrize("place", ["here", "elsewhere", "homeless", "watched"])
def test_every_verb_does_the_same(place: str, doors: type[Doors], make: Make) -> None:
    asks = asking(place, make)
    walk(doors(asks), at_home=place != "homeless")
    check_log(asks, at_home=place != "homeless")


@pytest.mark.parametrize("where", ["postgres"], indirect=True)
@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_every_verb_does_the_same_on_postgres(place: str, make: Make) -> None:
    asks = asking(place, make)
    walk(Doors(asks), at_home=True)
    check_log(asks, at_home=True)


@SQLITE
def test_without_a_person_the_process_is_who_asks(make: Make) -> None:
    asks = asking("elsewhere", make)
    asks.pause("one")
    run = asks.submit("one", n=1)
    with context.acting_as("ann"), context.acting_as("bob"):
        (second, third) = asks.submit_many("one", [{"n": 2}, {"n": 3}])
    assert [one.run.actor for one in (run, second, third)] == ["asks", "bob", "bob"]
    assert [one.result("60s") for one in (run, second, third)] == [1, 2, 3]
    with ledger_of(asks) as ledger:
        assert [event.actor for event in ledger.events() if isinstance(event, events.TaskChanged)][
            -1
        ] == "asks"


# Running again


@SQLITE
@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_a_failed_run_runs_again_with_its_parameters_or_with_others(place: str, make: Make) -> None:
    asks = asking(place, make)

    @asks.task(name="divide")
    def divide(n: int, by: int = 0) -> float:
        return n / by

    failed = asks.submit("divide", n=6)
    assert failed.wait("60s").state is State.FAILED
    again = failed.retry()
    assert again.wait("60s").state is State.FAILED
    assert (again.run.params, again.run.retry_of) == ({"n": 6}, failed.id)
    mended = again.retry(by=2)
    assert mended.result("60s") == 3.0
    assert (mended.run.params, mended.run.retry_of, mended.run.cause) == (
        {"n": 6, "by": 2},
        again.id,
        "retry",
    )
    with pytest.raises(ParameterError, match="unknown parameter 'through'"):
        mended.retry(through=2)
    with pytest.raises(UsageError, match="no run 'nobody'"):
        asks.retry("nobody")
    waits = asks.submit("one")
    with pytest.raises(UsageError, match=r"has not ended: it is (QUEUED|RUNNING) .cancel it first"):
        waits.retry()
    asks.remove("divide")
    with pytest.raises(UsageError, match="no task is called 'divide'"):
        mended.retry()


# Commands that wait in the ledger


@SQLITE
def test_a_command_is_carried_out_once_though_it_is_heard_twice(make: Make) -> None:
    """As after a home that died with the run written and the command not yet answered."""
    home = asking("here", make)
    asked = SubmitRun(task="one", run="00run", params={"n": 1}, actor="ann")
    with ledger_of(home) as ledger:
        for _ in range(2):
            assert service().call(send_command.send_command, ledger, asked) == {"ok": True, "run": "00run"}
    assert home.run("00run").result("60s") == 1
    assert len(home.runs()) == 1


@SQLITE
def test_a_command_that_nobody_waits_for_is_withdrawn(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever left it has ended; it must not come to effect days later, when its task has a home again."""
    monkeypatch.setattr(dispatcher, "OLDEST_SECONDS", -1.0)
    home = asking("here", make)
    with ledger_of(home) as ledger:
        command = ledger.ask("ann", "pause", {"task": "one"}, task="one")

        def answered() -> Any:
            row = ledger.command(command)
            return None if row is None else row.answer

        wait_until(answered)
        assert answered()["error"] == "'pause' was left for too long and is withdrawn"
    assert not home.tasks["one"].paused


@SQLITE
def test_who_gives_up_waiting_takes_the_command_back(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_command, "HEIR_SECONDS", 3600.0)
    home, asks = asking("here", make), make(name="asks")
    life = life_of(home).lease.life
    with asks.viewing(), ledger_of(asks) as ledger:
        die(home)
        asked = service().submit(
            send_command.send_command, ledger, PauseTask(task="one", actor="ann"), life=life
        )
        wait_until(lambda: ledger.commands(life))
        asked.cancel()
        wait_until(lambda: not ledger.commands(life))


# One name, other code


@SQLITE
def test_a_former_home_with_other_code_does_not_have_the_task_any_more(make: Make) -> None:
    former, new = make(name="former"), make(name="new")
    former.start()
    new.start()
    declare(former)

    @former.task(name="child", after="one")
    def child() -> str:
        return "child"

    recorder = Recorder(former)
    new.task(name="one", replace=True)(lambda: "other code")
    wait_until(lambda: former.at_home == ["child"])
    wait_until(lambda: former.process.declarations > 2)
    assert former.standing_by == []
    new.stop("1s")
    recorder.wait_for(recorder.of(events.NodeChanged, change="stopped", name="new"))
    assert former.submit("child").result("60s") == "child"  # it goes on, and the task is not inherited
    assert former.tasks["one"].home is None
    declare(former)
    assert former.at_home == ["child", "one"]


@SQLITE
def test_an_heir_whose_home_changed_its_code_inherits_nothing(make: Make) -> None:
    home, heir = make(name="home"), make(name="heir")
    home.start()
    heir.start()
    declare(home)
    with declared_in("/elsewhere.py"):
        declare(heir)
    assert heir.standing_by == ["one"]
    home.task(NEW_YEAR, name="one", overlap="allow")(lambda: "edited")
    home.stop("1s")
    wait_until(lambda: heir.standing_by == [])
    assert heir.at_home == []


# What was asked for once


@SQLITE
@pytest.mark.parametrize("place", ["here", "elsewhere", "homeless"])
def test_what_is_asked_for_again_with_its_key_is_not_done_again(place: str, make: Make) -> None:
    asks = asking(place, make)
    with context.acting_as("ann", key="k1"):
        first = asks.submit("one", n=1)
        again = asks.submit("one", n=2)  # as after an answer that was lost
        assert again.id == first.id
        if place != "homeless":
            assert first.result("60s") == 1
        assert asyncio.run(asks.aio.submit("one", n=3)).id == first.id, "also when it has ended"
    with context.acting_as("ann", key="k2"):
        several = [[run.id for run in asks.submit_many("one", [{"n": 4}, {"n": 5}])] for _ in range(2)]
    assert several[0] == several[1]
    other = asks.submit("one", n=6)
    assert len({first.id, *several[0], other.id}) == 4
    assert [run.key for run in reversed(asks.runs("one"))] == ["k1", "k2/0", "k2/1", ""]


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_who_asks_at_once_with_one_key_gets_one_run(place: str, make: Make) -> None:
    home = asking("here", make)
    other = home if place == "here" else make(name="other")
    other.start()
    together = threading.Barrier(4)

    def ask(sched: Scheduler) -> str:
        together.wait(60)
        with context.acting_as("ann", key="k"):
            return sched.submit("one", n=1).id

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(ask, [home, other, home, other]))
    assert len(made) == 1
    (run,) = home.runs("one")
    assert (run.id, run.key) == (made.pop(), "k")


@pytest.mark.parametrize("place", ["here", "elsewhere", "homeless"])
def test_a_key_that_the_ledger_refuses_is_looked_for_again(
    place: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run was made, and has ended, between the look and the write."""
    asks = asking(place, make)
    home = make(name="beside")
    home.start()
    home.task(name="quick")(lambda: 1)
    with context.acting_as("ann", key="k"):
        first = home.submit("quick")
    assert first.result("60s") == 1
    look, looks = Ledger.run_by_key, list[str]()

    def too_early(ledger: Ledger, key: str) -> Run | None:
        looks.append(key)
        return None if len(looks) <= (2 if place == "elsewhere" else 1) else look(ledger, key)

    monkeypatch.setattr(Ledger, "run_by_key", too_early)
    with context.acting_as("ann", key="k"):
        assert asks.submit("one", n=1).id == first.id
    assert asks.runs("one") == []
    assert asks.submit("quick").result("60s") == 1, "what was refused is no hindrance"

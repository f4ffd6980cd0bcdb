"""One owner, many viewers: commands, taking over, waiting tasks."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from core.conftest import Heard

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.node import node
from schedkit.core.states import Outcome, State
from schedkit.core.store import schema
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import NotOwnerError, ParameterError, RunCancelledError, SchedkitError, UsageError
from schedkit.loop import service

Make = Callable[..., Scheduler]


@pytest.fixture
def viewer(make: Make, sched: Scheduler) -> Scheduler:
    """A second scheduler at the ledger that `sched` owns."""
    second = make(name="viewer")
    second.start()
    return second


def test_the_second_is_a_viewer_and_says_whose(sched: Scheduler, viewer: Scheduler) -> None:
    assert (sched.state, viewer.state) == ("running", "viewer")
    owner = viewer.owner
    assert owner is not None
    assert (owner.owner, owner.pid, owner.alive) == ("tests", os.getpid(), True)
    assert f"tests (pid {os.getpid()} on " in str(owner)
    assert viewer.board()["scheduler"]["state"] == "viewer"


def test_a_viewer_sees_everything_live(sched: Scheduler, viewer: Scheduler) -> None:
    seen = Heard(viewer)
    sched.task(name="one")(lambda: 42)
    run = sched.submit("one")
    seen.wait_for(seen.of(events.RunEnded, run=run.id))
    assert viewer.run(run.id).result("10s") == 42
    assert viewer.tasks["one"].state == "idle", "its owner has its code"
    assert viewer.tasks["one"].latest() == 42
    kinds = [type(event).__name__ for event in seen.events if event.run == run.id]
    assert kinds == ["RunQueued", "RunStarted", "RunEnded"]


def test_whoever_waits_in_vain_for_a_run_hears_whose_ledger_it_is(
    sched: Scheduler, viewer: Scheduler
) -> None:
    """A task declared beside the owner waits: the owner has not its code."""
    assert sched.running
    viewer.task(name="mine")(lambda: 42)
    words = (
        r"has not ended within 0\.1s: it is QUEUED, and tests runs this ledger \(here: sched\.take_over\(\)\)"
    )
    with pytest.raises(TimeoutError, match=words):
        viewer.submit("mine").result("0.1s")


def test_a_viewer_triggers_pauses_resumes_and_cancels(sched: Scheduler, viewer: Scheduler) -> None:
    entered, release = threading.Event(), threading.Event()

    @sched.task(every("1h"), name="patient")
    async def patient(n: int = 0) -> int:
        if n:
            return n
        entered.set()
        await asyncio.sleep(30)
        return 0

    assert viewer.submit("patient", n=7).result("10s") == 7
    assert asyncio.run(_asked(viewer, "patient", n=7)) == 7
    (run, _) = sched.runs("patient")
    assert (run.cause, run.who) == ("command", "viewer")
    held = viewer.submit("patient")
    assert entered.wait(10)
    assert held.state is State.RUNNING
    assert held.cancel()
    with pytest.raises(RunCancelledError, match="cancelled by viewer"):
        held.result("10s")
    assert not held.cancel()
    viewer.pause("patient")
    assert patient.paused
    assert viewer.tasks["patient"].paused
    viewer.resume("patient")
    assert not patient.paused
    viewer.pause()
    assert sched.paused
    viewer.resume()
    assert not sched.paused
    viewer.reschedule("patient", every("2h"))
    assert patient.task.trigger is not None
    assert "2" in patient.task.trigger.text()
    viewer.remove("patient")
    assert "patient" not in sched.tasks
    with pytest.raises(UsageError, match="no task is called"):
        viewer.submit("patient")
    release.set()


def test_the_owner_answers_what_it_cannot_do(sched: Scheduler, viewer: Scheduler) -> None:
    sched.task(name="typed")(_typed)
    with pytest.raises(ParameterError, match="expected int"):
        viewer.submit("typed", n="many")
    ask = viewer._node.ask
    with pytest.raises(SchedkitError, match="no command is called 'dance'"):
        service().call(ask, "dance", {})
    with pytest.raises(SchedkitError, match="no task is called 'nobody'"):
        service().call(ask, "pause", {"task": "nobody"})
    assert sched._ledger.commands() == []


async def _asked(sched: Scheduler, name: str, **params: Any) -> Any:
    return await (await sched.aio.submit(name, **params))


def _typed(n: int) -> int:
    return n


def test_a_task_declared_in_a_viewer_waits(sched: Scheduler, viewer: Scheduler) -> None:
    heard = Heard(sched)
    viewer.task(every("0.1s"), name="theirs")(lambda: 1)
    heard.wait_for(heard.of(events.TaskChanged, task="theirs", change="declared"))
    assert sched.tasks["theirs"].state == "waiting"
    run = sched.submit("theirs")
    assert run.state is State.QUEUED
    assert sched.tasks["theirs"].state == "queued"
    # The owner declares it too: now it runs, what it missed first.
    ours = sched.task(every("0.1s"), name="theirs")(lambda: 2)
    assert run.result("10s") == 2
    heard.wait_for(heard.of(events.RunEnded, task="theirs"), 2)
    assert ours.latest() == 2


def test_taking_over_from_a_living_owner(make: Make, sched: Scheduler, viewer: Scheduler) -> None:
    calls: list[str] = []
    sched.task(name="who")(lambda: calls.append("first"))
    viewer.task(name="who")(lambda: calls.append("second"))
    sched.submit("who").result("10s")
    viewer.take_over(timeout="20s")
    assert (sched.state, viewer.state) == ("viewer", "running")
    viewer.submit("who").wait("10s")
    sched.submit("who").wait("10s")
    assert calls == ["first", "second", "second"]
    owner = sched.owner
    assert owner is not None
    assert owner.owner == "viewer"


def test_a_standby_takes_over_when_the_owner_stops(make: Make, sched: Scheduler) -> None:
    standby = make(name="standby")
    standby.start(standby=True)
    assert standby.state == "viewer"
    seen = Heard(standby)
    sched.stop("1s")
    seen.wait_for(seen.of(events.OwnerChanged, change="started", owner="standby"))
    assert standby.state == "running"


def test_looking_without_owning(make: Make, sched: Scheduler) -> None:
    sched.task(name="one")(lambda: 1)
    sched.submit("one").result("10s")
    looking = make(name="cli")
    with looking.viewing() as view:
        assert view.state == "stopped"
        assert [run.task for run in view.runs()] == ["one"]
        assert list(view.tasks) == ["one"]
        assert view.submit("one").result("10s") == 1
    assert sched.state == "running"


def test_a_command_that_nobody_answers_is_withdrawn(make: Make, sched: Scheduler, viewer: Scheduler) -> None:
    sched.stop("1s")
    with pytest.raises(NotOwnerError, match=r"nobody has answered 'pause'.*owner: nobody.*withdrawn"):
        service().call(viewer._node.ask, "pause", {"task": None}, timeout=0.1)
    assert viewer._ledger.commands() == []
    sched.start()
    assert not sched.paused


def test_what_is_asked_of_nobody_is_refused_and_never_happens(make: Make) -> None:
    ran: list[int] = []
    sched = make(name="later")
    task = sched.task(name="one")(lambda n: ran.append(n))
    before = time.monotonic()
    for _ in range(2):  # before it is started, and when it has been stopped
        for ask in (lambda: task.submit(n=1), task.pause, lambda: sched.reschedule("one", every("1h"))):
            with pytest.raises(NotOwnerError, match=r"no scheduler runs at .*sched\.start\(\)"):
                ask()
        with pytest.raises(NotOwnerError):
            asyncio.run(task.aio.submit(n=1))
        assert sched._ledger.commands() == []
        with sched:
            task.submit(n=2).result("10s")
    assert time.monotonic() - before < 20, "nobody waits for an owner that does not exist"
    assert ran == [2, 2]


def test_an_answer_at_the_last_moment_counts(sched: Scheduler, viewer: Scheduler) -> None:
    """The patience is over before the owner looks; what it has answered is not taken back."""
    ledger, ask = viewer._ledger, viewer._ledger.ask
    heard = Heard(sched)

    def answered(*what: Any) -> str:
        id = ask(*what)
        heard.wait_for(heard.of(events.TaskChanged, change="paused"))
        while (row := ledger.command(id)) is None or row.answer is None:
            threading.Event().wait(0.01)
        return id

    ledger.ask = answered  # type: ignore[method-assign]
    assert service().call(viewer._node.ask, "pause", {"task": None}, timeout=0.0) == {"ok": True}
    assert sched.paused


def test_a_standby_that_is_quicker_hands_over_too(make: Make, sched: Scheduler) -> None:
    """Who asks for the ledger gets it, though others stand by for whatever is let go."""
    quick, asks = make(name="quick"), make(name="asks")
    quick.start(standby=True)
    asks.start()
    take, had = asks._node.lease.take, threading.Event()
    quick.subscribe(lambda event: had.set() if quick.state == "running" else None)

    def slow() -> bool:
        # Others are quicker, until one of them has had it.
        return had.is_set() and take()

    asks._node.lease.take = slow  # type: ignore[method-assign]
    asks.take_over(timeout="20s")
    assert (asks.state, quick.state, sched.state) == ("running", "viewer", "viewer")


def let_another_own(sched: Scheduler, where: str) -> None:
    """As after a process that slept past its lease."""
    heard = Heard(sched)
    engine = sched._ledger.store._write
    with engine.begin() as connection:
        connection.execute(schema.lease.update().values(epoch=99, owner="another", pid=1, host="elsewhere"))
    heard.wait_for(heard.of(events.OwnerChanged, change="lost"))
    with engine.begin() as connection:  # and is gone
        connection.execute(schema.lease.update().values(owner="", expires=0))


def looks(sched: Scheduler, times: int = 3) -> None:
    """Wait until a viewer has looked at the ledger so many times more."""
    news, looked = sched._node.watching, threading.Semaphore(0)
    catch_up = news.catch_up

    async def counting() -> None:
        await catch_up()
        looked.release()

    news.catch_up = counting  # type: ignore[method-assign]
    for _ in range(times):
        assert looked.acquire(timeout=20)
    news.catch_up = catch_up  # type: ignore[method-assign]


def test_who_has_taken_over_does_not_stand_by(sched: Scheduler, viewer: Scheduler, where: str) -> None:
    viewer.take_over(timeout="20s")
    let_another_own(viewer, where)
    looks(viewer)
    assert viewer.state == "viewer"
    viewer.take_over(timeout="20s")
    assert viewer.state == "running"


def test_waiting_for_the_owners_end_is_for_once(sched: Scheduler, viewer: Scheduler, where: str) -> None:
    heard = Heard(viewer)
    viewer.take_over(now=False)
    looks(viewer)
    assert viewer.state == "viewer"
    sched.stop("1s")
    heard.wait_for(heard.of(events.OwnerChanged, change="started", owner="viewer"))
    let_another_own(viewer, where)
    looks(viewer)
    assert viewer.state == "viewer"


def test_a_standby_takes_the_ledger_whenever_it_is_free(make: Make, where: str) -> None:
    standby, asks = make(name="standby"), make(name="asks")
    standby.start(standby=True)
    asks.start()
    asks.take_over(timeout="20s")
    looks(standby)
    heard = Heard(standby)
    assert (standby.state, asks.state) == ("viewer", "running")
    asks.stop("1s")
    started = heard.of(events.OwnerChanged, change="started", owner="standby")
    heard.wait_for(started)
    let_another_own(standby, where)
    heard.wait_for(started, 2)
    assert standby.state == "running"


def test_a_standby_does_not_take_back_what_it_has_handed_over(make: Make) -> None:
    standby = make(name="standby")
    standby.start(standby=True)
    heard = Heard(standby)
    standby._ledger.ask("who is slow to take it", "hand_over", {})
    heard.wait_for(heard.of(events.OwnerChanged, change="stopped"))
    while standby.state != "viewer":
        threading.Event().wait(0.01)
    assert not service().call(standby._node.watching.free)
    assert standby.state == "viewer"


def test_a_ledger_is_left_to_its_heir_only_for_a_while(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "HEIR_SECONDS", 0.5)
    standby = make(name="standby")
    standby.start(standby=True)
    heard = Heard(standby)
    standby._ledger.ask("who dies now", "hand_over", {})
    heard.wait_for(heard.of(events.OwnerChanged, change="stopped"))
    heard.wait_for(heard.of(events.OwnerChanged, change="started", owner="standby"))


def test_what_was_removed_stays_so_for_those_who_declare_it_too(
    sched: Scheduler, viewer: Scheduler, where: str
) -> None:
    for name in ("gone", "ours", "kept"):
        viewer.task(name=name)(lambda: 1)
        sched.task(name=name)(lambda: 1)
    sched.remove("gone")
    viewer.remove("ours")
    viewer.take_over(timeout="20s")
    assert list(viewer.tasks) == ["kept"]
    # Its former owner is a viewer now, and still has the code of what the new one removes.
    looks(sched)
    viewer.remove("kept")
    sched.take_over(timeout="20s")
    assert list(sched.tasks) == []
    sched.task(name="gone")(lambda: 2)
    assert sched.submit("gone").result("10s") == 2, "declared again, it is there again"


def test_who_loses_the_ledger_does_not_declare_again_what_is_removed_meanwhile(
    sched: Scheduler, make: Make
) -> None:
    sched.task(name="gone")(lambda: 1)
    sched.task(name="kept")(lambda: 1)
    heard = Heard(sched)
    owner = sched._node.owner
    assert owner is not None
    owner.writer._healthy = lambda: False  # it is thought to be dead, and hears of it when it writes
    sched._node.lease._let_go()
    with sched._ledger.store._write.begin() as connection:
        connection.execute(schema.lease.update().values(expires=0))
    second = make(name="second")
    second.start()
    second.remove("gone")
    with pytest.raises(NotOwnerError):
        owner.writer.call(lambda connection: None).result(10)
    heard.wait_for(heard.of(events.TaskChanged, task="gone", change="removed"))
    assert sched.state == "viewer"
    looks(sched)
    assert list(second.tasks) == ["kept"]
    assert {task["name"] for task in sched.board()["tasks"]} == {"kept"}


def test_a_board_misses_nothing_when_the_owner_changes(sched: Scheduler, viewer: Scheduler) -> None:
    """What the new owner does first, and what the old one did last, is on both boards."""
    for one in (sched, viewer):
        one.task(name="one")(lambda: 1)
        one.board()
    first, second = Heard(sched), Heard(viewer)
    run = sched.submit("one")
    viewer.take_over(timeout="20s")
    for heard in (first, second):
        heard.wait_for(heard.of(events.RunEnded, run=run.id))
        heard.wait_for(heard.of(events.OwnerChanged, change="stopped", owner="tests"))
        heard.wait_for(heard.of(events.OwnerChanged, change="started", owner="viewer"))
        told = [event.seq for event in heard.events if event.seq]
        assert told == sorted(set(told)), "each once, in order"


PROGRAM = """
import os, sys, time
from schedkit.core.api.scheduler import Scheduler
sched = Scheduler(sys.argv[1], name="victim", lease="3s")
@sched.task(name="held")
def held(run):
    os.write(1, b"entered\\n")  # at once: print writes the end of the line apart
    time.sleep(60)
sched.start()
os.write(1, f"{sched.submit('held').id}\\n".encode())
time.sleep(60)
"""


def test_the_owner_is_killed_and_a_standby_goes_on(make: Make, where: str) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, where],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert victim.stdout is not None
    said = {victim.stdout.readline().strip(), victim.stdout.readline().strip()}
    (run,) = said - {"entered"}
    standby = make(name="standby")
    ran: list[Any] = []
    standby.task(name="held")(lambda run: ran.append(run.attempt))
    standby.start(standby=True)
    holder = standby.owner
    assert holder is not None
    assert (holder.owner, holder.pid) == ("victim", victim.pid)
    seen = Heard(standby)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    seen.wait_for(seen.of(events.OwnerChanged, owner="standby"))
    assert standby.run(run).wait("10s").state is State.DONE
    assert ran == [2]
    assert [attempt.outcome for attempt in standby.run(run).attempts] == [Outcome.INTERRUPTED, Outcome.DONE]


def test_wall_times_are_shown_with_the_owners_zone(make: Make) -> None:
    """Who reads them may be elsewhere, where the next run is shown at another hour."""
    zones = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
    owner, viewer = (make(name=name, tz=tz) for name, tz in zip(("owner", "viewer"), zones, strict=True))
    owner.task(cron("0 22 * * *"), name="nightly")(lambda: 1)
    owner.start()
    heard = Heard(owner)
    viewer.start()
    viewer.task(cron("0 21 * * *"), name="from elsewhere")(lambda: 1)
    heard.wait_for(heard.of(events.TaskChanged, task="from elsewhere", change="declared"))
    assert [task["trigger"] for task in owner.board()["tasks"]] == [
        "at 21:00, Europe/Berlin",
        "at 22:00, Europe/Berlin",
    ]
    owner.reschedule("nightly", cron("0 23 * * *"))
    heard.wait_for(heard.of(events.TaskChanged, task="nightly", words="at 23:00, Europe/Berlin"))
    assert owner._bus.flush()
    assert owner.board()["tasks"][1]["trigger"] == "at 23:00, Europe/Berlin"

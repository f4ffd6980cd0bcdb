"""Several processes at one ledger: each runs what is at home with it, and asks the others for the rest."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from core.conftest import Recorder
from support.boards import board_now
from support.lives import die, life_of
from support.node_processes import NodeProcess
from support.waiting import wait_until

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.api.task_handle import TaskHandle
from schedkit.core.node.commands import PauseTask
from schedkit.core.node.send_command import send_command
from schedkit.core.states import Outcome, State
from schedkit.core.tasks.origin import declared_in
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import (
    DeclarationError,
    NotRunningError,
    ParameterError,
    RunCancelledError,
    SchedkitError,
    UsageError,
)
from schedkit.loop import service

Make = Callable[..., Scheduler]


@pytest.fixture
def other(make: Make, sched: Scheduler) -> Scheduler:
    """A second process at the ledger of `sched`."""
    second = make(name="other")
    second.start()
    return second


def declare(
    sched: Scheduler, function: Callable[..., Any], place: str, trigger: Any = None, **options: Any
) -> TaskHandle[..., Any]:
    """Declare the task `one` as a file at `place` does."""
    with declared_in(place):
        return sched.task(trigger, **{"name": "one", **options})(function)


def first_code() -> str:
    return "first"


def other_code() -> str:
    return "other"


# Each runs what it declares


def test_each_process_runs_what_it_declares(sched: Scheduler, other: Scheduler) -> None:
    sched.task(name="here")(lambda: "by tests")
    other.task(name="there")(lambda: "by other")
    assert (sched.at_home, other.at_home) == (["here"], ["there"])
    assert (sched.state, other.state) == ("running", "running")
    for asks in (sched, other):
        assert asks.submit("here").result("60s") == "by tests"
        assert asks.submit("there").result("60s") == "by other"
        assert list(asks.tasks) == ["here", "there"]
        assert [task.state for task in asks.tasks.values()] == ["idle", "idle"]
        assert [str(asks.tasks[name].home).split()[0] for name in asks.tasks] == ["tests", "other"]
    assert sched.queries.home("nobody's") is None


def test_the_processes_are_on_every_board_by_name(sched: Scheduler, other: Scheduler) -> None:
    for asks in (sched, other):
        shown = board_now(asks)["scheduler"]
        assert [node["name"] for node in shown["nodes"]] == ["tests", "other"]
        assert [node["pid"] for node in shown["nodes"]] == [node.pid for node in asks.nodes]
        assert shown["nodes"][0]["here"]
    other.stop("1s")
    assert [node["name"] for node in board_now(sched)["scheduler"]["nodes"]] == ["tests"]


def test_a_due_time_runs_at_its_home_only(sched: Scheduler, other: Scheduler) -> None:
    recorder = Recorder(other)
    ran: list[str] = []
    declare(sched, lambda: ran.append("here"), "/a.py", every("0.1s"))
    recorder.wait_for(recorder.of(events.RunEnded, task="one"), 3)
    sched.pause("one")
    wait_until(lambda: all(run.state.final for run in sched.runs("one", limit=1000)))
    runs = sched.runs("one", limit=1000)
    assert len({run.scheduled_at for run in runs}) == len(runs)
    assert ran == ["here"] * len(runs)


def test_both_boards_tell_every_event_once(sched: Scheduler, other: Scheduler) -> None:
    first, second = Recorder(sched), Recorder(other)
    sched.task(name="here")(lambda: 1)
    other.task(name="there")(lambda: 2)
    runs = [asks.submit(name) for asks in (sched, other) for name in ("here", "there")]
    for recorder in (first, second):
        for run in runs:
            recorder.wait_for(recorder.of(events.RunEnded, run=run.id))
        # From the first declaration on: that both have started may be told before anybody listens, or after.
        first_seq = recorder.wait_for(recorder.of(events.TaskChanged, task="here"))[0].seq
        told = sorted(event.seq for event in recorder.events if event.seq >= first_seq)
        assert told == list(range(first_seq, told[-1] + 1))


# What one asks of another


def test_a_process_has_others_run_pause_reschedule_cancel_and_remove(
    sched: Scheduler, other: Scheduler
) -> None:
    entered = threading.Event()

    @sched.task(every("1h"), name="patient")
    async def patient(n: int = 0) -> int:
        if n:
            return n
        entered.set()
        await asyncio.sleep(60)
        return 0

    assert other.submit("patient", n=7).result("60s") == 7
    assert asyncio.run(_asked(other, "patient", n=7)) == 7
    (run, _) = sched.runs("patient")
    assert (run.cause, run.actor) == ("submit", "other")
    held = other.submit("patient")
    assert entered.wait(60)
    assert held.state is State.RUNNING
    assert held.cancel()
    with pytest.raises(RunCancelledError, match="cancelled by other"):
        held.result("60s")
    assert not held.cancel()
    other.pause("patient")
    assert patient.paused
    assert other.tasks["patient"].paused
    other.resume("patient")
    assert not patient.paused
    other.reschedule("patient", every("2h"))
    assert patient.task.trigger == every("2h")
    day = "2026-03-01T00:00+00:00"
    other.reschedule("patient", cron("0 * * * *", tz="UTC"))
    assert len(other.backfill("patient", day, day)) == 1
    other.remove("patient")
    assert "patient" not in sched.tasks
    assert sched.at_home == []
    with pytest.raises(UsageError, match="no task is called"):
        other.submit("patient")


async def _asked(sched: Scheduler, name: str, **params: Any) -> Any:
    return await (await sched.aio.submit(name, **params))


def test_pausing_all_is_for_every_process(sched: Scheduler, other: Scheduler) -> None:
    ran = threading.Semaphore(0)
    declare(other, ran.release, "/a.py", every("0.05s"))
    assert ran.acquire(timeout=60)
    sched.pause()
    assert sched.paused
    wait_until(lambda: other.paused)
    assert life_of(other).engine.schedules.next_due() is None
    other.resume()
    assert not other.paused
    while ran.acquire(blocking=False):
        pass
    assert ran.acquire(timeout=60)
    other.pause()
    wait_until(lambda: sched.paused)


def test_a_home_answers_what_it_cannot_do(sched: Scheduler, other: Scheduler) -> None:
    sched.task(name="typed")(_typed)
    with pytest.raises(ParameterError, match="expected int"):
        other.submit("typed", n="many")
    life = life_of(sched).lease.life
    with pytest.raises(SchedkitError, match="no task is called 'nobody'"):
        service().call(send_command, other.queries.ledger, PauseTask(task="nobody"), life=life)
    assert sched.queries.ledger.commands(life) == []


def _typed(n: int) -> int:
    return n


def test_an_answer_at_the_last_moment_counts(sched: Scheduler, other: Scheduler) -> None:
    """The patience is over before the home looks; what it has answered is not taken back."""
    sched.task(name="one")(lambda: 1)
    ledger, ask = other.queries.ledger, other.queries.ledger.ask
    recorder = Recorder(sched)

    def answered(*what: Any, **whom: Any) -> str:
        id = ask(*what, **whom)
        recorder.wait_for(recorder.of(events.TaskChanged, change="paused"))
        while (row := ledger.command(id)) is None or row.answer is None:
            threading.Event().wait(0.01)
        return id

    ledger.ask = answered
    asked = service().call(send_command, ledger, PauseTask(task="one"), timeout=0.0)
    assert asked == {"ok": True}
    assert sched.tasks["one"].paused


def test_what_is_asked_of_nobody_is_refused_and_never_happens(make: Make) -> None:
    ran: list[int] = []
    sched = make(name="later")
    task = sched.task(name="one")(lambda n: ran.append(n))
    before = time.monotonic()
    for _ in range(2):  # before it is started, and when it has been stopped
        for ask in (lambda: task.submit(n=1), task.pause, lambda: sched.reschedule("one", every("1h"))):
            with pytest.raises(NotRunningError, match=r"no scheduler runs at .*sched\.start\(\)"):
                ask()
        with pytest.raises(NotRunningError):
            asyncio.run(task.aio.submit(n=1))
        with sched:
            assert sched.queries.ledger.commands(life_of(sched).lease.life) == []
            task.submit(n=2).result("60s")
    # Each of fourteen would wait for five seconds.
    assert time.monotonic() - before < 60, "nobody waits for a process that does not exist"
    assert ran == [2, 2]


# A task that nobody who lives has


@pytest.fixture
def homeless(make: Make, other: Scheduler) -> Scheduler:
    """A process that lives; the task `one` is at home with one that has ended."""
    with make(name="ended") as ended:
        declare(ended, first_code, "/a.py", cron("0 0 1 1 *", tz="UTC"))
    return other


def test_whoever_lives_decides_about_a_task_that_has_no_home(homeless: Scheduler, sched: Scheduler) -> None:
    recorder = Recorder(sched)
    task = homeless.tasks["one"]
    assert homeless.tasks["one"].home is None
    assert task.state == "waiting"
    run = homeless.submit("one", anything="goes")
    assert (run.state, run.run.params) == (State.QUEUED, {"anything": "goes"})
    recorder.wait_for(recorder.of(events.RunQueued, run=run.id))
    with pytest.raises(TimeoutError, match="it is QUEUED, and no running process has its task"):
        run.result("0.1s")
    assert run.cancel()
    assert (run.state, run.attempts) == (State.CANCELLED, [])
    assert not run.cancel()
    task.pause()
    assert task.paused
    task.resume()
    assert not task.paused
    homeless.reschedule("one", cron("0 0 2 1 *", tz="UTC"))
    assert task.next_run is not None
    assert task.next_run.day == 2
    with pytest.raises(NotRunningError, match="no process that runs has the task 'one'"):
        homeless.backfill("one", "2025-01-02", "2025-01-03")
    waits = homeless.submit("one")
    homeless.remove("one")
    assert (waits.state, list(homeless.tasks)) == (State.CANCELLED, [])
    recorder.wait_for(recorder.of(events.TaskChanged, task="one", change="removed"))


def test_who_watches_asks_those_who_live_about_a_task_that_has_no_home(
    homeless: Scheduler, make: Make
) -> None:
    watching = make(name="watching")
    watching.watch()
    run = watching.submit("one")
    assert run.state is State.QUEUED
    watching.pause("one")
    assert homeless.tasks["one"].paused
    assert run.cancel()
    with pytest.raises(UsageError, match="no task is called 'none'"):
        watching.pause("none")


def test_runs_that_wait_for_a_home_begin_when_their_task_is_declared(homeless: Scheduler) -> None:
    waits = homeless.submit("one")
    late = homeless.submit("one")
    declare(homeless, other_code, "/b.py")
    assert [run.result("60s") for run in (waits, late)] == ["other"] * 2
    assert homeless.tasks["one"].state == "idle"


# A task that several processes declare


def test_the_same_place_has_a_task_back_with_what_waits(sched: Scheduler, make: Make) -> None:
    """A notebook whose kernel was restarted while the old one still lives; what runs ends where it runs."""
    entered, release = threading.Event(), threading.Event()

    def held() -> str:
        entered.set()
        release.wait(60)
        return "first"

    daily = cron("0 0 * * *", tz="UTC")
    declare(sched, held, "/a.py", daily)
    running = sched.submit("one")
    assert entered.wait(60)
    (waits,) = sched.backfill("one", "2025-01-01T00:00+00:00", "2025-01-01T00:00+00:00")
    recorder = Recorder(sched)
    again = make(name="again")
    declare(again, other_code, "/a.py", daily)
    again.start()
    recorder.wait_for(recorder.of(events.TaskChanged, task="one", change="moved"))
    assert (again.at_home, again.standing_by) == (["one"], [])
    assert str(sched.tasks["one"].home).startswith("again ")
    assert waits.state is State.QUEUED, "one at a time, wherever"
    release.set()
    assert running.result("60s") == "first"
    assert waits.result("60s") == "other"
    wait_until(lambda: not sched.at_home)
    assert (sched.at_home, sched.standing_by) == ([], [])
    assert sched.submit("one").result("60s") == "other"


def test_the_same_code_elsewhere_stands_by_and_goes_on(
    sched: Scheduler, other: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    declare(sched, first_code, "/a.py", every("1h"))
    upcoming = sched.tasks["one"].next_run
    declare(other, first_code, "/b.py", every("1h"))
    assert (other.at_home, other.standing_by) == ([], ["one"])
    told = next(line for line in caplog.messages if "with the same code" in line)
    assert told.startswith("'one': run by tests (pid ")
    assert "sched.bring_home() has it run here" in told
    recorder = Recorder(other)
    sched.stop("1s")
    recorder.wait_for(recorder.of(events.TaskChanged, task="one", change="moved"))
    assert (other.at_home, other.standing_by) == (["one"], [])
    assert other.tasks["one"].next_run == upcoming, "its times go on"
    assert other.submit("one").result("60s") == "first"
    row = other.queries.row("one")
    assert row is not None
    assert (row.home_by, row.place) == ("inherited", "/a.py")
    sched.start()  # its place, run again
    assert (sched.at_home, sched.standing_by) == (["one"], [])
    wait_until(lambda: (other.at_home, other.standing_by) == ([], ["one"]))


def test_a_home_is_killed_and_who_stands_by_goes_on(begin: Callable[..., NodeProcess], make: Make) -> None:
    home, heir = begin("home"), begin("heir")
    home.hear("started")
    heir.hear("started")
    asks = make(name="asks")
    asks.watch()
    node = asks.tasks["held"].home
    assert node is not None
    if node.name != "home":  # it was quicker
        home, heir = heir, home
    assert (node.pid, node.here) == (home.process.pid, False)
    run = asks.submit("held")
    home.hear("entered")
    words = rf"has not ended within 0\.1s: it is RUNNING, and its task is run by {home.name} \(pid \d+ on "
    with pytest.raises(TimeoutError, match=words):
        run.result("0.1s")
    home.kill()
    heir.hear("home")
    heir.hear("entered")
    heir.tell("release")
    assert run.result("60s") == f"by {heir.name}"
    assert [attempt.outcome for attempt in run.attempts] == [Outcome.INTERRUPTED, Outcome.DONE]
    assert [node.name for node in asks.nodes] == [heir.name]
    heir.end()


def test_what_nobody_inherits_is_interrupted_and_waits(make: Make, other: Scheduler) -> None:
    entered, release = threading.Event(), threading.Event()
    dying = make(name="dying")
    dying.start()
    declare(dying, lambda: (entered.set(), release.wait(60)), "/a.py")
    run = dying.submit("one")
    assert entered.wait(60)
    recorder = Recorder(other)
    die(dying)
    release.set()
    recorder.wait_for(recorder.of(events.NodeChanged, change="gone", name="dying"))
    recorder.wait_for(recorder.of(events.RunRetrying, run=run.id))
    there = other.run(run.id)
    assert there.state is State.QUEUED
    assert [attempt.outcome for attempt in there.attempts] == [Outcome.INTERRUPTED]
    assert other.tasks["one"].state == "queued"
    declare(other, lambda: "at last", "/b.py")
    assert there.result("60s") == "at last"


def test_other_code_is_refused_with_the_name_of_the_home(sched: Scheduler, other: Scheduler) -> None:
    declare(sched, first_code, "/a.py")
    words = r"task 'one' is run by tests \(pid \d+ on .* from /a\.py, with other code"
    with pytest.raises(DeclarationError, match=words) as refused:
        declare(other, other_code, "/b.py")
    assert "replace=True" in refused.value.hint
    assert (other.at_home, other.standing_by) == ([], [])
    assert other.submit("one").result("60s") == "first"
    recorder = Recorder(other)
    sched.stop("1s")
    recorder.wait_for(recorder.of(events.NodeChanged, change="stopped", name="tests"))
    declare(other, other_code, "/b.py")
    assert other.submit("one").result("60s") == "other"


def test_a_start_goes_on_though_one_of_its_tasks_is_refused(
    sched: Scheduler, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    declare(sched, first_code, "/a.py")
    second = make(name="second")
    declare(second, other_code, "/b.py")
    declare(second, other_code, "/b.py", name="two")
    second.start()
    assert second.at_home == ["two"]
    assert any("task 'one' is run by tests" in line for line in caplog.messages)
    assert second.submit("two").result("60s") == "other"
    assert second.submit("one").result("60s") == "first"


def test_what_is_refused_after_it_stood_by_stands_by_no_more(sched: Scheduler, other: Scheduler) -> None:
    declare(sched, first_code, "/a.py")
    declare(other, first_code, "/b.py")
    assert other.standing_by == ["one"]
    with pytest.raises(DeclarationError, match="with other code"):
        declare(other, other_code, "/b.py")
    assert other.standing_by == []


def test_who_stands_by_gives_way_to_other_code(
    sched: Scheduler, other: Scheduler, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    declare(other, first_code, "/b.py", name="mine")
    declare(sched, first_code, "/a.py")
    declare(other, first_code, "/b.py")
    third = make(name="third")
    third.start()
    declare(third, other_code, "/c.py", replace=True)
    sched.stop("1s")  # it may be seen first, or that the task has moved
    wait_until(lambda: not other.standing_by)
    assert any("'one' is run" in line and "with other code" in line for line in caplog.messages)
    assert other.submit("mine").result("60s") == "first"
    assert other.submit("one").result("60s") == "other"


def test_replace_moves_a_task_whatever_its_code(sched: Scheduler, other: Scheduler) -> None:
    declare(sched, first_code, "/a.py")
    declare(other, other_code, "/b.py", replace=True)
    assert other.at_home == ["one"]
    assert sched.submit("one").result("60s") == "other", "though it may not have heard of it"
    wait_until(lambda: not sched.at_home)
    assert (sched.at_home, sched.standing_by) == ([], [])
    assert sched.submit("one").result("60s") == "other"
    row = sched.queries.ledger.task("one")
    assert row is not None
    assert (row.home_by, row.place) == ("moved", "/b.py")
    with pytest.raises(DeclarationError, match=r"is run by other .* with other code"):
        declare(sched, first_code, "/a.py")


def test_bringing_home_moves_all_that_is_declared_here(sched: Scheduler, other: Scheduler) -> None:
    for name in ("one", "two"):
        declare(sched, first_code, "/a.py", name=name)
        declare(other, first_code, "/b.py", name=name)
    assert other.standing_by == ["one", "two"]
    other.bring_home()
    assert (other.at_home, other.standing_by) == (["one", "two"], [])
    assert str(other.tasks["one"].home).startswith("other ")
    wait_until(lambda: sched.standing_by == ["one", "two"])
    other.stop("1s")
    wait_until(lambda: sched.at_home == ["one", "two"])
    assert sched.submit("two").result("60s") == "first"


def test_what_was_removed_stays_so_for_those_who_declare_it_too(sched: Scheduler, other: Scheduler) -> None:
    for name in ("gone", "ours", "kept"):
        declare(sched, first_code, "/a.py", name=name)
        declare(other, first_code, "/b.py", name=name)
    sched.remove("gone")
    other.remove("ours")
    wait_until(lambda: list(other.tasks) == ["kept"])
    sched.stop("1s")
    wait_until(lambda: other.at_home == ["kept"])
    assert list(other.tasks) == ["kept"]
    declare(other, other_code, "/b.py", name="gone")
    assert other.submit("gone").result("60s") == "other", "declared again, it is there again"


def test_a_run_that_ends_well_where_it_runs_is_done_though_its_task_is_removed_elsewhere(
    sched: Scheduler, other: Scheduler
) -> None:
    entered = threading.Event()

    def asked_to_stop(run: Any) -> str:
        entered.set()
        wait_until(run.should_stop)
        return "well"

    run = declare(sched, asked_to_stop, "/a.py").submit()
    assert entered.wait(60)
    declare(other, other_code, "/b.py", replace=True)
    assert other.at_home == ["one"]
    other.remove("one")
    assert other.run(run.id).wait("60s").state is State.DONE
    assert run.result("60s") == "well"
    (attempt,) = other.queries.ledger.attempts(run.id)
    assert attempt.outcome is Outcome.DONE


# Parents elsewhere


@pytest.mark.parametrize("fails", [False, True])
def test_a_child_follows_a_parent_that_runs_elsewhere(
    sched: Scheduler, other: Scheduler, fails: bool
) -> None:
    def parent() -> str:
        if fails:
            raise ValueError("no")
        return "done"

    recorder = Recorder(other)
    sched.task(name="parent")(parent)
    other.task(name="child", after="parent")(lambda: "after it")
    runs = [sched.submit("parent") for _ in range(3)]
    for run in runs:
        run.wait("60s")
    ended = recorder.wait_for(recorder.of(events.RunEnded, task="child"), 3)
    states = {event.after.state for event in ended if isinstance(event, events.RunEnded)}
    assert states == {State.SKIPPED if fails else State.DONE}
    assert len(other.runs("child")) == 3, "one for each run of the parent"


def test_a_child_that_comes_home_waits_for_a_parent_that_runs_elsewhere(sched: Scheduler, make: Make) -> None:
    """Its run is made when the parent's is, and goes on waiting wherever it moves."""
    release = threading.Event()
    sched.task(name="parent")(lambda: release.wait(60))
    first, second = make(name="first"), make(name="second")
    first.start()
    declare(first, first_code, "/a.py", name="child", after="parent")
    recorder = Recorder(first)
    run = sched.submit("parent")
    recorder.wait_for(recorder.of(events.RunQueued, task="child", state=State.PENDING))
    (child,) = first.runs("child")
    declare(second, first_code, "/b.py", name="child", after="parent")
    second.start()
    assert second.standing_by == ["child"]
    moved = Recorder(second)
    die(first)
    moved.wait_for(moved.of(events.TaskChanged, task="child", change="moved"))
    assert second.run(child.id).state is State.PENDING
    release.set()
    run.wait("60s")
    assert second.run(child.id).result("60s") == "first"
    assert len(second.runs("child")) == 1


def test_a_child_makes_up_for_parents_that_ran_while_its_home_was_away(sched: Scheduler, make: Make) -> None:
    sched.task(name="parent")(lambda: 1)
    away = make(name="away")
    child = declare(away, first_code, "/a.py", name="child", after="parent")
    with away:
        sched.submit("parent").result("60s")
        wait_until(lambda: [run.state for run in child.runs()] == [State.DONE])
    sched.submit("parent").result("60s")
    assert len(sched.runs("child")) == 1, "nobody makes its runs but its home"
    with away:
        sched.submit("parent").result("60s")
        wait_until(lambda: [run.state for run in child.runs()] == [State.DONE] * 3)


# Stopped, and started again


def test_a_process_that_is_started_again_has_its_tasks_again(make: Make, other: Scheduler) -> None:
    sched = make(name="again")
    task = declare(sched, first_code, "/a.py", every("1h"))
    lives = set()
    for _ in range(3):
        with sched:
            lives.add(life_of(sched).lease.life)
            assert sched.at_home == ["one"]
            upcoming = task.next_run
            assert task.submit().result("60s") == "first"
        assert other.tasks["one"].home is None
    assert len(lives) == 3
    with sched:
        assert task.next_run == upcoming
        assert [node.name for node in other.nodes] == ["tests", "other", "again"]


def test_wall_times_are_shown_with_the_zone_of_the_home(make: Make) -> None:
    """Who reads them may be elsewhere, where the next run is shown at another hour."""
    zones = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo")
    first, second = (make(name=name, tz=tz) for name, tz in zip(("first", "second"), zones, strict=True))
    for one in (first, second):
        one.start()
    recorder = Recorder(second)
    first.task(cron("0 22 * * *"), name="nightly")(lambda: 1)
    second.task(cron("0 21 * * *"), name="from elsewhere")(lambda: 1)
    for one in (first, second):
        assert [task["trigger"] for task in board_now(one)["tasks"]] == [
            "at 21:00, Asia/Tokyo",
            "at 22:00, Europe/Berlin",
        ]
    second.reschedule("nightly", cron("0 23 * * *"))
    recorder.wait_for(
        recorder.of(events.TaskChanged, task="nightly", schedule_text="at 23:00, Europe/Berlin")
    )
    assert second.queries.flush_events()
    assert board_now(second)["tasks"][1]["trigger"] == "at 23:00, Europe/Berlin"
    upcoming = first.tasks["nightly"].next_run
    assert upcoming is not None
    assert (upcoming.astimezone(zones[0]).hour, upcoming.utcoffset()) == (23, timedelta(0))

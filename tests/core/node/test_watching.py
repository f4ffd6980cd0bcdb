"""Who only watches: it follows what others do, asks them, and runs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from core.conftest import Recorder
from support.boards import board_now
from support.faulty import reads_failing
from support.lives import node_of
from support.waiting import wait_until

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunLogged, RunProgressed
from schedkit.errors import NotRunningError

Make = Callable[..., Scheduler]


@pytest.fixture
def watching(make: Make, sched: Scheduler) -> Scheduler:
    """A scheduler that watches what `sched` does."""
    second = make(name="watching")
    second.watch()
    return second


def test_who_watches_has_no_life_and_sees_everything_live(sched: Scheduler, watching: Scheduler) -> None:
    assert (watching.state, watching.running) == ("watching", False)
    assert [node.name for node in watching.nodes] == ["tests"]
    assert board_now(watching)["scheduler"]["state"] == "watching"
    seen = Recorder(watching)
    sched.task(name="one")(lambda: 42)
    run = sched.submit("one")
    seen.wait_for(seen.of(events.RunEnded, run=run.id))
    assert watching.run(run.id).result("60s") == 42
    assert watching.tasks["one"].state == "idle", "its home has its code"
    assert watching.tasks["one"].latest() == 42
    kinds = [type(event).__name__ for event in seen.events if event.run == run.id]
    assert kinds == ["RunQueued", "RunStarted", "RunEnded"]


def test_who_watches_runs_nothing_even_where_nobody_else_does(make: Make) -> None:
    watching = make()
    watching.watch()
    watching.task(name="one")(lambda: 1)
    assert (watching.at_home, watching.standing_by, watching.nodes) == ([], [], [])
    with pytest.raises(NotRunningError, match=r"no scheduler runs at .*sched\.start\(\)"):
        watching.submit("one")
    watching.start()
    assert (watching.state, watching.at_home) == ("running", ["one"])
    assert watching.submit("one").result("60s") == 1
    watching.watch()  # it runs: that is more than to watch
    assert watching.running
    watching.stop()
    assert watching.state == "stopped"


def test_who_watches_misses_nothing_when_it_starts(sched: Scheduler, watching: Scheduler) -> None:
    """Each event is told once, though another part of the node listens from then on."""
    seen = Recorder(watching)
    sched.task(name="one")(lambda: 1)
    runs = [sched.submit("one")]
    watching.start()
    runs.append(sched.submit("one"))
    for run in runs:
        seen.wait_for(seen.of(events.RunEnded, run=run.id))
    told = sorted(event.seq for event in seen.events if event.seq)
    assert told == list(range(told[0], told[-1] + 1))


def test_who_runs_nothing_shows_the_limits_of_those_who_do(make: Make) -> None:
    def shown(sched: Scheduler) -> tuple[int, dict[str, int]]:
        board = board_now(sched)["scheduler"]
        return board["concurrency"], board["limits"]

    home = make(concurrency=2, processes=1, limits={"db": 1})
    home.start()
    watching = make(concurrency=9, processes=3, limits={"jira": 4})
    watching.watch()
    with make(concurrency=7).viewing() as looking:
        for asked in (looking, watching, home):
            wait_until(lambda asked=asked: shown(asked) == (2, {"tag:db": 1, "process": 1}))
    home.stop()
    watching.start()
    wait_until(lambda: shown(watching) == (9, {"tag:jira": 4, "process": 3}))


@pytest.mark.parametrize("how", ["watches", "runs"])
def test_others_see_what_a_run_tells_while_it_runs(sched: Scheduler, make: Make, how: str) -> None:
    other = make(name="other")
    (other.watch if how == "watches" else other.start)()
    recorder = Recorder(other)
    steps = [threading.Event() for _ in range(2)]

    @sched.task
    def extract(run: Any) -> None:
        run.progress("pages", 1, 10)
        run.log("began")
        steps[0].wait(60)
        run.progress("pages", 7, 10)
        run.log("went on")
        steps[1].wait(60)

    board_now(other)
    run = extract.submit()
    recorder.wait_for(recorder.of(RunProgressed, run=run.id, stage="pages", done=1, total=10))
    recorder.wait_for(recorder.of(RunLogged, run=run.id, message="began"))
    steps[0].set()
    recorder.wait_for(recorder.of(RunProgressed, run=run.id, done=7))
    recorder.wait_for(recorder.of(RunLogged, run=run.id, message="went on"))
    other.screens.open_run(run.id)
    assert other.queries.flush_events()
    (row,) = board_now(other)["runs"]
    assert row["state"] == "RUNNING"
    (stage,) = row["stages"]
    assert (stage["done"], stage["total"]) == (7, 10)
    assert [line["message"] for line in row["log"]] == ["began", "went on"]
    steps[1].set()
    run.result("60s")
    assert len([event for event in recorder.events if isinstance(event, RunLogged)]) == 2


def test_lines_that_a_board_has_are_not_shown_again(sched: Scheduler, watching: Scheduler) -> None:
    recorder, end = Recorder(watching), threading.Event()

    @sched.task
    def tell(run: Any) -> None:
        for number in range(5):
            run.log(f"line {number}")
        end.wait(60)

    board_now(watching)
    run = tell.submit()
    lines = recorder.wait_for(recorder.of(RunLogged, run=run.id), count=5)
    for line in lines:
        node_of(watching).bus.publish((line,))
    assert watching.queries.flush_events()
    (row,) = board_now(watching)["runs"]
    assert [line["message"] for line in row["log"]] == [f"line {number}" for number in range(5)]
    end.set()
    run.result("60s")


def test_what_is_removed_is_no_longer_declared_by_who_watches(sched: Scheduler, watching: Scheduler) -> None:
    watching.task(name="gone")(lambda: 1)
    sched.task(name="gone")(lambda: 1)
    sched.task(name="kept")(lambda: 1)
    sched.remove("gone")
    wait_until(lambda: "gone" not in watching.tasks)
    watching.start()
    assert list(watching.tasks) == ["kept"]


def test_looking_without_watching(make: Make, sched: Scheduler) -> None:
    sched.task(name="one")(lambda: 1)
    sched.submit("one").result("60s")
    looking = make(name="cli")
    with looking.viewing() as view:
        assert view.state == "stopped"
        assert [run.task for run in view.runs()] == ["one"]
        assert list(view.tasks) == ["one"]
        assert view.submit("one").result("60s") == 1
    assert sched.state == "running"


@pytest.mark.parametrize("how", ["watches", "runs"])
def test_who_looks_outlives_a_store_that_is_away(make: Make, sched: Scheduler, how: str) -> None:
    other = make(name="other")
    (other.watch if how == "watches" else other.start)()
    seen = Recorder(other)
    give_up = time.monotonic() + 60
    with reads_failing(other) as failed:
        while sum("schedkit_events" in sql or "schedkit_commands" in sql for sql in failed) < 2:
            assert time.monotonic() < give_up, "it looks no more"
            threading.Event().wait(0.01)
    sched.task(name="one")(lambda: 1)
    run = sched.submit("one")
    seen.wait_for(seen.of(events.RunEnded, run=run.id))

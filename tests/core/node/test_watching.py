"""What a viewer shows of the owner: its limits, and what its runs tell while they run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from core.conftest import Heard

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunLogged, RunProgressed

Make = Callable[..., Scheduler]


def test_a_viewer_shows_the_limits_of_the_owner(make: Make) -> None:
    def shown(sched: Scheduler) -> tuple[int, dict[str, int]]:
        board = sched.board()["scheduler"]
        return board["concurrency"], board["limits"]

    owner = make(concurrency=2, processes=1, limits={"db": 1})
    owner.start()
    viewer = make(concurrency=9, processes=3, limits={"jira": 4})
    viewer.start()
    with make(concurrency=7).viewing() as looking:
        assert shown(looking) == shown(viewer) == shown(owner) == (2, {"tag:db": 1, "process": 1})
    owner.stop()
    viewer.take_over()
    assert shown(viewer) == (9, {"tag:jira": 4, "process": 3})


def test_a_viewer_says_whose_the_ledger_is_and_what_to_do(
    sched: Scheduler, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    make(name="viewer").start()
    (told,) = [line for line in caplog.messages if "this process is a viewer" in line]
    assert "owned by tests (pid " in told
    assert "take_over() makes it the owner" in told


def test_a_viewer_sees_what_a_run_tells_while_it_runs(sched: Scheduler, make: Make) -> None:
    viewer = make(name="viewer")
    viewer.start()
    heard = Heard(viewer)
    steps = [threading.Event() for _ in range(2)]

    @sched.task
    def extract(run: Any) -> None:
        run.progress("pages", 1, 10)
        run.log("began")
        steps[0].wait(10)
        run.progress("pages", 7, 10)
        run.log("went on")
        steps[1].wait(10)

    viewer.board()
    run = extract.submit()
    heard.wait_for(heard.of(RunProgressed, run=run.id, stage="pages", done=1, total=10))
    heard.wait_for(heard.of(RunLogged, run=run.id, message="began"))
    steps[0].set()
    heard.wait_for(heard.of(RunProgressed, run=run.id, done=7))
    heard.wait_for(heard.of(RunLogged, run=run.id, message="went on"))
    viewer.open_run(run.id)
    assert viewer._bus.flush()
    (row,) = viewer.board()["runs"]
    assert row["state"] == "RUNNING"
    (stage,) = row["stages"]
    assert (stage["done"], stage["total"]) == (7, 10)
    assert [line["message"] for line in row["log"]] == ["began", "went on"]
    steps[1].set()
    run.result("10s")
    assert len([event for event in heard.events if isinstance(event, RunLogged)]) == 2


def test_lines_that_a_board_has_are_not_shown_again(sched: Scheduler, make: Make) -> None:
    viewer = make(name="viewer")
    viewer.start()
    heard, end = Heard(viewer), threading.Event()

    @sched.task
    def tell(run: Any) -> None:
        for number in range(5):
            run.log(f"line {number}")
        end.wait(10)

    viewer.board()
    run = tell.submit()
    lines = heard.wait_for(heard.of(RunLogged, run=run.id), count=5)
    for line in lines:
        viewer._bus.publish((line,))
    assert viewer._bus.flush()
    (row,) = viewer.board()["runs"]
    assert [line["message"] for line in row["log"]] == [f"line {number}" for number in range(5)]
    end.set()
    run.result("10s")

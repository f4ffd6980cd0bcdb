"""What a scheduler shows of runs while they run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.conftest import Recorder
from support.boards import board_now
from support.waiting import wait_until

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import RunEnded, RunLogged, RunStarted

Make = Callable[..., Scheduler]


def shown_lines(sched: Scheduler) -> list[str]:
    (row,) = board_now(sched)["runs"]
    return [line["message"] for line in row["log"]]


def test_a_run_opened_while_it_logs_shows_what_it_logged(sched: Scheduler) -> None:
    enough = threading.Event()

    @sched.task
    def talk(run: Any) -> None:
        number = 0
        while not enough.is_set():
            run.log(f"line {number}")
            number += 1

    board_now(sched)
    recorder = Recorder(sched)  # after the board
    run = talk.submit()
    recorder.wait_for(recorder.of(RunLogged, run=run.id))
    for _ in range(50):
        sched.screens.open_run(run.id)
    enough.set()
    run.result("60s")
    recorder.wait_for(recorder.of(RunEnded, run=run.id))
    assert shown_lines(sched) == run.log[-200:]
    assert sched.screens.run_detail(run.id) == board_now(sched)["runs"][0]


def test_another_process_hears_the_last_words_of_a_run_that_it_has_opened(
    sched: Scheduler, make: Make
) -> None:
    other = make(name="other")
    other.start()
    board_now(other)
    recorder, go_on = Recorder(other), threading.Event()

    @sched.task
    def talk(run: Any) -> None:
        run.log("first")
        go_on.wait(60)
        run.log("last")

    run = talk.submit()
    recorder.wait_for(recorder.of(RunLogged, message="first"))
    other.screens.open_run(run.id)
    go_on.set()
    run.result("60s")
    recorder.wait_for(recorder.of(RunLogged, message="last"))
    assert shown_lines(other) == ["first", "last"]


def test_who_watches_sees_the_files_and_the_only_words_of_a_run_that_it_has_opened(
    sched: Scheduler, make: Make, tmp_path: Path
) -> None:
    """A run whose first words came right before its end stayed without any, and without its files."""
    watcher = make(name="watcher")
    watcher.watch()
    board_now(watcher)
    recorder, go_on = Recorder(watcher), threading.Event()

    @sched.task
    def work(run: Any) -> None:
        go_on.wait(60)
        context.artifact(tmp_path, "Rows")
        run.log("only")

    run = work.submit()
    recorder.wait_for(recorder.of(RunStarted, run=run.id))
    watcher.screens.open_run(run.id)
    go_on.set()
    recorder.wait_for(recorder.of(RunEnded, run=run.id))
    assert shown_lines(watcher) == ["only"]
    assert board_now(watcher)["runs"][0]["artifacts"][0]["label"] == "Rows"


def test_tasks_of_a_process_that_has_ended_wait_on_a_board_that_was_made_before(make: Make) -> None:
    first, second = make(name="first"), make(name="second")
    first.task("0 7 * * *", name="left")(lambda: 1)
    first.start()
    second.task("0 7 * * *", name="own")(lambda: 1)
    second.start()

    def states() -> dict[str, str]:
        return {row["name"]: row["state"] for row in board_now(second)["tasks"]}

    wait_until(lambda: states() == {"left": "idle", "own": "idle"})
    first.stop()
    wait_until(lambda: states() == {"left": "waiting", "own": "idle"})
    again = make(name="again")
    again.task("0 7 * * *", name="left")(lambda: 1)
    again.start()
    wait_until(lambda: states() == {"left": "idle", "own": "idle"})

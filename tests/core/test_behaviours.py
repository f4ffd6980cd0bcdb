"""The ten behaviours of the engine, and the tests that pin each clause of them.

1. kill -9 before the claim, after it, mid-run, after the effect but before the finish
      crash/test_instants.py::test_killed
      crash/test_kill.py::test_four_kills
      crash/test_kill.py::test_many_kills
2. no double run for one (task, scheduled time)
   across restart or two processes:
      test_behaviours_of_processes.py::test_behaviour_2_processes_that_race_for_a_task_run_no_time_twice
      test_homes.py::test_a_home_is_killed_and_who_stands_by_goes_on
   insert fails, update fails:
      test_faults.py::test_a_write_fails_and_is_tried_again
      test_faults.py::test_a_commit_whose_answer_is_lost_is_not_repeated
      test_corners.py::test_a_time_that_has_its_run_already
   store locked:
      test_faults.py::test_another_process_holds_the_lock
   cell re-run after downtime:
      test_corners.py::test_a_cell_run_again_after_downtime_keeps_its_missed_times
   all of it in any order:
      test_engine_machine.py::TestEngine
3. store locked or away at each call
   read:
      test_faults.py::test_reads_fail_and_due_times_go_on
   claim, advance, finish:
      test_faults.py::test_a_write_fails_and_is_tried_again
      test_faults.py::test_the_disk_is_full
   away:
      test_postgres.py::test_the_server_is_killed_and_comes_back
      test_node.py::test_a_process_born_again_while_the_ledger_cannot_be_read_tries_again
   the clock catches up:
      core/engine/test_histories.py::test_whatever_happens_the_engine_keeps_its_promises
4. a runner stalled past its lease cannot record success
      test_behaviours_of_processes.py::test_behaviour_4_a_runner_that_was_taken_for_dead_cannot_record_success
      test_postgres.py::test_a_life_that_ran_out_while_its_process_stood_still
      test_faults.py::test_a_life_that_is_gone_can_record_nothing
5. cancel, timeout and shutdown
   recorded differently, a slot always released:
      test_behaviours_of_ends.py::test_behaviour_5_ends_are_told_apart_and_places_come_back
   cancellation never swallowed:
      test_behaviours_of_ends.py::test_behaviour_5_code_that_swallows_a_cancel_is_cancelled_all_the_same
      test_behaviours_of_ends.py::test_behaviour_5_a_cancel_outlives_its_process
      test_how.py::test_code_that_does_not_stop_is_recorded_and_keeps_its_place
6. bounded graceful shutdown with async, thread and process tasks
      test_behaviours_of_ends.py::test_behaviour_6_a_stop_lets_all_kinds_end
      test_behaviours_of_ends.py::test_behaviour_6_a_stop_is_bounded_for_all_kinds_at_once
7. the misfire × coalesce × max_instances matrix
      test_behaviours_of_time.py::test_behaviour_7_misfire_by_coalesce_by_max_instances
      test_schedule.py::test_the_misfire_matrix
8. clocks
   DST gap and fold:
      test_behaviours_of_time.py::test_behaviour_8_gap_fold_jumps_and_sleep
      test_wallclock.py::test_a_daily_time_happens_exactly_once_every_day
   clock jump:
      test_life.py::test_a_jump_forward_is_noticed_within_a_nap
      test_life.py::test_a_jump_back_repeats_nothing
   laptop sleep:
      test_behaviours_of_time.py::test_behaviour_8_a_long_sleep_is_judged_by_grace_and_coalesce
9. what follows a failure
   retry backoff survives restart:
      test_behaviours.py::test_behaviour_9_a_retry_keeps_its_time_over_a_restart
   a dependent waits for the final failure:
      test_behaviours.py::test_behaviour_9_a_child_waits_for_the_final_failure
   a parent's crash propagates:
      test_behaviours.py::test_behaviour_9_a_parents_crash_reaches_its_child
   cycles refused:
      test_tasks.py::test_cycles_are_refused_and_drawn
      test_how.py::test_cycles_and_strangers_are_refused
10. notebook
   a cell re-run, kernel restart:
      notebook/test_kernel_life.py::test_a_cell_run_again_replaces_its_task
      notebook/test_kernel_life.py::test_a_restart_in_the_middle_of_a_run
   renamed function:
      test_behaviours.py::test_behaviour_10_a_renamed_function
   add from another thread:
      test_behaviours.py::test_behaviour_10_tasks_from_many_threads
   pause/resume:
      test_scheduler.py::test_pausing_all_and_backfill
      test_schedule.py::test_times_of_a_pause_are_missed
   priority starvation:
      test_queue.py::test_low_priority_never_starves
   a burst of 1000 with bounded stall:
      test_behaviours_of_bursts.py::test_behaviour_10_a_burst_of_1000_never_holds_the_loop
"""

from __future__ import annotations

import ast
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from core.conftest import Recorder
from support.lives import die

from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.states import State
from schedkit.core.triggers.constructors import every
from schedkit.errors import RetryableError, UsageError

Make = Callable[..., Scheduler]
KINDS = ["async", "thread", "process"]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """What runs end as has nothing to do with the database."""
    return str(tmp_path / "ledger.db")


def test_the_table_above_names_tests_that_exist() -> None:
    named = re.findall(r"(\S+\.py)::(\w+)", __doc__ or "")
    assert len(named) > 40
    for file, test in named:
        (path,) = Path(__file__).parents[1 if "/" in file else 0].rglob(file)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert test in {getattr(node, "name", "") for node in tree.body}, f"{file}::{test}"


def held(sched: Scheduler, entered: threading.Event, release: threading.Event, ran: list[int]) -> None:
    @sched.task(name="held")
    def work(run: Any) -> None:
        ran.append(run.attempt)
        entered.set()
        release.wait(60)  # no schedkit call: nothing can stop it


@pytest.mark.parametrize("end", ["stops", "dies"])
def test_behaviour_9_a_retry_keeps_its_time_over_a_restart(make: Make, end: str) -> None:
    started: list[tuple[int, float]] = []

    def flaky(run: Any) -> int:
        started.append((run.attempt, time.time()))
        if run.attempt < 2:
            raise RetryableError("again")
        return run.attempt

    # Longer than a busy machine takes from the word of the retry to the end of its life.
    retry = Retry(attempts=2, delay=2)
    first = make(name="first")
    recorder = Recorder(first)
    first.start()
    first.task(name="flaky", retry=retry)(flaky)
    run = first.submit("flaky")
    (told,) = recorder.wait_for(recorder.of(events.RunRetrying))
    if end == "stops":
        first.stop("0s")
    else:
        die(first)
    second = make(name="second")
    second.task(name="flaky", retry=retry)(flaky)
    # Between two processes nothing happens, however long the machine takes.
    with second.viewing():
        waiting = second.run(run.id).run
    assert (waiting.state, waiting.due_at, waiting.attempt) == (State.RETRY, told.after.due_at, 1)
    second.start()
    assert second.run(run.id).result("60s") == 2
    assert [attempt for attempt, _ in started] == [1, 2], "the tries before the restart count"
    assert started[1][1] >= told.after.due_at.timestamp()


def test_behaviour_9_a_child_waits_for_the_final_failure(sched: Scheduler, recorder: Recorder) -> None:
    tries: list[str] = []

    @sched.task(retry=Retry(attempts=3, delay=0.01))
    def parent() -> None:
        (child,) = sched.runs("child")
        tries.append(str(child.state))
        raise RetryableError("again")

    sched.task(name="child", after="parent")(lambda: 1)
    sched.submit("parent").wait("60s")
    (ended,) = recorder.wait_for(recorder.of(events.RunEnded, task="child"))
    assert tries == ["PENDING"] * 3
    assert (ended.after.state, ended.after.reason) == (State.SKIPPED, "its parent 'parent' ended as FAILED")


def test_behaviour_9_a_parents_crash_reaches_its_child(make: Make) -> None:
    """Its process dies with it, once too often: nothing will ever end it but the next life."""
    entered, release, ran = threading.Event(), threading.Event(), list[int]()
    first = make(name="first", interruptions=0)
    first.start()
    held(first, entered, release, ran)
    first.task(name="child", after="held")(lambda: 1)
    run = first.submit("held")
    assert entered.wait(60)
    die(first)
    second = make(name="second", interruptions=0)
    second.start()
    release.set()
    assert second.run(run.id).wait("60s").state is State.FAILED
    (child,) = second.runs("child")
    ended = second.run(child.id).wait("60s")
    assert (ended.state, ended.reason) == (State.SKIPPED, "its parent 'held' ended as FAILED")


def test_behaviour_9_a_parent_that_takes_its_process_along(sched: Scheduler, recorder: Recorder) -> None:
    sched.task(name="parent", runs_in="process")(lambda: os._exit(3))
    sched.task(name="child", after="parent")(lambda: 1)
    run = sched.submit("parent").wait("60s")
    assert run.state is State.FAILED
    (ended,) = recorder.wait_for(recorder.of(events.RunEnded, task="child"))
    assert ended.after.state is State.SKIPPED


def test_behaviour_10_a_renamed_function(make: Make) -> None:
    """The new name is a new task; the old one goes on until it is removed, or waits when its code is gone."""
    first = make(name="first")
    first.start()

    @first.task(every("1h"))
    def open_bugs() -> str:
        return "old"

    open_bugs.submit().result("60s")

    @first.task(every("1h"))
    def all_bugs() -> str:
        return "new"

    assert first.submit("open_bugs").result("60s") == "old"
    assert first.submit("all_bugs").result("60s") == "new"
    first.stop("1s")
    # The kernel is started again, and the cell no longer holds the old name.
    second = make(name="second")
    second.start()
    second.task(every("1h"))(all_bugs.task.function)
    assert second.tasks["open_bugs"].state == "waiting"
    waiting = second.submit("open_bugs")
    assert waiting.state is State.QUEUED
    # Given its old name, it is the same task: what waits runs with the new code, and the history is one.
    second.task(every("1h"), name="open_bugs")(all_bugs.task.function)
    assert waiting.result("60s") == "new"
    assert len(second.runs("open_bugs")) == 3
    second.remove("open_bugs")
    assert list(second.tasks) == ["all_bugs"]
    with pytest.raises(UsageError, match="no task is called 'open_bugs'"):
        second.submit("open_bugs")


def test_behaviour_10_tasks_from_many_threads(sched: Scheduler, recorder: Recorder) -> None:
    def declare_some(number: int) -> None:
        for n in range(10):
            sched.task(every("0.1s"), name=f"{number}-{n}", overlap="allow")(lambda: None)

    threads = [threading.Thread(target=declare_some, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(sched.tasks) == 80
    for name in sched.tasks:
        recorder.wait_for(recorder.of(events.RunEnded, task=name))

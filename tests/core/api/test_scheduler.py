"""A run from submit to its recorded end, on both databases."""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from core.conftest import Recorder
from support.boards import board_now
from support.waiting import wait_until

from schedkit import context
from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.results import ResultGoneError
from schedkit.core.model import Retry
from schedkit.core.run import TaskResult
from schedkit.core.states import Outcome, State
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import (
    DeclarationError,
    FatalError,
    ParameterError,
    RetryableError,
    RunCancelledError,
    RunFailedError,
    RunSkippedError,
    RunTimeoutError,
    UsageError,
)

Make = Callable[..., Scheduler]


def outcomes(sched: Scheduler, run: str) -> list[Outcome]:
    return [attempt.outcome for attempt in sched.run(run).attempts]


def test_a_sync_function_runs_in_a_thread_and_is_recorded(sched: Scheduler) -> None:
    names: list[str] = []

    @sched.task()
    def add(a: int, b: int = 1) -> int:
        names.append(threading.current_thread().name)
        return a + b

    run = add.submit(a=2, b=3)
    assert run.result("60s") == 5
    assert run.state is State.DONE
    (recorded,) = sched.runs("add")
    assert recorded.state is State.DONE
    assert recorded.params == {"a": 2, "b": 3}
    assert recorded.attempt == 1
    assert recorded.seconds is not None
    assert outcomes(sched, run.id) == [Outcome.DONE]
    assert names[0].startswith("schedkit-task")
    assert add(1, 2) == 3
    assert add.latest() == 5


def test_a_coroutine_runs_on_the_users_loop(sched: Scheduler) -> None:
    @sched.task()
    async def fetch() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert fetch.submit().result("60s") == "schedkit-users"


def test_a_run_is_awaitable_from_any_loop(sched: Scheduler) -> None:
    @sched.task()
    def one() -> int:
        return 1

    async def main() -> int:
        run = await one.aio.submit()
        return await run + await (await sched.aio.submit("one"))

    assert asyncio.run(main()) == 2


def test_a_frame_survives_the_scheduler(make: Make) -> None:
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "Points": pd.array([1, None], dtype="Int64")})
    first = make()

    def table() -> pd.DataFrame:
        return frame

    with first:
        first.task()(table)
        pd.testing.assert_frame_equal(first.submit("table").result("60s"), frame)
    second = make()
    with second:
        assert second.tasks["table"].state == "waiting"
        handle = second.task()(table)
        pd.testing.assert_frame_equal(handle.latest(), frame)
        assert handle.state == "idle"
        (run,) = handle.runs()
        assert second.run(run.id).result()["Key"].tolist() == ["A-1", "A-2"]


@pytest.mark.parametrize(
    "value",
    [
        np.int64(3),
        np.bool_(True),
        {"rows": np.int64(3), "share": np.float64(0.5)},
        {"t": pd.Timestamp("2026-03-01", tz="UTC")},
        np.datetime64("2026-03-01"),
        np.timedelta64(1, "s"),
        pd.Timedelta("90s"),
        [pd.NaT, {1, 2}],
        b"bytes",
    ],
    ids=repr,
)
def test_values_are_kept_with_their_types(sched: Scheduler, value: Any) -> None:
    task = sched.task(name="one")(lambda: value)
    task.submit().wait("60s")
    found = task.latest()
    assert (repr(found), type(found)) == (repr(value), type(value))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "type object, was not kept: builtins.object cannot be kept with its type"),
        ({"deep": [object()]}, "builtins.object cannot be kept"),
        (pd.DataFrame({"c": [1j]}), "type DataFrame, was not kept"),
    ],
)
def test_what_cannot_be_kept_says_so_and_fails_nothing(sched: Scheduler, value: Any, why: str) -> None:
    task = sched.task(name="one")(lambda: value)
    run = task.submit()
    assert run.result("60s") is value
    assert run.state is State.DONE
    with pytest.raises(ResultGoneError, match=why):
        task.latest()
    assert ["is not kept" in line for line in run.log] == [True]


def test_failures_say_why(sched: Scheduler) -> None:
    @sched.task()
    def broken() -> None:
        raise KeyError("Summary")

    run = broken.submit()
    with pytest.raises(RunFailedError, match="'broken' ended as FAILED: KeyError: 'Summary'"):
        run.result("60s")
    assert run.error is not None
    assert "in broken" in run.error["traceback"]
    assert "schedkit/core" not in run.error["traceback"]


def test_retry_until_it_succeeds(sched: Scheduler) -> None:
    tries: list[int] = []
    retried: list[tuple[int, int]] = []

    @sched.task(
        retry=Retry(attempts=3, delay=0.01),
        on_retry=lambda attempt, attempts: retried.append((attempt, attempts)),
    )
    def flaky(run: Any) -> str:
        tries.append(run.attempt)
        if len(tries) < 3:
            raise RetryableError("not yet")
        return "now"

    run = flaky.submit()
    assert run.result("60s") == "now"
    assert tries == [1, 2, 3]
    assert retried == [(1, 3), (2, 3)]
    assert outcomes(sched, run.id) == [Outcome.FAILED, Outcome.FAILED, Outcome.DONE]
    assert run.error is None


@pytest.mark.parametrize(
    ("error", "tries"), [(FatalError("no"), 1), (ConnectionError("away"), 3), (ValueError("bad"), 1)]
)
def test_only_what_may_pass_is_retried(sched: Scheduler, error: Exception, tries: int) -> None:
    failed: list[BaseException] = []

    @sched.task(retry=Retry(attempts=3, delay=0.0), on_failure=failed.append)
    def fails() -> None:
        raise error

    run = fails.submit()
    with pytest.raises(RunFailedError):
        run.result("60s")
    assert len(run.attempts) == tries
    assert failed == [error]


def test_a_timeout_is_recorded_at_once_and_keeps_its_place(sched: Scheduler) -> None:
    release, entered, other = threading.Event(), threading.Event(), threading.Event()

    @sched.task(timeout="1s", retry=Retry(attempts=2, delay=0.0))
    def stuck() -> None:
        entered.set()
        release.wait(60)

    ended = threading.Event()
    sched.subscribe(lambda e: isinstance(e, events.RunRetrying) and ended.set())
    run = stuck.submit()
    assert entered.wait(60)
    assert ended.wait(60)
    entered.clear()
    assert outcomes(sched, run.id) == [Outcome.TIMEOUT]
    assert not entered.wait(0.2), "the retry must wait until the thread has really ended"
    release.set()
    assert entered.wait(60)
    assert not other.is_set()
    run.wait("60s")


def test_a_timeout_without_a_further_try(sched: Scheduler) -> None:
    failed: list[BaseException] = []

    @sched.task(timeout="0.05s", on_failure=failed.append)
    async def sleeps() -> None:
        await asyncio.sleep(60)

    run = sleeps.submit()
    with pytest.raises(RunTimeoutError, match=r"timeout of 0\.05 s"):
        run.result("60s")
    assert run.state is State.TIMEOUT
    assert outcomes(sched, run.id) == [Outcome.TIMEOUT]


def test_a_plain_hook_of_a_timeout_stays_off_the_users_loop(sched: Scheduler) -> None:
    """It may block; other tasks' coroutines must not wait for it."""
    where: list[str] = []
    told = threading.Event()

    def hook(error: BaseException) -> None:
        where.append(threading.current_thread().name)
        told.set()

    @sched.task(timeout="0.05s", on_failure=hook)
    async def sleeps() -> None:
        await asyncio.sleep(60)

    sleeps.submit()
    assert told.wait(60)
    assert where[0].startswith("schedkit-task")


def test_cancelling_a_coroutine(sched: Scheduler) -> None:
    entered = threading.Event()

    @sched.task()
    async def sleeps() -> None:
        entered.set()
        await asyncio.sleep(60)

    run = sleeps.submit()
    assert entered.wait(60)
    assert run.cancel()
    with pytest.raises(RunCancelledError, match="cancelled by tests"):
        run.result("60s")
    assert outcomes(sched, run.id) == [Outcome.CANCELLED]
    assert not run.cancel()


def test_a_sync_task_stops_at_its_next_schedkit_call(sched: Scheduler) -> None:
    entered, asked = threading.Event(), threading.Event()
    after: list[str] = []

    @sched.task()
    def works() -> None:
        try:
            entered.set()
            asked.wait(60)
            context.progress("rows", 1, 2)
            after.append("went on")
        except Exception:  # a task's own handler must not swallow the cancellation
            after.append("swallowed")

    run = works.submit()
    assert entered.wait(60)
    run.cancel()
    asked.set()
    assert run.wait("60s").state is State.CANCELLED
    assert after == []


def test_a_waiting_run_is_cancelled_at_once(make: Make) -> None:
    sched = make(concurrency=1)
    sched.start()
    release = threading.Event()

    @sched.task(max_instances=5)
    def waits() -> None:
        release.wait(60)

    first, second = waits.submit(), waits.submit()
    second.cancel()
    assert second.wait("60s").state is State.CANCELLED
    assert second.attempts == []
    release.set()
    assert first.wait("60s").state is State.DONE
    assert waits.submit().wait("60s").state is State.DONE, "it keeps no place either"


def test_what_a_run_tells_is_kept(sched: Scheduler) -> None:
    recorder = Recorder(sched)

    @sched.task()
    def tells(run: Any) -> TaskResult:
        run.progress("extract", 5, 10)
        context.progress("extract", 10, 10)
        run.log("half way")
        context.log("all the way")
        context.fact("extraction", {"rows": 10})
        context.artifact("reports/out/x.xlsx", "workbook")
        return TaskResult.success("fine", rows=10)

    run = tells.submit()
    assert run.result("60s") == {"rows": 10}
    assert run.progress == {"extract": (10, 10)}
    assert run.log == ["half way", "all the way"]
    assert run.facts == {"extraction": {"rows": 10}, "result": {"message": "fine", "rows": 10}}
    assert run.artifacts == [{"path": "reports/out/x.xlsx", "label": "workbook"}]
    recorder.wait_for(recorder.of(events.RunEnded, run=run.id))
    mine = [type(event).__name__ for event in recorder.events if event.run == run.id]
    assert mine[0] == "RunQueued"
    assert mine[1] == "RunStarted"
    assert mine[-1] == "RunEnded"
    assert {"RunProgressed", "RunLogged", "RunNoted"} <= set(mine)
    logged = sched.queries.ledger.events(run=run.id)
    assert [type(event).__name__ for event in logged] == ["RunQueued", "RunStarted", "RunEnded"]


@pytest.mark.parametrize("place", ["thread", "process"])
def test_a_level_may_be_a_word(sched: Scheduler, place: str) -> None:
    def tells(run: Any) -> None:
        run.log("plain")
        run.log("warning", "by word")
        run.log(40, "by number")
        run.log("nonsense", "still told")

    run = sched.task(name="tells", runs_in=place)(tells).submit()
    run.result("60s")
    lines = sched.screens.run_detail(run.id)["log"]
    assert [(line["level"], line["message"]) for line in lines] == [
        (20, "plain"), (30, "by word"), (40, "by number"), (20, "still told"),
    ]  # fmt: skip


def test_a_task_says_one_of_three_words() -> None:
    with pytest.raises(UsageError, match=r"status='ok' .write TaskResult\.success"):
        TaskResult(status="ok")


def test_a_task_may_say_skipped_or_failed(sched: Scheduler) -> None:
    @sched.task()
    def says(word: str) -> TaskResult:
        return TaskResult.skipped("nothing new") if word == "skip" else TaskResult.failed("no rows")

    with pytest.raises(RunSkippedError, match="nothing new"):
        says.submit(word="skip").result("60s")
    with pytest.raises(RunFailedError, match="no rows"):
        says.submit(word="fail").result("60s")


def test_a_schedule_fires_on_time_and_once(sched: Scheduler) -> None:
    times: list[datetime] = []
    enough = threading.Event()

    # However late a loaded machine is, each time has its run.
    @sched.task(every("0.5s"), coalesce=False, overlap="allow")
    def ticks(run: Any) -> None:
        times.append(run.scheduled_at)
        if len(times) == 4:
            enough.set()

    assert enough.wait(60)
    ticks.pause()
    wait_until(lambda: all(run.state.final for run in ticks.runs(limit=1000)))
    steps = {later - earlier for earlier, later in itertools.pairwise(sorted(times))}
    assert steps == {timedelta(seconds=0.5)}
    wait_until(lambda: ticks.state == "paused")
    assert ticks.next_run is None


def test_a_task_without_parentheses(sched: Scheduler) -> None:
    @sched.task
    def bare(n: int = 1) -> int:
        return n

    @sched.task
    async def waits() -> int:
        return 3

    assert (bare(2), bare.submit().result("60s"), waits.submit().result("60s")) == (2, 1, 3)
    with pytest.raises(UsageError, match=r"unknown option 'timeot' .did you mean 'timeout'"):
        sched.task(timeot="1s")


def test_unknown_names_and_wrong_parameters_are_refused(sched: Scheduler) -> None:
    @sched.task()
    def add(a: int) -> int:
        return a

    with pytest.raises(UsageError, match=r"no task is called 'ad' \(did you mean 'add'\?\)"):
        sched.submit("ad")
    with pytest.raises(ParameterError, match="expected int"):
        add.submit(a="many")
    with pytest.raises(UsageError, match=r"no task is called 'ad' \(did you mean 'add'\?\)"):
        sched.runs("ad")
    assert sched.runs("add", states=["FAILED"]) == []
    with pytest.raises(UsageError, match="no run"):
        sched.run("nonsense")
    assert sched.runs() == []


def test_parameters_that_are_no_data_are_refused_by_whoever_submits(make: Make) -> None:
    home, other = make(), make()
    home.start()
    task = home.task(name="t")(lambda x: x)
    other.start()
    for submit in (task.submit, functools.partial(other.submit, "t")):
        with pytest.raises(ParameterError, match=r"task 't': parameter 'x' is .* cannot be stored"):
            submit(x=object())
    assert home.runs() == []
    assert other.submit("t", x=[1, {"a": None}]).result(60) == [1, {"a": None}]


def test_a_name_is_text(sched: Scheduler) -> None:
    with pytest.raises(UsageError, match="expected a task name or TaskHandle, got None"):
        sched.submit(None)


def test_a_task_is_given_by_its_handle_wherever_a_name_is(sched: Scheduler) -> None:
    @sched.task("@yearly")
    def task() -> None: ...

    task.submit().wait(60)
    sched.pause(task)
    assert task.paused
    sched.resume(task)
    assert not task.paused
    sched.reschedule(task, "@daily")
    assert task.task.trigger == cron("@daily")
    assert [run.task for run in sched.runs(task)] == ["task"]
    assert list(sched.history(task)["task"]) == ["task"]
    assert list(sched.due_times(task)) == list(sched.due_times("task"))
    assert {run.task for run in sched.backfill(task, "2026-01-02", "2026-01-03")} == {"task"}
    sched.remove(task)
    assert list(sched.tasks) == []
    for ask in (sched.pause, sched.runs, sched.history, sched.due_times):
        with pytest.raises(UsageError, match="expected a task name or TaskHandle, got 5"):
            ask(5)


def test_history_is_a_typed_frame(sched: Scheduler) -> None:
    assert len(sched.history()) == 0

    @sched.task()
    def one() -> int:
        return 1

    one.submit().result("60s")
    frame = one.history()
    assert frame.loc[0, "state"] == "DONE"
    assert str(frame["started"].dtype) == "datetime64[us, UTC]"
    assert frame.dtypes.equals(sched.history(limit=0).dtypes)


def test_many_at_once_are_durable_and_done(make: Make) -> None:
    sched = make(concurrency=20)
    sched.start()

    @sched.task(overlap="allow")
    def square(n: int) -> int:
        return n * n

    runs = sched.submit_many("square", [{"n": n} for n in range(200)])
    assert {run.id for run in sched.runs(limit=1000)} == {run.id for run in runs}
    assert [run.result("60s") for run in runs] == [n * n for n in range(200)]


def test_pausing_all_and_backfill(sched: Scheduler) -> None:
    @sched.task(every("0.1s"), overlap="allow")
    def ticks() -> None: ...

    sched.pause()
    assert sched.paused
    done = threading.Event()
    done.wait(0.35)
    sched.resume()
    # A busy machine may have been late, before or after: then times of its own were coalesced.
    due_times = ticks.due_times()
    (missed,) = due_times[due_times["outcome"] == "missed"].itertuples()
    assert missed.reason == "paused"
    made = ticks.backfill(missed.scheduled, missed.until)
    assert len(made) == missed.count
    for run in made:
        run.result("60s")
    assert ticks.backfill(missed.scheduled, missed.until) == []


def test_a_task_is_removed_and_its_history_stays(sched: Scheduler) -> None:
    @sched.task(every("1h"))
    def gone() -> None: ...

    gone.submit().result("60s")
    sched.remove("gone")
    assert "gone" not in sched.tasks
    assert len(sched.runs("gone")) == 1


def test_rescheduling(sched: Scheduler) -> None:
    @sched.task(every("1h"))
    def moved() -> None: ...

    sched.reschedule("moved", "0 7 * * *")
    assert moved.next_run is not None
    assert moved.next_run.astimezone().hour == 7
    sched.reschedule("moved", None)
    assert moved.next_run is None

    @sched.task
    def asks(project: str) -> None: ...

    with pytest.raises(ParameterError, match="'asks' needs the parameter 'project'"):
        sched.reschedule("asks", every("1h"))
    assert asks.next_run is None


def test_stopping_lets_runs_end_or_interrupts_them(make: Make, tmp_path: Path) -> None:
    entered, release = threading.Event(), threading.Event()

    def patient(run: Any) -> int:
        entered.set()
        if run.attempt == 1:
            release.wait(60)
        return run.attempt

    first = make(name="first")
    first.start()
    first.task()(patient)
    run = first.submit("patient")
    assert entered.wait(60)
    first.stop("0.1s")
    with pytest.raises(UsageError):
        first.submit("unknown")
    second = make(name="second")
    second.start()
    second.task()(patient)
    assert second.run(run.id).result("60s") == 2
    assert outcomes(second, run.id) == [Outcome.INTERRUPTED, Outcome.DONE]
    recorded = second.run(run.id).run
    assert recorded.interruptions == 1
    release.set()


def test_times_are_utc(sched: Scheduler) -> None:
    @sched.task()
    def one() -> int:
        return 1

    before = datetime.now(UTC)
    one.submit().result("60s")
    (run,) = sched.runs()
    assert before <= run.queued_at <= datetime.now(UTC)


def test_the_board_knows_the_other_limits(make: Make) -> None:
    sched = make(concurrency=4, threads=2, processes=3, limits={"jira": 1})
    with ThreadPoolExecutor(1) as pool:
        sched.start()
        sched.task(name="thread", tags="jira", rate="5/min")(lambda: None)
        sched.task(name="process", runs_in="process")(lambda: None)
        sched.task(name="elsewhere", runs_in=pool)(lambda: None)

        @sched.task(name="loop")
        async def loop() -> None: ...

        board = board_now(sched)
    assert board["scheduler"]["limits"] == {"tag:jira": 1, "process": 3, "thread": 2}
    assert {task["name"]: (task["executor"], task["rate"]) for task in board["tasks"]} == {
        "elsewhere": ("executor", ""),
        "loop": ("loop", ""),
        "process": ("process", ""),
        "thread": ("thread", "5 in 1m"),
    }
    told = threading.Event()
    sched.subscribe(lambda event: told.set())
    sched.task(name="thread", runs_in="process", rate="3/10s")(lambda: None)
    assert told.wait(60)
    assert sched.queries.flush_events()
    (row,) = [task for task in board_now(sched)["tasks"] if task["name"] == "thread"]
    assert (row["executor"], row["rate"]) == ("process", "3 in 10s")  # as events tell one that is there


def test_the_board_knows_how_many_runs_of_a_task_there_may_be(sched: Scheduler) -> None:
    def limits() -> dict[str, int | None]:
        return {task["name"]: task["limit"] for task in board_now(sched)["tasks"]}

    sched.start()
    sched.task(name="two", max_instances=2)(lambda: None)
    sched.task(name="any", overlap="allow")(lambda: None)
    assert limits() == {"any": None, "two": 2}  # as the ledger tells a board that is new
    told = threading.Event()
    sched.subscribe(lambda event: told.set())
    sched.task(name="two", max_instances=3)(lambda: None)
    assert told.wait(60)
    assert sched.queries.flush_events()
    assert limits() == {"any": None, "two": 3}  # as events tell one that is there


def test_parameters_may_be_given_by_position(sched: Scheduler) -> None:
    def add(left: int, right: int = 1) -> int:
        return left + right

    handle = sched.task(add)
    assert handle.submit(2).result("60s") == 3
    assert handle.submit(2, right=5).run.params == {"left": 2, "right": 5}
    with pytest.raises(ParameterError, match="too many positional arguments"):
        handle.submit(1, 2, 3)
    with pytest.raises(DeclarationError, match="'left' is given by position and by name"):
        handle.submit(1, left=2)
    with pytest.raises(ParameterError, match=r"task 'add': unknown parameter 'rigt' \(did you mean 'right'"):
        handle.submit(2, rigt=5)


@pytest.mark.parametrize("name", ["every", "evry", "cron", "interval", "schedule"])
def test_a_schedule_among_the_options_is_told_where_it_goes(sched: Scheduler, name: str) -> None:
    with pytest.raises(
        DeclarationError, match=rf"unknown option '{name}' \(the schedule comes first: @sched"
    ):
        sched.task(**{name: "5m"})

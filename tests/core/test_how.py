"""How runs are carried out: order, limits, rates, dependencies, places, hooks."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from core.conftest import Recorder
from support.boards import board_now
from support.lives import die
from support.waiting import wait_until

from schedkit import context
from schedkit.core import events
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import After, Retry
from schedkit.core.run import TaskResult
from schedkit.core.states import Outcome, State
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import (
    DeclarationError,
    ParameterError,
    RetryableError,
    RunCancelledError,
    RunFailedError,
    RunSkippedError,
    RunTimeoutError,
)
from schedkit.values.limits import MAX_TRACEBACK_CHARS

Make = Callable[..., Scheduler]


@pytest.fixture
def where(tmp_path: Path) -> str:
    """What runs where does not depend on the database."""
    return str(tmp_path / "ledger.db")


class Gate:
    """Tasks that stand at a gate: how many at once, and in which order they came."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        self.order: list[str] = []
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def stand(self, run: Any) -> str:
        with self._lock:
            self.order.append(run.task)
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        self.open.wait(60)
        with self._lock:
            self.inside -= 1
        return str(run.id)

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self.entered.acquire(timeout=60)

    def nobody_else(self) -> None:
        assert not self.entered.acquire(timeout=0.15)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_priorities_decide_who_starts_first(make: Make, gate: Gate) -> None:
    sched = make(concurrency=1)
    sched.start()
    for name in ("low", "medium", "high"):
        sched.task(name=name, priority=name)(gate.stand)
    sched.task(name="urgent", priority=100)(gate.stand)
    first = sched.submit("medium")
    gate.wait(1)
    runs = [sched.submit(name) for name in ("low", "medium", "high", "urgent")]
    gate.open.set()
    for run in [first, *runs]:
        run.result("60s")
    assert gate.order == ["medium", "urgent", "high", "medium", "low"]


def test_limits_for_all_for_a_task_and_for_a_tag(make: Make, gate: Gate) -> None:
    sched = make(concurrency=4, limits={"jira": 2})
    sched.start()
    sched.task(cron("0 0 * * *", tz="UTC"), name="one", max_instances=1)(gate.stand)
    sched.task(name="a", tags="jira", max_instances=3)(gate.stand)
    sched.task(name="b", tags=["jira", "other"], max_instances=3)(gate.stand)
    sched.task(name="free", overlap="allow")(gate.stand)
    runs = sched.backfill("one", "2025-01-01T00:00+00:00", "2025-01-02T00:00+00:00")
    runs += [sched.submit(name) for name in ["a"] * 2 + ["b"] * 2]
    gate.wait(3)
    gate.nobody_else()
    assert sorted(gate.order) == ["a", "a", "one"]
    runs += [sched.submit("free") for _ in range(3)]
    gate.wait(1)
    gate.nobody_else()
    gate.open.set()
    for run in runs:
        run.result("60s")
    assert gate.most == 4


def test_submitted_runs_of_a_task_are_as_wide_as_the_scheduler(make: Make, gate: Gate) -> None:
    """`max_instances` is of its schedule: only a due time waits for them, or is passed over."""
    sched = make(concurrency=3)
    sched.start()
    sched.task(cron("0 0 * * *", tz="UTC"), name="one")(gate.stand)
    runs = sched.submit_many("one", [{}] * 4)
    gate.wait(3)
    (due,) = sched.backfill("one", "2025-01-01T00:00+00:00", "2025-01-01T00:00+00:00")
    gate.nobody_else()
    assert (due.state, gate.most) == (State.QUEUED, 3)
    gate.open.set()
    for run in [*runs, due]:
        run.result("60s")


def test_fewer_threads_than_places(make: Make, gate: Gate) -> None:
    sched = make(concurrency=10, threads=2)
    sched.start()
    sched.task(name="sync", overlap="allow")(gate.stand)

    @sched.task(overlap="allow")
    async def coroutine() -> str:
        return "not a thread"

    runs = sched.submit_many("sync", [{}] * 5)
    gate.wait(2)
    gate.nobody_else()
    assert coroutine.submit().result("60s") == "not a thread"
    gate.open.set()
    for run in runs:
        run.result("60s")
    assert gate.most == 2


def test_fewer_processes_than_places(make: Make, tmp_path: Path) -> None:
    sched = make(concurrency=10, processes=1)
    sched.start()
    go = tmp_path / "go"

    def waits(number: int) -> int:
        (tmp_path / f"entered-{number}").touch()
        while not go.exists():
            time.sleep(0.01)
        return number

    sched.task(name="heavy", runs_in="process", overlap="allow")(waits)
    runs = sched.submit_many("heavy", [{"number": number} for number in range(3)])
    wait_until(lambda: list(tmp_path.glob("entered-*")))
    assert sorted(run.state for run in runs) == [State.QUEUED, State.QUEUED, State.RUNNING]
    go.touch()
    assert [run.result("60s") for run in runs] == [0, 1, 2]


def test_a_rate_spreads_starts(sched: Scheduler) -> None:
    sched.task(name="limited", rate="2/0.5s", overlap="allow")(lambda: None)
    runs = sched.submit_many("limited", [{}] * 5)
    starts = sorted(run.wait("60s").started_at for run in runs)
    for earlier, later in zip(starts, starts[2:], strict=False):
        assert later - earlier >= timedelta(seconds=0.5)


def test_a_rate_survives_a_restart(make: Make) -> None:
    def limited() -> None: ...

    first = make()
    with first:
        first.task(rate="1/2s")(limited)
        earlier = first.submit("limited").wait("60s").started_at
    second = make()
    second.task(rate="1/2s")(limited)
    with second:
        later = second.submit("limited").wait("60s").started_at
    assert later - earlier >= timedelta(seconds=2)


@pytest.mark.parametrize("overlap", ["skip", "queue", "cancel", "allow"])
def test_overlap(sched: Scheduler, recorder: Recorder, overlap: str) -> None:
    started, release = threading.Semaphore(0), threading.Event()

    async def long(run: Any) -> None:
        started.release()
        while not release.is_set():
            await asyncio.sleep(0.01)

    sched.task(every("0.2s"), overlap=overlap, coalesce=False)(long)
    assert started.acquire(timeout=60)
    if overlap == "skip":
        fired = recorder.wait_for(recorder.of(events.Fired, task="long"), 2)
        assert {fire.outcome.value for fire in fired} == {"overlapped"}
        assert [run.state.final for run in sched.runs("long")] == [False]
    elif overlap == "queue":
        recorder.wait_for(recorder.of(events.RunQueued, task="long"), 3)
        assert not started.acquire(timeout=0.1)
        assert sorted(run.state for run in sched.runs("long"))[-1] is State.RUNNING
    elif overlap == "cancel":
        ended = recorder.wait_for(recorder.of(events.RunEnded, task="long"), 2)
        assert {end.after.state for end in ended} == {State.CANCELLED}
        assert "a newer run of the task" in ended[0].after.reason
        assert started.acquire(timeout=60)
    else:
        assert started.acquire(timeout=60)
        assert started.acquire(timeout=60)
    sched.pause()
    release.set()


# Dependencies


def test_a_child_runs_after_its_parents(sched: Scheduler) -> None:
    order: list[str] = []
    for name, after in {"a": (), "b": (), "joined": ("a", "b"), "last": "joined"}.items():
        sched.task(name=name, after=after)(lambda run: order.append(run.task))
    a = sched.submit("a")
    a.result("60s")
    (joined,) = sched.runs("joined")
    assert joined.state is State.PENDING
    assert joined.waiting_for == ("a", "b")
    (last,) = sched.runs("last")
    assert last.state is State.PENDING
    sched.submit("b").result("60s")
    sched.run(last.id).result("60s")
    assert order == ["a", "b", "joined", "last"]
    assert sched.runs("joined")[0].cause == "after"


def test_a_failed_parent_skips_its_children_and_says_so(sched: Scheduler) -> None:
    sched.task(name="parent", retry=Retry(attempts=2, delay=0.05))(_fails)
    sched.task(name="child", after="parent")(lambda: "ran")
    sched.task(name="grandchild", after="child")(lambda: "ran")
    sched.task(name="anyway", after=After("parent", on="any"))(lambda: "ran")
    run = sched.submit("parent")
    with pytest.raises(RunFailedError):
        run.result("60s")
    assert len(run.attempts) == 2, "a dependent waits for the final failure"
    (child,), (grandchild,) = sched.runs("child"), sched.runs("grandchild")
    with pytest.raises(RunSkippedError, match="its parent 'parent' ended as FAILED"):
        sched.run(child.id).result("60s")
    with pytest.raises(RunSkippedError, match="its parent 'child' ended as SKIPPED"):
        sched.run(grandchild.id).result("60s")
    assert sched.run(sched.runs("anyway")[0].id).result("60s") == "ran"


def _fails() -> None:
    raise RetryableError("always")


def test_pairs_stay_pairs_when_one_parent_fails(sched: Scheduler) -> None:
    succeed = {"a": False}
    seen: list[str] = []

    def parent(run: Any) -> None:
        if run.task == "a" and not succeed["a"]:
            raise ValueError("first day")

    sched.task(name="a")(parent)
    sched.task(name="b")(parent)
    sched.task(name="child", after=["a", "b"])(lambda run: seen.append(run.id))
    sched.submit("a").wait("60s")
    sched.submit("b").wait("60s")
    succeed["a"] = True
    sched.submit("a").wait("60s")
    sched.submit("b").wait("60s")
    second, first = sched.runs("child")
    assert sched.run(first.id).wait("60s").state is State.SKIPPED
    assert sched.run(second.id).wait("60s").state is State.DONE
    assert seen == [second.id]


def test_waiting_for_parents_survives_a_restart(make: Make) -> None:
    first = make()
    first.start()
    for name, after in {"a": (), "b": (), "child": ("a", "b")}.items():
        first.task(name=name, after=after)(lambda: 1)
    first.submit("a").result("60s")
    first.stop("1s")
    second = make()
    for name, after in {"a": (), "b": (), "child": ("a", "b")}.items():
        second.task(name=name, after=after)(lambda: 2)
    second.start()
    (pending,) = second.runs("child")
    assert pending.state is State.PENDING
    second.submit("b").result("60s")
    assert second.run(pending.id).result("60s") == 2


def test_which_runs_a_child_waits_for_survives_a_crash(make: Make, gate: Gate) -> None:
    """The parent's run came after the child's; it begins again, and the child must hear of its end."""
    first, second = make(name="first"), make(name="second")
    for sched in (first, second):
        for name, after in {"a": (), "b": (), "child": ("a", "b")}.items():
            sched.task(name=name, after=after)(gate.stand if name == "b" else lambda: 1)
    first.start()
    first.submit("a").result("60s")
    parent = first.submit("b")
    gate.wait(1)
    die(first)
    second.start()
    (pending,) = second.runs("child")
    assert pending.state is State.PENDING
    gate.open.set()
    second.run(parent.id).wait("60s")
    assert second.run(pending.id).result("60s") == 1


def test_a_child_with_a_schedule_of_its_own_waits_for_live_parents(
    sched: Scheduler, recorder: Recorder, gate: Gate
) -> None:
    sched.task(name="parent")(gate.stand)
    parent = sched.submit("parent")
    gate.wait(1)
    sched.task(every("0.1s"), name="child", after="parent")(lambda: 1)
    (queued,) = recorder.wait_for(recorder.of(events.RunQueued, task="child"))[:1]
    assert queued.after.state is State.PENDING
    gate.open.set()
    parent.result("60s")
    assert sched.run(queued.run).wait("60s").state is State.DONE
    sched.pause()


def test_a_scheduled_child_of_a_failed_parent_is_skipped(sched: Scheduler, recorder: Recorder) -> None:
    sched.task(name="parent")(_fails)
    sched.submit("parent").wait("60s")
    sched.task(every("0.1s"), name="child", after="parent")(lambda: 1)
    (ended,) = recorder.wait_for(recorder.of(events.RunEnded, task="child"))[:1]
    assert ended.after.state is State.SKIPPED
    assert ended.after.reason == "its parent 'parent' ended as FAILED"
    sched.pause()


def test_cycles_and_strangers_are_refused(sched: Scheduler) -> None:
    sched.task(name="a")(lambda: 1)
    sched.task(name="b", after="a")(lambda: 1)
    with pytest.raises(DeclarationError, match="'a' would wait for itself"):
        sched.task(name="a", after="b")(lambda: 1)
    with pytest.raises(DeclarationError, match="'nobody', which is not declared here"):
        sched.task(name="c", after="nobody")(lambda: 1)


# Places


def heavy(n: int, run: Any) -> tuple[int, int]:
    run.progress("rows", n, n)
    context.log("in the child")
    context.fact("made", {"n": n})
    return os.getpid(), n * n


def test_a_process_runs_a_heavy_task(sched: Scheduler) -> None:
    sched.task(runs_in="process", overlap="allow")(heavy)
    run = sched.submit("heavy", n=3)
    pid, square = run.result("60s")
    assert pid != os.getpid()
    assert square == 9
    assert run.progress == {"rows": (3, 3)}
    assert run.log == ["in the child"]
    assert run.facts["made"] == {"n": 3}
    again, _ = sched.submit("heavy", n=4).result("60s")
    assert again == pid, "a child is used again"


def test_a_run_is_the_same_to_its_task_wherever_that_runs(sched: Scheduler) -> None:
    def tell(run: Any, n: int = 0) -> list[Any]:
        run.log("said")
        assert run.trigger_time == run.scheduled_at
        return [run.id, run.task, run.params, run.attempt, str(run.scheduled_at), repr(run)]

    with ThreadPoolExecutor(1) as pool:
        told = {}
        for name, place in {"here": "thread", "child": "process", "executor": pool}.items():
            task = sched.task(name=name, runs_in=place, params={"n": 7})(tell)
            run = task.submit(n=8)
            told[name] = run.result("60s")
            assert told[name] == [run.id, name, {"n": 8}, 1, "None", f"<run {run.id} of {name!r}, attempt 1>"]
            assert len(run.log) == 1
    assert len(told) == 3


def test_a_function_of_a_cell_travels_by_value(sched: Scheduler) -> None:
    offset = 10

    @sched.task(runs_in="process")
    def closure(n: int) -> int:
        return n + offset

    assert closure.submit(n=1).result("60s") == 11


def test_what_fails_in_a_process_is_told(sched: Scheduler) -> None:
    class LocalError(Exception):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} and {b}")

    @sched.task(runs_in="process", name="raises")
    def raises(kind: str) -> None:
        print("what a task prints disturbs nobody")
        if kind == "plain":
            raise ValueError("in the child")
        if kind == "local":
            raise LocalError(1, 2)
        if kind == "file":
            Path("nowhere.csv").read_bytes()
        os._exit(3)

    with pytest.raises(RunFailedError, match="ValueError: in the child"):
        sched.submit("raises", kind="plain").result("60s")
    with pytest.raises(RunFailedError, match="LocalError: 1 and 2"):
        sched.submit("raises", kind="local").result("60s")
    # Not taken for an error of the pipe between the two processes.
    with pytest.raises(RunFailedError, match=r"FileNotFoundError: .*nowhere.csv"):
        sched.submit("raises", kind="file").result("60s")
    with pytest.raises(RunFailedError, match="ended with exit code 3"):
        sched.submit("raises", kind="exit").result("60s")


def test_what_a_process_writes_becomes_lines_of_its_run(
    sched: Scheduler, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever writes: Python, the descriptors themselves, a C library, a program."""

    @sched.task(runs_in="process", overlap="allow")
    def loud(word: str) -> str:
        import ctypes
        import subprocess

        print(word, "printed")
        ctypes.CDLL(None).puts(f"{word} from C".encode())
        os.write(1, f"{word} to 1\n".encode())
        os.write(2, f"10 %\r100 %\n{word} to 2".encode())
        subprocess.run(["echo", f"{word} from a program"], check=True)
        print(f"{word} warned", file=sys.stderr)
        if word == "bad":
            raise ValueError("no rows")
        return input() if word == "asks" else word

    def lines(word: str) -> set[str]:
        return {
            f"{word} {how}" for how in ("printed", "from C", "to 1", "to 2", "from a program", "warned")
        } | {"100 %"}

    for word in ("one", "two"):
        run = sched.submit("loud", word=word)
        assert run.result("60s") == word
        # What has no newline of its own runs into the next line.
        assert set("\n".join(run.log).replace("to 2", "to 2\n").split("\n")) - {""} == lines(word)
    for word in ("bad", "asks"):  # and there is nothing to read: an input would wait for ever
        run = sched.submit("loud", word=word)
        with pytest.raises(RunFailedError, match=r"no rows|EOFError"):
            run.result("60s")
        assert f"{word} printed" in run.log
    assert "one" not in "".join(capfd.readouterr())


def test_a_process_that_writes_without_end(sched: Scheduler) -> None:
    @sched.task(runs_in="process")
    def floods() -> None:
        os.write(2, b"x" * 10_000 + b"\n")
        for number in range(3000):
            os.write(2, f"line {number}\n".encode())

    run = sched.submit("floods")
    run.result("60s")
    assert run.log[-1] == "and 2001 more lines"
    assert len(run.log) <= 500


def test_the_last_words_of_a_process_that_crashed(sched: Scheduler) -> None:
    @sched.task(runs_in="process")
    def crashes() -> None:
        os.write(2, b"free(): invalid pointer\n")
        os.abort()

    with pytest.raises(RunFailedError, match=r"exit code -6 \(its last words: free\(\): invalid pointer\)"):
        sched.submit("crashes").result("60s")


def test_a_program_left_behind_holds_up_nobody(sched: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    @sched.task(runs_in="process")
    def leaves() -> int:
        import subprocess

        return subprocess.Popen(["sh", "-c", "sleep 1; echo late; sleep 60"]).pid

    caplog.set_level("INFO", "schedkit")
    left = sched.submit("leaves").result("60s")
    wait_until(lambda: "a child process wrote: late" in caplog.text, caplog.text)
    sched.stop("1s")
    os.kill(left, signal.SIGKILL)


def test_a_process_is_cancelled_and_timed_out(make: Make) -> None:
    sched = make(cancel_grace="0.4s")
    sched.start()
    recorder = Recorder(sched)

    @sched.task(runs_in="process", name="polite")
    def polite(run: Any) -> None:
        run.progress("started", 1)
        while True:
            time.sleep(0.01)
            context.checkpoint()

    @sched.task(runs_in="process", name="stubborn", timeout="0.5s")
    def stubborn(run: Any) -> None:
        time.sleep(60)

    run = sched.submit("polite")
    recorder.wait_for(recorder.of(events.RunProgressed, run=run.id))
    run.cancel()
    with pytest.raises(RunCancelledError):
        run.result("60s")
    late = sched.submit("stubborn")
    with pytest.raises(RunTimeoutError):
        late.result("60s")
    assert sched.submit("stubborn").wait("60s").state is State.TIMEOUT, "its place is free again"


def test_a_pool_of_threads_shares_the_memory_of_this_process(sched: Scheduler) -> None:
    seen, lock = [], threading.Lock()
    began = threading.Event()

    def work(run: Any, stay: bool = False) -> None:
        with lock:
            seen.append(threading.current_thread().name)
        while stay:
            began.set()
            run.progress("waiting", 0)  # which raises as soon as the run is cancelled

    with ThreadPoolExecutor(1, thread_name_prefix="mine") as pool:
        sched.task(runs_in=pool)(work)
        sched.submit("work").result("60s")
        assert seen == ["mine_0"]
        run = sched.submit("work", stay=True)
        assert began.wait(60)
        assert run.cancel()
        assert run.wait("60s").state is State.CANCELLED


def test_what_cannot_travel_says_what_to_do(sched: Scheduler) -> None:
    lock = threading.Lock()

    @sched.task(runs_in="process")
    def locked() -> None:
        lock.acquire()

    with pytest.raises(RunFailedError, match=r"'locked' cannot travel .* \(make locks, .* inside"):
        locked.submit().result("60s")


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_any_executor_will_do(sched: Scheduler, kind: str) -> None:
    with (
        ThreadPoolExecutor(1)
        if kind == "threads"
        else ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    ) as executor:
        sched.task(runs_in=executor)(heavy)
        run = sched.submit("heavy", n=5)
        pid, square = run.result("60s")
        assert square == 25
        assert (pid == os.getpid()) == (kind == "threads")
        assert run.facts["made"] == {"n": 5}
        assert run.log == ["in the child"]


# Around a run


def test_hooks_are_called_around_a_run(sched: Scheduler) -> None:
    calls: list[Any] = []

    def validate(n: int) -> None:
        if n > 5:
            raise ParameterError("n is too large")

    def work(n: int) -> int:
        if n == 3:
            raise ValueError("three")
        return n

    sched.task(
        name="work",
        on_success=lambda result: calls.append(("success", result)),
        on_failure=lambda error: calls.append(("failure", str(error))),
        cleanup=lambda: calls.append("cleanup"),
        validate_params=validate,
    )(work)
    sched.submit("work", n=1).result("60s")
    sched.submit("work", n=3).wait("60s")
    assert sched.submit("work", n=9).wait("60s").error == {
        **(sched.runs("work")[0].error or {}),
        "message": "n is too large",
    }
    assert calls == [
        ("success", 1), "cleanup", ("failure", "three"), "cleanup", ("failure", "n is too large"), "cleanup",
    ]  # fmt: skip


def test_async_hooks_and_failing_hooks(sched: Scheduler, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[str] = []

    async def success(result: int) -> None:
        await asyncio.sleep(0)
        calls.append(f"success {result}")

    def bad() -> None:
        raise RuntimeError("hook")

    async def work() -> int:
        return 1

    sched.task(name="work", on_success=success, cleanup=bad)(work)
    sched.task(name="sync", on_success=success)(lambda: 2)
    assert sched.submit("work").result("60s") == 1
    assert sched.submit("sync").result("60s") == 2
    assert calls == ["success 1", "success 2"]
    assert any("hook bad of task 'work' failed" in record.message for record in caplog.records)


def test_a_timeout_calls_the_hooks_too(sched: Scheduler) -> None:
    called = threading.Event()
    retried: list[int] = []

    async def failed(error: BaseException) -> None:
        assert isinstance(error, TimeoutError)
        called.set()

    async def slow() -> None:
        await asyncio.sleep(60)

    sched.task(
        timeout="0.05s",
        retry=Retry(attempts=2, delay=0),
        on_failure=failed,
        on_retry=lambda attempt, attempts: retried.append(attempt),
    )(slow)
    sched.submit("slow").wait("60s")
    assert called.wait(60)
    assert retried == [1]


def test_the_watchdog_names_who_blocks_the_users_loop(
    sched: Scheduler, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    released: list[int] = []

    @sched.task(name="blocker")
    async def blocker() -> None:
        while not released:
            time.sleep(0.01)

    times: list[datetime] = []
    sched.task(every("0.1s"), name="ticks")(lambda run: times.append(run.scheduled_at))
    run = sched.submit("blocker")
    (blocked,) = recorder.wait_for(recorder.of(events.LoopBlocked, over=False))
    trouble = board_now(sched)["scheduler"]["trouble"]  # a board that is made only now
    assert trouble.startswith("blocker blocks the other async tasks at ")
    assert (blocked.task, blocked.run) == ("blocker", run.id)
    assert "test_how.py" in blocked.where
    assert any("task 'blocker' blocks the users' loop" in record.message for record in caplog.records)
    seen = len(times)
    wait_until(lambda: len(times) > seen + 2, "our own loop and its schedules go on")
    after_the_board = Recorder(sched)
    released.append(1)
    after_the_board.wait_for(recorder.of(events.LoopBlocked, over=True))
    assert board_now(sched)["scheduler"]["trouble"] is None
    run.result("60s")
    sched.pause()


def test_a_coroutine_that_will_not_be_cancelled_is_recorded(make: Make) -> None:
    sched = make()
    sched.start()
    entered, release = threading.Event(), threading.Event()

    @sched.task(name="stubborn")
    async def stubborn() -> str:
        entered.set()
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        return "went on"

    run = sched.submit("stubborn")
    assert entered.wait(60)
    run.cancel()
    release.set()
    assert run.wait("60s").state is State.CANCELLED, "cancellation is never swallowed"


def test_code_that_does_not_stop_is_recorded_and_keeps_its_place(make: Make, gate: Gate) -> None:
    sched = make(concurrency=1, cancel_grace="0.1s")
    sched.start()
    sched.task(name="deaf")(gate.stand)
    sched.task(name="next")(lambda: 1)
    run = sched.submit("deaf")
    gate.wait(1)
    run.cancel()
    recorded = run.wait("60s")
    assert recorded.state is State.CANCELLED
    assert "keeps its place" in recorded.reason
    waiting = sched.submit("next")
    with pytest.raises(TimeoutError, match=r"has not ended within 0\.1s: it is QUEUED and waits: all "):
        waiting.wait("0.1s")
    gate.open.set()
    assert waiting.result("60s") == 1


def test_a_task_that_cancels_itself_has_failed(sched: Scheduler) -> None:
    @sched.task(name="odd")
    async def odd() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RunFailedError, match="cancelled itself"):
        sched.submit("odd").result("60s")


def test_a_coroutine_from_a_plain_function_is_refused(sched: Scheduler) -> None:
    async def inner() -> None: ...

    sched.task(name="odd")(lambda: inner())
    with pytest.raises(RunFailedError, match="declare it with async def"):
        sched.submit("odd").result("60s")


def test_an_exit_in_a_task_ends_only_the_task(sched: Scheduler) -> None:
    @sched.task(name="leaves")
    def leaves() -> None:
        raise SystemExit(3)

    with pytest.raises(RunFailedError, match="SystemExit"):
        sched.submit("leaves").result("60s")


def test_a_failed_result_may_be_retried(sched: Scheduler) -> None:
    tries: list[int] = []

    @sched.task(name="says", retry=Retry(attempts=2, delay=0))
    def says() -> TaskResult:
        tries.append(1)
        return TaskResult.failed("no") if len(tries) == 1 else TaskResult.success("yes")

    run = sched.submit("says")
    assert run.result("60s") is None
    assert [attempt.outcome for attempt in run.attempts] == [Outcome.FAILED, Outcome.DONE]


def test_a_result_that_says_nothing_leaves_no_fact(sched: Scheduler) -> None:
    sched.task(name="quiet")(lambda: TaskResult.success("", 42))
    sched.task(name="speaks")(lambda: TaskResult.success("synced", rows=3))
    quiet, speaks = sched.submit("quiet"), sched.submit("speaks")
    assert (quiet.result("60s"), speaks.result("60s")) == (42, {"rows": 3})
    assert (quiet.facts, speaks.facts) == ({}, {"result": {"message": "synced", "rows": 3}})


def test_a_traceback_is_kept_to_its_end_and_no_longer_than_agreed(sched: Scheduler) -> None:
    def deep(left: int) -> None:
        assert left, "x" * 40_000
        deep(left - 1)

    sched.task(name="deep")(lambda: deep(5))
    run = sched.submit("deep")
    with pytest.raises(RunFailedError):
        run.result("60s")
    assert run.error is not None
    assert len(run.error["traceback"]) == MAX_TRACEBACK_CHARS


def test_a_generator_that_a_coroutine_left_open_is_closed_with_the_loop(sched: Scheduler) -> None:
    left, closed = [], threading.Event()

    async def pages() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    @sched.task(name="takes the first")
    async def takes() -> int:
        left.append(pages())
        async for page in left[0]:
            return page
        return 0

    assert sched.submit("takes the first").result("60s") == 1
    assert not closed.is_set()
    sched.stop()
    assert closed.wait(60)

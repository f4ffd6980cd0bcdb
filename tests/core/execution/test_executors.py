"""Every executor keeps one contract: what code returns, raises and tells, and how it is stopped, crosses each
of them in the same way.

Code that takes its time is a generator that yields where it waits; see `support.executor_kinds`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from queue import Empty, SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from support.executor_kinds import KINDS, REMOTE, Body, Pools, adapted
from support.run_events import RunEvents

from schedkit import context
from schedkit.core import events
from schedkit.core.execution.attempt import Ending, Execution
from schedkit.core.execution.executors import Executors
from schedkit.core.execution.results import NOT_KEPT, Results
from schedkit.core.execution.run_context import RunContext
from schedkit.core.execution.storage import FolderStorage
from schedkit.core.model import Task
from schedkit.core.states import Outcome
from schedkit.core.tasks.declare import declare

KILL_AFTER = 0.3


class Started:
    """An attempt that was started, what is heard of it, and how it ended."""

    def __init__(self, task: Task, folder: Path) -> None:
        self.heard: list[events.Event] = []
        self.endings: SimpleQueue[Ending] = SimpleQueue()
        self._changed = threading.Condition()
        run = replace(RunEvents().started("r1", task.name).after, params=dict(task.params))
        context_here = RunContext(run, self._hear, FolderStorage(folder))
        self.execution = Execution(run, task, context_here, 0, self._end)

    def _hear(self, event: events.Event) -> None:
        with self._changed:
            self.heard.append(event)
            self._changed.notify_all()

    def _end(self, execution: Execution, ending: Ending) -> None:
        self.endings.put(ending)

    def wait_for_line(self, message: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: message in self.lines, 60), self.heard

    @property
    def lines(self) -> list[str]:
        return [event.message for event in self.heard if isinstance(event, events.RunLogged)]

    def end(self) -> Ending:
        """Return how it ended, which is told once."""
        ending = self.endings.get(timeout=60)
        assert self.endings.empty()
        return ending


class Port:
    """One kind of executor."""

    def __init__(self, kind: str, executors: Executors, runs_in: str | Executor, folder: Path) -> None:
        self.kind, self.executors, self.folder = kind, executors, folder
        self.remote = kind in REMOTE
        self._runs_in = runs_in

    def prepare(self, body: Body | None = None, plain: Any = None, **options: Any) -> Started:
        """Return an attempt of a task with a body, or of one with a plain function (a coroutine's inside)."""
        function = plain if body is None else adapted(self.kind, body)
        if body is None and self.kind == "loop":

            async def function(**params: Any) -> Any:
                return plain(**params)

        task = declare(function, name="t", runs_in=self._runs_in, **options)
        return Started(task, self.folder)

    def start(self, body: Body | None = None, plain: Any = None, **options: Any) -> Started:
        """Start an attempt."""
        started = self.prepare(body, plain, **options)
        self.executors.start(started.execution)
        return started


@pytest.fixture(scope="module")
def pools() -> Iterator[Pools]:
    pools = Pools()
    yield pools
    pools.close()


@pytest.fixture(params=KINDS)
def port(request: pytest.FixtureRequest, pools: Pools, tmp_path: Path) -> Iterator[Port]:
    executors = Executors(Results(tmp_path / "results"), lambda *blocked: None, KILL_AFTER)
    yield Port(request.param, executors, pools.runs_in(request.param), tmp_path / "results")
    executors.stop()


# What comes back


def test_a_value(port: Port) -> None:
    ending = port.start(plain=lambda n: {"square": n * n}, params={"n": 7}).end()
    assert (ending.outcome, ending.value) == (Outcome.DONE, {"square": 49})
    assert ending.result == {"kind": "json", "value": {"square": 49}}


def test_nothing(port: Port) -> None:
    ending = port.start(plain=lambda: None).end()
    assert (ending.outcome, ending.value, ending.result, ending.error) == (Outcome.DONE, None, None, None)


def raises_value_error() -> None:
    raise ValueError("no rows")


def test_an_exception(port: Port) -> None:
    ending = port.start(plain=raises_value_error, retry=2).end()
    assert ending.error is not None
    assert (ending.outcome, ending.error["type"], ending.error["message"]) == (
        Outcome.FAILED,
        "ValueError",
        "no rows",
    )
    assert isinstance(ending.cause, ValueError)
    assert "raises_value_error" in ending.error["traceback"]
    assert "schedkit/core/execution" not in ending.error["traceback"]


def raises_stop_iteration() -> None:
    next(iter(()))


def test_an_exception_that_coroutines_may_not_raise(port: Port) -> None:
    error = port.start(plain=raises_stop_iteration).end().error
    assert error is not None
    assert error["type"] == ("RuntimeError" if port.kind == "loop" else "StopIteration")


class LockedError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.lock = threading.Lock()


def raises_locked() -> None:
    raise LockedError(7, "rows")


def test_an_exception_that_cannot_travel(port: Port) -> None:
    ending = port.start(plain=raises_locked).end()
    assert ending.error is not None
    assert (ending.outcome, ending.error["type"], ending.error["message"]) == (
        Outcome.FAILED,
        "LockedError",
        "7 rows",
    )
    assert isinstance(ending.cause, LockedError)


def test_a_value_that_no_file_can_hold(port: Port) -> None:
    started = port.start(plain=lambda: SimpleNamespace(of="a class"))
    ending = started.end()
    assert (ending.outcome, ending.value) == (Outcome.DONE, SimpleNamespace(of="a class"))
    assert ending.result is not None
    assert ending.result["kind"] == NOT_KEPT
    assert "the result, of type SimpleNamespace, is not kept" in started.lines[-1]


def test_a_value_that_cannot_travel(port: Port) -> None:
    ending = port.start(plain=lambda: threading.Lock()).end()
    if port.remote:
        assert ending.error is not None
        assert ending.error["message"].startswith("what it returned, of type lock, cannot leave its process")
    else:
        assert ending.result is not None
        assert ending.result["kind"] == NOT_KEPT


def test_arguments_that_cannot_travel(port: Port) -> None:
    lock = threading.Lock()
    ending = port.start(plain=lambda: bool(lock)).end()
    if port.remote:
        assert ending.error is not None
        assert ending.error["type"] == "UsageError"
        assert ending.error["message"].startswith("task 't' cannot travel to another process")
    else:
        assert ending.value is True


# What it tells


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no words")


def tells() -> None:
    context.progress("rows", 1, 3)
    for number in range(20):
        context.log(f"line {number}")
    context.progress("rows", 3, 3)
    context.fact("extraction", {"rows": 3, "lock": Mute()})
    context.artifact("out.xlsx", "workbook")


def test_what_it_tells(port: Port) -> None:
    started = port.start(plain=tells)
    assert started.end().outcome is Outcome.DONE
    details = started.execution.context.told()
    assert details is not None
    assert [line["message"] for line in details["log"]] == [f"line {number}" for number in range(20)]
    (stage,) = details["stages"]
    assert (stage["stage"], stage["done"], stage["total"]) == ("rows", 3, 3)
    assert details["artifacts"] == [{"path": "out.xlsx", "label": "workbook"}]
    assert details["facts"]["extraction"]["rows"] == 3


def asks_and_waits(answer: str) -> Generator[None, None, str]:
    context.log("what now?")
    context.progress("asked", 1)
    while not Path(answer).exists():
        yield
    return Path(answer).read_text()


def test_it_is_heard_while_it_runs(port: Port, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    started = port.start(asks_and_waits, params={"answer": str(answer)})
    started.wait_for_line("what now?")
    (tmp_path / "new").write_text("go on")
    (tmp_path / "new").rename(answer)
    assert started.end().value == "go on"


def test_a_line_that_is_too_long(port: Port) -> None:
    started = port.start(plain=lambda: context.log("x" * 1_000_000))
    assert started.end().outcome is Outcome.DONE
    details = started.execution.context.told()
    assert details is not None
    (line,) = details["log"]
    assert len(line["message"]) < 5_000
    assert Path(details["artifacts"][0]["path"]).stat().st_size == 1_000_000


def knows_its_run(run: Any) -> list[Any]:
    effects = context.current().effects()
    assert effects is not None
    effects.add("rows")
    return [
        run.id,
        run.task,
        run.attempt,
        run.params,
        run.trigger_time,
        effects.count("rows"),
        context.run_id(),
    ]


def test_its_run(port: Port) -> None:
    if port.kind == "loop":

        async def function(run: Any) -> list[Any]:
            return knows_its_run(run)

        started = Started(declare(function, name="t"), port.folder)
    else:
        started = port.prepare(plain=knows_its_run)
    port.executors.start(started.execution)
    assert started.end().value == ["r1", "t", 1, {}, None, 1, "r1"]


# How it is stopped


def leaves_a_mark(mark: str) -> None:
    Path(mark).touch()


def test_stopped_before_it_begins(port: Port, tmp_path: Path) -> None:
    cleaned = threading.Event()
    mark = tmp_path / "mark"
    started = port.prepare(plain=leaves_a_mark, params={"mark": str(mark)}, cleanup=cleaned.set)
    started.execution.stop("cancel", "somebody")
    port.executors.start(started.execution)
    assert started.end().outcome is Outcome.CANCELLED
    assert not mark.exists()
    assert cleaned.is_set(), "a hook that frees what others made"


def endless(mark: str) -> Generator[None, None, None]:
    try:
        context.log("began")
        while True:
            yield
    finally:
        Path(mark).write_text("cleaned up")


@pytest.mark.parametrize("reason", ["cancel", "stop"])
def test_stopped_while_it_runs(port: Port, tmp_path: Path, reason: str) -> None:
    mark = tmp_path / "mark"
    started = port.start(endless, params={"mark": str(mark)})
    started.wait_for_line("began")
    started.execution.stop(reason)
    assert started.end().outcome is Outcome.CANCELLED
    assert mark.read_text() == "cleaned up"


def returns_all_the_same(value: str) -> Generator[None, None, str]:
    try:
        context.log("began")
        while True:
            yield
    except BaseException:
        return value


@pytest.mark.parametrize("reason", ["cancel", "timeout", "stop"])
def test_a_value_after_a_stop(port: Port, reason: str) -> None:
    """A cancelled or timed-out attempt has no value; one that a stopping scheduler waits for has."""
    succeeded: list[str] = []
    value = "x" * 10_000  # too large for the ledger: it would become a file
    started = port.start(returns_all_the_same, params={"value": value}, on_success=succeeded.append)
    started.wait_for_line("began")
    started.execution.recorded = time.monotonic() if reason == "timeout" else None
    started.execution.stop(reason)
    ending = started.end()
    wanted = reason == "stop"
    assert ending.outcome is (Outcome.DONE if wanted else Outcome.CANCELLED)
    assert [path.suffix for path in port.folder.rglob("*.*")] == [".json"] * wanted
    assert succeeded == [value] * wanted


@contextlib.contextmanager
def noted(heard: list[str]) -> Iterator[None]:
    """Go on after whatever is raised."""
    try:
        yield
    except BaseException as stop:
        heard.append(type(stop).__name__)


def deaf(release: str) -> Generator[None, None, None]:
    heard: list[str] = []
    with noted(heard):
        context.log("began")
    while not Path(release).exists():
        with noted(heard):
            yield
    Path(release).write_text(heard[0])


def test_code_that_does_not_stop(port: Port, tmp_path: Path) -> None:
    """A child process is ended by force; nothing else can be, and its end is told when it comes."""
    release = tmp_path / "release"
    started = port.start(deaf, params={"release": str(release)})
    started.wait_for_line("began")
    began = time.monotonic()
    started.execution.stop("cancel")
    if port.kind != "process":
        with pytest.raises(Empty):
            started.endings.get(timeout=2 * KILL_AFTER)
        release.touch()
    assert started.end().outcome is Outcome.CANCELLED
    assert time.monotonic() - began >= KILL_AFTER
    if port.kind != "process":
        assert release.read_text() in ("StopRequested", "CancelledError")


def says_more(release: str) -> Generator[None, None, None]:
    with contextlib.suppress(BaseException):
        context.log("began")
    while not Path(release).exists():
        with contextlib.suppress(BaseException):
            yield
    with contextlib.suppress(BaseException):
        context.log("still here")


def test_what_it_says_after_its_recorded_end_is_not_heard(port: Port, tmp_path: Path) -> None:
    release = tmp_path / "release"
    started = port.start(says_more, params={"release": str(release)})
    started.wait_for_line("began")
    started.execution.recorded = True
    told = started.execution.context.close()
    assert told is not None
    started.execution.stop("timeout")
    release.touch()
    assert started.end().outcome is Outcome.CANCELLED
    assert started.lines == ["began"]


# What goes wrong


def test_a_process_that_is_killed(tmp_path: Path) -> None:
    def dies() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    executors = Executors(Results(tmp_path / "results"), lambda *blocked: None, KILL_AFTER)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for kind, runs_in, error in (
            ("process", "process", "ChildDiedError"),
            ("process pool", pool, "BrokenProcessPool"),
        ):
            port = Port(kind, executors, runs_in, tmp_path)
            ending = port.start(plain=dies).end()
            assert ending.error is not None
            assert (ending.outcome, ending.error["type"]) == (Outcome.FAILED, error)
            assert ending.retryable == (kind == "process")
        assert Port("process", executors, "process", tmp_path).start(plain=os.getpid).end().value
    executors.stop()


@pytest.mark.parametrize("kind", ["thread pool", "process pool"])
def test_an_executor_that_takes_nothing_more(tmp_path: Path, kind: str) -> None:
    cleaned: list[int] = []
    pool = ThreadPoolExecutor(1) if kind == "thread pool" else ProcessPoolExecutor(1)
    pool.shutdown()
    executors = Executors(Results(tmp_path / "results"), lambda *blocked: None, KILL_AFTER)
    started = Port(kind, executors, pool, tmp_path).start(plain=int, cleanup=lambda: cleaned.append(1))
    ending = started.end()
    assert ending.error is not None
    assert "cannot schedule new futures after shutdown" in ending.error["message"]
    assert cleaned == [1]
    executors.stop()


def test_what_waits_in_a_pool_that_forgets_it(tmp_path: Path) -> None:
    class Telling(ThreadPoolExecutor):
        def submit(self, *call: Any, **arguments: Any) -> Future[Any]:
            future = super().submit(*call, **arguments)
            submitted.release()
            return future

    release, submitted = threading.Event(), threading.Semaphore(0)
    executors = Executors(Results(tmp_path / "results"), lambda *blocked: None, KILL_AFTER)
    pool = Telling(1)
    pool.submit(release.wait, 60)
    started = Port("thread pool", executors, pool, tmp_path).start(plain=int)
    for _ in range(2):
        assert submitted.acquire(timeout=60)
    pool.shutdown(wait=False, cancel_futures=True)
    assert started.end().outcome is Outcome.CANCELLED
    release.set()
    executors.stop()


def test_a_thread_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the system allows a user no more of them."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    executors = Executors(Results(tmp_path / "results"), lambda *blocked: None, KILL_AFTER)
    port = Port("thread", executors, "thread", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        ending = port.start(plain=int).end()
    assert ending.error is not None
    assert (ending.outcome, ending.error["message"]) == (Outcome.FAILED, "can't start new thread")
    assert port.start(plain=int).end().value == 0
    executors.stop()

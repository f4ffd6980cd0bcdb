"""A call in a child process needs no scheduler: a worker of another machine would make it in the same way."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from support.clusters import last_pid_in
from support.run_events import RunEvents
from support.waiting import wait_until

from schedkit import context
from schedkit.core.execution import child_output
from schedkit.core.execution.attempt import Ending, Execution
from schedkit.core.execution.child_process import HOME_LOST
from schedkit.core.execution.cluster.home_call import Pulse
from schedkit.core.execution.failures import RemoteFailure
from schedkit.core.execution.process_pool import ChildCall, ChildDiedError, ChildPool, ProcessExecutor
from schedkit.core.execution.remote_call import RemoteContext, pack, pack_call
from schedkit.core.execution.results import Results
from schedkit.core.execution.run_context import RunContext
from schedkit.core.execution.storage import FolderStorage
from schedkit.core.execution.threads import Threads
from schedkit.core.states import Outcome
from schedkit.core.tasks.declare import declare
from schedkit.errors import StopRequested
from schedkit.values.processes import alive


class Listener(context.ExecutionContext):
    """Notes what a child tells."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._changed = threading.Condition()

    def _note(self, *what: Any) -> None:
        with self._changed:
            self.told.append(what)
            self._changed.notify_all()

    def wait_for_any(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.told, 60)

    def wait_for(self, *what: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: what in self.told, 60), self.told

    def progress(self, stage: str, done: float, total: float | None = None) -> None:
        self._note(stage, done, total)

    def log(self, level: int, message: str) -> None:
        self._note(level, message)

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        self._note(kind, dict(facts))

    def artifact(self, path: Path, label: str = "") -> None:
        self._note(path, label)


@pytest.fixture
def children() -> Iterator[ChildPool]:
    pool = ChildPool(grace=0.2)
    yield pool
    pool.stop()


def packed(function: Any, **arguments: Any) -> bytes:
    run = RemoteContext(lambda *told: None)
    run.begin({"id": "r", "task": "t", "params": arguments, "scheduled_at": None, "attempt": 1})
    return pack(function, arguments, run)


def tells(n: int) -> int:
    context.progress("rows", n, n)
    context.log("said")
    context.fact("kind", {"n": n, "path": Path("x")})
    context.artifact("x.xlsx", "workbook")
    return os.getpid()


def started(executor: ProcessExecutor, function: Any, folder: Path) -> SimpleQueue[Ending]:
    """Start an attempt; return where its end comes."""
    endings: SimpleQueue[Ending] = SimpleQueue()
    run = RunEvents().started("r1", "t").after
    told = RunContext(run, lambda event: None, FolderStorage(folder))
    task = declare(function, name="t")
    executor.start(Execution(run, task, told, 0, lambda attempt, ending: endings.put(ending)))
    return endings


@pytest.fixture
def executor(children: ChildPool, tmp_path: Path) -> Iterator[ProcessExecutor]:
    threads = Threads("test")
    yield ProcessExecutor(threads, children, Results(FolderStorage(tmp_path)))
    threads.stop()


def pulse(age: Callable[[], float], **options: Any) -> Pulse:
    return Pulse(life="l", seconds=1000.0, age=age, told=lambda room: None, **options)


def test_a_process_ends_with_the_lease_of_its_node(executor: ProcessExecutor, tmp_path: Path) -> None:
    executor.live(pulse(lambda: 700.0))
    ending = started(executor, ends_early, tmp_path).get(timeout=60)
    assert ending.outcome is Outcome.INTERRUPTED
    assert ending.reason == "this process had not renewed its lease for too long"


def hears_a_beat() -> bool:
    before = context.current().lease.heard
    while context.current().lease.heard == before:
        time.sleep(0.005)
    return True


def test_a_process_goes_on_while_its_node_renews_its_lease(executor: ProcessExecutor, tmp_path: Path) -> None:
    ages = iter(itertools.chain([500.0], itertools.repeat(0.0)))
    executor.live(pulse(lambda: next(ages)))
    endings = started(executor, hears_a_beat, tmp_path)
    until = time.monotonic() + 60
    while endings.empty() and time.monotonic() < until:
        executor.pass_on_beat()
        time.sleep(0.01)
    assert endings.get(timeout=1).outcome is Outcome.DONE


def heeds_no_lease() -> bool:
    return context.current().lease is None


def test_a_process_heeds_no_lease_where_a_lock_tells_that_its_node_lives(
    executor: ProcessExecutor, tmp_path: Path
) -> None:
    executor.live(pulse(lambda: 700.0, expires=False))
    assert started(executor, heeds_no_lease, tmp_path).get(timeout=60).value is True


NODE = """
import os, sys, time
from schedkit import Scheduler
from schedkit.core.tasks.origin import declared_in

sched = Scheduler(sys.argv[1], results=sys.argv[2], name=sys.argv[3], lease="2s", interruptions=100)

def writes(path: str) -> None:
    with open(path, "a") as out:
        while True:
            out.write(f"{os.getpid()} {time.monotonic_ns()}\\n")
            out.flush()
            time.sleep(0.005)

with declared_in(f"/{sys.argv[3]}.py"):
    sched.task(name="writes", runs_in="process")(writes)
sched.start()
if sys.argv[3] == "first":
    sched.submit("writes", path=sys.argv[4])
print("started", flush=True)
sys.stdin.read()
"""


@pytest.mark.thorough
@pytest.mark.parametrize("where", ["postgres"], indirect=True)
def test_a_process_whose_node_stands_still_writes_nothing_beside_its_heir(where: str, tmp_path: Path) -> None:
    path = tmp_path / "written"

    @contextmanager
    def node(name: str) -> Iterator[int]:
        with subprocess.Popen(
            [sys.executable, "-c", NODE, where, str(tmp_path), name, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "started\n"
                yield process.pid
            finally:
                process.kill()

    def written() -> list[tuple[int, int]]:
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        pairs = [line.split() for line in lines if line.endswith("\n")]
        return [(int(pid), int(at)) for pid, at in pairs]

    with node("first") as first, node("heir"):
        wait_until(written, "it does not begin")
        os.kill(first, signal.SIGSTOP)
        stood = {pid for pid, _ in written()}
        wait_until(lambda: {pid for pid, _ in written()} - stood, "the heir does not begin")
    lines = written()
    begun = min(at for pid, at in lines if pid not in stood)
    assert max(at for pid, at in lines if pid in stood) < begun


def starts_a_program(path: str) -> int:
    program = f"import os, time; open({path!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode


def test_what_a_call_has_started_ends_with_its_process(children: ChildPool, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    call = ChildCall(children, Listener())
    thread = threading.Thread(target=lambda: call.stop("cancel") if last_pid_in(path) else None)
    thread.start()
    with pytest.raises(StopRequested):
        call.answer(packed(starts_a_program, path=str(path)))
    pid = last_pid_in(path)
    wait_until(lambda: not alive(pid, untold=False), "the program goes on")
    thread.join()


def loses_its_home(path: str) -> None:
    threading.Thread(target=starts_a_program, args=(path,), daemon=True).start()
    last_pid_in(Path(path))
    silent_since = time.monotonic() - 900.0
    facts = {"id": "r", "task": "t", "params": {}, "scheduled_at": None, "attempt": 1}
    context.current().begin({**facts, "lease": (1000.0, silent_since)})
    time.sleep(600)


def test_what_a_call_has_started_ends_with_the_lease_of_its_home(children: ChildPool, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with pytest.raises(ChildDiedError) as died:
        ChildCall(children, Listener()).answer(packed(loses_its_home, path=str(path)))
    assert died.value.code == HOME_LOST
    pid = last_pid_in(path)
    wait_until(lambda: not alive(pid, untold=False), "the program goes on")


def ends_early() -> str:
    while not context.should_stop():
        time.sleep(0.005)
    return "half of it"


def test_what_a_call_returns_whose_home_was_not_heard_is_not_told(children: ChildPool) -> None:
    silent_since = time.monotonic() - 700.0  # its process need not end before 800
    facts = {"id": "r", "task": "t", "params": {}, "scheduled_at": None, "attempt": 1}
    call = ChildCall(children, Listener())
    with pytest.raises(ChildDiedError) as died:
        call.answer(pack_call(ends_early, {}, False, {**facts, "lease": (1000.0, silent_since)}))
    assert died.value.code == HOME_LOST


def test_a_child_is_used_again(children: ChildPool) -> None:
    listeners = [Listener(), Listener()]
    pids = [ChildCall(children, each).result(packed(tells, n=n)) for n, each in enumerate(listeners)]
    assert pids[0] == pids[1] != os.getpid()
    for n, listener in enumerate(listeners):
        assert listener.told == [
            ("rows", n, n),
            (20, "said"),
            ("kind", {"n": n, "path": "x"}),
            (Path("x.xlsx"), "workbook"),
        ]


def test_a_call_begins_once_its_process_is_started(children: ChildPool) -> None:
    """What Python takes to start is none of the time of a task."""
    seen: list[Any] = []

    class Noting(Listener):
        def log(self, level: Any, message: str | None = None) -> None:
            seen.append(message)

    note = seen.append
    for _ in range(2):
        call = ChildCall(children, Noting(), None, lambda pid: note("given"), lambda: note("begins"))
        call.result(packed(tells, n=1))
    assert seen == ["given", "begins", "said"] * 2


def fails() -> None:
    raise KeyError("n")


def test_a_failure(children: ChildPool) -> None:
    with pytest.raises(RemoteFailure) as caught:
        ChildCall(children, Listener()).result(packed(fails))
    assert isinstance(caught.value.error, KeyError)
    assert caught.value.facts["type"] == "KeyError"


def dies(code: int) -> None:
    os.write(2, b"out of memory\n")
    os._exit(code)


def test_a_death(children: ChildPool) -> None:
    listener = Listener()
    with pytest.raises(ChildDiedError, match="exit code 9") as caught:
        ChildCall(children, listener).result(packed(dies, code=9))
    assert caught.value.hint == "its last words: out of memory"
    assert ChildCall(children, listener).result(packed(tells, n=1))


def polite() -> None:
    stopped = threading.Event()
    context.current().on_stop(stopped.set)
    context.log("began")
    stopped.wait(60)
    context.checkpoint()


def deaf() -> None:
    context.log("began")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            continue


@pytest.mark.parametrize("function", [polite, deaf])
def test_a_stop(children: ChildPool, function: Any) -> None:
    """Code that does not hear of it is ended with its process; its child is not used again."""
    listener, raised = Listener(), list[BaseException]()
    call = ChildCall(children, listener)

    def make() -> None:
        try:
            call.result(packed(function))
        except BaseException as error:
            raised.append(error.error if isinstance(error, RemoteFailure) else error)

    thread = threading.Thread(target=make)
    thread.start()
    listener.wait_for(20, "began")
    call.stop("cancel")
    call.stop("timeout")
    thread.join(60)
    assert [type(error) for error in raised] == [StopRequested]
    call.stop("stop")  # it is over: nothing that runs in a child now hears of it
    assert ChildCall(children, listener).result(packed(tells, n=1))


def test_a_stop_before_it_begins(children: ChildPool) -> None:
    call = ChildCall(children, Listener())
    call.stop("cancel")
    with pytest.raises((StopRequested, RemoteFailure)):
        call.result(packed(deaf))


def prints(size: int, lines: int) -> None:
    print("x" * size)
    for number in range(lines):
        print(number)


def test_what_is_printed(children: ChildPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_output, "PATIENCE_SECONDS", 60.0)  # on a busy machine the rest comes late
    listener = Listener()
    ChildCall(children, listener).result(packed(prints, size=300_000, lines=1_500))
    assert listener.told[0] == (20, "x" * 300_000)
    assert listener.told[-2:] == [(20, "998"), (20, "and 501 more lines")]


def test_a_line_without_an_end(children: ChildPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_output, "PATIENCE_SECONDS", 60.0)
    listener = Listener()
    ChildCall(children, listener).result(packed(prints, size=3_000_000, lines=0))
    texts = [message for _, message in listener.told]
    assert "".join(texts) == "x" * 3_000_000
    assert len(texts) <= 4


def draws_a_bar(answer: str) -> None:
    for done in range(2_000):
        print(f"\r{done:6} of 2000", end="", flush=True)
    while not Path(answer).exists():
        time.sleep(0.005)


def test_a_bar_is_seen_while_it_grows(children: ChildPool, tmp_path: Path) -> None:
    listener = Listener()
    call = ChildCall(children, listener)
    answer = tmp_path / "answer"
    thread = threading.Thread(target=call.result, args=(packed(draws_a_bar, answer=str(answer)),))
    thread.start()
    try:
        listener.wait_for_any()
        (level, first), *_ = listener.told
        assert level == 20
        assert first.split()[0].isdigit()
        assert "\r" not in first
    finally:
        answer.touch()
        thread.join(60)

"""A timeout is the same wherever a task runs: recorded at once, and no further try before its code ends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from core.conftest import Recorder
from support.clocks import Later
from support.executor_kinds import KINDS, Pools, adapted
from support.lives import life_of
from support.waiting import wait_until

from schedkit import Retry, context
from schedkit.core import events
from schedkit.core.api.run_handle import RunHandle
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import Outcome, State
from schedkit.errors import StopRequested


@pytest.fixture(scope="module")
def pools() -> Iterator[Pools]:
    pools = Pools()
    yield pools
    pools.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def time_out(sched: Scheduler, run: RunHandle, recorder: Recorder) -> None:
    """Let an hour pass on the clock by which attempts time out, once its code runs."""
    recorder.wait_for(recorder.of(events.RunLogged, run=run.id))
    life = life_of(sched)
    life.decisions.clock = Later(steady=timedelta(hours=1))
    life.post()


def slow_to_end(trace: str, go: str) -> Generator[None, None, str]:
    """Note when each try begins and ends; a stop only makes the first one wait for `go`."""
    attempt = getattr(context.current(), "attempt", 0)
    with Path(trace).open("a") as file:
        print("begin", attempt, file=file)
    with contextlib.suppress(StopRequested):  # the line is heard before the call returns
        context.log("began")
    if attempt == 1:
        while not Path(go).exists():
            with contextlib.suppress(BaseException):
                yield
    with Path(trace).open("a") as file:
        print("end", attempt, file=file)
    return f"value of {attempt}"


def test_no_two_tries_at_once(tmp_path: Path, pools: Pools, kind: str) -> None:
    trace, go = tmp_path / "trace", tmp_path / "go"
    told: list[str] = []
    retrying = threading.Event()

    def on_retry(attempt: int, attempts: int) -> None:
        told.append(f"retry {attempt} of {attempts}")
        retrying.set()

    with Scheduler(tmp_path / "ledger.db", results=tmp_path / "results", cancel_grace="60s") as sched:
        sched.task(
            name="t",
            runs_in=pools.runs_in(kind),
            timeout="30m",
            retry=Retry(2, delay=0, on=TimeoutError),
            on_retry=on_retry,
            on_success=told.append,
            params={"trace": str(trace), "go": str(go)},
        )(adapted(kind, slow_to_end))
        recorder = Recorder(sched)
        run = sched.submit("t")
        time_out(sched, run, recorder)
        assert retrying.wait(60)
        assert trace.read_text().splitlines() == ["begin 1"]
        go.touch()
        assert run.result("60s") == "value of 2"
        assert trace.read_text().splitlines() == ["begin 1", "end 1", "begin 2", "end 2"]
        assert [attempt.outcome for attempt in run.attempts] == [Outcome.TIMEOUT, Outcome.DONE]
    assert told == ["retry 1 of 2", "value of 2"]


def endless() -> Generator[None, None, None]:
    context.log("began")
    while True:
        yield


def test_the_place_comes_back(tmp_path: Path, pools: Pools, kind: str) -> None:
    with Scheduler(tmp_path / "ledger.db", concurrency=1) as sched:
        sched.task(name="t", runs_in=pools.runs_in(kind), timeout="30m")(adapted(kind, endless))
        sched.task(name="next")(lambda: "has a place")
        recorder = Recorder(sched)
        run = sched.submit("t")
        time_out(sched, run, recorder)
        assert run.wait("60s").state is State.TIMEOUT
        assert sched.submit("next").result("60s") == "has a place"
        assert run.log == ["began"]


def gated(path: str, gate: str) -> Generator[None, None, str]:
    Path(path).touch()
    while not Path(gate).exists():
        yield
    return "began"


@pytest.mark.parametrize("kind", ["thread pool", "process pool"])
def test_a_run_that_waits_in_a_full_pool_has_its_whole_time(tmp_path: Path, pools: Pools, kind: str) -> None:
    """What it waits for is said, and its timeout counts from when its code begins."""
    began, gate = tmp_path / "began", tmp_path / "gate"
    with Scheduler(tmp_path / "ledger.db") as sched:
        for name, timeout in (("holds", None), ("waits", "30m")):
            params = {"path": str(began), "gate": str(gate)}
            sched.task(name=name, runs_in=pools.runs_in(kind), timeout=timeout, params=params)(
                adapted(kind, gated)
            )
        sched.task(name="quick")(int)
        holds = sched.submit("holds")
        wait_until(began.exists, "the pool does not begin")
        waits = sched.submit("waits")
        sched.submit("quick").result("60s")
        wait_until(
            lambda: "waits for a place in its executor" in str(sched.why(waits)), str(sched.why(waits))
        )
        life = life_of(sched)
        life.decisions.clock = Later(steady=timedelta(hours=1))
        sched.submit("quick").result("60s")
        assert sched.queries.run(waits.id).state is State.RUNNING
        life.decisions.clock = Later()
        gate.touch()
        assert waits.result("60s") == holds.result("60s") == "began"
        assert [attempt.outcome for attempt in waits.attempts] == [Outcome.DONE]

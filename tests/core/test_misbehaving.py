"""What users' code may do to the engine: nothing. Every run ends, and the next one runs."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from support.lives import life_of

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.run import TaskResult
from schedkit.core.states import State
from schedkit.core.text import dump
from schedkit.errors import DeclarationError, RetryableError


@pytest.fixture
def where(tmp_path: Path) -> str:
    """What users' code does has nothing to do with the database."""
    return str(tmp_path / "ledger.db")


class MuteError(Exception):
    """Says nothing of itself."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class BareError(Exception):
    """Has neither message nor hint that could be read."""

    @property
    def message(self) -> str:
        raise SystemExit(1)

    @property
    def hint(self) -> str:
        raise LookupError


def leave(*_: object) -> None:
    sys.exit(1)


async def leave_later(*_: object) -> None:
    await asyncio.sleep(0)
    sys.exit(1)


def still_works(sched: Scheduler) -> None:
    async def coroutine() -> str:
        await asyncio.sleep(0)
        return "coroutine"

    sched.task(name="next")(lambda: "thread")
    sched.task(name="next async")(coroutine)
    assert sched.submit("next").result("60s") == "thread"
    assert sched.submit("next async").result("60s") == "coroutine"
    life = life_of(sched)
    assert not life.executions, "its place is free again"


@pytest.mark.parametrize("hook", [leave, leave_later])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_hook_that_exits_changes_nothing(
    sched: Scheduler, caplog: pytest.LogCaptureFixture, hook: Callable[..., Any], asynchronous: bool
) -> None:
    async def coroutine() -> None:
        raise ValueError("its own")

    def function() -> None:
        raise ValueError("its own")

    sched.task(name="t", on_failure=hook, cleanup=hook)(coroutine if asynchronous else function)
    run = sched.submit("t").wait("60s")
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error["message"] == "its own"
    assert caplog.text.count(f"hook {hook.__name__} of task 't' failed") == 2
    still_works(sched)


@pytest.mark.parametrize("how", ["exit", "stop"])
def test_the_users_loop_is_ended_only_by_the_scheduler(sched: Scheduler, how: str) -> None:
    @sched.task(name="t")
    async def t() -> None:
        if how == "exit":  # of a task of the task, which asyncio lets through to the loop
            await asyncio.create_task(leave_later())
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)

    run = sched.submit("t").wait("60s")
    assert run.state is (State.FAILED if how == "exit" else State.DONE)
    still_works(sched)
    sched.stop("1s")
    assert sched.state == "stopped"


def test_an_exit_while_the_users_loop_ends_is_survived(
    sched: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    users: list[Any] = []

    async def leave_when_cancelled() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            sys.exit(1)

    @sched.task(name="t")
    async def t() -> None:
        users.append(asyncio.get_running_loop())
        users.append(asyncio.create_task(leave_when_cancelled()))
        await asyncio.sleep(0)

    sched.submit("t").wait("60s")
    sched.stop("1s")
    assert users[0].is_closed()
    assert isinstance(users[1].exception(), SystemExit)
    assert "keeps running after something tried to end it" in caplog.text


@pytest.mark.parametrize("error", [MuteError, BareError])
@pytest.mark.parametrize("runs_in", ["auto", "thread", "process"])
def test_an_exception_that_cannot_speak_fails_its_run(
    sched: Scheduler, error: type[Exception], runs_in: str
) -> None:
    async def coroutine() -> None:
        raise error

    def function() -> None:
        raise error

    if runs_in == "auto":
        sched.task(name="t")(coroutine)
    else:
        sched.task(name="t", runs_in=runs_in)(function)
    run = sched.submit("t").wait("60s")
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error["type"] == error.__name__
    assert run.error["message"].startswith("(no text: asking for it raised ")
    assert error.__name__ in run.error["traceback"]
    still_works(sched)


def test_retry_takes_any_spelling_of_exception_types() -> None:
    listed = Retry(attempts=2, on=[ValueError, KeyError], give_up_on=UnicodeError)
    assert listed == Retry(attempts=2, on=(ValueError, KeyError), give_up_on=(UnicodeError,))
    assert listed.allows(ValueError())
    assert not listed.allows(UnicodeError())


@pytest.mark.parametrize("name", ["on", "give_up_on"])
@pytest.mark.parametrize("given", ["ValueError", ["ValueError"], [ValueError()], int, None])
def test_retry_refuses_what_is_no_exception_type(name: str, given: Any) -> None:
    with pytest.raises(DeclarationError, match=f"retry: {name}=.* is not an exception type"):
        Retry(attempts=2, **{name: given})


def test_a_list_of_exception_types_is_obeyed(sched: Scheduler) -> None:
    tries: list[int] = []

    @sched.task(name="t", retry=Retry(attempts=3, delay=0, on=[ValueError]))
    def t() -> None:
        tries.append(1)
        raise ValueError if len(tries) < 2 else KeyError

    assert sched.submit("t").wait("60s").state is State.FAILED
    assert len(tries) == 2


class Mute:
    """Says nothing of itself."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def _endless() -> dict[str, Any]:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    return circle


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ({"a": Mute()}, {"a": "(Mute, no text: asking for it raised RuntimeError)"}),
        ({Mute(): 1}, {"(Mute, no text: asking for it raised RuntimeError)": 1}),
        ({"a": {2**70}, "b": datetime(2026, 1, 2, tzinfo=UTC), "c": "\ud800", "d": [None, 0.5, True]},
         {"a": [str(2**70)], "b": "2026-01-02T00:00:00Z", "c": "?", "d": [None, 0.5, True]}),
        ({2: date(2026, 1, 2), "a": "\ud800"}, {"2": "2026-01-02", "a": "?"}),
        ({"a": TaskResult(status="success", data=_endless())},
         {"a": "TaskResult(status='success', message='', error='', data={'again': {...}}, value=None)"}),
    ],
)  # fmt: skip
def test_facts_of_any_kind_are_kept(sched: Scheduler, facts: dict[Any, Any], kept: dict[str, Any]) -> None:
    sched.task(name="t")(lambda: context.fact("kind", facts))
    run = sched.submit("t")
    assert run.wait("60s").state is State.DONE
    assert sched.run(run.id).facts["kind"] == kept
    still_works(sched)


def test_facts_that_hold_themselves_are_cut(sched: Scheduler) -> None:
    sched.task(name="t")(lambda: TaskResult.success("fine", **_endless()))
    run = sched.submit("t")
    run.wait("60s")
    assert '"again":"…"' in dump(sched.run(run.id).facts)
    still_works(sched)


def test_a_result_that_cannot_leave_its_process_is_named(sched: Scheduler) -> None:
    sched.task(name="t", runs_in="process")(lambda: (line for line in ()))
    run = sched.submit("t").wait("60s")
    assert run.error is not None
    assert run.error["message"].startswith("what it returned, of type generator, cannot leave its process")
    still_works(sched)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("runs_in", ["thread", "process"])
@pytest.mark.parametrize("leaves", ["exits", "raises", "returns"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # newer Pythons warn of every fork with threads
def test_a_process_that_a_task_forks_ends_with_its_code(sched: Scheduler, runs_in: str, leaves: str) -> None:
    def forks() -> int:
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if leaves == "exits":
            sys.exit(3)
        if leaves == "raises":
            raise ValueError("in the fork")
        return 7  # it must not tell the end of its parent's run

    sched.task(name="t", runs_in=runs_in)(forks)
    run = sched.submit("t")
    assert run.result("60s") == {"exits": 3, "raises": 1, "returns": 0}[leaves]
    assert len(run.attempts) == 1
    still_works(sched)


def test_what_a_user_draws_at_random_is_not_moved_by_runs_beside_it(sched: Scheduler) -> None:
    tried = list[int]()

    def fails(run: Any) -> None:
        tried.append(run.attempt)
        raise RetryableError("again")

    sched.task(name="fails", retry=Retry(attempts=3, delay=0.01, jitter=0.5))(fails)
    random.seed(7)
    drawn = [random.random(), random.random()]
    random.seed(7)
    first = random.random()
    sched.submit("fails").wait("60s")
    assert tried == [1, 2, 3]
    assert [first, random.random()] == drawn

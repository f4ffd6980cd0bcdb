"""A call in another process knows its run as one in this process does."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from schedkit import context
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.execution.failures import Failure, RemoteFailure
from schedkit.core.execution.remote_call import (
    RecordingContext,
    RemoteContext,
    answer,
    pack,
    pass_on,
    value_of,
)
from schedkit.core.execution.storage import Shared
from schedkit.errors import NotRunningError, StopRequested


def tells() -> tuple[str | None, list[int]]:
    counts = []
    for _ in range(2):
        effects = context.current().effects()
        assert effects is not None
        effects.add("rows")
        counts.append(effects.count("rows"))
    return context.run_id(), counts


@pytest.mark.parametrize("where", [{}, {"runs_in": "process"}])
def test_a_run_and_its_effects_are_known_wherever_it_runs(where: Any, tmp_path: Path) -> None:
    """A child process is used again; what one run has done is not told of the next one."""
    with Scheduler(tmp_path / "ledger.db") as sched:
        task = sched.task(name="tells", **where)(tells)
        for _ in range(2):
            run = task.submit()
            assert run.result("60s") == (run.id, [1, 2])


async def tells_async() -> tuple[str | None, list[int]]:
    return tells()


def test_a_coroutine_knows_its_run(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "ledger.db") as sched:
        run = sched.task(name="tells")(tells_async).submit()
        assert run.result("60s") == (run.id, [1, 2])


FACTS = {"id": "r", "task": "t", "params": {}, "scheduled_at": None, "attempt": 1}


def test_a_sign_of_life_counts_that_came_while_a_call_was_unpacked() -> None:
    run, now = RemoteContext(lambda *told: None), time.monotonic()
    run.heard(now)
    run.begin({**FACTS, "lease": (100.0, now - 90.0)})
    assert not run.should_stop()
    assert not run.lost


def test_code_that_was_told_to_stop_since_its_home_was_silent_is_lost_though_it_is_heard_again() -> None:
    run, now, stops = RemoteContext(lambda *told: None), time.monotonic(), list[str]()
    run.begin({**FACTS, "lease": (100.0, now - 90.0)})
    run.on_stop(lambda: stops.append("told"))
    assert run.should_stop()
    run.heard(now)
    assert (run.should_stop(), run.lost, stops) == (True, True, ["told"])


def test_a_context_elsewhere() -> None:
    told: list[tuple[str, Any]] = []
    run = RemoteContext(lambda *what: told.append(what))
    run.begin({"id": "r", "task": "t", "params": {}, "scheduled_at": None, "attempt": 2})
    assert (repr(run), run.trigger_time) == ("<run r of 't', attempt 2>", None)
    run.log("plain")
    run.log("warning", "by word")
    assert told == [("log", (20, "plain")), ("log", ("warning", "by word"))]
    called: list[int] = []
    forget = run.on_stop(lambda: called.append(1))
    run.on_stop(lambda: called.append(2))
    forget()
    assert not run.should_stop()
    run.stop()
    run.stop()
    forget()
    run.on_stop(lambda: called.append(3))
    assert called == [2, 3]
    assert run.should_stop()
    with pytest.raises(StopRequested):
        run.progress("rows", 1)
    assert told[-1] == ("progress", ("rows", 1, None)), "what is told last is heard"


def test_a_delivery_waits_until_it_is_kept_or_the_call_is_to_stop() -> None:
    told: list[tuple[str, Any]] = []
    run = RemoteContext(lambda *what: (told.append(what), run.kept()))
    run.begin({"id": "r", "task": "t", "params": {}, "scheduled_at": None, "attempt": 1})
    run.delivered("mail", "sent")
    assert (told, run.deliveries()) == ([("delivered", ("mail", "sent"))], {})
    run = RemoteContext(lambda *what: run.stop())
    with pytest.raises(StopRequested):
        run.delivered("mail", "sent")


def returns_locked() -> Any:
    return threading.Lock()


def test_a_call_is_answered_whatever_it_does() -> None:
    def answered(function: Any) -> Any:
        run = RecordingContext()
        run.begin({"id": "r", "task": "t", "params": {}, "scheduled_at": None, "attempt": 1})
        return answer(pack(function, {}, run), RecordingContext())

    assert value_of(answered(lambda: 7)) == 7
    with pytest.raises(RemoteFailure, match="what it returned, of type lock, cannot leave its process"):
        value_of(answered(returns_locked))
    assert isinstance(answer(b"no call", RecordingContext()), Failure)


def test_only_what_a_task_may_tell_is_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    class Listener(context.ExecutionContext):
        def log(self, level: int, message: str) -> None:
            raise StopRequested("asked to stop")

        def delivered(self, step: str, what: str) -> None:
            raise NotRunningError("the scheduler here was stopped")

        def on_stop(self, callback: Any) -> Any:
            raise AssertionError("it is no word of a task")

    pass_on(Listener(), "log", (20, "the task hears of the stop by itself"))
    pass_on(Listener(), "delivered", ("page", ""))
    assert "what a run has delivered is not kept: the scheduler here was stopped" in caplog.text
    pass_on(Listener(), "on_stop", (print,))


def test_a_file_at_a_url_is_passed_on_as_it_is(tmp_path: Path) -> None:
    """A worker hears of it from its child process, and tells the home."""
    url = f"file://{tmp_path}/bucket"
    (tmp_path / "book.txt").write_text("rows")
    facts = {"id": "r", "task": "t", "params": {}, "scheduled_at": None, "attempt": 1, "results": Shared(url)}
    told: list[tuple[str, Any]] = []
    worker = RemoteContext(lambda *what: told.append(what))
    child = RemoteContext(lambda kind, content: pass_on(worker, kind, content))
    for run in (worker, child):
        run.begin(facts)
    child.artifact(tmp_path / "book.txt", "Book")
    ((kind, (address, label)),) = told
    assert (kind, label) == ("artifact", "Book")
    assert str(address).startswith(f"{url}/texts/r/1-")

"""What surrounds a run: its output is numbered, heard and kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from support.run_events import RunEvents

from schedkit.core import events
from schedkit.core.execution.run_context import RunContext
from schedkit.core.run import Run, attempt_of
from schedkit.core.states import State
from schedkit.values.instants import to_micros


def running(attempt: int = 1) -> tuple[RunContext, list[events.Event]]:
    """Return the surroundings of an attempt, and what is heard of it."""
    heard: list[events.Event] = []
    return RunContext(RunEvents().started("r", attempt=attempt).after, heard.append), heard


def test_a_context_of_its_own() -> None:
    now = datetime.now(UTC)
    at = to_micros(now)
    run = Run(id="r", task="t", state=State.RUNNING, due=at, queued=at, scheduled=at, attempt=3)
    told: list[events.Event] = []
    context_of_run = RunContext(run, told.append)
    assert repr(context_of_run) == "<run r of 't', attempt 3>"
    assert context_of_run.trigger_time == now
    for done in range(1000):
        context_of_run.progress("rows", done, 1000)
    context_of_run.progress("rows", 1000, 1000)
    assert len(told) < 100, "a fast stage is not told at every step"
    assert told[-1].done == 1000
    stopped: list[int] = []
    forget = context_of_run.on_stop(lambda: stopped.append(1))
    context_of_run.on_stop(lambda: stopped.append(2))
    forget()
    context_of_run.stop()
    assert stopped == [2]
    context_of_run.on_stop(lambda: stopped.append(3))
    assert stopped == [2, 3]
    assert context_of_run.should_stop()


def numbers(heard: list[events.Event]) -> list[int]:
    return [event.number for event in heard if isinstance(event, events.RunOutput)]


def test_the_output_of_a_run_is_numbered_over_its_attempts() -> None:
    found = []
    for attempt in (1, 2):
        context, heard = running(attempt)
        assert context.details()["last_output"] == 0
        context.log("line")
        context.progress("extract", 1, 2)
        context.fact("rows", {"count": 1})
        context.artifact(Path("x.xlsx"))
        details = context.details()
        assert details["last_output"] == numbers(heard)[-1]
        assert (details["log"][0]["n"], details["stages"][0]["n"]) == tuple(numbers(heard)[:2])
        assert {attempt_of(number) for number in numbers(heard)} == {attempt}
        found += numbers(heard)
    assert found == sorted(set(found))


def test_what_is_written_of_progress_has_been_heard() -> None:
    context, heard = running()
    for done in range(1, 100):
        context.progress("rows", done, 1000)
    assert len(heard) < 50
    details = context.told()
    assert details is not None
    last = heard[-1]
    assert isinstance(last, events.RunProgressed)
    assert (last.done, last.number) == (99, details["last_output"])
    assert details["stages"][0]["n"] == last.number
    context.told()
    assert heard[-1] is last


def test_a_file_that_is_written_again_is_kept_once() -> None:
    context, _ = running()
    for label in ("first", "second"):
        context.artifact(Path("x.xlsx"), label)
        context.artifact(Path("y.xlsx"), label)
    assert [file["label"] for file in context.details()["artifacts"]] == ["second", "second"]


def test_nobody_hears_what_comes_after_the_recorded_end() -> None:
    context, heard = running()
    context.log("in time")
    details = context.close()
    context.log("too late")
    assert details is not None
    assert [line["message"] for line in details["log"]] == ["in time"]
    assert len(heard) == 1


def test_the_extractions_of_a_run_add_up() -> None:
    context, heard = running()
    context.fact("extraction", {"requests": 3, "throttled": 1, "returned": 100, "jql": "a"})
    assert set(context.details()["facts"]) == {"extraction"}
    context.fact("extraction", {"requests": 4, "returned": 50})
    context.fact("extraction", {"requests": "many", "returned": 1})
    facts = context.details()["facts"]
    assert facts["extraction"] == {"requests": "many", "returned": 1}
    whole = {"extractions": 3, "requests": 7, "throttled": 1, "returned": 151}
    assert facts["all extractions"] == whole
    assert [event.facts for event in heard if isinstance(event, events.RunNoted)][-1] == whole

"""`sched.why()`: one line for each thing that keeps runs from starting."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.boards import board_now
from support.waiting import wait_until

from schedkit.core.api.process_report import ProcessReport
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.core.states import State
from schedkit.core.triggers.constructors import at
from schedkit.errors import UsageError

Make = Callable[..., Scheduler]
pytestmark = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hung code waits for; opened at the end."""
    event = threading.Event()
    yield event
    event.set()


def kinds(sched: Scheduler, about: object = None) -> list[str]:
    return [each.kind for each in sched.why(about)]


def test_a_scheduler_that_does_not_run(make: Make, where: str) -> None:
    sched = make()
    sched.task(name="one")(lambda: 1)
    words = f"no process runs the tasks of the ledger {where}: sched.start() starts one"
    assert str(sched.why()) == words
    assert str(sched.why("one")).splitlines() == [
        words,
        "task 'one' is declared, but not in the ledger: sched.start() puts it there",
    ]
    with sched:
        assert str(sched.why()) == "nothing keeps runs from starting"
    assert kinds(sched, "one") == ["stopped", "due"]


def test_hung_code_keeps_its_place_and_whoever_waits_for_it_is_told(
    make: Make, gate: threading.Event
) -> None:
    sched = make(concurrency=1)
    sched.task(name="hang", timeout="1s")(lambda: gate.wait(60))
    sched.task(name="other")(lambda: "ran")
    sched.start()
    hung = sched.submit("hang")
    assert hung.wait("60s").state is State.TIMEOUT
    other = sched.submit("other")
    wait_until(lambda: "hung" in kinds(sched))
    first, second = sched.why()
    assert (first.kind, first.task, first.run, first.since) == ("hung", "hang", hung.id, hung.run.started_at)
    words = "all places are taken (concurrency=1), 1 of them by code that does not end: 'hang'"
    assert str(second) == f"1 run of task 'other' waits: {words}"
    assert str(sched.why(other)) == f"run {other.id} of task 'other' waits: {words}"
    assert str(sched.why(other.id)) == str(sched.why(other))
    assert kinds(sched, sched.tasks["other"]) == ["due", "concurrency"]
    assert kinds(sched, "hang") == ["hung", "due"]
    with pytest.raises(TimeoutError, match="it is QUEUED and waits: all places are taken"):
        other.result("0.01s")
    wait_until(
        lambda: [row["kind"] for row in board_now(sched)["scheduler"]["why"]] == ["hung", "concurrency"]
    )
    gate.set()
    assert other.result("60s") == "ran"
    assert str(sched.why()) == "nothing keeps runs from starting"
    assert str(sched.why(other)) == f"run {other.id} of task 'other' has ended as DONE"


def test_the_retry_of_a_hung_attempt_waits_for_it(make: Make, gate: threading.Event) -> None:
    sched = make()
    retry = Retry(attempts=2, delay=0, on=TimeoutError)
    sched.task(name="hang", timeout="1s", retry=retry)(lambda: gate.wait(60))
    sched.start()
    run = sched.submit("hang")
    wait_until(lambda: "hung" in kinds(sched, run))
    assert str(sched.why(run)) == (
        f"run {run.id} of task 'hang' waits: the code of its attempt 1 has not ended and keeps its place"
    )


def test_what_single_tasks_and_runs_wait_for(make: Make, gate: threading.Event) -> None:
    sched = make(tz="UTC")
    sched.task(name="held")(lambda: gate.wait(60))
    sched.task(name="child", after="held")(lambda: 1)
    sched.task(name="again", retry=Retry(attempts=2, delay=3600, on=ValueError))(lambda: int("x"))
    sched.task("0 7 1 1 *", name="yearly")(lambda: 1)
    sched.start()
    held = sched.submit("held")
    again = sched.submit("again")
    wait_until(lambda: held.state is State.RUNNING and again.state is State.RETRY)
    (child,) = sched.runs("child")
    assert str(sched.why(child.id)) == f"run {child.id} of task 'child' waits for the end of 'held'"
    assert kinds(sched, held) == ["running"]
    assert str(sched.why(again)).startswith(f"run {again.id} of task 'again' waits for its attempt 2 at ")
    assert str(sched.why("yearly")).startswith("task 'yearly' is next due at ")
    sched.pause("yearly")
    assert kinds(sched, "yearly") == ["paused"]
    sched.pause()
    assert str(sched.why()) == "the due times of all tasks are paused: sched.resume() resumes them"
    assert str(sched.why("held")).splitlines()[1].startswith("task 'held' has no schedule: ")
    with pytest.raises(UsageError, match=r"no task or run is called 'yearl'.*'yearly'"):
        sched.why("yearl")
    with pytest.raises(UsageError, match="expected a task or a run, got 3"):
        sched.why(3)
    gate.set()


def test_a_schedule_that_is_over(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    sched = make(tz="UTC")
    for _ in range(2):  # declared again, it is silent
        sched.task(at("2001-01-01 10:00"), name="past")(lambda: 1)
    told = "task 'past': its moment (once, on 2001-01-01 10:00) is past: it runs once, late"
    assert caplog.messages == [told]
    sched.start()
    wait_until(lambda: sched.runs("past") and sched.runs("past")[0].state is State.DONE)
    assert str(sched.why("past")) == "the schedule of task 'past' has no due time left"
    sched.stop()
    again = make(tz="UTC")
    again.task(at("2001-01-01 10:00"), name="past")(lambda: 1)
    again.task(at("2001-01-01 10:00"), name="missed", misfire_grace="1h")(lambda: 1)
    assert caplog.messages == [told]


def test_tasks_whose_home_has_ended_are_told_with_it(make: Make) -> None:
    first, second = make(name="first", tz="UTC"), make(name="second", tz="UTC")
    for name in "abcde":
        first.task("0 7 * * *", name=name)(lambda: 1)
    first.start()
    second.task(name="own")(lambda: 1)
    second.start()
    assert [str(each).partition(" (pid")[0] for each in second.why("a")][:1] == ["task 'a' is run by first"]
    first.stop()
    (told,) = second.why()
    assert str(told).startswith(
        f"tasks 'a', 'b', 'c' and 2 more cannot run: the home, first (pid {os.getpid()} on "
    )
    assert str(told).endswith(
        "and no running process has the code; run the cell or file that declares it, or remove it"
    )
    assert told.wrong
    assert told.since is not None
    assert [each.kind for each in second.why("e")] == ["home", "due"]


def test_a_ledger_whose_file_is_gone_is_told_on_the_board(make: Make, where: str) -> None:
    sched = make()
    sched.start()
    assert board_now(sched)["scheduler"]["why"] == []
    aside = Path(where).rename(f"{where}.aside")
    wait_until(lambda: kinds(sched) == ["ledger"])
    wait_until(
        lambda: "takes no writes" in str(sched.why()) or "has taken no writes since" in str(sched.why())
    )
    wait_until(lambda: [row["kind"] for row in board_now(sched)["scheduler"]["why"]] == ["ledger"])
    aside.rename(where)
    wait_until(lambda: board_now(sched)["scheduler"]["why"] == [])


def test_of_what_waits_in_another_process_it_is_told_who_knows(make: Make, gate: threading.Event) -> None:
    home, asks = (make(name=name, concurrency=1, limits={"jira": 1}) for name in ("home", "asks"))
    home.start()
    asks.start()
    entered = threading.Event()

    @asks.task(name="holds", tags=("jira",))
    def holds() -> None:
        entered.set()
        gate.wait(60)

    home.task(name="tagged", tags=("jira",))(lambda: 1)
    home.task(name="plain")(lambda: gate.wait(60))
    first = asks.submit("holds")
    assert entered.wait(60)
    tagged = home.submit("tagged")
    where = str(home.tasks["tagged"].home)
    told = f"run {tagged.id} of task 'tagged' waits at {where}: others have all places of the tag 'jira'"
    wait_until(lambda: str(asks.why(tagged.id)) == told)
    assert kinds(asks, "tagged") == ["home", "due", "limit"]
    plain = [home.submit("plain") for _ in range(2)]
    wait_until(lambda: "concurrency" in kinds(home, plain[1].id))
    assert str(asks.why(plain[1].id)) == (
        f"run {plain[1].id} of task 'plain' waits at {where}, where sched.why({plain[1].id!r}) says for what"
    )
    gate.set()
    assert first.wait("60s").state is State.DONE
    with make(name="later").viewing() as watches:
        assert str(watches.why(first.id)) == f"run {first.id} of task 'holds' has ended as DONE"


def test_what_keeps_the_runs_of_another_process_is_told_with_its_name(
    make: Make, gate: threading.Event
) -> None:
    first, second = make(name="first", concurrency=1), make(name="second")
    first.task(name="hang", timeout="1s")(lambda: gate.wait(60))
    first.start()
    second.task(name="own")(lambda: 1)
    second.start()
    hung = first.submit("hang")
    wait_until(lambda: "hung" in kinds(second))
    (told,) = second.why()
    (own,) = first.why()
    at = f"first (pid {os.getpid()} on {socket.gethostname()})"
    assert (told.text, told.task, told.run, told.wrong) == (f"{at}: {own}", "hang", hung.id, True)
    assert kinds(second, "hang") == ["hung", "home", "due"]
    assert kinds(second, "own") == ["due"]
    wait_until(lambda: [row["text"] for row in board_now(second)["scheduler"]["why"]] == [told.text])
    second.screens.hear(ProcessReport(obstacles=(own,)))
    second.stop()
    wait_until(lambda: [each.text for each in second.why()] == [own.text])
    gate.set()
    second.screens.hear(ProcessReport())
    wait_until(lambda: str(second.why()) == "nothing keeps runs from starting")

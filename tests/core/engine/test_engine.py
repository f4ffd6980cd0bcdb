"""The engine, verb by verb: what it decides, what it refuses, and when it wants to be asked again."""

from __future__ import annotations

import itertools

import pytest
from support.engine_desk import MINUTELY, NOW, Desk, declared, last, moves, rescheduled
from support.engine_likeness import describe
from support.engine_tasks import START, declaration

from schedkit.core.engine.changes import Answered, FireRecorded, RunChanged, SettingPut
from schedkit.core.engine.engine import MOST_FIRES, MOST_STARTS
from schedkit.core.engine.snapshot import Snapshot
from schedkit.core.engine.stimuli import (
    Abandon,
    Announce,
    Answer,
    Cancel,
    Drain,
    Ended,
    HoldWrites,
    Pause,
    Remove,
    Reschedule,
    Resume,
    Stimulus,
    StopAttempts,
    Submit,
)
from schedkit.core.events import TO_COME, RunEnded, RunQueued, RunStarted, StoreAway
from schedkit.core.model import After, Retry, Task
from schedkit.core.states import DueOutcome, Outcome, Overlap, State
from schedkit.core.triggers.constructors import every
from schedkit.errors import UsageError
from schedkit.values.instants import SECOND

# Answers and refusals


@pytest.mark.parametrize(
    "stimulus",
    [
        Submit(run="r", task="nobody", actor="you", token="t"),
        Pause(task="nobody", actor="you", token="t"),
        Resume(task="nobody", actor="you", token="t"),
        Remove(task="nobody", actor="you", token="t"),
        Reschedule(task="nobody", trigger=None, trigger_json=None, schedule_text="", actor="you", token="t"),
    ],
    ids=lambda stimulus: type(stimulus).__name__,
)
def test_what_is_refused_is_answered_and_changes_nothing(stimulus: Stimulus) -> None:
    desk = Desk(Task(name="a"), Task(name="b", trigger=MINUTELY))
    before = describe(desk.engine)
    decision = desk.ask(stimulus)
    assert (decision.changes, decision.events, decision.starts) == ([], [], [])
    (reply,) = decision.replies
    assert reply.stimulus is stimulus
    assert isinstance(reply.error, UsageError)
    assert str(reply.error) == "no task is called 'nobody' (known: a, b)"
    assert describe(desk.engine) == before


def test_a_refused_command_is_answered_through_the_ledger() -> None:
    decision = Desk().ask(Pause(task="nobody", actor="you", command="c"))
    assert decision.changes == [
        Answered(
            "c", NOW, {"error": "no task is called 'nobody'", "hint": "there are none", "type": "UsageError"}
        )
    ]


def test_answers_go_where_they_are_waited_for() -> None:
    desk = Desk(Task(name="a"))
    decision = desk.submit("a", "r1", token="t")
    assert [(reply.answer, reply.error) for reply in decision.replies] == [({"run": "r1"}, None)]
    decision = desk.submit("a", "r2", command="c")
    assert decision.replies == []
    assert Answered("c", NOW, {"ok": True, "run": "r2"}) in decision.changes
    assert desk.submit("a", "r3").replies == []


def test_what_was_carried_out_elsewhere_is_answered() -> None:
    desk = Desk()
    assert desk.ask(Answer(answer={"n": 1}, command="c")).changes == [
        Answered("c", NOW, {"ok": True, "n": 1})
    ]
    refused = desk.ask(Answer(error=UsageError("no", hint="so"), command="c"))
    assert refused.changes == [Answered("c", NOW, {"error": "no", "hint": "so", "type": "UsageError"})]


def test_a_fact_is_announced_with_settings() -> None:
    desk = Desk()
    away = StoreAway(at=START, reason="why", seq=TO_COME)
    decision = desk.ask(Announce(event=away, settings={"k": "v"}), Announce(event=away))
    assert decision.changes == [SettingPut("k", "v")]
    assert decision.events == [away, away]
    assert decision.writes
    assert not desk.ask(Announce(event=StoreAway(at=START, reason="why"))).writes, "it is not for the log"


# Runs


def test_a_submitted_run_starts_and_ends() -> None:
    desk = Desk(Task(name="a", params={"n": 1}, priority=20))
    decision = desk.submit("a", params={"n": 2})
    assert [type(event) for event in decision.events] == [RunQueued, RunStarted]
    (start,) = decision.starts
    assert (start.run.params, start.run.priority, start.run.attempt) == ({"n": 2}, 20, 1)
    assert [run.id for run in desk.engine.live_of("a")] == ["r"]
    decision = desk.end(value=7, result={"kind": "int"}, details={"log": []})
    assert moves(decision) == [("r", State.DONE)]
    assert [(done.run.id, done.value, done.has_value) for done in decision.finished] == [("r", 7, True)]
    assert isinstance(decision.events[-1], RunEnded)
    assert desk.engine.alive("a") == 0
    assert desk.engine.last == {"a": State.DONE}


def test_a_run_that_is_submitted_twice_runs_once() -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    decision = desk.submit("a", token="t")
    assert decision.changes == []
    assert decision.replies[0].answer == {"run": "r"}


def test_a_run_that_is_submitted_again_as_it_ends_runs_once() -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    ended = Ended(run="r", attempt=1, outcome=Outcome.DONE)
    decision = desk.engine.handle_all([ended, Submit(run="r", task="a", token="t")], NOW)
    moved = [change for change in decision.changes if isinstance(change, RunChanged)]
    assert [change.after.state for change in moved] == [State.DONE]
    assert decision.starts == []
    assert decision.replies[0].answer == {"run": "r"}


def test_a_due_time_that_has_its_run_is_made_up_for_once() -> None:
    row = declared("a", MINUTELY)
    desk = Desk(Task(name="a", trigger=MINUTELY), snapshot=Snapshot(tasks=[row], taken={"a": {NOW}}))
    decision = desk.submit("a", scheduled=NOW, token="t")
    assert "task 'a' already has a run for 2026-01-05 00:00:00+00:00" in str(decision.replies[0].error)
    assert decision.changes == []


def test_an_end_that_nobody_waits_for_changes_nothing() -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    for run, attempt in (("r", 2), ("r", 0), ("nobody", 1)):
        assert desk.end(run, attempt).changes == []
    assert moves(desk.end()) == [("r", State.DONE)]


def test_a_task_that_cancels_itself_has_failed() -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    run = last(desk.end(outcome=Outcome.CANCELLED))
    assert run.state is State.FAILED
    assert run.why == "CancelledError: the task cancelled itself"


def test_a_failed_run_is_tried_again_after_its_delay() -> None:
    desk = Desk(Task(name="a", retry=Retry(attempts=2, delay=5)))
    desk.submit("a")
    decision = desk.end(outcome=Outcome.FAILED, retryable=True, error={"type": "E"})
    assert moves(decision) == [("r", State.RETRY)]
    assert decision.wake_at == desk.now + 5 * SECOND
    assert desk.engine.next_due() == desk.now + 5 * SECOND
    assert desk.ask(after=4.9).changes == []
    decision = desk.ask(after=0.1)
    assert [start.run.attempt for start in decision.starts] == [2]
    assert moves(desk.end(attempt=2, outcome=Outcome.FAILED, retryable=True)) == [("r", State.FAILED)]


def test_a_timed_out_attempt_keeps_its_place_until_its_code_ends() -> None:
    desk = Desk(Task(name="a", timeout=10, retry=Retry(attempts=2, delay=0)))
    assert desk.submit("a").wake_at == NOW + 10 * SECOND
    desk.begin()
    decision = desk.ask(after=10)
    assert [(stop.why, stop.recorded, stop.final) for stop in decision.stops] == [("timeout", True, False)]
    assert moves(decision) == [("r", State.RETRY)]
    assert decision.starts == []
    decision = desk.end()
    assert [start.run.attempt for start in decision.starts] == [2]


def test_deadlines_that_do_not_matter_any_more_wake_nobody() -> None:
    desk = Desk(Task(name="first", timeout=10), Task(name="a", timeout=3600))
    desk.submit("first", "first")
    for number in range(200):
        desk.submit("a", f"r{number}")
        assert desk.end(f"r{number}").wake_at == NOW + 10 * SECOND
    assert desk.end("first").wake_at is None
    desk.now += SECOND
    assert desk.submit("a").wake_at == desk.now + 3600 * SECOND


# Cancelled, stopped, abandoned


def test_who_cancels_what_has_ended_is_told_so() -> None:
    decision = Desk().ask(Cancel(run="r", actor="you", token="t"))
    assert decision.replies[0].answer == {"cancelled": False}


def test_a_run_that_waits_is_cancelled_at_once() -> None:
    desk = Desk(Task(name="a"), concurrency=1)
    desk.submit("a", "r1")
    desk.submit("a", "r2")
    decision = desk.ask(Cancel(run="r2", actor="you"))
    assert moves(decision) == [("r2", State.CANCELLED)]
    assert decision.stops == []
    assert desk.end("r1").starts == []


def test_code_that_does_not_stop_is_given_up_after_the_grace() -> None:
    desk = Desk(Task(name="a"), cancel_grace=3 * SECOND)
    desk.submit("a")
    decision = desk.ask(Cancel(run="r", actor="you"))
    assert [(stop.why, stop.actor) for stop in decision.stops] == [("cancel", "you")]
    assert last(decision).reason == "cancelled by you", "who comes after a crash must not start it again"
    assert decision.wake_at == NOW + 3 * SECOND
    assert desk.ask(Cancel(run="r", actor="me")).changes == []
    decision = desk.ask(after=3)
    assert last(decision).reason == "cancelled by you; its code has not stopped yet and keeps its place"
    assert set(desk.engine.queue.running) == {"r"}
    desk.end()
    assert not desk.engine.queue.running


def test_what_is_stopped_is_queued_again_unless_it_is_done() -> None:
    desk = Desk(Task(name="a"), concurrency=1)
    desk.submit("a", "r1")
    desk.submit("a", "r2")
    desk.ask(Drain())
    decision = desk.ask(StopAttempts())
    assert [(stop.run, stop.why) for stop in decision.stops] == [("r1", "stop")]
    assert desk.ask(StopAttempts()).stops == [], "it was asked already"
    assert moves(desk.end("r1", outcome=Outcome.FAILED)) == [("r1", State.QUEUED)]
    assert desk.engine.runs["r1"].reason == "the scheduler was stopped"


def test_a_cancel_counts_though_all_is_stopped() -> None:
    """It would be queued again, and run at the next start."""
    desk = Desk(Task(name="a"))
    desk.submit("a")
    desk.ask(Drain(), StopAttempts())
    decision = desk.ask(Cancel(run="r", actor="you"))
    assert [stop.why for stop in decision.stops] == ["cancel"]
    assert moves(desk.end(outcome=Outcome.FAILED)) == [("r", State.CANCELLED)]


def test_what_still_runs_is_abandoned() -> None:
    desk = Desk(Task(name="a", overlap=Overlap.ALLOW))
    for run in ("r1", "r2"):
        desk.submit("a", run)
    decision = desk.ask(Drain(), Cancel(run="r2", actor="you"), StopAttempts(), Abandon())
    assert moves(decision) == [("r2", State.CANCELLED), ("r1", State.QUEUED)]
    assert len(desk.engine.queue.running) == 2, "the code is alive"
    assert desk.engine.active == {}


# When it wants to be asked


def test_it_wants_to_be_asked_at_the_next_due_time() -> None:
    desk = Desk()
    assert desk.ask().wake_at is None
    assert desk.ask(declaration(Task(name="a", trigger=MINUTELY))).wake_at == NOW + 60 * SECOND
    assert desk.engine.next_due() == NOW + 60 * SECOND
    assert desk.ask(HoldWrites(held=True)).wake_at is None
    assert desk.ask(HoldWrites(held=False)).wake_at == NOW + 60 * SECOND
    assert desk.ask(Pause(task=None, actor="you")).wake_at is None
    assert desk.ask(Resume(task=None, actor="you")).wake_at == NOW + 60 * SECOND
    assert desk.ask(Drain()).wake_at is None
    assert desk.ask(after=120).changes == []


def test_many_starts_and_fires_are_decided_in_portions() -> None:
    names = [f"t{number}" for number in range(MOST_FIRES + 1)]
    desk = Desk(*(Task(name=name, trigger=MINUTELY) for name in names), concurrency=1000)
    decision = desk.ask(after=60)
    assert len(decision.starts) == MOST_STARTS
    assert decision.more
    assert decision.wake_at == desk.now
    decision = desk.ask()
    assert len(decision.starts) == 1
    assert not decision.more


def test_while_the_store_takes_no_writes_nothing_begins() -> None:
    desk = Desk(Task(name="a", trigger=MINUTELY))
    desk.ask(HoldWrites(held=True))
    assert moves(desk.submit("a")) == [("r", State.QUEUED)]
    assert desk.ask(after=60).changes == []
    decision = desk.ask(HoldWrites(held=False))
    assert [start.run.id for start in decision.starts] == ["r"]
    assert any(isinstance(change, FireRecorded) for change in decision.changes), "r is alive: it overlaps"


# Tasks


def test_a_task_that_is_declared_in_the_same_words_is_not_written() -> None:
    task = Task(name="a", trigger=MINUTELY)
    desk = Desk(task)
    decision = desk.ask(declaration(task))
    assert decision.changes == []
    assert [event.seq for event in decision.events] == [0]
    assert not decision.writes


def test_a_pause_leaves_behind_what_passes() -> None:
    desk = Desk(Task(name="a", trigger=MINUTELY), Task(name="b", trigger=MINUTELY))
    desk.ask(Pause(task="a", actor="you"), Pause(task=None, actor="you"))
    assert desk.engine.paused
    assert desk.ask(after=150).changes == []
    decision = desk.ask(Resume(task=None, actor="you"))
    fires = [change for change in decision.changes if isinstance(change, FireRecorded)]
    assert [(fire.task, fire.count, fire.reason) for fire in fires] == [("b", 2, "paused")]
    decision = desk.ask(Resume(task="a", actor="you"))
    fires = [change for change in decision.changes if isinstance(change, FireRecorded)]
    assert [(fire.task, fire.count, fire.outcome) for fire in fires] == [("a", 2, DueOutcome.MISSED)]
    assert decision.wake_at == NOW + 180 * SECOND


def test_a_task_is_rescheduled_and_its_passed_times_are_missed() -> None:
    desk = Desk(Task(name="a", trigger=MINUTELY))
    desk.ask(Pause(task="a", actor="you"), after=30)
    desk.ask(Resume(task="a", actor="you"))
    decision = desk.ask(rescheduled("a", every("10s")))
    assert decision.wake_at == desk.now + 10 * SECOND
    assert desk.engine.tasks["a"].trigger == every("10s")
    decision = desk.ask(rescheduled("a", None), after=25)
    fires = [change for change in decision.changes if isinstance(change, FireRecorded)]
    assert [(fire.count, fire.reason) for fire in fires] == [(2, "rescheduled")]
    assert decision.wake_at is None


def test_a_task_is_removed_with_its_runs() -> None:
    desk = Desk(Task(name="a", trigger=MINUTELY), concurrency=1)
    desk.submit("a", "r1")
    desk.submit("a", "r2")
    decision = desk.ask(Remove(task="a", actor="you"))
    assert ("r2", State.CANCELLED) in moves(decision)
    assert [stop.run for stop in decision.stops] == ["r1"]
    assert not desk.engine.rows
    assert moves(desk.end("r1", outcome=Outcome.CANCELLED)) == [("r1", State.CANCELLED)]
    assert desk.ask(after=600).changes == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.DONE, State.DONE), (Outcome.FAILED, State.CANCELLED), (Outcome.CANCELLED, State.CANCELLED)],
)
def test_a_run_that_ends_well_though_its_task_is_removed_is_done(outcome: Outcome, state: State) -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    (stop,) = desk.ask(Remove(task="a", actor="you")).stops
    assert (stop.why, stop.wanted) == ("cancel", True)
    run = last(desk.end(outcome=outcome))
    assert (run.state, run.reason) == (state, "" if state is State.DONE else "cancelled by you")


def test_a_run_that_somebody_cancels_is_cancelled_also_after_its_task_is_removed() -> None:
    desk = Desk(Task(name="a"))
    desk.submit("a")
    desk.ask(Remove(task="a", actor="you"))
    (stop,) = desk.ask(Cancel(run="r", actor="me")).stops
    assert (stop.why, stop.actor, stop.wanted) == ("cancel", "me", False)
    run = last(desk.end())
    assert (run.state, run.reason) == (State.CANCELLED, "cancelled by me")


def test_a_newer_run_cancels_what_is_alive() -> None:
    desk = Desk(Task(name="a", trigger=MINUTELY, overlap=Overlap.CANCEL))
    desk.submit("a")
    decision = desk.ask(after=60)
    assert [(stop.run, stop.actor) for stop in decision.stops] == [("r", "a newer run of the task")]
    assert [start.run.cause for start in desk.end().starts] == ["schedule"]


def test_a_scheduled_child_is_skipped_where_its_parent_failed() -> None:
    desk = Desk(Task(name="p"), Task(name="c", trigger=MINUTELY, after=(After("p"),)))
    desk.submit("p")
    desk.end(outcome=Outcome.FAILED)
    decision = desk.ask(after=60)
    run = last(decision, "made1")
    assert (run.state, run.reason) == (State.SKIPPED, "its parent 'p' ended as FAILED")
    desk.submit("p", "r2")
    decision = desk.ask(after=60)
    assert last(decision, "made2").waiting_for == ("p",)
    assert [start.run.id for start in desk.end("r2").starts] == ["made2"]


def test_a_chain_of_parents_may_be_longer_than_the_stack_of_calls() -> None:
    """Their runs are made, and skipped, from the first to the last."""
    names = [f"t{number}" for number in range(3000)]
    chain = [Task(name=names[0])]
    chain += [Task(name=name, after=(After(parent),)) for parent, name in itertools.pairwise(names)]
    desk = Desk(*chain)
    made = [event.task for event in desk.submit("t0").events if isinstance(event, RunQueued)]
    assert made == names
    ended = [event for event in desk.end(outcome=Outcome.FAILED).events if isinstance(event, RunEnded)]
    assert [event.task for event in ended] == names
    assert [event.after.state for event in ended] == [State.FAILED] + [State.SKIPPED] * 2999
    assert not desk.engine.runs

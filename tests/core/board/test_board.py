"""The board: events in, one snapshot and numbered changes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.run_events import T0, RunEvents, changed, task_row

from schedkit.core import events as ev
from schedkit.core.board import board as board_module
from schedkit.core.board.board import Board
from schedkit.core.board.ledger_rows import LedgerRows
from schedkit.core.board.run_counts import RunCounts
from schedkit.core.execution.run_context import RunContext
from schedkit.core.model import Requested
from schedkit.core.run import Attempt, Run, first_number
from schedkit.core.states import DueOutcome, Outcome, State
from schedkit.values.instants import to_micros

TELL = RunEvents()
at = TELL.at


def queued(run: str, task: str = "a", second: float = 0, **fields: Any) -> ev.RunQueued:
    TELL.runs.pop(run, None)
    return TELL.queued(run, task, second, **fields)


def started(run: str, task: str = "a", second: float = 1, attempt: int = 1) -> ev.RunStarted:
    return TELL.started(run, task, second, attempt)


def ended(
    run: str, task: str = "a", second: float = 3, state: State = State.DONE, **fields: Any
) -> ev.RunEnded:
    return TELL.ended(run, task, second, state, **fields)


def folded(*events: ev.Event) -> Board:
    """Return a board with the task a, after these events."""
    board = Board()
    board.put_task(task_row("a"))
    for event in events:
        board.fold(event)
    return board


def the_run(board: Board) -> dict[str, Any]:
    (row,) = board.snapshot()["runs"]
    return row


def the_task(board: Board) -> dict[str, Any]:
    (row,) = board.snapshot()["tasks"]
    return row


def test_a_run_from_queue_to_end_moves_run_task_and_counts() -> None:
    board = folded()
    seen = []
    for event in (queued("r1"), started("r1"), ended("r1")):
        board.fold(event)
        shot = board.snapshot(now=T0)
        (run,), (task,) = shot["runs"], shot["tasks"]
        seen.append((run["state"], task["state"], shot["scheduler"]["running"], shot["scheduler"]["queued"]))
    assert seen == [("QUEUED", "queued", 0, 1), ("RUNNING", "running", 1, 0), ("DONE", "idle", 0, 0)]
    assert run["queued_at"] == "2026-03-02T07:00:00+00:00"
    assert run["finished_at"] == "2026-03-02T07:00:03+00:00"
    assert task["last"] == {
        "run": "r1",
        "state": "DONE",
        "finished": "2026-03-02T07:00:03+00:00",
        "seconds": 2.0,
        "error": None,
    }
    assert task["success_rate"] == 1.0
    assert task["durations"] == [[2.0, "DONE"]]


def test_a_failure_tells_its_error_and_lowers_the_rate() -> None:
    error = {"type": "ValueError", "message": "no rows", "hint": "look", "traceback": "…"}
    board = folded(
        queued("r1"),
        started("r1"),
        ended("r1"),
        queued("r2"),
        started("r2"),
        ended("r2", second=9, state=State.FAILED, error=error),
        queued("r3"),
        ended("r3", second=10, state=State.CANCELLED),
    )
    task = the_task(board)
    assert task["success_rate"] == 0.5
    assert task["last"]["state"] == "CANCELLED"
    run = next(row for row in board.snapshot()["runs"] if row["id"] == "r2")
    assert run["error"] == error
    assert run["attempts"] == [
        {
            "number": 1,
            "started_at": "2026-03-02T07:00:01+00:00",
            "finished_at": "2026-03-02T07:00:09+00:00",
            "outcome": "failed",
            "error": error,
            "worker": "",
        }
    ]


def test_a_retry_keeps_the_attempt_and_hides_its_stages_from_the_next() -> None:
    board = folded(
        queued("r1"),
        started("r1"),
        TELL.progressed("r1", stage="extract", done=5, total=10),
        TELL.retrying("r1", outcome=Outcome.TIMEOUT, due=to_micros(at(13)), reason="attempt 1 of 3"),
    )
    row = the_run(board)
    assert (row["state"], row["waiting_for"], row["due_at"]) == (
        "RETRY",
        "its next attempt",
        "2026-03-02T07:00:13+00:00",
    )
    assert [a["outcome"] for a in row["attempts"]] == ["timeout"]
    assert row["stages"][0]["done"] == 5
    board.fold(started("r1", second=13, attempt=2))
    assert the_run(board)["stages"] == []
    board.fold(ended("r1", second=20))
    assert [(a["number"], a["outcome"]) for a in the_run(board)["attempts"]] == [(1, "timeout"), (2, "done")]


def test_what_an_attempt_told_stays_until_the_next_one_tells_something() -> None:
    board = folded(queued("r1"), started("r1"), TELL.logged("r1", message="first"))
    late = TELL.logged("r1", message="its thread goes on")
    board.fold(TELL.retrying("r1"))
    board.fold(started("r1", second=5, attempt=2))
    board.fold(late)
    assert [line["message"] for line in the_run(board)["log"]] == ["first"]
    board.fold(TELL.noted("r1", second=6, kind="rows", facts={"count": 3}))
    assert (the_run(board)["log"], the_run(board)["facts"]) == ([], {"rows": {"count": 3}})


def test_progress_is_shown_as_it_was_told() -> None:
    def progress(second: float, done: float, stage: str = "extract", **more: Any) -> ev.RunProgressed:
        return TELL.progressed("r1", second=second, stage=stage, done=done, total=100, **more)

    board = folded(
        queued("r1"), started("r1"), progress(1, 0), progress(3, 40, started=at(1), rate=20.0),
        progress(3, 1, "write"),
    )  # fmt: skip
    assert [(s["stage"], s["done"], s["total"], s["rate"]) for s in the_run(board)["stages"]] == [
        ("extract", 40, 100, 20.0),
        ("write", 1, 100, None),
    ]
    assert [s["started"] for s in the_run(board)["stages"]] == [at(1).isoformat(), at(3).isoformat()]


def test_log_facts_and_files_stay_with_the_run() -> None:
    board = folded(queued("r1"), started("r1"))
    for n in range(250):
        board.fold(TELL.logged("r1", message=f"line {n}"))
    board.fold(TELL.noted("r1", kind="extraction", facts={"rows": 3}))
    for size in (10, 20):
        board.fold(TELL.noted("r1", kind="artifact", facts={"path": "x.xlsx", "size": size}))
    row = the_run(board)
    assert [line["message"] for line in row["log"]] == [f"line {n}" for n in range(50, 250)]
    assert len({line["n"] for line in row["log"]}) == 200
    assert row["log"][-1]["message"] == "line 249"
    assert row["facts"] == {"extraction": {"rows": 3}}
    assert row["artifacts"] == [{"path": "x.xlsx", "size": 20}]


def test_a_dependent_names_the_parents_it_waits_for() -> None:
    board = folded(queued("r1", state=State.PENDING, waiting_for=("extract", "check")))
    assert the_run(board)["waiting_for"] == "extract, check"
    assert the_task(board)["state"] == "queued"
    board.fold(queued("r1"))
    assert the_run(board)["waiting_for"] is None


def test_task_facts_and_states() -> None:
    row = task_row("a", "every 1 hour", next_at=at(60), tags=["daily"], priority=20, description="Open bugs")
    board = folded(changed(row))
    shown = the_task(board)
    names = ("state", "trigger", "next_run", "tags", "priority", "description")
    assert tuple(shown[name] for name in names) == (
        "idle",
        "every 1 hour",
        "2026-03-02T07:01:00+00:00",
        ["daily"],
        "high",
        "Open bugs",
    )
    board.fold(changed(task_row("a", paused=True), "paused"))
    assert the_task(board)["state"] == "paused"
    board.fold(changed(task_row("a", priority=7), waiting=True))
    assert (the_task(board)["state"], the_task(board)["priority"]) == ("waiting", 7)
    board.fold(changed("a", "removed"))
    board.fold(changed("a", "removed"))
    assert board.snapshot()["tasks"] == []


def test_pausing_everything_is_a_fact_of_the_scheduler() -> None:
    board = folded(changed(None, "paused"))
    assert board.snapshot()["scheduler"]["paused"] is True
    board.fold(changed(None, "resumed"))
    assert board.snapshot()["scheduler"]["paused"] is False


@pytest.mark.parametrize(
    ("event", "words", "end"),
    [
        (
            ev.StoreAway(at=T0, reason="disk full"),
            "the ledger does not take writes: disk full",
            ev.StoreBack(at=T0, seconds=3),
        ),
        (
            ev.LoopBlocked(at=T0, task="slow", seconds=2, where="x.py:3"),
            "slow blocks the other async tasks at x.py:3",
            ev.LoopBlocked(at=T0, seconds=4, over=True),
        ),
        (
            ev.LoopBlocked(at=T0, seconds=2),
            "a task blocks the other async tasks",
            ev.LoopBlocked(at=T0, seconds=4, over=True),
        ),
    ],
)
def test_trouble_shows_and_goes(event: ev.Event, words: str, end: ev.Event) -> None:
    board = folded(event)
    assert board.snapshot()["scheduler"]["trouble"] == words
    board.fold(end)
    assert board.snapshot()["scheduler"]["trouble"] is None


def test_an_event_nothing_shows_changes_nothing() -> None:
    board = folded(ev.Fired(at=T0, task="a", scheduled_at=T0, until=T0, count=1, outcome=DueOutcome.MISSED))
    assert board.changes(1) is None


def test_a_schedule_that_moved_on_shows_its_next_time() -> None:
    board = folded(changed(task_row("a", next_at=at(60))))
    board.fold(ev.ScheduleAdvanced(at=at(60), task="a", next=to_micros(at(120))))
    board.fold(ev.ScheduleAdvanced(at=at(60), task="removed meanwhile", next=None))
    assert the_task(board)["next_run"] == at(120).isoformat()


def test_a_removed_task_does_not_return_with_the_end_of_its_run() -> None:
    board = folded(queued("r1"), started("r1"), changed("a", "removed"), ended("r1", state=State.CANCELLED))
    assert board.snapshot()["tasks"] == []
    board.fold(changed("a"))
    assert the_task(board)["last"]["state"] == "CANCELLED"


def test_a_removed_task_is_forgotten_with_its_last_run() -> None:
    board = Board(finished_runs=1)
    for task in ("a", "b"):
        board.fold(changed(task))
    for event in (queued("r1"), ended("r1"), changed("a", "removed"), queued("r2", "b"), ended("r2", "b")):
        board.fold(event)
    board.fold(changed("a"))
    last = {row["name"]: row["last"] for row in board.snapshot()["tasks"]}
    assert last["a"] is None
    assert last["b"]["run"] == "r2"


def test_the_last_run_is_the_one_that_ended_last_by_the_clock() -> None:
    """As the ledger has it: after the clock was set back, both say the same."""
    board = folded(queued("r1"), ended("r1", second=90), queued("r2"), ended("r2", second=30))
    assert the_task(board)["last"]["run"] == "r1"


def test_what_is_told_late_changes_nothing_that_came_after_it() -> None:
    """Of other processes a board hears a moment later: of a run, or a task, that has come here meanwhile."""
    board = folded()
    board.fold(replace(changed(task_row("a", next_at=at(50))), seq=8))
    board.fold(replace(changed(task_row("a", paused=True), "paused"), seq=7))
    assert (the_task(board)["paused"], the_task(board)["next_run"]) == (False, at(50).isoformat())
    first, second = replace(queued("r1"), seq=9), replace(started("r1"), seq=10)
    board.fold(second)
    board.fold(first)
    assert the_run(board)["state"] == "RUNNING"
    board.fold(replace(ended("r1"), seq=11))
    assert the_run(board)["state"] == "DONE"


def test_the_next_fire_and_the_queue_in_order() -> None:
    board = folded(
        queued("late", second=0, priority=0),
        queued("soon", task="b", second=30),
        queued("first", task="c", second=60, priority=20),
    )
    board.put_task(task_row("a", next_at=at(50)))
    board.put_task(task_row("b", next_at=at(40), paused=True))
    shot = board.snapshot()
    assert shot["scheduler"]["next_by"] == {"task": "a", "at": "2026-03-02T07:00:50+00:00"}
    # A minute of waiting weighs as much as one unit of priority.
    assert shot["queue"] == ["first", "soon", "late"]
    assert Board().snapshot()["scheduler"]["next_by"] is None


def test_loading_from_the_ledger_and_going_on_with_newer_events() -> None:
    run = Run(
        id="r1",
        task="a",
        state=State.FAILED,
        due=to_micros(T0),
        queued=to_micros(T0),
        started=to_micros(at(1)),
        finished=to_micros(at(3)),
        attempt=1,
        error={"message": "boom"},
        priority=20,
    )
    waiting = Run(id="r2", task="a", state=State.RETRY, due=to_micros(at(60)), queued=to_micros(T0))
    attempt = Attempt(number=1, started=to_micros(at(1)), finished=to_micros(at(3)), outcome=Outcome.FAILED)
    board = Board()
    board.load(
        lambda: LedgerRows(tasks=[task_row("a", "every 1 hour")], runs=[waiting, run], seq=10, paused=True)
    )
    line = {"n": first_number(1), "at": "2026-03-02T07:00:02+00:00", "level": 20, "message": "hello"}
    details = {"facts": {"extraction": {"rows": 1}}, "log": [line], "last_output": line["n"]}
    board.open("r1", lambda: (details, [attempt]))
    board.open("gone", lambda: ({}, []))
    assert board.snapshot()["scheduler"]["paused"] is True
    board.fold(changed("a", "removed", seq=9))
    rows = {row["id"]: row for row in board.snapshot()["runs"]}
    assert rows["r1"]["priority"] == "high"
    assert rows["r1"]["facts"] == {"extraction": {"rows": 1}}
    assert rows["r1"]["attempts"][0]["outcome"] == "failed"
    assert rows["r1"]["log"] == [line]
    assert rows["r2"]["waiting_for"] == "its next attempt"
    assert the_task(board)["last"]["error"] == "boom"
    assert the_task(board)["durations"] == [[2.0, "FAILED"]]
    board.fold(changed("a", "removed", seq=11))
    assert board.snapshot()["tasks"] == []


def test_what_is_heard_while_the_ledger_is_read_is_on_the_board_once() -> None:
    board = Board()

    def read() -> LedgerRows:
        board.fold(changed("a", seq=9))
        found = LedgerRows(tasks=[task_row("a")], runs=[queued("r1").after], seq=10)
        board.fold(replace(started("r1"), seq=11))
        board.fold(TELL.logged("r1", message="one"))
        board.fold(replace(ended("r1"), seq=12))
        return found

    board.load(read)
    row = the_run(board)
    assert (row["state"], len(row["attempts"]), len(row["log"])) == ("DONE", 1, 1)
    assert the_task(board)["durations"] == [[2.0, "DONE"]]
    head = board.snapshot()["scheduler"]
    assert (head["running"], head["queued"]) == (0, 0)


def talking() -> tuple[Board, RunContext]:
    """Return a board with a run that runs, and what surrounds the run's code."""
    board = folded(queued("r1"))
    begun = started("r1")
    board.fold(begun)
    return board, RunContext(begun.after, board.fold)


def lines(board: Board) -> list[str]:
    return [line["message"] for line in the_run(board)["log"]]


def test_a_run_that_logs_while_it_is_opened_shows_each_line_once() -> None:
    board, context = talking()

    def read() -> tuple[dict[str, Any], list[Attempt]]:
        context.log("while it is opened")
        details = context.details()
        board.fold(queued("another"))
        context.log("as it was read")
        context.progress("extract", 2, 2)
        context.fact("rows", {"count": 2})
        return details, []

    context.log("before")
    board.open("r1", read)
    context.log("after")
    (row,) = [row for row in board.snapshot()["runs"] if row["id"] == "r1"]
    messages = [line["message"] for line in row["log"]]
    assert messages == ["before", "while it is opened", "as it was read", "after"]
    assert (row["stages"][0]["done"], row["facts"]) == (2, {"rows": {"count": 2}})


def test_what_was_told_before_a_run_was_opened_and_is_heard_later_is_on_the_board_once() -> None:
    board, _ = talking()
    late: list[ev.Event] = []
    context = RunContext(TELL.runs["r1"], late.append)
    for number in range(300):
        context.log(f"line {number}")
    board.open("r1", lambda: (context.details(), []))
    for event in late:
        board.fold(event)
    assert lines(board) == [f"line {number}" for number in range(100, 300)]


def test_an_attempt_that_ends_while_its_run_is_opened_is_among_its_attempts() -> None:
    board, context = talking()

    def read() -> tuple[dict[str, Any], list[Attempt]]:
        context.log("last")
        board.fold(ended("r1"))
        return {}, []

    board.open("r1", read)
    row = the_run(board)
    assert (row["state"], [one["outcome"] for one in row["attempts"]], lines(board)) == (
        "DONE",
        ["done"],
        ["last"],
    )


def test_ended_runs_are_counted_once() -> None:
    board = folded()

    def read() -> RunCounts:
        board.fold(replace(ended("r1"), seq=10))
        board.fold(replace(ended("r2", state=State.FAILED), seq=11))
        return RunCounts({"a": {"DONE": 7}}, seq=10)

    assert board.counts(read).ended == {"a": {"DONE": 7, "FAILED": 1}}
    board.fold(replace(RunEvents().ended("r3", "b"), seq=12))
    assert board.counts(read).ended == {"a": {"DONE": 7, "FAILED": 1}, "b": {"DONE": 1}}


def test_changes_hold_only_what_changed() -> None:
    board = folded(changed("b"), queued("r1"), queued("r2", task="b"))
    seq = board.seq
    assert board.changes(seq) is None
    board.fold(started("r2", task="b"))
    changes = board.changes(seq, now=T0)
    assert changes is not None
    assert changes["kind"] == "changes"
    assert (set(changes["runs"]), set(changes["tasks"])) == ({"r2"}, {"b"})
    assert changes["scheduler"]["running"] == 1
    board.fold(TELL.logged("r2", "b", message="x"))
    changes = board.changes(changes["seq"])
    assert changes is not None
    assert (set(changes["runs"]), changes["tasks"], changes["scheduler"]) == ({"r2"}, {}, {})


def test_old_runs_leave_the_board_and_the_forgetful_get_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "TOMBSTONES", 3)
    board = Board(finished_runs=2)
    board.put_task(task_row("a"))
    seqs = []
    for n in range(8):
        board.fold(queued(f"r{n}"))
        board.fold(ended(f"r{n}"))
        seqs.append(board.seq)
    assert {row["id"] for row in board.snapshot()["runs"]} == {"r6", "r7"}
    changes = board.changes(seqs[-2])
    assert changes is not None
    assert changes["runs"]["r5"] is None
    assert set(changes["runs"]) == {"r5", "r7"}
    forgotten = board.changes(seqs[0])
    assert forgotten is not None
    assert forgotten["kind"] == "snapshot"


def test_a_late_word_of_a_run_that_left_is_ignored() -> None:
    board = folded(TELL.logged("gone", message="x"))
    assert board.changes(1) is None


def test_a_task_that_returns_keeps_its_place_when_its_tombstone_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "TOMBSTONES", 0)
    board = Board()
    board.put_task(task_row("a"))
    board.fold(changed("a", "removed"))
    board.put_task(task_row("a"))
    assert the_task(board)["name"] == "a"


EVENTS = st.builds(
    lambda run, kind, task, second: {
        "queue": queued(run, task, second),
        "start": started(run, task, second),
        "end": ended(run, task, second),
        "fail": ended(run, task, second, State.FAILED),
        "log": TELL.logged(run, task, second, message="x"),
        "progress": TELL.progressed(run, task, second, stage="s", done=second, total=99),
        "task": changed(task),
        "gone": changed(task, "removed"),
    }[kind],
    run=st.sampled_from(["r1", "r2", "r3", "r4"]),
    kind=st.sampled_from(["queue", "start", "end", "fail", "log", "progress", "task", "gone"]),
    task=st.just("a"),
    second=st.integers(0, 99),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.booleans()), max_size=40))
def test_a_screen_that_applies_the_changes_sees_the_snapshot(steps: list[tuple[ev.Event, bool]]) -> None:
    board = Board(finished_runs=2)
    rows: dict[str, dict[str, Any]] = {"tasks": {}, "runs": {}}
    scheduler: dict[str, Any] = dict(board.snapshot()["scheduler"])
    seen = 0
    for event, look in [*steps, (queued("last"), True)]:
        board.fold(event)
        message = board.changes(seen) if look else None
        if message is None:
            continue
        seen = message["seq"]
        scheduler |= message["scheduler"]
        for kind in rows:
            for key, row in message[kind].items():
                if row is None:
                    rows[kind].pop(key, None)
                else:
                    rows[kind][key] = row
    shot = board.snapshot()
    assert rows["tasks"] == {row["name"]: row for row in shot["tasks"]}
    assert rows["runs"] == {row["id"]: row for row in shot["runs"]}
    assert (
        scheduler["running"]
        == shot["scheduler"]["running"]
        == sum(r["state"] == "RUNNING" for r in shot["runs"])
    )
    json.dumps(shot)


def test_a_built_in_task_is_shown_once_somebody_uses_it() -> None:
    unused = task_row("export", built_in=True)
    board = folded(changed(unused))
    assert the_task(board)["name"] == "a"
    assert set(board.tasks()) == {"a", "export"}
    board.fold(queued("1", "export"))
    assert [task["state"] for task in board.snapshot()["tasks"]] == ["idle", "queued"]
    board.fold(started("1", "export"))
    board.fold(ended("1", "export"))
    assert [task["name"] for task in board.snapshot()["tasks"]] == ["a", "export"]


def test_a_built_in_task_is_shown_once_a_request_has_made_a_task_of_it() -> None:
    board = folded(changed(task_row("export", built_in=True)))
    made = replace(task_row("nightly"), requested=Requested(handler="export"))
    board.fold(changed(made))
    assert [task["name"] for task in board.snapshot()["tasks"]] == ["a", "export", "nightly"]


def test_a_built_in_task_with_a_schedule_is_always_shown() -> None:
    board = folded(changed(replace(task_row("page", built_in=True), trigger='{"every": 60}')))
    assert [task["name"] for task in board.snapshot()["tasks"]] == ["a", "page"]

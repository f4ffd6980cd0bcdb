"""The board: events in, one snapshot and numbered changes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.core import events as ev
from schedkit.core.board import board as board_module
from schedkit.core.board.board import Board
from schedkit.core.run import Attempt, Run
from schedkit.core.states import Disposition, Outcome, State
from schedkit.values.instants import to_micros

T0 = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def queued(run: str, task: str = "a", second: float = 0, **facts: Any) -> ev.RunQueued:
    facts = {"state": State.QUEUED, "cause": "submit", "due_at": at(second), "priority": 10} | facts
    return ev.RunQueued(at=at(second), run=run, task=task, **facts)


def started(run: str, task: str = "a", second: float = 1, attempt: int = 1) -> ev.RunStarted:
    return ev.RunStarted(at=at(second), run=run, task=task, attempt=attempt)


def ended(
    run: str, task: str = "a", second: float = 3, state: State = State.DONE, **facts: Any
) -> ev.RunEnded:
    facts = {"attempt": 1, "seconds": 2.0} | facts
    return ev.RunEnded(at=at(second), run=run, task=task, state=state, **facts)


def folded(*events: ev.Event) -> Board:
    board = Board()
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
    board = Board()
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
        ended("r3", state=State.CANCELLED, attempt=0, seconds=None),
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
        }
    ]


def test_a_retry_keeps_the_attempt_and_clears_the_stages() -> None:
    board = folded(
        queued("r1"),
        started("r1"),
        ev.RunProgressed(at=at(2), run="r1", task="a", stage="extract", done=5, total=10),
        ev.RunRetrying(
            at=at(3),
            run="r1",
            task="a",
            state=State.RETRY,
            attempt=1,
            outcome=Outcome.TIMEOUT,
            due_at=at(13),
            error={"message": "too slow"},
            reason="attempt 1 of 3",
        ),
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
    board.fold(ended("r1", second=20, attempt=2))
    assert [(a["number"], a["outcome"]) for a in the_run(board)["attempts"]] == [(1, "timeout"), (2, "done")]


def test_progress_tells_its_rate_per_second() -> None:
    def progress(second: float, done: float, stage: str = "extract") -> ev.RunProgressed:
        return ev.RunProgressed(at=at(second), run="r1", task="a", stage=stage, done=done, total=100)

    board = folded(queued("r1"), started("r1"), progress(1, 0), progress(3, 40), progress(3, 1, "write"))
    assert [(s["stage"], s["done"], s["total"], s["rate"]) for s in the_run(board)["stages"]] == [
        ("extract", 40, 100, 20.0),
        ("write", 1, 100, None),
    ]
    board.fold(progress(5, 100))
    assert the_run(board)["stages"][0]["rate"] == 25.0


def test_log_facts_and_files_stay_with_the_run() -> None:
    board = folded(queued("r1"), started("r1"))
    for n in range(250):
        board.fold(ev.RunLogged(at=at(2), run="r1", task="a", level=20, message=f"line {n}"))
    board.fold(ev.RunNoted(at=at(2), run="r1", task="a", kind="extraction", facts={"rows": 3}))
    for size in (10, 20):
        board.fold(
            ev.RunNoted(at=at(2), run="r1", task="a", kind="artifact", facts={"path": "x.xlsx", "size": size})
        )
    row = the_run(board)
    assert [line["n"] for line in row["log"]] == list(range(51, 251))
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
    changed = ev.TaskChanged(
        at=T0,
        task="a",
        change="declared",
        next_time=at(60),
        trigger="every 1 hour",
        tags=("daily",),
        priority=20,
        description="Open bugs",
    )
    board = folded(changed)
    row = the_task(board)
    assert (
        row["state"],
        row["trigger"],
        row["next_run"],
        row["tags"],
        row["priority"],
        row["description"],
    ) == (
        "idle",
        "every 1 hour",
        "2026-03-02T07:01:00+00:00",
        ["daily"],
        "high",
        "Open bugs",
    )
    board.fold(ev.TaskChanged(at=T0, task="a", change="paused", paused=True))
    assert the_task(board)["state"] == "paused"
    board.fold(ev.TaskChanged(at=T0, task="a", change="declared", waiting=True, priority=7))
    assert (the_task(board)["state"], the_task(board)["priority"]) == ("waiting", 7)
    board.fold(ev.TaskChanged(at=T0, task="a", change="removed"))
    board.fold(ev.TaskChanged(at=T0, task="a", change="removed"))
    assert board.snapshot()["tasks"] == []


def test_pausing_everything_is_a_fact_of_the_scheduler() -> None:
    board = folded(ev.TaskChanged(at=T0, change="paused"))
    assert board.snapshot()["scheduler"]["paused"] is True
    board.fold(ev.TaskChanged(at=T0, change="resumed"))
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
    board = folded(
        ev.Fired(at=T0, task="a", scheduled_at=T0, until=T0, count=1, disposition=Disposition.MISSED)
    )
    assert board.changes(0) is None


def test_who_runs_the_next_fire_and_the_queue_in_order() -> None:
    board = folded(
        queued("late", second=0, priority=0),
        queued("soon", task="b", second=30),
        queued("first", task="c", second=60, priority=20),
    )
    board.put_scheduler(owner={"pid": 7})
    board.put_task("a", next_run=at(50))
    board.put_task("b", next_run=at(40), paused=True)
    shot = board.snapshot()
    assert shot["scheduler"]["next_by"] == {"task": "a", "at": "2026-03-02T07:00:50+00:00", "who": {"pid": 7}}
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
        tasks=[{"name": "a", "trigger": "every 1 hour"}],
        runs=[waiting, run],
        seq=10,
    )
    line = {"at": "2026-03-02T07:00:02+00:00", "level": 20, "message": "hello"}
    board.put_details("r1", {"facts": {"extraction": {"rows": 1}}, "log": [line]}, [attempt])
    board.put_details("gone", {})
    board.fold(ev.TaskChanged(at=T0, seq=9, task="a", change="removed"))
    rows = {row["id"]: row for row in board.snapshot()["runs"]}
    assert rows["r1"]["priority"] == "high"
    assert rows["r1"]["facts"] == {"extraction": {"rows": 1}}
    assert rows["r1"]["attempts"][0]["outcome"] == "failed"
    assert rows["r1"]["log"] == [{"n": 1, **line}]
    assert rows["r2"]["waiting_for"] == "its next attempt"
    assert the_task(board)["last"]["error"] == "boom"
    assert the_task(board)["durations"] == [[2.0, "FAILED"]]
    board.fold(ev.TaskChanged(at=T0, seq=11, task="a", change="removed"))
    assert board.snapshot()["tasks"] == []


def test_changes_hold_only_what_changed() -> None:
    board = folded(queued("r1"), queued("r2", task="b"))
    seq = board.seq
    assert board.changes(seq) is None
    board.fold(started("r2", task="b"))
    changes = board.changes(seq, now=T0)
    assert changes is not None
    assert changes["kind"] == "changes"
    assert (set(changes["runs"]), set(changes["tasks"])) == ({"r2"}, {"b"})
    assert changes["scheduler"]["running"] == 1
    board.fold(ev.RunLogged(at=T0, run="r2", task="b", level=20, message="x"))
    changes = board.changes(changes["seq"])
    assert changes is not None
    assert (set(changes["runs"]), changes["tasks"], changes["scheduler"]) == ({"r2"}, {}, {})


def test_old_runs_leave_the_board_and_the_forgetful_get_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "TOMBSTONES", 3)
    board = Board(finished_runs=2)
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
    board = folded(ev.RunLogged(at=T0, run="gone", task="a", level=20, message="x"))
    assert board.changes(0) is None


def test_a_task_that_returns_keeps_its_place_when_its_tombstone_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "TOMBSTONES", 0)
    board = Board()
    board.put_task("a")
    board.fold(ev.TaskChanged(at=T0, task="a", change="removed"))
    board.put_task("a")
    assert the_task(board)["name"] == "a"


EVENTS = st.builds(
    lambda run, kind, task, second: {
        "queue": queued(run, task, second),
        "start": started(run, task, second),
        "end": ended(run, task, second),
        "fail": ended(run, task, second, State.FAILED),
        "log": ev.RunLogged(at=at(second), run=run, task=task, level=20, message="x"),
        "progress": ev.RunProgressed(at=at(second), run=run, task=task, stage="s", done=second, total=99),
        "task": ev.TaskChanged(at=at(second), task=task, change="declared"),
        "gone": ev.TaskChanged(at=at(second), task=task, change="removed"),
    }[kind],
    run=st.sampled_from(["r1", "r2", "r3", "r4"]),
    kind=st.sampled_from(["queue", "start", "end", "fail", "log", "progress", "task", "gone"]),
    task=st.just("a"),
    second=st.integers(0, 99),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.booleans()), max_size=40))
def test_a_viewer_that_applies_the_changes_sees_the_snapshot(steps: list[tuple[ev.Event, bool]]) -> None:
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

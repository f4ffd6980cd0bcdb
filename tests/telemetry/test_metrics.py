"""Metrics of a board: document 003's names as written, and numbers that a reader can check by hand."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from support.run_events import RunEvents, changed

from schedkit.core.board.board import Board
from schedkit.core.board.ledger_rows import Durations, RunCounts
from schedkit.telemetry.metrics import exposition


def samples(board: Board, counts: RunCounts) -> dict[tuple[str, ...], float]:
    """Return (name, label values) → value."""
    text = exposition(board.snapshot(), counts).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def board_of(*tasks: str) -> Board:
    board = Board()
    for name in tasks:
        board.fold(changed(name))
    return board


def test_what_ran_and_how_long_it_took() -> None:
    counts = RunCounts(
        {"a": {"DONE": 5, "FAILED": 2, "TIMEOUT": 1, "CANCELLED": 1}, "removed": {"DONE": 9}},
        0,
        {"a": Durations(3, 70.5, (1, 1, 1, 2, 3, 3, 3, 3))},
    )
    found = samples(board_of("a", "b"), counts)
    assert found["scheduler_task_executions_total", "success", "a"] == 5
    assert found["scheduler_task_executions_total", "failure", "a"] == 3
    assert found["scheduler_task_executions_total", "cancelled", "a"] == 1
    assert found["scheduler_task_duration_seconds_bucket", "1.0", "a"] == 1
    assert found["scheduler_task_duration_seconds_bucket", "60.0", "a"] == 2
    assert found["scheduler_task_duration_seconds_bucket", "+Inf", "a"] == 3
    assert found["scheduler_task_duration_seconds_count", "a"] == 3
    assert found["scheduler_task_duration_seconds_sum", "a"] == 70.5
    assert not [name for name in found if "removed" in name]


def test_what_runs_now() -> None:
    board, tell = board_of("a", "b"), RunEvents()
    for run in ("r1", "r2"):
        board.fold(tell.queued(run, "a"))
        board.fold(tell.started(run, "a"))
    board.fold(tell.queued("r3", "b"))
    found = samples(board, RunCounts({}, 0))
    assert (found["scheduler_active_tasks", "a"], found["scheduler_active_tasks", "b"]) == (2, 0)
    assert (found["schedkit_running_runs",], found["schedkit_queued_runs",]) == (2, 1)


def test_the_state_of_the_scheduler() -> None:
    board = board_of("a")
    for facts, expected in (
        ({"state": "running", "paused": False}, "running"),
        ({"state": "running", "paused": True}, "paused"),
        ({"state": "stopped", "paused": False}, "stopped"),
    ):
        board.put_scheduler(**facts)
        found = samples(board, RunCounts({}, 0))
        states = {name[1]: value for name, value in found.items() if name[0] == "scheduler_state"}
        assert states == {state: float(state == expected) for state in states}
        assert set(states) == {"stopped", "running", "paused"}


def test_names_of_tasks_are_labels_whatever_they_hold() -> None:
    name = 'a "quoted" {name} = ü'
    assert samples(board_of(name), RunCounts({}, 0))["scheduler_active_tasks", name] == 0

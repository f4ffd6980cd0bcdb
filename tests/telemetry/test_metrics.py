"""Metrics of a board: document 003's names as written, and numbers that a reader can check by hand."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as plain_families
from support.run_events import T0, RunEvents, task_row
from support.telemetry_boards import LEDGER, board_of, counts_of, many

from schedkit.core.api.process_report import LedgerFigures
from schedkit.core.board.board import Board
from schedkit.core.board.run_counts import Extractions, Histogram, RunCounts
from schedkit.core.model import Requested
from schedkit.telemetry.metrics import MOST_LABELS, exposition

Samples = dict[tuple[str, ...], float]
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


def samples(
    board: Board, counts: RunCounts, *, ledger: LedgerFigures = LEDGER, accept: str = OPENMETRICS
) -> Samples:
    """Return (name, label values by the labels' names) → value, as the official parsers read it."""
    parse = openmetrics_families if "openmetrics" in accept else plain_families
    text, _ = exposition(board.snapshot(T0), board.tasks(), counts, ledger, accept)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parse(text.decode())
        for sample in family.samples
    }


COUNTS = counts_of(
    ended={"a": {"DONE": 5, "FAILED": 2, "TIMEOUT": 1, "CANCELLED": 1}},
    durations={"a": Histogram(3, 70.5, (1, 1, 1, 2, 3, 3, 3, 3))},
    lateness={"a": Histogram(2, 3700.0, (0, 0, 0, 0, 1, 1, 1, 1))},
    due_times={"a": {"done": 5, "missed": 3}},
    retries={"a": 4},
    last_done={"a": 1_700_000_000_500_000},
    extractions={"a": Extractions(2, 40, 3, 1000)},
)


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_what_ran_and_how_long_it_took(accept: str) -> None:
    found = samples(board_of("a", "b"), COUNTS, accept=accept)
    assert found["scheduler_task_executions_total", "success", "a"] == 5
    assert found["scheduler_task_executions_total", "failure", "a"] == 3
    assert found["scheduler_task_executions_total", "cancelled", "a"] == 1
    assert found["scheduler_task_duration_seconds_bucket", "1.0", "a"] == 1
    assert found["scheduler_task_duration_seconds_bucket", "60.0", "a"] == 2
    assert found["scheduler_task_duration_seconds_bucket", "+Inf", "a"] == 3
    assert found["scheduler_task_duration_seconds_count", "a"] == 3
    assert found["scheduler_task_duration_seconds_sum", "a"] == 70.5


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_when_it_ran_and_what_it_extracted(accept: str) -> None:
    found = samples(board_of("a", "b"), COUNTS, accept=accept)
    assert found["schedkit_task_lateness_seconds_bucket", "3600.0", "a"] == 1
    assert found["schedkit_task_lateness_seconds_bucket", "+Inf", "a"] == 2
    assert found["schedkit_task_due_times_total", "missed", "a"] == 3
    assert found["schedkit_task_retries_total", "a"] == 4
    assert found["schedkit_task_last_success_timestamp_seconds", "a"] == 1_700_000_000.5
    assert found["schedkit_task_extractions_total", "a"] == 2
    assert found["schedkit_task_extraction_requests_total", "a"] == 40
    assert found["schedkit_task_extraction_throttled_total", "a"] == 3
    assert found["schedkit_task_extraction_rows_total", "a"] == 1000


def test_both_formats_say_the_same() -> None:
    plain, rich = (samples(board_of("a"), COUNTS, accept=accept) for accept in ("text/plain", OPENMETRICS))
    moving = ("process_cpu_seconds_total",), ("process_resident_memory_bytes",), ("process_open_fds",)
    assert plain.keys() == rich.keys()
    assert {name: plain[name] for name in plain if name not in moving} == {
        name: rich[name] for name in rich if name not in moving
    }


@pytest.mark.parametrize(
    ("accept", "media"), [("", "text/plain; version=0.0.4"), (OPENMETRICS, "application/openmetrics-text")]
)
def test_the_content_type_is_that_of_the_format(accept: str, media: str) -> None:
    _, told = exposition(board_of().snapshot(), {}, counts_of(), LEDGER, accept)
    assert told.startswith(media)


def test_what_runs_and_waits_now() -> None:
    board, tell = board_of("a", "b"), RunEvents()
    for run in ("r1", "r2"):
        board.fold(tell.queued(run, "a"))
        board.fold(tell.started(run, "a"))
    board.fold(tell.queued("r3", "b", -90))
    board.fold(tell.queued("r4", "b", 30))
    found = samples(board, counts_of())
    assert (found["scheduler_active_tasks", "a"], found["scheduler_active_tasks", "b"]) == (2, 0)
    assert (found["schedkit_running_runs",], found["schedkit_queued_runs",]) == (2, 2)
    assert found["schedkit_oldest_queued_seconds",] == 90


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"state": "running", "paused": False}, "running"),
        ({"state": "running", "paused": True}, "paused"),
        ({"state": "stopped", "paused": False}, "stopped"),
    ],
)
def test_the_state_of_the_scheduler(facts: dict[str, Any], expected: str) -> None:
    board = board_of("a")
    board.put_scheduler(**facts)
    states = {
        name[1]: value for name, value in samples(board, counts_of()).items() if name[0] == "scheduler_state"
    }
    assert states == {state: float(state == expected) for state in ("stopped", "running", "paused")}


def test_processes_and_what_is_wrong() -> None:
    board = board_of()
    why = [
        {"kind": "clock", "wrong": True},
        {"kind": "paused", "wrong": False},
        {"kind": "clock", "wrong": True},
    ]
    board.put_scheduler(nodes=[{"kind": "kernel"}, {"kind": "server"}, {"kind": "kernel"}], why=why)
    found = samples(board, counts_of())
    assert found["schedkit_processes", "kernel"] == 2
    assert found["schedkit_problems", "clock"] == 2
    assert ("schedkit_problems", "paused") not in found


def test_workers() -> None:
    board = board_of()
    board.put_scheduler(workers=[{"running": 2, "memory": 3 << 20}, {"running": 1, "memory": 1 << 20}])
    found = samples(board, counts_of())
    names = ("schedkit_workers", "schedkit_worker_runs", "schedkit_worker_memory_bytes")
    assert [found[name,] for name in names] == [2, 3, 4 << 20]


def test_the_schedule_of_a_task() -> None:
    found = samples(board_of(task_row("a", next_at=T0, paused=True), task_row("b")), counts_of())
    assert found["schedkit_task_next_due_timestamp_seconds", "a"] == T0.timestamp()
    assert (found["schedkit_task_paused", "a"], found["schedkit_task_paused", "b"]) == (1, 0)
    assert ("schedkit_task_next_due_timestamp_seconds", "b") not in found


def test_how_the_ledger_answers() -> None:
    found = samples(board_of(), counts_of())
    assert (found["schedkit_ledger_up",], found["schedkit_ledger_read_seconds",]) == (1, 0.25)
    assert found["schedkit_ledger_transaction_seconds_count",] == 4
    assert found["schedkit_ledger_transaction_seconds_sum",] == 0.5
    assert found["schedkit_beat_age_seconds",] == 2
    away = samples(board_of(), counts_of(), ledger=LedgerFigures())
    assert away["schedkit_ledger_up",] == 0
    assert {name for (name, *_) in away if name.startswith(("schedkit_ledger", "schedkit_beat"))} == {
        "schedkit_ledger_up"
    }


def test_names_of_tasks_are_labels_whatever_they_hold() -> None:
    name = 'a "quoted" \\{name} = ü\nEOF'
    assert samples(board_of(name), counts_of())["scheduler_active_tasks", name] == 0


def test_tasks_of_requests_and_removed_ones_are_counted_together() -> None:
    asked = replace(task_row("asked"), requested=Requested(handler="a"))
    counts = counts_of(
        ended={"a": {"DONE": 1}, "asked": {"DONE": 2}, "removed": {"DONE": 3, "SKIPPED": 1}},
        durations={"asked": Histogram.of(2), "removed": Histogram.of(4000)},
        retries={"asked": 1, "removed": 5},
    )
    found = samples(board_of("a", asked), counts)
    assert found["scheduler_task_executions_total", "success", "a"] == 1
    assert found["scheduler_task_executions_total", "success", "other"] == 5
    assert found["scheduler_task_executions_total", "skipped", "other"] == 1
    assert found["scheduler_task_duration_seconds_sum", "other"] == 4002
    assert found["scheduler_task_duration_seconds_bucket", "5.0", "other"] == 1
    assert found["schedkit_task_retries_total", "other"] == 6
    assert not [name for name in found if "asked" in name or "removed" in name]


def test_a_task_called_other_is_counted_with_the_others() -> None:
    counts = counts_of(ended={"other": {"DONE": 1}, "removed": {"DONE": 3}})
    assert samples(board_of("other"), counts)["scheduler_task_executions_total", "success", "other"] == 4


def lines(board: Board, counts: RunCounts) -> int:
    return exposition(board.snapshot(), board.tasks(), counts, LEDGER)[0].count(b"\n")


@pytest.fixture
def few_labels(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("schedkit.telemetry.metrics.MOST_LABELS", 10)
    return 10


def test_the_number_of_labels_is_bounded_and_nothing_is_lost(few_labels: int) -> None:
    board, counts = many(30)
    found = samples(board, counts)
    named = {name[1] for name in found if name[0] == "scheduler_active_tasks"}
    assert named == {f"task {place}" for place in range(few_labels)}, "the oldest keep theirs"
    ended = {name: value for name, value in found.items() if name[0] == "scheduler_task_executions_total"}
    assert (len(ended), sum(ended.values())) == (2 * (few_labels + 1), 30 * 6)
    assert lines(*many(30)) == lines(*many(300)), "more tasks are no more lines"


def test_a_thousand_tasks_have_labels_of_their_own() -> None:
    assert MOST_LABELS == 1000

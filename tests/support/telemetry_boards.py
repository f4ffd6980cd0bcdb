"""Boards of tasks that have run, and what is counted of them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from support.run_events import T0, changed, task_row

from schedkit.core.api.process_report import LedgerFigures
from schedkit.core.board.board import Board
from schedkit.core.board.run_counts import Extractions, Histogram, RunCounts
from schedkit.core.model import TaskRow

__all__ = ["LEDGER", "board_of", "counts_of", "many"]

LEDGER = LedgerFigures(read_seconds=0.25, transactions=4, transaction_seconds=0.5, beat_age=2.0)


def board_of(*tasks: str | TaskRow) -> Board:
    board = Board()
    for row in tasks:
        board.fold(changed(row))
    return board


def counts_of(**figures: Any) -> RunCounts:
    return RunCounts(figures.pop("ended", {}), 0, **figures)


def many(number: int) -> tuple[Board, RunCounts]:
    """Return a board of so many tasks that have run, and what is counted of them."""
    names = [f"task {place}" for place in range(number)]
    rows = [replace(task_row(name, next_at=T0), created=place) for place, name in enumerate(names)]
    counts = counts_of(
        ended={name: {"DONE": 5, "FAILED": 1} for name in names},
        durations=dict.fromkeys(names, Histogram.of(7)),
        lateness=dict.fromkeys(names, Histogram.of(0.1)),
        due_times={name: {"done": 5, "failed": 1} for name in names},
        last_done=dict.fromkeys(names, 1),
        retries=dict.fromkeys(names, 1),
        extractions=dict.fromkeys(names, Extractions(1, 10, 0, 100)),
    )
    return board_of(*rows), counts

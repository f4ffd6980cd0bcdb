"""The board as text, for terminals and consoles."""

from __future__ import annotations

from datetime import UTC, datetime

from support.run_events import RunEvents, task_row

from schedkit.core.board.board import Board
from schedkit.core.states import State
from schedkit.notebook.text import ROWS, board_text

T0 = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
LINES = [{"where": "Cell In[9]", "line": 4, "function": "bugs", "code": 'frame["Prio"]'}]
ERROR = {"type": "KeyError", "message": "'Prio'", "hint": "look", "lines": LINES}


def board() -> tuple[Board, RunEvents]:
    made, tell = Board(), RunEvents(T0)
    made.put_scheduler(state="running")
    made.put_task(task_row("bugs", "every 1 hour", next_at=T0))
    made.fold(tell.queued("r1", "bugs"))
    made.fold(tell.started("r1", "bugs", 0))
    return made, tell


def test_tasks_and_runs_are_tables() -> None:
    made, _ = board()
    assert board_text(made.snapshot(T0)).splitlines() == [
        "Scheduler running: 1 task, 1 running, 0 waiting",
        "Task  Schedule      State    Next run                 Last run",
        "bugs  every 1 hour  running  2026-03-02 07:00:00 UTC  never ran",
    ]
    head, names, row = board_text(made.snapshot(T0), "runs").splitlines()
    assert names.split() == ["Task", "State", "Started"]
    assert row.split()[:2] == ["bugs", "running"]
    assert board_text(made.snapshot(T0), "queue") == head
    assert board_text(made.snapshot(T0), task="other") == "Scheduler running: 0 tasks, 1 running, 0 waiting"


def test_a_run_tells_the_persons_own_line() -> None:
    made, tell = board()
    assert board_text(made.snapshot(T0), run="r1") == "bugs: running, started 2026-03-02 07:00:00 UTC"
    made.fold(tell.noted("r1", "bugs", kind="artifact", facts={"path": "out/x.xlsx", "label": "x"}))
    made.fold(tell.ended("r1", "bugs", 2, state=State.FAILED, error=ERROR))
    assert board_text(made.snapshot(T0), run="r1").splitlines() == [
        "bugs: failed, started 2026-03-02 07:00:00 UTC, 2s",
        "KeyError: 'Prio' (look)",
        "  Cell In[9], line 4, in bugs",
        '    frame["Prio"]',
        "file out/x.xlsx",
    ]


def test_many_rows_end_in_their_number_and_places_are_told() -> None:
    made = Board()
    nodes = [{"life": "b", "name": "other.ipynb", "pid": 1, "host": "vm", "here": False}]
    made.put_scheduler(state="watching", nodes=nodes)
    for n in range(ROWS + 12):
        made.put_task(task_row(f"task {n}"))
    lines = board_text(made.snapshot(T0)).splitlines()
    assert lines[-1] == "and 12 more"
    assert "elsewhere" not in lines[1]

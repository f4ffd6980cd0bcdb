"""Boards to look at: a working day, and five thousand tasks."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from msgspec.structs import replace
from support.run_events import RunEvents, changed, task_row

from schedkit.core.board.board import Board
from schedkit.core.states import State

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_EVENTS: WeakKeyDictionary[Board, RunEvents] = WeakKeyDictionary()

NODE: dict[str, Any] = {"life": "a", "name": "lab.ipynb", "pid": 7, "host": "here", "here": True}


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def events_of(board: Board) -> RunEvents:
    """Return what makes the events of a board's runs."""
    if board not in _EVENTS:
        _EVENTS[board] = RunEvents(NOW)
    return _EVENTS[board]


def declare(
    board: Board,
    name: str,
    trigger: str = "",
    next_in: float | None = None,
    *,
    waiting: bool = False,
    home: str = NODE["life"],
    **facts: Any,
) -> None:
    when = None if next_in is None else at(next_in)
    row = replace(task_row(name, trigger, next_at=when, **facts), home="" if waiting else home)
    board.fold(changed(row, at=NOW, waiting=waiting))


def queue(board: Board, run: str, task: str, second: float = 0, **fields: Any) -> None:
    board.fold(events_of(board).queued(run, task, second, **{"cause": "schedule", **fields}))


def start(board: Board, run: str, task: str, second: float = 0) -> None:
    board.fold(events_of(board).started(run, task, second))


def end(board: Board, run: str, task: str, second: float, **fields: Any) -> None:
    board.fold(events_of(board).ended(run, task, second, **fields))


def progress(
    board: Board, run: str, task: str, second: float, done: float, total: float | None, **more: Any
) -> None:
    stage = {"stage": "extract issues", "done": done, "total": total, **more}
    board.fold(events_of(board).progressed(run, task, second, **stage))


def working_day() -> Board:
    """Five tasks and a day of runs, two of them failed, one running, one waiting for it."""
    board, chance = Board(), random.Random(3)
    board.put_scheduler(state="running", nodes=[NODE], concurrency=5)
    declare(
        board, "open_bugs", "Mon to Fri at 07:00 Europe/Berlin", 252, tags=("daily", "kafka"), priority=20
    )
    declare(board, "sprint_report", "every 1 hour", 1900, tags=("sprint",))
    declare(board, "epic_tree", "every 6 hours", 9000, tags=("sprint",))
    declare(board, "worklog_export", "first Monday of the month at 06:00", 777600, paused=True)
    declare(board, "confluence_table", description="after sprint_report", tags=("daily",))
    error = {
        "type": "UnavailableError",
        "message": "Jira did not answer within 75 s",
        "hint": "the next due time tries again",
        "traceback": "Traceback (most recent call last):\n  …",
    }
    for i in range(24):
        for task, offset, usual in (("open_bugs", 0, 6), ("sprint_report", 600, 25), ("epic_tree", 900, 100)):
            if task == "epic_tree" and i % 4:
                continue
            begin, length = -86400 + i * 3500 + offset, usual * (0.6 + chance.random())
            run = f"{task}-{i:02d}"
            failed = task == "open_bugs" and i in (7, 8)
            queue(board, run, task, begin)
            start(board, run, task, begin)
            end(
                board, run, task, begin + length,
                state=State.FAILED if failed else State.DONE,
                error=error if failed else None,
                result={"kind": "frame", "rows": 1000},
            )  # fmt: skip
    queue(board, "live", "sprint_report", -14, params={"project": "KAFKA", "rows": 2000})
    start(board, "live", "sprint_report", -13)
    progress(board, "live", "sprint_report", -12, 0, 2000)
    progress(board, "live", "sprint_report", 0, 1340, 2000, started=at(-12), rate=111.667)
    for i, (level, words) in enumerate(
        [(20, "2,000 issues match"), (30, "page 6 answered 429; waiting 2 s"), (20, "page 9 of 14")]
    ):
        board.fold(events_of(board).logged("live", "sprint_report", i - 10, level=level, message=words))
    file = {"path": "reports/out/sprint.xlsx", "label": "sprint.xlsx", "size": 182400}
    board.fold(events_of(board).noted("live", "sprint_report", 0, kind="artifact", facts=file))
    facts = {"requests": 14, "issues": 1340}
    board.fold(events_of(board).noted("live", "sprint_report", 0, kind="extraction", facts=facts))
    queue(
        board,
        "waits",
        "confluence_table",
        -3,
        state=State.PENDING,
        cause="after",
        waiting_for=("sprint_report",),
    )
    return board


def many_tasks(number: int) -> Board:
    board = Board()
    board.put_scheduler(state="running", nodes=[NODE])
    for n in range(number):
        declare(board, f"task {n:05d}", "every 1 hour", 60 + n, tags=(f"team {n % 7}",))
    return board

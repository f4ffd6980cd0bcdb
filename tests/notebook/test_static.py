"""The still face: escaped, short, and complete enough to read without a kernel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schedkit.core import events as ev
from schedkit.core.board.board import Board
from schedkit.core.states import State
from schedkit.notebook.static import ROWS, board_html, run_html

T0 = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


def board() -> Board:
    made = Board()
    made.put_scheduler(state="running")
    made.put_task("open_bugs", trigger="every 1 hour", next_run=T0)
    made.put_task(EVIL, trigger=EVIL)
    return made


def run(made: Board, number: int = 1, **end: object) -> None:
    name = f"r{number}"
    made.fold(
        ev.RunQueued(
            at=T0, run=name, task="open_bugs", state=State.QUEUED, cause="submit", due_at=T0, priority=10
        )
    )
    made.fold(ev.RunStarted(at=T0, run=name, task="open_bugs", attempt=1))
    if end:
        made.fold(
            ev.RunEnded(
                at=T0 + timedelta(seconds=2), run=name, task="open_bugs", attempt=1, seconds=2.0, **end
            )
        )


def test_tasks_are_listed_with_their_last_run_and_text_stays_text() -> None:
    made = board()
    run(made, state=State.DONE)
    html = board_html(made.snapshot(T0), mark="still-1")
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    for words in (
        "Scheduler running",
        "2 tasks, 0 running, 0 waiting",
        "open_bugs",
        "every 1 hour",
        "100%",
        "2s",
    ):
        assert words in html
    assert "2026-03-02 07:00:00 UTC" in html
    assert 'class="still-1"' in html


def test_runs_and_queue() -> None:
    made = board()
    run(made, 1, state=State.FAILED, error={"type": "ValueError", "message": EVIL, "hint": "look <b>"})
    run(made, 2)
    made.fold(
        ev.RunQueued(
            at=T0, run="q", task="queued_one", state=State.QUEUED, cause="submit", due_at=T0, priority=10
        )
    )
    runs = board_html(made.snapshot(T0), "runs")
    assert "failed" in runs
    assert "running" in runs
    assert "<script>" not in runs
    queue = board_html(made.snapshot(T0), "queue")
    assert "queued_one" in queue
    assert "failed" not in queue


def test_one_run_tells_its_stages_error_and_files() -> None:
    made = board()
    run(made)
    made.fold(ev.RunProgressed(at=T0, run="r1", task="open_bugs", stage="extract", done=1500, total=2000))
    made.fold(ev.RunProgressed(at=T0, run="r1", task="open_bugs", stage="write", done=3))
    made.fold(
        ev.RunNoted(
            at=T0,
            run="r1",
            task="open_bugs",
            kind="artifact",
            facts={"path": "out/x.xlsx", "label": "x.xlsx"},
        )
    )
    html = board_html(made.snapshot(T0), "runs", run="r1")
    assert "extract: 1,500 / 2,000" in html
    assert "write: 3<" in html
    assert "file x.xlsx" in html
    made.fold(
        ev.RunEnded(
            at=T0,
            run="r1",
            task="open_bugs",
            state=State.FAILED,
            attempt=1,
            error={"type": "JqlError", "message": "no <such> field", "hint": "ask"},
        )
    )
    html = run_html(made.snapshot(T0)["runs"][0])
    assert "JqlError: no &lt;such&gt; field (ask)" in html
    waiting = Board()
    waiting.fold(
        ev.RunQueued(at=T0, run="q", task="a", state=State.QUEUED, cause="submit", due_at=T0, priority=10)
    )
    assert "started" not in run_html(waiting.snapshot(T0)["runs"][0])


def test_many_rows_end_in_their_number() -> None:
    made = Board()
    for n in range(ROWS + 12):
        made.put_task(f"task {n}")
    assert "and 12 more" in board_html(made.snapshot(T0))

"""The still face: escaped, short, and complete enough to read without a kernel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from support.run_events import RunEvents, task_row

from schedkit.core.board.board import Board
from schedkit.core.states import State
from schedkit.notebook.static import ROWS, board_html, run_html

T0 = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


def board() -> Board:
    made = Board()
    made.put_scheduler(state="running")
    made.put_task(task_row("open_bugs", "every 1 hour", next_at=T0))
    made.put_task(task_row(EVIL, EVIL))
    return made


def run(made: Board, number: int = 1, **end: Any) -> RunEvents:
    tell, about = RunEvents(T0), (f"r{number}", "open_bugs")
    made.fold(tell.queued(*about))
    made.fold(tell.started(*about, 0))
    if end:
        made.fold(tell.ended(*about, 2, **end))
    return tell


def shown_run(made: Board) -> str:
    snapshot = made.snapshot(T0)
    return run_html(snapshot["runs"][0], snapshot)


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


def test_which_tasks_run_elsewhere_is_said() -> None:
    made = Board()
    here = {"life": "a", "name": "lab.ipynb", "pid": 1, "host": "vm", "here": True}
    made.put_scheduler(state="running", nodes=[here, {**here, "life": "b", "name": EVIL, "here": False}])
    made.put_task(replace(task_row("mine"), home="a"))
    assert "elsewhere" not in board_html(made.snapshot(T0))
    for name in ("theirs", "too"):
        made.put_task(replace(task_row(name), home="b"))
    html = board_html(made.snapshot(T0))
    assert "runs elsewhere: theirs, too in &lt;script&gt;alert(1)&lt;/script&gt; (pid 1 on vm)" in html


def test_runs_and_queue() -> None:
    made = board()
    run(made, 1, state=State.FAILED, error={"type": "ValueError", "message": EVIL, "hint": "look <b>"})
    run(made, 2)
    made.fold(RunEvents(T0).queued("q", "queued_one"))
    runs = board_html(made.snapshot(T0), "runs")
    assert "failed" in runs
    assert "running" in runs
    assert "<script>" not in runs
    assert "ValueError: &lt;script&gt;" in runs
    tasks = board_html(made.snapshot(T0))
    assert "2 tasks, 1 running, 1 waiting" in tasks
    queue = board_html(made.snapshot(T0), "queue")
    assert "queued_one" in queue
    assert "failed" not in queue


def test_one_run_tells_its_stages_error_and_files() -> None:
    made = board()
    tell = run(made)
    made.fold(tell.progressed("r1", "open_bugs", stage="extract", done=1500, total=2000))
    made.fold(tell.progressed("r1", "open_bugs", stage="write", done=3))
    file = {"path": "out/x.xlsx", "label": "x.xlsx"}
    made.fold(tell.noted("r1", "open_bugs", kind="artifact", facts=file))
    html = board_html(made.snapshot(T0), "runs", run="r1")
    assert "extract: 1,500 / 2,000" in html
    assert "write: 3<" in html
    assert "file x.xlsx" in html
    lines = [{"where": "Cell In[9]", "line": 4, "function": "bugs", "code": "a < b"}]
    error = {"type": "JqlError", "message": "no <such> field", "hint": "ask", "lines": lines}
    made.fold(tell.ended("r1", "open_bugs", state=State.FAILED, error=error))
    html = shown_run(made)
    assert "JqlError: no &lt;such&gt; field (ask)" in html
    assert "Cell In[9], line 4, in bugs<" in html
    assert ">a &lt; b</pre>" in html
    waiting = Board()
    waiting.fold(RunEvents(T0).queued("q"))
    assert "started" not in shown_run(waiting)


def test_many_rows_end_in_their_number() -> None:
    made = Board()
    for n in range(ROWS + 12):
        made.put_task(task_row(f"task {n}"))
    assert "and 12 more" in board_html(made.snapshot(T0))


def test_a_task_stays_failed_until_it_has_run_well() -> None:
    made = board()
    made.put_scheduler(tz="Europe/Berlin")
    run(made, 1, state=State.FAILED, error={"type": "KeyError", "message": "'Prio'"})
    html = board_html(made.snapshot(T0))
    assert "2 tasks, 0 running, 0 waiting, 1 failing" in html
    assert ">failed</span></td>" in html
    assert "2026-03-02 08:00:00 Europe/Berlin" in html
    run(made, 2, state=State.CANCELLED)
    assert "1 failing" in board_html(made.snapshot(T0))
    run(made, 3, state=State.DONE)
    assert "failing" not in board_html(made.snapshot(T0))

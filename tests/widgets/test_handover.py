"""The schedule moves to a process that executes the notebook, and back; nothing is pickled."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from widgets_shell import Front, wait_for

from schedkit.app import Scheduler
from schedkit.core.scheduler import Scheduler as CoreScheduler
from schedkit.errors import SchedkitError, UsageError
from schedkit.widgets import background, handover

CELL = """
from schedkit import Scheduler, every
sched = Scheduler({ledger!r}, name="background")
sched.start()

@sched.task(every("200ms"))
def who():
    import os
    return os.getpid()
"""


def write(path: Path, *cells: str, tags: tuple[str, ...] = ()) -> Path:
    made = [nbformat.v4.new_code_cell(source) for source in cells]
    made.append(
        nbformat.v4.new_code_cell("raise SystemError('left out')", metadata={"tags": ["no-background"]})
    )
    made.append(nbformat.v4.new_markdown_cell("# words"))
    nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    return path


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[CoreScheduler]:
    scheduler = Scheduler(tmp_path / "a.db", name="kernel")
    with scheduler:
        yield scheduler


def test_there_and_back(
    owner: CoreScheduler, tmp_path: Path, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write(tmp_path / "daily.ipynb", CELL.format(ledger=str(tmp_path / "a.db")))
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    shown = front.panel(owner)
    assert b'"do":"hand_over"' in shown.first
    answer = front.ask(shown, do="hand_over")
    assert answer["ok"], answer["error"]
    assert "The schedule now runs in background (pid" in answer["words"]
    holder = owner.owner
    assert holder is not None
    assert holder.pid != os.getpid()
    assert owner.state == "viewer"
    (run,) = wait_for(lambda: [run for run in owner.runs("who") if run.state == "DONE"][:1], 30)
    assert run.result is not None
    assert run.result["value"] == holder.pid
    assert b'"do":"take_back"' in front.panel(owner).first
    assert front.ask(shown, do="take_back")["words"] == "The schedule runs here again"
    assert owner.running
    # The background process sees that it is no longer the owner, and ends.
    wait_for(lambda: not handover.children(), 30)


def test_a_notebook_that_fails_leaves_the_schedule_here(owner: CoreScheduler, tmp_path: Path) -> None:
    notebook = write(tmp_path / "bad.ipynb", "x = 1", "print(y)")
    with pytest.raises(UsageError, match=r"the background process ended: bad.ipynb, cell 2: NameError"):
        handover.hand_over(owner, notebook)
    assert owner.running


def test_a_process_that_never_takes_over_is_ended(owner: CoreScheduler, tmp_path: Path) -> None:
    notebook = write(tmp_path / "slow.ipynb", "import time; time.sleep(60)")
    with pytest.raises(SchedkitError, match=r"has not taken over within 0.3 s \(see slow.background.log\)"):
        handover.hand_over(owner, notebook, patience=0.3)
    assert owner.running


def test_what_a_click_says_without_a_notebook(
    owner: CoreScheduler, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    shown = front.panel(owner)
    assert b'"move":null' in shown.first
    assert "no notebook belongs to this kernel" in front.ask(shown, do="hand_over")["error"]


def test_executing_in_this_process(owner: CoreScheduler, tmp_path: Path, shell: object) -> None:
    background.execute(write(tmp_path / "fine.ipynb", "schedkit_test_value = 1"))
    assert background.scheduler_on(owner.ledger) is owner
    with pytest.raises(UsageError, match="the notebook opens no scheduler on"):
        background.scheduler_on("elsewhere.db")
    with pytest.raises(UsageError, match=r"broken.ipynb, cell 1: SyntaxError"):
        background.execute(write(tmp_path / "broken.ipynb", "def"))


def test_the_program_starts_what_the_notebook_did_not_and_stops_it_when_told(
    tmp_path: Path, shell: object
) -> None:
    ledger = tmp_path / "b.db"
    notebook = write(tmp_path / "b.ipynb", f"from schedkit import Scheduler; s = Scheduler({str(ledger)!r})")
    mine = Scheduler(ledger)
    told = threading.Event()
    told.set()
    events: list[str] = []
    unsubscribe = mine.subscribe(lambda event: events.append(getattr(event, "change", "")))
    assert background.main(mine.ledger, str(notebook), told) == 0
    assert mine.state == "stopped"
    assert wait_for(lambda: {"started", "stopped"} <= set(events))
    unsubscribe()
    assert background.main("nowhere.db", str(notebook), told) == 1


def test_signals_end_the_program() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        ended = background.told_to_end()
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended.wait(5)
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)

"""``python -m schedkit.widgets.background LEDGER NOTEBOOK``: run a notebook's tasks without a kernel."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.interactiveshell import InteractiveShell

from schedkit.errors import UsageError
from schedkit.loop import live_objects

__all__ = ["execute", "main"]

LOOK_SECONDS = 0.2


def execute(notebook: Path) -> None:
    """Execute a notebook's code cells in this process, in order.

    Raises
    ------
    UsageError
        At the first cell that fails; says which.
    """
    shell: Any = InteractiveShell.instance()
    text = notebook.read_text(encoding="utf-8")
    cells = nbformat.reads(text, as_version=4).cells  # type: ignore[no-untyped-call]  # nbformat has no types
    for number, cell in enumerate(cells, 1):
        if cell.cell_type != "code" or "no-background" in cell.metadata.get("tags", ()):
            continue
        result = shell.run_cell(cell.source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise UsageError(f"{notebook.name}, cell {number}: {type(error).__name__}: {error}")


def scheduler_on(ledger: str) -> Any:
    """Return the scheduler that this process has opened on `ledger`.

    Raises
    ------
    UsageError
        If the executed notebook has opened none.
    """
    for thing in live_objects("scheduler "):
        if thing.ledger == ledger:
            return thing
    raise UsageError(f"the notebook opens no scheduler on {ledger}", hint="use schedkit.Scheduler(…) in it")


def main(ledger: str, notebook: str, ended: threading.Event) -> int:
    """Execute, take over, and stay until somebody else takes over or `ended` is set."""
    try:
        execute(Path(notebook))
        scheduler = scheduler_on(ledger)
        if scheduler.state == "stopped":
            scheduler.start()
        if not scheduler.running:
            scheduler.take_over(now=True)
    except UsageError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a program; its words go to its log
        return 1
    while scheduler.running and not ended.wait(LOOK_SECONDS):
        pass
    scheduler.stop("30s")
    return 0


def told_to_end() -> threading.Event:
    """Return what SIGTERM and SIGINT set."""
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    return ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], told_to_end()))

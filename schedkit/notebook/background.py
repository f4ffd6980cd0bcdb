"""``python -m schedkit.notebook.background FILE…``: what `schedkit run` does, in place of a kernel.

The files are executed afresh, so no task is pickled. What the kernel's scheduler was told (its ledger, whose
address may hold a password, and its limits) comes through standard input.
"""

from __future__ import annotations

import pickle
import signal
import sys
import threading
from pathlib import Path
from typing import Any, TypedDict

from schedkit.app import app
from schedkit.commands.declare import Declared
from schedkit.errors import SchedkitError, SettingsError, UsageError

__all__ = ["Instructions", "main"]

LOOK_SECONDS = 0.2


class Instructions(TypedDict):
    """What a background process is told."""

    ledger: str
    options: dict[str, Any]
    # The tasks that must be declared before it may take over.
    tasks: list[str]


def main(files: list[Path], told: Instructions, ended: threading.Event) -> int:
    """Declare what the files hold, take over, stay until somebody else takes over or `ended` is set."""
    project = app()
    scheduler = project.scheduler(told["ledger"], **told["options"])
    try:
        declared = Declared(project, scheduler, scheduled=True)
        for path in files:
            declared.file(path)
        if declared.problems:
            raise SettingsError(str(declared.problems[0]))
        if missing := [name for name in told["tasks"] if name not in scheduler.files()]:
            names = ", ".join(path.name for path in files)
            raise UsageError(
                f"{names} does not declare {', '.join(map(repr, missing))}",
                hint="save the notebook, or remove the task: sched.remove(name)",
            )
        scheduler.take_over(now=True)
    except SchedkitError as error:
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
    sys.exit(main([Path(name) for name in sys.argv[1:]], pickle.load(sys.stdin.buffer), told_to_end()))

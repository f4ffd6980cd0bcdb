"""``python -m schedkit.commands.background FILE…``: run the schedule of a kernel in a process of its own.

The files are executed again, so no task is pickled. The options of the kernel's scheduler and the address of
its ledger, which may hold a password, come through standard input.
"""

from __future__ import annotations

import pickle
import signal
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from schedkit.app import App, app
from schedkit.atlassian.kept_logins import take_logins
from schedkit.commands.declare import Declared
from schedkit.commands.log_handlers import log_as_set
from schedkit.core.api.configuration import process_of_kind
from schedkit.errors import SchedkitError, SettingsError, UsageError
from schedkit.notebook.handover import Instructions
from schedkit.values.files import replacing

__all__ = ["main"]

LOOK_SECONDS = 0.2
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(files: list[Path], told: Instructions, ended: threading.Event) -> int:
    """Declare what the files hold and run it, until other processes run all of it or `ended`."""
    take_logins(told["logins"])
    project = app()
    with log_as_set(project.settings.log, project.root):
        return _run(project, files, told, ended)


def _run(project: App, files: list[Path], told: Instructions, ended: threading.Event) -> int:
    with process_of_kind("background"):
        scheduler = project.scheduler(told["ledger"], **told["options"])
    scheduler.process.require(told["codes"])
    try:
        with _broken_off():
            _declare(project, scheduler, files, told["codes"])
        scheduler.start()
    except SchedkitError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a program; its output goes to its log
        _answer(Path(told["answer"]), str(error))
        return 1
    _answer(Path(told["answer"]), "")
    while scheduler.at_home and not ended.wait(LOOK_SECONDS):
        pass
    scheduler.stop("30s")
    return 0


def _declare(project: App, scheduler: Any, files: list[Path], codes: Collection[str]) -> None:
    scheduler.bring_home()  # also what a cell declares after it has started the scheduler
    declared = Declared(project, scheduler, scheduled=True)
    for path in files:
        declared.file(path)
    if declared.problems:
        raise SettingsError(str(declared.problems[0]))
    if missing := [name for name in codes if name not in scheduler.process.codes]:
        names = ", ".join(path.name for path in files)
        raise UsageError(
            f"{names} does not declare {', '.join(map(repr, missing))}",
            hint="save the notebook, or remove the task: sched.remove(name)",
        )


@contextmanager
def _broken_off() -> Iterator[None]:
    """Have a signal to end also break off what is executed, with a `UsageError`: it may take hours."""
    before, told = {name: signal.getsignal(name) for name in SIGNALS}, False

    def break_off(number: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        raise SystemExit

    for name in before:
        signal.signal(name, break_off)
    try:
        yield
    except (SchedkitError, SystemExit):  # a module or a cell makes an error of ours of it
        if told:
            raise UsageError("it was told to end") from None
        raise
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _answer(path: Path, text: str) -> None:
    """Tell the kernel, if it still waits, that all files are executed, or what failed."""
    if path.parent.is_dir():
        with replacing(path) as new:
            new.file.write(text.encode())


def told_to_end() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    ended = threading.Event()
    for name in SIGNALS:
        signal.signal(name, lambda *_: ended.set())
    return ended


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]], pickle.load(sys.stdin.buffer), told_to_end()))

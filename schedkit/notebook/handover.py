"""Hand the schedule to a background process that outlives the kernel, and take it back.

The process executes afresh the files that declare the tasks, so no task is pickled: what a file declares is
what runs.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

from schedkit.atlassian.kept_logins import given_logins
from schedkit.core.tasks.origin import notebook_file
from schedkit.errors import SchedkitError, UsageError
from schedkit.loop import process_singleton
from schedkit.values.private import make_private

__all__ = ["Instructions", "children", "files_of", "hand_over", "move", "notebook_path", "take_back"]

START_SECONDS = 90.0
LOOK_SECONDS = 0.1
NAMES_SHOWN = 3
BEHIND = " in the background"


class Instructions(TypedDict):
    """What the background process reads from its standard input.

    Attributes
    ----------
    codes : dict of str to str
        The tasks that must be declared before the process runs them, each with the hash of the code that the
        kernel has executed last.
    logins : dict of str to str
        The logins that were typed in the kernel.
    answer : str
        The file in which the process says that it has executed all files, by empty text, or what failed.
    """

    ledger: str
    options: dict[str, Any]
    codes: dict[str, str]
    logins: dict[str, str]
    answer: str


def notebook_path() -> Path | None:
    """Return the notebook this kernel belongs to, None if unknown."""
    path = notebook_file()
    return path if path is not None and path.is_file() else None


def move(scheduler: Any) -> dict[str, str]:
    """Return the button that moves a started scheduler's schedule: elsewhere, or here."""
    # What every process declares says nothing about where this kernel's own tasks run.
    own = scheduler.process.files(notebook_path())
    elsewhere = [name for name in scheduler.standing_by if name in own]
    if elsewhere:
        title = f"This kernel runs {_listed(elsewhere)}, not the process that does now"
        return {"do": "take_back", "words": "Run it here", "title": title}
    try:
        names = _listed(path.name for path in files_of(scheduler, notebook_path()))
        title = f"A background process executes {names} as saved and keeps running when this kernel ends"
    except UsageError as error:
        # The button stays, and its title says why it cannot work.
        title = str(error)
    return {"do": "hand_over", "words": "Run it in the background", "title": title}


def files_of(scheduler: Any, notebook: Path | None) -> list[Path]:
    """Return what a background process must execute: modules first, then reports, then the notebook.

    Parameters
    ----------
    notebook : Path or None
        Whose cells declare.

    Raises
    ------
    UsageError
        If no file declares some task; says which.
    """
    declared = scheduler.process.files(notebook)
    over = {task["name"] for task in scheduler.screens.board()["tasks"] if _over(task)}
    homeless = [name for name, path in declared.items() if path is None and name not in over]
    if homeless:
        raise UsageError(
            f"no file declares {_listed(map(repr, homeless))}: another process cannot run it",
            hint="declare it in a notebook or a module, or save the report as YAML",
        )
    files = {path for path in declared.values() if path is not None}
    if not files and notebook is not None:
        files = {notebook}
    if not files:
        raise UsageError("no task is declared here", hint="declare a task first")
    order = {".py": 0, ".yaml": 1, ".yml": 1}
    # A notebook may import the modules, and must find them declared, not declare them a second time.
    return sorted(files, key=lambda path: (order.get(path.suffix, 2), path))


def hand_over(scheduler: Any, notebook: Path | None, patience: float = START_SECONDS) -> str:
    """Start a background process that executes the files, and return once it has and runs the tasks.

    Parameters
    ----------
    scheduler : Scheduler
        Whose tasks are handed over.
    notebook : Path or None
        Whose cells declare. It is executed as it is on disk, in its own folder; cells tagged
        ``no-background`` are left out.
    patience : float
        Seconds until the process has to run the tasks; the rest of a notebook may take longer.

    Returns
    -------
    str
        Who runs them now.

    Raises
    ------
    UsageError
        If a file fails there, or does not declare a task of this scheduler, or declares it with other code
        than the kernel has executed last; the schedule then stays here.
    """
    files = files_of(scheduler, notebook)
    folder = notebook.parent if notebook is not None and notebook in files else Path.cwd()
    log_path = _log_path(scheduler, notebook if notebook in files else None)
    make_private(log_path)
    with log_path.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "schedkit.commands.background", *map(str, files)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path)},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Kept, so that an ended one can be reaped; it outlives this kernel all the same.
    children().append(child)
    under_way = _under_way(scheduler)
    under_way.append(child)
    try:
        with tempfile.TemporaryDirectory(prefix="schedkit-", ignore_cleanup_errors=True) as passing:
            answer = Path(passing) / "answer"
            return _told(scheduler, child, answer, log_path, patience)
    finally:
        under_way.remove(child)


def take_back(scheduler: Any) -> None:
    """Have this process run again all that is declared here, and end a hand-over that is under way.

    The tasks are at home there from the cell on that declares them. A process that went on with the next
    cells would take the tasks once more in the end.
    """
    for child in list(_under_way(scheduler)):
        child.terminate()
    scheduler.bring_home()


def _under_way(scheduler: Any) -> list[subprocess.Popen[bytes]]:
    """Return the background processes of a scheduler that have not yet executed all files."""
    return process_singleton(f"under way to the background {scheduler.ledger}", list)


def _told(
    scheduler: Any, child: subprocess.Popen[bytes], answer: Path, log_path: Path, patience: float
) -> str:
    """Give the process its instructions, and return who runs the tasks once it has executed all files."""
    assert child.stdin is not None
    instructions = _instructions(scheduler, answer)
    # One that died at once says why in its log.
    with contextlib.suppress(OSError), child.stdin as pipe:
        pickle.dump(instructions, pipe)
    end = time.monotonic() + patience
    while True:
        ended = child.poll() is not None
        # Its tasks are at home there from the cell on that declares them, and a later cell may fail.
        told = answer.read_text(encoding="utf-8") if answer.exists() else None
        node = _runs_there(scheduler, child.pid, instructions["codes"])
        if told or ended:
            raise UsageError(
                f"the schedule stays here, the background process ended: {told or _last_line(log_path)}",
                hint=f"see {log_path.name}",
            )
        if node is not None and told is not None:
            return node
        if node is None and time.monotonic() >= end:
            break
        time.sleep(LOOK_SECONDS)
    child.terminate()
    child.wait(10)
    raise SchedkitError(
        f"the background process does not run the tasks within {patience:g} s", hint=f"see {log_path.name}"
    )


def _runs_there(scheduler: Any, pid: int, tasks: Iterable[str]) -> str | None:
    """Return the process of that number here once all these tasks, and any, are at home with it."""
    homes = {row["name"]: row["home"] for row in scheduler.screens.board()["tasks"]}
    for node in scheduler.nodes:
        if node.pid == pid and node.nearby and node.life in homes.values():
            return str(node) if all(homes.get(name) == node.life for name in tasks) else None
    return None


def _instructions(scheduler: Any, answer: Path) -> Instructions:
    over = {task["name"] for task in scheduler.screens.board()["tasks"] if _over(task)}
    name, results = scheduler.name.removesuffix(".ipynb"), scheduler.process.results
    return {
        "ledger": scheduler.process.address,
        "options": {
            **scheduler.process.options,
            "name": f"{name.removesuffix(BEHIND)}{BEHIND}",
            "results": results.absolute() if isinstance(results, Path) else results,
        },
        "codes": {name: code for name, code in scheduler.process.codes.items() if name not in over},
        "logins": given_logins(),
        "answer": str(answer),
    }


def _over(task: dict[str, Any]) -> bool:
    """Tell whether a task's schedule has come to its end: nothing is lost without it."""
    return bool(task["trigger"]) and task["next_run"] is None and task["state"] == "idle"


def _log_path(scheduler: Any, notebook: Path | None) -> Path:
    if notebook is not None:
        return notebook.with_suffix(".background.log")
    ledger = Path(scheduler.ledger)
    return ledger.with_suffix(".background.log") if ledger.is_file() else Path("schedkit.background.log")


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - NAMES_SHOWN
    return ", ".join(every[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def children() -> list[subprocess.Popen[bytes]]:
    """Return the background processes that this kernel has started and that have not ended."""
    known: list[subprocess.Popen[bytes]] = process_singleton("background processes", list)
    known[:] = [child for child in known if child.poll() is None]
    return known


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"

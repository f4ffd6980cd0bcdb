"""Hand the schedule to a background process that outlives the kernel, and take it back.

The process executes the notebook afresh, so nothing is pickled: what the notebook declares is what runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from schedkit.errors import SchedkitError, UsageError
from schedkit.loop import live

__all__ = ["children", "hand_over", "move", "notebook_path"]

START_SECONDS = 90.0
LOOK_SECONDS = 0.1


def notebook_path() -> Path | None:
    """Return the notebook this kernel belongs to, None where nobody told."""
    name = os.environ.get("JPY_SESSION_NAME", "")
    path = Path(name)
    return path if path.suffix == ".ipynb" and path.is_file() else None


def move(scheduler: dict[str, Any], notebook: Path | None) -> dict[str, str] | None:
    """Return the button that moves the schedule: elsewhere, here, or none.

    Parameters
    ----------
    scheduler : dict
        The board's row of the scheduler.
    notebook : Path or None
        What a background process could execute.
    """
    if scheduler.get("state") == "viewer":
        title = "This kernel becomes the owner; the present one is asked to let go"
        return {"do": "take_back", "words": "Run it here", "title": title}
    if scheduler.get("state") == "running" and notebook is not None:
        title = f"A background process executes {notebook.name} as saved and goes on when this kernel ends"
        return {"do": "hand_over", "words": "Run it in the background", "title": title}
    return None


def hand_over(scheduler: Any, notebook: Path, patience: float = START_SECONDS) -> str:
    """Start a background process that executes `notebook` and takes over the ledger; blocks until it has.

    Parameters
    ----------
    scheduler : Scheduler
        Whose ledger is handed over.
    notebook : Path
        Executed as it is on disk, in its own folder; cells tagged ``no-background`` are left out.
    patience : float
        Seconds.

    Returns
    -------
    str
        Who owns the ledger now.

    Raises
    ------
    UsageError
        If the notebook fails there, or does not open this ledger; the schedule then stays here.
    """
    log_path = notebook.with_suffix(".background.log")
    command = [sys.executable, "-m", "schedkit.widgets.background", scheduler.ledger, str(notebook)]
    # The name under which others see the owner, unless the notebook gives its scheduler one.
    environment = {**os.environ, "JPY_SESSION_NAME": f"{notebook.stem} in the background"}
    with log_path.open("wb") as log:
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=notebook.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Kept, so that an ended one can be reaped; it outlives this kernel all the same.
    children().append(child)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        owner = scheduler.owner
        if owner is not None and owner.pid == child.pid:
            return str(owner)
        if child.poll() is not None:
            raise UsageError(
                f"the background process ended: {_last_line(log_path)}", hint=f"see {log_path.name}"
            )
        time.sleep(LOOK_SECONDS)
    child.terminate()
    child.wait(10)
    raise SchedkitError(
        f"the background process has not taken over within {patience:g} s", hint=f"see {log_path.name}"
    )


def children() -> list[subprocess.Popen[bytes]]:
    """Return the background processes that this kernel has started and that have not ended."""
    known: list[subprocess.Popen[bytes]] = live("background processes", list)
    known[:] = [child for child in known if child.poll() is None]
    return known


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"

"""Arguments and options that several commands have."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from schedkit.errors import SchedkitError

__all__ = [
    "AllTasks",
    "AsJson",
    "Files",
    "Given",
    "Ledger",
    "Opens",
    "OptionalTask",
    "RunOrTask",
    "ServiceName",
    "ServicePort",
    "TaskName",
    "Wait",
]


def task_names(incomplete: str) -> list[str]:
    """Return the tasks of the project's ledger, for shell completion."""
    from schedkit.commands.ledgers import looking

    with contextlib.suppress(SchedkitError), looking(None) as scheduler:
        return [name for name in scheduler.tasks if name.startswith(incomplete)]
    return []


Ledger = Annotated[
    str | None,
    typer.Option("--ledger", metavar="L", help="SQLite file or SQLAlchemy URL; by default the settings'."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--param", "-p", metavar="NAME=VALUE", help="A parameter, as JSON or text; may be repeated."
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end; exit code 1 unless it is DONE.")]
TaskName = Annotated[str, typer.Argument(metavar="TASK", help="Name of a task.", autocompletion=task_names)]
OptionalTask = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="Only this task.", autocompletion=task_names)
]
RunOrTask = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="Id of a run, or a task for its latest run.", autocompletion=task_names
    ),
]
AllTasks = Annotated[bool, typer.Option("--all", help="All tasks.")]
Opens = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the file in $VISUAL or $EDITOR.", show_default=False)
]
Files = Annotated[list[Path] | None, typer.Argument(help="Reports (.yaml), task modules, notebooks.")]
ServiceName = Annotated[
    str | None, typer.Option("--name", help="Name of the service; by default the project's folder.")
]
ServicePort = Annotated[
    int | None,
    typer.Option("--port", help="Serve REST and the board on this port of the machine.", min=1, max=65535),
]

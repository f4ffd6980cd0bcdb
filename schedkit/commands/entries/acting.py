"""Commands that ask the running processes: trigger, pause, resume, cancel, retry, backfill."""

from __future__ import annotations

from typing import Annotated

import typer

from schedkit.commands.entries.arguments import (
    AllTasks,
    AsJson,
    Given,
    Ledger,
    OptionalTask,
    RunOrTask,
    TaskName,
    Wait,
)

__all__ = ["acting"]

acting = typer.Typer()
PANEL = "Act"


@acting.command(rich_help_panel=PANEL)
def trigger(
    task: TaskName, given: Given = None, wait: Wait = False, ledger: Ledger = None, as_json: AsJson = False
) -> None:
    """Run a task now; prints the id of the run."""
    from schedkit.commands import act

    act.trigger(task, given=given or [], wait=wait, ledger=ledger, as_json=as_json)


@acting.command(rich_help_panel=PANEL)
def retry(
    run: RunOrTask, given: Given = None, wait: Wait = False, ledger: Ledger = None, as_json: AsJson = False
) -> None:
    """Run an ended run again, with its parameters or with those given here."""
    from schedkit.commands import act

    act.retry(run, given=given or [], wait=wait, ledger=ledger, as_json=as_json)


@acting.command(rich_help_panel=PANEL)
def pause(task: OptionalTask = None, everything: AllTasks = False, ledger: Ledger = None) -> None:
    """Stop the due times of a task, or of all tasks; triggered runs still happen."""
    from schedkit.commands import act

    act.pause(task, everything=everything, ledger=ledger)


@acting.command(rich_help_panel=PANEL)
def resume(task: OptionalTask = None, everything: AllTasks = False, ledger: Ledger = None) -> None:
    """Continue the due times; those that passed meanwhile are recorded as missed."""
    from schedkit.commands import act

    act.resume(task, everything=everything, ledger=ledger)


@acting.command(rich_help_panel=PANEL)
def cancel(run: RunOrTask, ledger: Ledger = None) -> None:
    """Cancel a run."""
    from schedkit.commands import act

    act.cancel(run, ledger=ledger)


@acting.command(rich_help_panel=PANEL)
def backfill(
    task: TaskName,
    start: Annotated[str, typer.Argument(help="First day or moment, e.g. 2026-11-01.")],
    end: Annotated[str, typer.Argument(help="Last day or moment, included.")],
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Run the past due times of a task that have no run, each once."""
    from schedkit.commands import act

    act.backfill(task, start, end, ledger=ledger, as_json=as_json)

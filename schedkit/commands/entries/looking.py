"""Commands that look: tasks, nodes, runs, show, logs, history, due."""

from __future__ import annotations

from typing import Annotated

import typer

from schedkit.commands.entries.arguments import AsJson, Ledger, OptionalTask, RunOrTask, TaskName

__all__ = ["looking"]

looking = typer.Typer()
PANEL = "Look"
Limit = Annotated[int, typer.Option("--limit", help="Maximum number of rows.", min=1)]


@looking.command(rich_help_panel=PANEL)
def tasks(ledger: Ledger = None, as_json: AsJson = False) -> None:
    """List the tasks in the ledger."""
    from schedkit.commands.look import show_tasks

    show_tasks(ledger, as_json=as_json)


@looking.command(rich_help_panel=PANEL)
def nodes(
    end: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="End this process, by name or pid; another one takes its tasks over."
        ),
    ] = None,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """List the processes that run tasks: kernels, background processes, servers, scripts."""
    from schedkit.commands.nodes import end_node, show_nodes

    if end is not None:
        end_node(end, ledger=ledger)
    else:
        show_nodes(ledger, as_json=as_json)


@looking.command(rich_help_panel=PANEL)
def runs(
    task: OptionalTask = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Only runs in this state, e.g. failed; may be repeated.")
    ] = None,
    limit: Limit = 20,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first, including those that have not ended."""
    from schedkit.commands.look import show_runs

    show_runs(task, states=state or [], limit=limit, ledger=ledger, as_json=as_json)


@looking.command(rich_help_panel=PANEL)
def show(run: RunOrTask, ledger: Ledger = None, as_json: AsJson = False) -> None:
    """Show a run: facts, files, attempts, log, traceback."""
    from schedkit.commands.look import show_run

    show_run(run, ledger=ledger, as_json=as_json)


@looking.command(rich_help_panel=PANEL)
def logs(
    run: RunOrTask,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow it until the run ends.")] = False,
    ledger: Ledger = None,
    as_json: AsJson = False,
) -> None:
    """Print the log of a run."""
    from schedkit.commands.look import show_logs

    show_logs(run, follow_it=follow, ledger=ledger, as_json=as_json)


@looking.command(rich_help_panel=PANEL)
def history(
    task: OptionalTask = None, limit: Limit = 20, ledger: Ledger = None, as_json: AsJson = False
) -> None:
    """List the latest runs that have ended, newest first, with their errors."""
    from schedkit.commands.look import show_history

    show_history(task, limit=limit, ledger=ledger, as_json=as_json)


@looking.command(rich_help_panel=PANEL)
def due(task: TaskName, limit: Limit = 10, ledger: Ledger = None, as_json: AsJson = False) -> None:
    """List the next due times of a task, and the past ones with their outcomes."""
    from schedkit.commands.look import show_due

    show_due(task, limit=limit, ledger=ledger, as_json=as_json)

"""The command line: thin; every command ends in `app`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from schedkit.commands.words import one_line
from schedkit.errors import SchedkitError, UsageError
from schedkit.values.failures import translate

__all__ = ["cli", "main"]

cli = typer.Typer(
    name="schedkit",
    help="Jira data on time: extract, shape, check, deliver; on a schedule, watched.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.command()
def demo(
    issues: Annotated[int, typer.Option(help="Issues on the demo site.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic data.")] = 7,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the site and the schedule running.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as one JSON object.")] = False,
    report: Annotated[Path, typer.Option(help="The report to run.")] = Path("reports/demo.yaml"),
) -> None:
    """Run a report against an embedded Jira and Confluence, and print where things are."""
    from schedkit.commands.demo import run_demo

    run_demo(issues=issues, seed=seed, keep=keep, as_json=as_json, report=report)


@cli.command("demo-site")
def demo_site(
    port: Annotated[int, typer.Option(help="0: a free port.", min=0, max=65535)] = 0,
    issues: Annotated[int, typer.Option(help="Synthetic issues.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic data.")] = 7,
    latency: Annotated[str, typer.Option(help="Added to every answer, e.g. 150ms.")] = "0ms",
    page_cap: Annotated[int | None, typer.Option(help="Most issues a Data Center page holds.")] = None,
    issue_kb: Annotated[float | None, typer.Option(help="Size of an issue in KB.")] = None,
    faults: Annotated[str, typer.Option(help="E.g. rate=0.1,kinds=429|503|reset|truncate|html.")] = "",
) -> None:
    """Run the demo Jira and Confluence until Ctrl-C; prints one JSON line when it is ready."""
    from schedkit.demo import serve

    serve(
        port=port,
        issues=issues,
        seed=seed,
        latency=latency,
        page_cap=page_cap,
        issue_kb=issue_kb,
        faults=faults,
    )


@cli.command()
def run(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Reports (.yaml), task modules, notebooks.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Run each once now, then end.")] = False,
    plugins: Annotated[bool, typer.Option("--plugins", help="Add the installed plug-ins' tasks.")] = False,
    standby: Annotated[
        bool, typer.Option("--standby", help="Take over when the present owner ends.")
    ] = False,
    ledger: Annotated[str | None, typer.Option(help="SQLite file or SQLAlchemy URL.")] = None,
) -> None:
    """Run what the files declare, on their schedules, until Ctrl-C."""
    from schedkit.commands.run import run_files

    run_files(files or [], once=once, plugins=plugins, standby=standby, ledger=ledger)


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The notebooks' folder.")] = Path("notebooks"),
    issues: Annotated[int, typer.Option(help="Issues on the demo site.", min=1)] = 2000,
) -> None:
    """Open JupyterLab on the notebooks with the demo site up; further options go to JupyterLab."""
    from schedkit.commands.lab import open_lab

    open_lab(folder, issues=issues, options=context.args)


@cli.command()
def tasks(
    ledger: Annotated[str | None, typer.Option(help="SQLite file or SQLAlchemy URL.")] = None,
) -> None:
    """List the tasks that the ledger knows."""
    from schedkit.commands.show import show_tasks

    show_tasks(ledger)


@cli.command()
def history(
    task: Annotated[str | None, typer.Argument(help="Only this task.")] = None,
    limit: Annotated[int, typer.Option(help="The latest runs.", min=1)] = 20,
    ledger: Annotated[str | None, typer.Option(help="SQLite file or SQLAlchemy URL.")] = None,
) -> None:
    """List the latest runs."""
    from schedkit.commands.show import show_history

    show_history(task, limit=limit, ledger=ledger)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; a failure is one clear line on standard error.

    Returns
    -------
    int
        0: done; 1: it failed; 2: it was asked for wrongly; 130: interrupted.
    """
    try:
        result = cli(arguments, standalone_mode=False)
    except SchedkitError as error:
        sys.stderr.write(f"schedkit: {one_line(str(error))}\n")
        return 2 if isinstance(error, UsageError) else 1
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        ours = translate(error, "what the command needs")
        if ours is None:
            return _usage(error)
        sys.stderr.write(f"schedkit: {one_line(str(ours))}\n")
        return 1
    return result if isinstance(result, int) else 0


def _usage(error: Exception) -> int:
    """Print a command-line mistake that the parser found; anything else is ours and goes up."""
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    if show():  # nothing to say where the parser has just printed the help
        sys.stderr.write(f"schedkit: {show()} (try: schedkit --help)\n")
    return 2

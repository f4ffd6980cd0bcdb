"""The command line: options and exit codes; each command is a file in `commands`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from schedkit import __version__
from schedkit.commands.serving import serving
from schedkit.errors import SchedkitError, UsageError
from schedkit.values.failures import translate
from schedkit.values.text import one_line

__all__ = ["cli", "main"]

LONGEST_LINE = 2000  # characters of a failure; a message may list what is missing


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"schedkit {__version__}\n")
        raise typer.Exit


cli = typer.Typer(
    name="schedkit",
    help="Run Jira extractions on a schedule and deliver them to Excel and Confluence.",
    epilog="Exit codes: 0 success, 1 failure, 2 wrong input, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


cli.add_typer(serving)


@cli.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of `schedkit` itself; the parser has carried them out before it gets here."""


@cli.command()
def demo(
    issues: Annotated[int, typer.Option(help="Issues on the demo site.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic data.")] = 7,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the site and the schedule running.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as one JSON object.")] = False,
    report: Annotated[Path, typer.Option(help="Report to run.")] = Path("reports/demo.yaml"),
) -> None:
    """Run a report against a built-in Jira and Confluence, and print where the results are."""
    from schedkit.commands.demo import run_demo

    run_demo(issues=issues, seed=seed, keep=keep, as_json=as_json, report=report)


@cli.command("demo-site")
def demo_site(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 means a free port.", min=0, max=65535)] = 0,
    issues: Annotated[int, typer.Option(help="Synthetic issues.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic data.")] = 7,
    latency: Annotated[str, typer.Option(help="Delay of every response, e.g. 150ms.")] = "0ms",
    page_cap: Annotated[int | None, typer.Option(help="Maximum issues per page on Data Center.")] = None,
    issue_kb: Annotated[float | None, typer.Option(help="Size of each issue in KB.")] = None,
    faults: Annotated[
        str, typer.Option(help="Faults to inject, e.g. rate=0.1,kinds=429|503|reset|truncate|html.")
    ] = "",
) -> None:
    """Run the demo Jira and Confluence until Ctrl-C; prints one JSON line when ready."""
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
    once: Annotated[bool, typer.Option("--once", help="Run each task once now, then exit.")] = False,
    plugins: Annotated[
        bool, typer.Option("--plugins", help="Also run the tasks of installed plug-ins.")
    ] = False,
    ledger: Annotated[str | None, typer.Option(help="SQLite file or SQLAlchemy URL.")] = None,
) -> None:
    """Run the tasks that the files declare, on their schedules, until Ctrl-C."""
    from schedkit.commands.run import run_files

    run_files(files or [], once=once, plugins=plugins, ledger=ledger)


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of the notebooks.")] = Path("notebooks"),
    issues: Annotated[int, typer.Option(help="Issues on the demo site.", min=1)] = 2000,
) -> None:
    """Open JupyterLab on the notebooks with the demo site running; other options go to JupyterLab."""
    from schedkit.commands.lab import open_lab

    open_lab(folder, issues=issues, options=context.args)


@cli.command()
def tasks(
    ledger: Annotated[str | None, typer.Option(help="SQLite file or SQLAlchemy URL.")] = None,
) -> None:
    """List the tasks in the ledger."""
    from schedkit.commands.show import show_tasks

    show_tasks(ledger)


@cli.command()
def history(
    task: Annotated[str | None, typer.Argument(help="Show this task only.")] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of runs.", min=1)] = 20,
    ledger: Annotated[str | None, typer.Option(help="SQLite file or SQLAlchemy URL.")] = None,
) -> None:
    """List the latest runs, newest first."""
    from schedkit.commands.show import show_history

    show_history(task, limit=limit, ledger=ledger)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; a failure is one line on standard error.

    Returns
    -------
    int
        The exit code. 0: success; 1: failure (a run, a site, a file or the ledger); 2: wrong input; 130:
        interrupted by Ctrl-C.
    """
    try:
        result = cli(arguments, standalone_mode=False)
    except SchedkitError as error:
        sys.stderr.write(f"schedkit: {one_line(str(error), LONGEST_LINE)}\n")
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
    """Print what the parser refused; raise anything else, which is a bug of ours."""
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    if show():  # empty where the parser has just printed the help
        sys.stderr.write(f"schedkit: {show()} (try: schedkit --help)\n")
    return 2

"""Commands that run something: demo, demo-site, lab, run, worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schedkit.commands.entries.arguments import AsJson, Given, Ledger

__all__ = ["running"]

running = typer.Typer()
PANEL = "Run"


@running.command(rich_help_panel=PANEL)
def demo(
    issues: Annotated[int, typer.Option(help="Issues on the demo site.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic data.")] = 7,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the site and the schedule running.")] = False,
    as_json: AsJson = False,
    report: Annotated[
        Path | None, typer.Option(help="Report to run; by default reports/demo.yaml, or the one of schedkit.")
    ] = None,
    cluster: Annotated[
        bool,
        typer.Option(
            "--cluster", help="Instead run two nodes and two Dask workers on one ledger until Ctrl-C."
        ),
    ] = False,
) -> None:
    """Run a report against a built-in Jira and Confluence, and print where the results are."""
    if cluster:
        from schedkit.commands.cluster import run_cluster

        run_cluster(issues=issues, seed=seed)
        return
    from schedkit.commands.demo import run_demo

    run_demo(issues=issues, seed=seed, keep=keep, as_json=as_json, report=report)


@running.command("demo-site", rich_help_panel=PANEL)
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


@running.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, rich_help_panel=PANEL
)
def lab(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of the notebooks; by default notebooks, made if there is none."),
    ] = None,
    issues: Annotated[int, typer.Option(help="Issues on the demo site.", min=1)] = 2000,
) -> int:
    """Open JupyterLab on the notebooks with the demo site running; other options go to JupyterLab."""
    from schedkit.commands.lab import open_lab

    return open_lab(folder, issues=issues, options=context.args)


@running.command(rich_help_panel=PANEL)
def run(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Reports (.yaml), task modules, notebooks.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Run each task once now, then exit.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Reload edited files; a file with a mistake keeps its tasks.")
    ] = False,
    given: Given = None,
    plugins: Annotated[
        bool, typer.Option("--plugins", help="Also run the tasks of installed plug-ins.")
    ] = False,
    ledger: Ledger = None,
) -> None:
    """Run the tasks of files, or of the settings, on their schedules until Ctrl-C."""
    from schedkit.commands.run import run_files

    run_files(files or [], once=once, watch=watch, plugins=plugins, given=given or [], ledger=ledger)


@running.command(rich_help_panel=PANEL)
def worker(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Reports (.yaml), task modules: those that the home runs.")
    ] = None,
    dask: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The Dask scheduler: tcp://HOST:PORT or tls://HOST:PORT.")
    ] = "tcp://127.0.0.1:8786",
    threads: Annotated[int, typer.Option(help="Runs at once, each in a process of its own.", min=1)] = 2,
    resource: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=AMOUNT", help="What it has for tasks with runs_on, e.g. memory=8GB."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name, as others see it.")] = None,
) -> None:
    """Carry out runs of tasks with runs_in=dask for the nodes that use a Dask cluster, until Ctrl-C."""
    from schedkit.commands.worker import run_worker

    run_worker(files or [], dask=dask, threads=threads, resources=resource or [], name=name)

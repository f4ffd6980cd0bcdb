"""Commands about a project and its files, from `new` to `ledger`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.core import TyperGroup

from schedkit.commands.entries.arguments import AsJson, Files, Ledger, Opens, ServiceName, ServicePort

__all__ = ["project"]

project = typer.Typer()
PANEL = "Project"
new = typer.Typer(
    no_args_is_help=True, help="Write the files that a project, a report, a task or a server begins with."
)
ledger = typer.Typer(no_args_is_help=True, help="Back up, restore or check the ledger.")
project.add_typer(new, name="new", rich_help_panel=PANEL)
project.add_typer(ledger, name="ledger", rich_help_panel=PANEL)


@new.command("project")
def new_project(
    folder: Annotated[Path, typer.Argument(help="Its folder.")] = Path(),
    url: Annotated[
        str | None, typer.Option("--site", help="Address of your Jira; empty: the demo site.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Your e-mail address on Cloud.")] = None,
) -> None:
    """Write settings and a report, and print the two commands that come next."""
    from schedkit.commands import new

    new.new_project(folder, url=url, user=user)


@new.command("report")
def new_report(
    name: Annotated[str | None, typer.Argument(help="Its name, and the file's.")] = None,
    site: Annotated[str | None, typer.Option(help="A site of the settings.")] = None,
    jql: Annotated[str | None, typer.Option(help="Which issues.")] = None,
    opens: Opens = True,
) -> None:
    """Write a report of one query to reports/."""
    from schedkit.commands import new

    new.new_report(name, site=site, jql=jql, opens=opens)


@new.command("task")
def new_task(
    name: Annotated[str | None, typer.Argument(help="Its name, and the module's.")] = None,
    opens: Opens = True,
) -> None:
    """Write a module with a task to tasks/."""
    from schedkit.commands import new

    new.new_task(name, opens=opens)


@new.command("docker")
def new_docker(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Reports, task modules, notebooks; by default reports/*.yaml and tasks/*.py."),
    ] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Also a second node, a Dask scheduler and two workers.")
    ] = False,
) -> None:
    """Write a Dockerfile, and a compose file with the ledger on PostgreSQL."""
    from schedkit.commands import deploy

    deploy.new_docker(files or [], cluster=cluster)


@new.command("systemd")
def new_systemd(
    files: Files = None, name: ServiceName = None, port: ServicePort = None, ledger: Ledger = None
) -> None:
    """Write a unit for the systemd of a server; `schedkit service` is for your own machine."""
    from schedkit.commands import deploy

    deploy.new_systemd(files or [], name=name, port=port, ledger=ledger)


@project.command(rich_help_panel=PANEL)
def check(
    files: Annotated[list[Path], typer.Argument(help="Reports, task modules, notebooks.")],
    as_json: AsJson = False,
) -> None:
    """List all mistakes in files, without running a task."""
    from schedkit.commands.check import check_files

    check_files(files, as_json=as_json)


@project.command(rich_help_panel=PANEL)
def extract(
    jql: Annotated[str, typer.Argument(help="Which issues.")],
    output: Annotated[
        str, typer.Option("--output", "-o", help="A .xlsx, .csv or .parquet file; - prints CSV.")
    ] = "-",
    site: Annotated[str | None, typer.Option(help="A site of the settings, where there are several.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="A column; may be repeated.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first issues.", min=1)] = None,
) -> None:
    """Write the issues that a query finds to a file."""
    from schedkit.commands.extract import extract

    extract(jql, output=output, site=site, fields=field or [], limit=limit)


@project.command(rich_help_panel=PANEL)
def connect(
    url: Annotated[str, typer.Argument(help="Base URL of a Jira or Confluence.")],
    user: Annotated[str | None, typer.Option(help="Your e-mail address on Cloud.")] = None,
    kind: Annotated[Literal["jira", "confluence"] | None, typer.Option(help="What it is.")] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input.")
    ] = False,
) -> None:
    """Log in to a site once: asks for a token, checks it, keeps it."""
    from schedkit.commands.connect import connect

    connect(url, user=user, kind=kind, token_stdin=token_stdin)


@project.command(rich_help_panel=PANEL)
def doctor(ledger: Ledger = None, as_json: AsJson = False) -> None:
    """Check versions, settings, ledger, disk, processes, and each site: login, clock, permissions."""
    from schedkit.commands.doctor import doctor

    doctor(ledger=ledger, as_json=as_json)


@project.command(rich_help_panel=PANEL)
def settings(
    everything: Annotated[bool, typer.Option("--all", help="Defaults too.")] = False, as_json: AsJson = False
) -> None:
    """Show the settings in force and where each comes from; secrets are masked."""
    from schedkit.commands.settings import show_settings

    show_settings(everything=everything, as_json=as_json)


@project.command(rich_help_panel=PANEL)
def schema() -> None:
    """Print the JSON Schema of reports, with which editors complete them."""
    from schedkit.commands.schema import print_schema

    print_schema()


@project.command(rich_help_panel=PANEL)
def reference(context: typer.Context) -> None:
    """Print all commands, settings, keys of reports, options of tasks and Python names, as Markdown."""
    from schedkit.commands.reference import print_reference

    root = context.find_root().command
    assert isinstance(root, TyperGroup)
    print_reference(root)


@ledger.command("backup")
def ledger_backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes.")], ledger: Ledger = None
) -> None:
    """Copy the ledger to a file while processes may write to it; the copy is checked."""
    from schedkit.commands.ledger import back_up_ledger

    back_up_ledger(file, ledger=ledger)


@ledger.command("restore")
def ledger_restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` made.")], ledger: Ledger = None
) -> None:
    """Replace the ledger with a backup; the replaced file is kept beside it."""
    from schedkit.commands.ledger import restore_ledger

    restore_ledger(file, ledger=ledger)


@ledger.command("salvage")
def ledger_salvage(
    file: Annotated[Path, typer.Argument(help="Where the new ledger goes.")], ledger: Ledger = None
) -> None:
    """Write a new ledger with the readable rows of a damaged one."""
    from schedkit.commands.ledger import salvage_ledger

    salvage_ledger(file, ledger=ledger)


@ledger.command("check")
def ledger_check(ledger: Ledger = None, as_json: AsJson = False) -> None:
    """Check every page and index of the ledger."""
    from schedkit.commands.ledger import check_ledger

    check_ledger(ledger=ledger, as_json=as_json)

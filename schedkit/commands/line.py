"""The command line as a whole: all commands under one name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from schedkit import __version__
from schedkit.commands.entries.acting import acting
from schedkit.commands.entries.looking import looking
from schedkit.commands.entries.project import project
from schedkit.commands.entries.running import running
from schedkit.commands.entries.serving import serving
from schedkit.values.paths import SETTINGS_VARIABLE

__all__ = ["EXIT_CODES", "cli"]

EXIT_CODES = {
    0: "success",
    1: "failure (a run, a site, a file, the ledger)",
    2: "wrong input",
    130: "interrupted by Ctrl-C",
}


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"schedkit {__version__}\n")
        raise typer.Exit


def _use_settings(file: Path | None) -> None:
    if file is not None:
        os.environ[SETTINGS_VARIABLE] = str(file.absolute())  # child processes use it too


cli = typer.Typer(
    name="schedkit",
    help="Run Jira extractions on a schedule and deliver them to Excel and Confluence.",
    epilog="Exit codes: " + "; ".join(f"{code} {words}" for code, words in EXIT_CODES.items()) + ".",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for entries in (running, serving, looking, acting, project):
    cli.add_typer(entries)


@cli.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(
            callback=_use_settings,
            metavar="FILE",
            help=f"Settings file; also {SETTINGS_VARIABLE}. By default schedkit.yaml of the project.",
        ),
    ] = None,
) -> None:
    """Options of `schedkit` itself; the parser has carried them out before it gets here."""

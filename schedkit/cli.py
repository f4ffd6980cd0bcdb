"""The entry point of the command line: exit codes, and one line for a failure."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

import typer

from schedkit.commands.line import EXIT_CODES, cli
from schedkit.errors import SchedkitError, UsageError
from schedkit.values.failures import translate
from schedkit.values.text import one_line

__all__ = ["EXIT_CODES", "cli", "main"]

LONGEST_LINE = 2000  # characters of a failure; a message may list what is missing


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; a failure is one line on standard error.

    Returns
    -------
    int
        The exit code. 0: success; 1: failure (a run, a site, a file or the ledger); 2: wrong input; 130:
        interrupted by Ctrl-C.
    """
    try:
        result = _commands()(arguments, prog_name="schedkit", standalone_mode=False)
    except SchedkitError as error:
        typer.echo(f"schedkit: {one_line(str(error), LONGEST_LINE)}", err=True)
        return 2 if isinstance(error, UsageError) else 1
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:  # the reader of the output has exited: `schedkit runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere, unsaid
        return 1
    except Exception as error:
        ours = translate(error, "what the command needs")
        if ours is None:
            return _usage(error)
        typer.echo(f"schedkit: {one_line(str(ours))}", err=True)
        return 1
    return result if isinstance(result, int) else 0


@functools.cache  # a tenth of a second, which who calls `main` again and again need not spend again
def _commands() -> Any:
    return typer.main.get_command(cli)


def _usage(error: Exception) -> int:
    """Print what the parser refused; raise anything else, which is a bug of ours."""
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    if show():  # empty where the parser has just printed the help
        typer.echo(f"schedkit: {one_line(show(), LONGEST_LINE)} (try: schedkit --help)", err=True)
    return 2

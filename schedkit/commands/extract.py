"""``schedkit extract``: issues into a file or to standard output, without a report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from schedkit import context
from schedkit.app import App, app
from schedkit.commands.bars import CallBars
from schedkit.commands.output import console, print_line
from schedkit.errors import IncompleteError, UsageError
from schedkit.values.extraction import incomplete
from schedkit.values.files import scratch_folder
from schedkit.values.text import counted, printable

__all__ = ["extract"]

STANDARD_OUTPUT = "-"


def extract(jql: str, *, output: str, site: str | None, fields: list[str], limit: int | None) -> None:
    """Write the issues that a query finds to a file, or as CSV to standard output.

    Raises
    ------
    UsageError
        No site is configured, or several and none is named.
    IncompleteError
        Not every issue came; nothing was written.
    """
    from schedkit import excel

    project = app()
    jira = project.site(site or _only_jira(project))
    with CallBars(console(stderr=True)) as bars, context.use(bars):
        frame = jira.search(jql, fields=fields or None, limit=limit)
        missing = incomplete(frame.attrs)
        if missing:
            raise IncompleteError(
                missing, hint="try again; a report with partial: allow delivers what there is"
            )
        if output != STANDARD_OUTPUT:
            written = excel.write(frame, output, tz=project.tz)
    if output == STANDARD_OUTPUT:
        _print_csv(frame, project)
    else:
        print_line(f"{counted(written.rows, 'row')} in {written.path}", stderr=True)


def _only_jira(project: App) -> str:
    names = [name for name, site in project.settings.sites.items() if site.kind == "jira"]
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError("no Jira is configured", hint="`schedkit connect URL` makes one known")
    raise UsageError("several sites are configured", hint=f"name one: --site {' or --site '.join(names)}")


def _print_csv(frame: Any, project: App) -> None:
    from schedkit import excel

    with scratch_folder() as folder:
        path = Path(folder) / "issues.csv"
        excel.write(frame, path, tz=project.tz)
        text = path.read_text(encoding="utf-8-sig")
    # A terminal obeys control characters; a program that reads the pipe gets what there is.
    sys.stdout.write(printable(text) + "\n" if sys.stdout.isatty() else text)
    sys.stdout.flush()

"""``schedkit check``: everything that is wrong in files, without running a task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from schedkit.app import App, app
from schedkit.commands.declare import Declared, check_file
from schedkit.commands.output import print_json, print_line
from schedkit.errors import SchedkitError, SettingsError
from schedkit.report import NotebookReport, Report
from schedkit.report.load import read_text, reports_of
from schedkit.values.files import scratch_folder
from schedkit.values.text import counted
from schedkit.values.yaml import Document, explain_all, parse_yaml_all

__all__ = ["check_files", "problems"]


def check_files(files: list[Path], *, as_json: bool) -> None:
    """Print all that is wrong with the settings and the files.

    Raises
    ------
    SettingsError
        Something is wrong.
    """
    project = app()
    with scratch_folder() as folder:
        found = {path: [str(each) for each in problems(project, path, folder)] for path in files}
    if as_json:
        print_json({str(path): wrong for path, wrong in found.items()})
    for path, wrong in found.items():
        for line in [] if as_json else wrong or [f"{path}: good"]:
            print_line(line)
    number = sum(map(len, found.values()))
    if number:
        raise SettingsError(f"{counted(number, 'mistake')} in {counted(len(files), 'file')}")


def problems(project: App, path: Path, folder: Path) -> Iterator[SchedkitError]:
    """Yield what is wrong with a file.

    Parameters
    ----------
    folder : Path
        Where a ledger may be made that is deleted afterwards.
    """
    try:
        check_file(path)
        if path.suffix in (".yaml", ".yml"):
            written = list(_mistakes_in_reports(project, path))
            yield from written
            if written:
                return
        # Its tasks are declared on a ledger of their own, and nothing is started.
        scratch = project.plain_scheduler(folder / f"check-{path.name}.db")
        before = project.current
        try:
            declared = Declared(project, scratch, scheduled=True)
            declared.file(path)
        finally:
            project.current = before
        for problem in declared.problems:
            yield SettingsError(str(problem))
    except SchedkitError as error:
        yield error


def _mistakes_in_reports(project: App, path: Path) -> Iterator[SchedkitError]:
    """Yield each mistake in the reports of a file, not only the first one."""
    for document in parse_yaml_all(read_text(path), str(path)):
        if isinstance(document.value, dict) and "tasks" not in document.value:
            yield from _mistakes(project, document)


def _mistakes(project: App, document: Document) -> Iterator[SchedkitError]:
    model = NotebookReport if "notebook" in document.value else Report
    try:
        model.model_validate(document.value)
    except ValidationError as error:
        yield from explain_all(error, document.where, model)
        return
    for report in reports_of(document):
        for place, problem in project.problems(report) if isinstance(report, Report) else ():
            yield SettingsError(f"{document.where(place)}: {problem.message}", hint=problem.hint)

"""Reports from YAML: one a document, several documents a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from schedkit.errors import SettingsError
from schedkit.report.definition import NotebookReport, Report
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr
from schedkit.values.yaml import Document, explain, parse_yaml_all

__all__ = ["load_reports", "loads_reports", "read_text", "reports_of"]


@check_keywords
def load_reports(path: str | Path) -> list[Report]:
    """Read every report of a file; one with ``for_each`` is one for each of its values.

    Raises
    ------
    SettingsError
        The file is missing, is not YAML, or holds a key or value that is not understood; the message names
        the file, the line and what to write instead.
    """
    return [report.of_file(path) for report in loads_reports(read_text(path), str(path))]


def read_text(path: str | Path) -> str:
    """Return a file's text; a file that cannot be read is a `SettingsError`."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"cannot read {path}: {reason}", hint="name a report file in YAML") from None


@check_keywords
def loads_reports(text: str, name: str = "report") -> list[Report]:
    """Read every report of a YAML text; `name` is for messages. Notebooks as tasks are left out."""
    documents = list(parse_yaml_all(text, name))
    if not documents:
        raise SettingsError(f"{name} contains no report", hint="write name:, extract: and deliver:")
    found = [report for document in documents for report in reports_of(document)]
    return [report for report in found if isinstance(report, Report)]


def reports_of(document: Document) -> list[Report | NotebookReport]:
    """Return the reports that one YAML document declares, or the notebooks that it runs as tasks.

    Raises
    ------
    SettingsError
        It holds a key or value that is not understood; the message names file, line and column.
    """
    if not isinstance(document.value, dict):
        raise SettingsError(
            f"{document.where(())}: expected a mapping, got {safe_repr(document.value)}",
            hint="write name:, extract: and deliver:",
        )
    model = NotebookReport if "notebook" in document.value else Report
    try:
        return list(model.model_validate(document.value).each())
    except ValidationError as error:
        raise explain(error, document.where, model) from None

"""Reports from YAML: one a document, several documents a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from schedkit.errors import SettingsError
from schedkit.report.definition import Report
from schedkit.report.deliver import deliverer
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr
from schedkit.values.yaml import Document, explain, parse_yaml_all

__all__ = ["load_reports", "loads_reports", "read_text", "report_of"]


@check_keywords
def load_reports(path: str | Path) -> list[Report]:
    """Read every report of a file.

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
    """Read every report of a YAML text; `name` is for messages."""
    reports = [report_of(document) for document in parse_yaml_all(text, name)]
    if not reports:
        raise SettingsError(f"{name} contains no report", hint="write name:, extract: and deliver:")
    return reports


def report_of(document: Document) -> Report:
    """Return the report that one YAML document declares."""
    if not isinstance(document.value, dict):
        raise SettingsError(
            f"{document.where(())}: expected a mapping, got {safe_repr(document.value)}",
            hint="write name:, extract: and deliver:",
        )
    try:
        report = Report.model_validate(document.value)
    except ValidationError as error:
        raise explain(error, document.where, Report) from None
    for index, item in enumerate(report.deliver):
        try:
            deliverer(item.to, item.options)
        except SettingsError as error:
            where = document.where(("deliver", index))
            raise SettingsError(f"{where}: {error.message}", hint=error.hint) from None
    return report

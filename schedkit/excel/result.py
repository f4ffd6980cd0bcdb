"""The result of `write`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from schedkit import context
from schedkit.excel.conversion_report import MEANINGS
from schedkit.values.durations import elapsed_text


@dataclass(frozen=True, repr=False)
class Written:
    """A file that was written, and which values had to be altered.

    Attributes
    ----------
    path : Path
        Where the file is; beside the wanted one if that was open in another program.
    rows : int
        Rows written, all sheets together.
    sheets : tuple of str
        The names of the sheets that were written, as the file has them: Summary and Index, then those with
        rows.
    altered : dict
        Cells (or sheets, columns) by kind of alteration; empty if everything is as it was given.
    notes : tuple of str
        What was worth a warning, a sentence each.
    updated, added, removed, marked : int
        Where an existing workbook was continued: rows that were updated, put below the others, taken away,
        and newly marked as missing.
    timezone : str
        The zone that aware datetimes are shown in.
    bytes : int
        Size of the file.
    seconds : float
        Wall time of the call.
    """

    path: Path
    rows: int
    sheets: tuple[str, ...] = ()
    altered: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    timezone: str = ""
    bytes: int = 0
    seconds: float = 0.0
    updated: int = 0
    added: int = 0
    removed: int = 0
    marked: int = 0

    def __repr__(self) -> str:
        return "\n  ".join([self._sentence(str(self.path)), *self._remarks()])

    def _repr_html_(self) -> str:
        address = escape(quote(_shown(self.path).as_posix(), safe="/:"), quote=True)
        link = f'<a href="{address}" target="_blank">{escape(str(self.path))}</a>'
        remarks = "".join(f"<li>{escape(remark)}</li>" for remark in self._remarks())
        return f"<div>{self._sentence(link)}{remarks and f'<ul>{remarks}</ul>'}</div>"

    def _sentence(self, path: str) -> str:
        noun = "row" if self.rows == 1 else "rows"
        changes = [
            f"{count:,} {what}"
            for what, count in (
                ("updated", self.updated),
                ("added", self.added),
                ("removed", self.removed),
                ("marked as missing", self.marked),
            )
            if count
        ]
        counts = f" ({', '.join(changes)})" if changes else ""
        size = f"{self.bytes / 1e6:.1f} MB" if self.bytes >= 50_000 else f"{self.bytes / 1e3:.0f} kB"
        return f"{self.rows:,} {noun} written to {path}{counts}: {size} in {elapsed_text(self.seconds)}"

    def _remarks(self) -> list[str]:
        return [*(f"{MEANINGS[kind]}: {count:,}" for kind, count in self.altered.items()), *self.notes]

    def facts(self) -> dict[str, Any]:
        """Return the same as JSON-able values, for the history of a run."""
        return asdict(self) | {"path": str(self.path), "sheets": list(self.sheets), "notes": list(self.notes)}


class WarningCollector(context.ExecutionContext):
    """Passes everything on to the listener, and keeps the warnings for `Written.notes`."""

    def __init__(self, listener: context.ExecutionContext) -> None:
        self.warnings: list[str] = []
        self._listener = listener

    def progress(self, stage: str, done: float, total: float | None) -> None:
        self._listener.progress(stage, done, total)

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        self._listener.fact(kind, facts)

    def artifact(self, path: Path, label: str) -> None:
        self._listener.artifact(path, label)

    def should_stop(self) -> bool:
        return self._listener.should_stop()

    def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
        return self._listener.on_stop(callback)

    def effects(self) -> context.Effects | None:
        return self._listener.effects()

    def log(self, level: int, message: str) -> None:
        if level >= logging.WARNING:
            self.warnings.append(message)
        self._listener.log(level, message)


def _shown(path: Path) -> Path:
    """Return a path as a notebook's page can follow it: relative to the working folder, if it lies there."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path

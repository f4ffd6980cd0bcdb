"""Appends that a repeated run must not make twice.

A run that failed or was interrupted starts again and appends its rows once more. The workbook records how
many times each run has appended to each table. It is replaced as a whole, so the rows and their record are
always written together.
"""

from __future__ import annotations

from collections import Counter

from schedkit.context import Effects
from schedkit.excel.frame_metadata import WorkbookMetadata


class AppendGuard:
    """The appends of one call to the workbook called `name`, among those of its run."""

    def __init__(self, effects: Effects, name: str) -> None:
        self._effects = effects
        self._name = name
        self._added: Counter[str] = Counter()

    def already_made(self, known: WorkbookMetadata, table: str) -> bool:
        """Tell whether a workbook with this metadata already has the next rows of a table."""
        made = known.appended(self._effects.run, self._place(table)) >= self._next(table)
        if made:
            self._added[table] += 1
        return made

    def recorded(self, known: WorkbookMetadata, table: str) -> WorkbookMetadata:
        """Return the metadata of a workbook after the next rows of a table were added."""
        number = self._next(table)
        self._added[table] += 1
        return known.with_append(self._effects.run, self._place(table), number)

    def done(self) -> None:
        """Count the appends of this call for its run: the file is written."""
        for table, times in self._added.items():
            self._effects.add(self._place(table), times)

    def _next(self, table: str) -> int:
        return self._effects.count(self._place(table)) + self._added[table] + 1

    def _place(self, table: str) -> str:
        # A copy under another name has the rows so far, and may be continued by itself.
        return f"{self._name}: {table}"

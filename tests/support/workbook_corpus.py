"""Real workbooks of other programs, and frames that fit into them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pandas as pd
from python_calamine import CalamineWorkbook

# Text, a number and a date by turns: whatever the column held before.
_VALUES = ("new & <text>", 7.5, pd.Timestamp("2026-11-29 12:30"))


def workbooks(folder: Path) -> list[Path]:
    """Return the workbooks below a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".xlsx", ".xlsm"))


def targets(path: Path) -> Iterator[tuple[str, list[str], int]]:
    """Yield places to fill: a table or a sheet, its headers, and how many rows it has."""
    try:
        book = openpyxl.load_workbook(path)
    except Exception:  # openpyxl reads less than spreadsheet programs do
        book = None
    found = False
    for sheet in book.worksheets if book is not None else ():
        for table in sheet.tables.values():
            if table.headerRowCount:
                found = True
                top, bottom = (int("".join(c for c in ref if c.isdigit())) for ref in table.ref.split(":"))
                totals = table.totalsRowCount or 0
                yield table.displayName, [column.name for column in table.tableColumns], bottom - top - totals
    if not found:
        yield from _first_rows(path)


def _first_rows(path: Path) -> Iterator[tuple[str, list[str], int]]:
    book = CalamineWorkbook.from_path(str(path))
    for meta in book.sheets_metadata:
        if str(meta.typ) != "SheetTypeEnum.WorkSheet":
            continue
        rows = book.get_sheet_by_name(meta.name).to_python(skip_empty_area=True)
        headers = (
            [str(value) for value in rows[0] if isinstance(value, str) and value.strip()] if rows else []
        )
        if headers:
            yield meta.name, headers, len(rows) - 1


def frame_for(headers: list[str], rows: int) -> pd.DataFrame:
    """Return a frame with those columns."""
    values = {place: [_VALUES[place % 3]] * rows for place in range(len(headers))}
    return pd.DataFrame(values).set_axis(headers, axis=1) if headers else pd.DataFrame(index=range(rows))

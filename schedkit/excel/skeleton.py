"""The workbook without its rows, drawn by openpyxl: header, widths, formats, table, freeze.

Each sheet holds a few prototype rows, one per way a cell of a column may look; the filler reads their
formats and puts the real rows in their place.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel import look
from schedkit.excel.links import LinkOf
from schedkit.excel.model import Column, Kind
from schedkit.excel.names import letters
from schedkit.excel.text import excel_escape

HEADER_ROW = 1
FIRST_ROW = 2
# The prototype rows: usual cells, links, and dates and durations within a mixed column.
PROTOTYPE_ROWS = USUAL_ROW, LINK_ROW, MOMENT_ROW, DURATION_ROW = tuple(range(FIRST_ROW, FIRST_ROW + 4))


@dataclass(frozen=True)
class SheetPlan:
    """One sheet of rows: its columns, and which rows of the frame it takes."""

    name: str
    table: str
    columns: tuple[Column, ...]
    start: int
    stop: int
    links: Mapping[int, LinkOf]

    @property
    def rows(self) -> int:
        return self.stop - self.start


def draw(plans: list[SheetPlan]) -> bytes:
    """Return the workbook of `plans` with headers and prototype rows."""
    book = Workbook()
    del book["Sheet"]
    for plan in plans:
        _draw_sheet(book.create_sheet(plan.name), plan)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _draw_sheet(sheet: Worksheet, plan: SheetPlan) -> None:
    for position, column in enumerate(plan.columns, 1):
        header = sheet.cell(HEADER_ROW, position, excel_escape(column.header))
        header.data_type = "s"
        header.font = Font(name=look.FONT, bold=True, color=look.HEADER_INK)
        header.fill = PatternFill("solid", fgColor=look.HEADER_FILL)
        header.alignment = Alignment(vertical="center")
        sheet.cell(USUAL_ROW, position).number_format = look.number_format(column)
        linked = sheet.cell(LINK_ROW, position)
        linked.font = Font(name=look.FONT, color=look.LINK_INK, underline="single")
        sheet.cell(MOMENT_ROW, position).number_format = look.FORMATS[Kind.DATETIME]
        sheet.cell(DURATION_ROW, position).number_format = look.FORMATS[Kind.DURATION]
        sheet.column_dimensions[letters(position)].width = look.width(column, plan.rows)
    sheet.row_dimensions[HEADER_ROW].height = 22
    sheet.freeze_panes = f"{'B' if 1 in plan.links else 'A'}{FIRST_ROW}"
    if plan.columns:
        # A table has at least one row, if only a blank one.
        ref = f"A{HEADER_ROW}:{letters(len(plan.columns))}{HEADER_ROW + max(plan.rows, 1)}"
        table = Table(displayName=plan.table, name=plan.table, ref=ref)
        table.tableStyleInfo = TableStyleInfo(name=look.TABLE_STYLE, showRowStripes=True)
        table.autoFilter = AutoFilter(ref=ref)
        table.tableColumns = [
            TableColumn(id=place, name=excel_escape(column.header))
            for place, column in enumerate(plan.columns, 1)
        ]
        sheet.add_table(table)

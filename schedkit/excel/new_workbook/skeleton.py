"""A new workbook without its rows, made by openpyxl: header, widths, formats, table, colours, charts.

Each sheet has a few prototype rows, one for each format that cells of a column may have. They are replaced by
the real rows, which take over their formats.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Side
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.column_types import Column, Kind, Policy
from schedkit.excel.links import LinkOf
from schedkit.excel.names import letters
from schedkit.excel.new_workbook import decorate, styles
from schedkit.excel.new_workbook.column_formats import BAR, colour_column
from schedkit.excel.new_workbook.overview import Overview
from schedkit.excel.new_workbook.summary import draw_summary, put
from schedkit.excel.new_workbook.totals import Total
from schedkit.excel.text import excel_escape

SUMMARY, INDEX = "Summary", "Index"
HEADER_ROW = 1
FIRST_ROW = 2
# The prototype rows: usual cells, links, dates and durations within a mixed column, the totals row.
PROTOTYPE_ROWS = USUAL_ROW, LINK_ROW, MOMENT_ROW, DURATION_ROW, TOTALS_ROW = tuple(
    range(FIRST_ROW, FIRST_ROW + 5)
)


@dataclass(frozen=True)
class SheetPlan:
    """One sheet of rows: its columns, and which rows of the frame it takes."""

    name: str
    table: str
    columns: tuple[Column, ...]
    start: int
    stop: int
    links: Mapping[int, LinkOf]
    totals: Mapping[int, Total] = field(default_factory=dict)
    attrs: Mapping[Any, Any] = field(default_factory=dict)
    formats: Mapping[int, str | Mapping[str, str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.stop - self.start

    @property
    def last_row(self) -> int:
        """The last row of the table's body, which has at least one row, if only a blank one."""
        return HEADER_ROW + max(self.rows, 1)


@dataclass(frozen=True)
class Front:
    """What comes before the rows: a title, an overview (None: no Summary sheet), an index of sheets."""

    title: str
    origin: Sequence[str]
    overview: Overview | None
    index: bool


def draw(plans: Sequence[SheetPlan], front: Front, policy: Policy) -> bytes:
    """Return the workbook of `plans` with headers and prototype rows."""
    book = Workbook()
    del book["Sheet"]
    if front.overview is not None:
        sheet = book.create_sheet(SUMMARY)
        draw_summary(sheet, front.title, front.origin, front.overview)
        decorate.print_setup(sheet, pages=1)
    if front.index:
        _draw_index(book.create_sheet(INDEX), front, plans)
    for plan in plans:
        _draw_sheet(book.create_sheet(plan.name), plan, policy)
    book.properties.creator = "schedkit"
    book.properties.title = excel_escape(front.title)
    book.properties.subject = excel_escape(next(iter(front.origin), ""))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _draw_sheet(sheet: Worksheet, plan: SheetPlan, policy: Policy) -> None:
    for position, column in enumerate(plan.columns, 1):
        header = put(sheet, HEADER_ROW, position, column.header, color=styles.WHITE, bold=True)
        header.fill = styles.filled(styles.BRAND)
        header.alignment = Alignment(vertical="center")
        wanted = plan.formats.get(position, BAR)
        number_format = wanted if isinstance(wanted, str) and wanted != BAR else styles.number_format(column)
        for row in PROTOTYPE_ROWS:
            cell = sheet.cell(row, position)
            linked = row == LINK_ROW
            cell.font = styles.font(color=styles.LINK if linked else styles.INK, link=linked)
            cell.number_format = number_format
            if column.kind in styles.CENTRED:
                cell.alignment = Alignment(horizontal="center")
        sheet.cell(MOMENT_ROW, position).number_format = styles.FORMATS[Kind.DATETIME]
        sheet.cell(DURATION_ROW, position).number_format = styles.FORMATS[Kind.DURATION]
        last = sheet.cell(TOTALS_ROW, position)
        last.font = styles.font(bold=True)
        last.border = Border(top=Side("medium", color=styles.BRAND))
        total = plan.totals.get(position)
        shown = None if total is None else total.value
        sheet.column_dimensions[letters(position)].width = styles.width(column, plan.rows, shown)
    sheet.row_dimensions[HEADER_ROW].height = 24
    sheet.freeze_panes = f"{'B' if 1 in plan.links else 'A'}{FIRST_ROW}"
    for position, chosen in plan.formats.items():
        colour_column(sheet, position, chosen, FIRST_ROW, plan.last_row)
    fields = plan.attrs.get("fields") or {}
    decorate.colour(sheet, plan.columns, plan.attrs, FIRST_ROW, plan.last_row)
    decorate.bars(sheet, plan.columns, fields, FIRST_ROW, plan.last_row)
    decorate.notes(sheet, plan.columns, plan.attrs, policy, HEADER_ROW)
    decorate.print_setup(sheet, repeat_row=HEADER_ROW)
    if plan.columns:
        sheet.add_table(_table(plan))


def _table(plan: SheetPlan) -> Table:
    right = letters(len(plan.columns))
    body = f"A{HEADER_ROW}:{right}{plan.last_row}"
    ref = f"A{HEADER_ROW}:{right}{plan.last_row + bool(plan.totals)}"
    table = Table(displayName=plan.table, name=plan.table, ref=ref)
    table.tableStyleInfo = TableStyleInfo(name=styles.TABLE_STYLE, showRowStripes=True)
    table.autoFilter = AutoFilter(ref=body)
    table.tableColumns = [
        TableColumn(id=place, name=excel_escape(column.header))
        for place, column in enumerate(plan.columns, 1)
    ]
    if plan.totals:
        table.totalsRowCount = 1
        for position, total in plan.totals.items():
            # A table calls the count of non-blank cells "count".
            table.tableColumns[position - 1].totalsRowFunction = total.function
        if 1 not in plan.totals:
            table.tableColumns[0].totalsRowLabel = TOTALS_LABEL
    return table


TOTALS_LABEL = "Total"


_INDEX_ALIGNMENTS = {
    2: Alignment(vertical="center"),
    3: Alignment(horizontal="right", vertical="center"),
    4: Alignment(horizontal="right", vertical="center"),
    5: Alignment(indent=2, vertical="center"),
}


def _draw_index(sheet: Worksheet, front: Front, plans: Sequence[SheetPlan]) -> None:
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.tabColor = styles.BRAND
    for name, width in (("A", 2.5), ("B", 36), ("C", 12), ("D", 12), ("E", 70)):
        sheet.column_dimensions[name].width = width
        sheet[f"{name}1"].fill = styles.filled(styles.BRAND)
    put(sheet, 1, 2, front.title, size=20, color=styles.WHITE, bold=True).alignment = Alignment(
        vertical="center"
    )
    sheet.row_dimensions[1].height = 40
    for position, header in enumerate(("Sheet", "Rows", "Columns", "JQL"), 2):
        cell = put(sheet, 3, position, header, bold=True)
        cell.border = Border(bottom=Side("medium", color=styles.BRAND))
        cell.alignment = _INDEX_ALIGNMENTS[position]
    for row, plan in enumerate(plans, 4):
        quoted = plan.name.replace("'", "''")
        sheet.row_dimensions[row].height = 20
        put(sheet, row, 2, plan.name, color=styles.LINK, link=True).hyperlink = Hyperlink(
            ref=f"B{row}", location=f"'{quoted}'!A1"
        )
        put(sheet, row, 3, plan.rows).number_format = "#,##0"
        put(sheet, row, 4, len(plan.columns)).number_format = "#,##0"
        put(sheet, row, 5, str(plan.attrs.get("jql") or ""), color=styles.MUTED)
        for position, alignment in _INDEX_ALIGNMENTS.items():
            sheet.cell(row, position).alignment = alignment
            sheet.cell(row, position).border = Border(bottom=Side("thin", color=styles.LINE))
    decorate.print_setup(sheet)

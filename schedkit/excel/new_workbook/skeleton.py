"""A new workbook without its rows, made by openpyxl: header, widths, formats, table, colours, charts.

Each sheet has a few prototype rows, one for each format that cells of a column may have. They are replaced by
the real rows, which take over their formats.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Side
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.chart import PlacedChart
from schedkit.excel.column_types import Column, Kind, Policy
from schedkit.excel.links import LinkOf
from schedkit.excel.names import letters
from schedkit.excel.new_workbook import decorate, styles
from schedkit.excel.new_workbook.column_formats import BAR, colour_column
from schedkit.excel.new_workbook.header_rows import (
    HeaderRows,
    draw_edges,
    draw_groups,
    number_rules,
    shorten_label,
    widen_groups,
)
from schedkit.excel.new_workbook.outline_rules import draw_outline
from schedkit.excel.new_workbook.overview import Overview
from schedkit.excel.new_workbook.row_charts import draw_charts
from schedkit.excel.new_workbook.row_labels import begins_group, draw_lines, hide_repeated
from schedkit.excel.new_workbook.summary import draw_summary, put
from schedkit.excel.new_workbook.totals import Total
from schedkit.excel.outline import Outline
from schedkit.excel.text import excel_escape

SUMMARY, INDEX = "Summary", "Index"
# The prototype rows: usual cells, links, dates and durations within a mixed column, the totals row.
_PROTOTYPES = _USUAL, _LINK, _MOMENT, _DURATION, _TOTALS = range(5)


@dataclass(frozen=True)
class SheetPlan:
    """One sheet of rows: its columns, and which rows of the frame it takes.

    The first `index` columns are the levels of the frame's index.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    start: int
    stop: int
    links: Mapping[int, LinkOf]
    totals: Mapping[int, Total] = field(default_factory=dict)
    attrs: Mapping[Any, Any] = field(default_factory=dict)
    formats: Mapping[int, str | Mapping[str, str]] = field(default_factory=dict)
    index: int = 0
    header: HeaderRows = field(default_factory=HeaderRows)
    outline: Outline | None = None

    @property
    def rows(self) -> int:
        return self.stop - self.start

    @property
    def last_row(self) -> int:
        """The last row of the table's body, which has at least one row, if only a blank one."""
        return self.header_row + max(self.rows, 1)

    @property
    def header_row(self) -> int:
        """The last header row, which is the table's own."""
        return len(self.header.groups) + 1

    @property
    def first_row(self) -> int:
        """The first row of the table's body."""
        return self.header_row + 1

    @property
    def prototype_rows(self) -> list[int]:
        """The drawn rows that show formats: of usual cells, links, moments, durations, totals."""
        return [self.first_row + place for place in _PROTOTYPES]


@dataclass(frozen=True)
class Front:
    """What comes before the rows: a title, an overview (None: no Summary sheet), an index of sheets."""

    title: str
    origin: Sequence[str]
    overview: Overview | None
    index: bool


def draw(
    plans: Sequence[SheetPlan],
    front: Front,
    policy: Policy,
    charts: Mapping[str, Sequence[PlacedChart]] | None = None,
) -> bytes:
    """Return the workbook of `plans` with headers and prototype rows, and the charts of its sheets."""
    book = Workbook()
    del book["Sheet"]
    if front.overview is not None:
        sheet = book.create_sheet(SUMMARY)
        draw_summary(sheet, front.title, front.origin, front.overview)
        decorate.print_setup(sheet, pages=1)
    if front.index:
        _draw_index(book.create_sheet(INDEX), front, plans)
    for plan in plans:
        sheet = book.create_sheet(plan.name)
        _draw_sheet(sheet, plan, policy)
        own = (charts or {}).get(plan.name, ())
        draw_charts(sheet, plan.columns, plan.header_row, max(plan.rows, 1), own)
    book.properties.creator = "schedkit"
    book.properties.title = excel_escape(front.title)
    book.properties.subject = excel_escape(next(iter(front.origin), ""))
    number_rules(book.worksheets)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _draw_sheet(sheet: Worksheet, plan: SheetPlan, policy: Policy) -> None:
    draw_groups(sheet, plan.header, len(plan.columns))
    for position, column in enumerate(plan.columns, 1):
        _draw_column(sheet, plan, position, column)
    widen_groups(sheet, plan.header)
    sheet.row_dimensions[plan.header_row].height = 24
    frozen = plan.index if plan.index > 1 or plan.header.groups else int(1 in plan.links)
    sheet.freeze_panes = f"{letters(frozen + 1)}{plan.first_row}"
    _add_rules(sheet, plan)
    decorate.notes(sheet, plan.columns, plan.attrs, policy, plan.header_row)
    decorate.print_setup(sheet, repeat_rows=plan.header_row)
    if plan.columns:
        sheet.add_table(_table(plan))


def _draw_column(sheet: Worksheet, plan: SheetPlan, position: int, column: Column) -> None:
    """Draw the header of a column, its prototype cells and its width."""
    label = plan.header.label(position, column.header)
    shown = column if label == column.header else replace(column, header=label)
    header = put(sheet, plan.header_row, position, column.header, color=styles.WHITE, bold=True)
    header.fill = styles.filled(styles.BRAND)
    header.alignment = Alignment(vertical="center")
    shorten_label(sheet, plan.header_row, position, column.header, label)
    wanted = plan.formats.get(position, BAR)
    number_format = wanted if isinstance(wanted, str) and wanted != BAR else styles.number_format(shown)
    for kind, row in enumerate(plan.prototype_rows):
        cell = sheet.cell(row, position)
        cell.font = styles.font(color=styles.LINK if kind == _LINK else styles.INK, link=kind == _LINK)
        cell.number_format = number_format
        if column.kind in styles.CENTRED:
            cell.alignment = Alignment(horizontal="center")
    rows = plan.prototype_rows
    sheet.cell(rows[_MOMENT], position).number_format = styles.FORMATS[Kind.DATETIME]
    sheet.cell(rows[_DURATION], position).number_format = styles.FORMATS[Kind.DURATION]
    last = sheet.cell(rows[_TOTALS], position)
    last.font = styles.font(bold=True)
    last.border = Border(top=Side("medium", color=styles.BRAND))
    total = plan.totals.get(position)
    width = styles.width(shown, plan.rows, None if total is None else total.value)
    sheet.column_dimensions[letters(position)].width = width


def _add_rules(sheet: Worksheet, plan: SheetPlan) -> None:
    """Add the rules by which rows and cells are coloured and grouped."""
    top, bottom = plan.first_row, plan.last_row
    if plan.outline is not None:
        draw_outline(sheet, plan.outline, plan.columns, top, bottom)
    grouped = plan.index > 1
    if grouped:
        hide_repeated(sheet, plan.index, top, bottom)
    for position, chosen in plan.formats.items():
        colour_column(sheet, position, chosen, top, bottom)
    decorate.colour(sheet, plan.columns, plan.attrs, top, bottom)
    decorate.bars(sheet, plan.columns, plan.attrs.get("fields") or {}, top, bottom)
    # LibreOffice applies the first rule that fits to a cell: colours say more than lines.
    first = begins_group(top) if grouped else None
    draw_edges(sheet, plan.header, len(plan.columns), top, bottom, first=first)
    if grouped:
        draw_lines(sheet, len(plan.columns), top, bottom)


def _table(plan: SheetPlan) -> Table:
    right = letters(len(plan.columns))
    body = f"A{plan.header_row}:{right}{plan.last_row}"
    ref = f"A{plan.header_row}:{right}{plan.last_row + bool(plan.totals)}"
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

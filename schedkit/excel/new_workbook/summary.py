"""The Summary sheet: key figures, charts and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl.cell import Cell
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.styles import Alignment, Border, Side
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.limits import MAX_CELL_UNITS, clip
from schedkit.excel.names import letters
from schedkit.excel.new_workbook import charts, styles
from schedkit.excel.new_workbook.charts import Block
from schedkit.excel.new_workbook.decorate import data_bar
from schedkit.excel.new_workbook.overview import Count, Flow, Overview
from schedkit.excel.text import excel_escape

# A grid of twelve equal columns between two margins; the charts' figures are to the right of it.
_LEFT, _COLUMNS, _WIDTH = 2, 12, 12.3
_DATA = _LEFT + _COLUMNS + 3
# A chart leaves a little of its last column free, in EMU.
_GAP = 600_000
_TILE_ROW, _CHART_ROW, _CHART_ROWS = 5, 8, 16


def put(sheet: Worksheet, row: int, column: int, value: Any, **font: Any) -> Cell:
    """Write a value into a cell; text is never a formula."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)
    if isinstance(value, str):
        cell.value = excel_escape(clip(value, MAX_CELL_UNITS))
        cell.data_type = "s"
    else:
        cell.value = value
    cell.font = styles.font(**font)
    return cell


def draw_summary(sheet: Worksheet, title: str, origin: Sequence[str], figures: Overview) -> None:
    """Draw tiles, charts and counts.

    Parameters
    ----------
    title : str
        What the workbook is about.
    origin : sequence of str
        Where the rows come from, a line each.
    """
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.tabColor = styles.BRAND
    sheet.column_dimensions["A"].width = 2.5
    for position in range(_LEFT, _LEFT + _COLUMNS):
        sheet.column_dimensions[letters(position)].width = _WIDTH
    _heading(sheet, title, origin)
    _tiles(sheet, figures)
    below = _charts(sheet, figures)
    _tables(sheet, figures, below)
    last = letters(_LEFT + _COLUMNS)
    sheet.print_area = f"A1:{last}{sheet.max_row}"


def _heading(sheet: Worksheet, title: str, origin: Sequence[str]) -> None:
    for position in range(1, _LEFT + _COLUMNS + 1):
        sheet.cell(1, position).fill = styles.filled(styles.BRAND)
    put(sheet, 1, _LEFT, title, size=20, color=styles.WHITE, bold=True).alignment = Alignment(
        vertical="center"
    )
    sheet.row_dimensions[1].height = 40
    # The query may be long and gets a line of its own.
    for row, line in enumerate((*origin[:1], " \N{MIDDLE DOT} ".join(origin[1:])), 2):
        put(sheet, row, _LEFT, line, size=10, color=styles.MUTED)
    sheet.row_dimensions[4].height = 8


def _tiles(sheet: Worksheet, figures: Overview) -> None:
    tiles: list[tuple[str, float, str]] = [("Issues", figures.issues, styles.BRAND)]
    for count in figures.by_category:
        assert count.category is not None
        tiles.append((count.name, count.issues, styles.CATEGORY_TONES[count.category].strong))
    if figures.overdue is not None:
        tiles.append(("Overdue", figures.overdue, styles.OVERDUE.strong))
    if figures.points is not None:
        tiles.append(("Story points", figures.points, styles.SERIES[4]))
    for place, (name, value, color) in enumerate(tiles):
        column = _LEFT + 2 * place
        put(sheet, _TILE_ROW, column, name, size=10, color=styles.MUTED)
        number = put(sheet, _TILE_ROW + 1, column, value, size=24, bold=True)
        number.number_format = "#,##0"
        number.alignment = Alignment(horizontal="left", vertical="center")
        for side in (column, column + 1):
            top, bottom = sheet.cell(_TILE_ROW, side), sheet.cell(_TILE_ROW + 1, side)
            top.fill = bottom.fill = styles.filled(styles.PALE)
            # A white edge sets the tiles apart.
            edge = Side("thick", color=styles.WHITE) if side > column else None
            top.border = Border(top=Side("thick", color=color), right=edge)
            bottom.border = Border(right=edge)
        sheet.merge_cells(
            start_row=_TILE_ROW + 1, end_row=_TILE_ROW + 1, start_column=column, end_column=column + 1
        )
    sheet.row_dimensions[_TILE_ROW + 1].height = 36


@dataclass
class _Figures:
    """The next free column for a chart's figures."""

    sheet: Worksheet
    column: int = _DATA

    def place(self, names: Sequence[Any], series: dict[str, Sequence[float]], *, days: bool = False) -> Block:
        """Write figures and return their place."""
        beside = tuple(range(self.column + 1, self.column + 1 + len(series)))
        block = Block(self.sheet, 2, self.column, len(names), beside)
        for row, name in enumerate(names, block.row + 1):
            cell = put(
                self.sheet, row, self.column, name.to_pydatetime() if days else name, color=styles.MUTED
            )
            if days:
                cell.number_format = "yyyy-mm-dd"
        self.sheet.column_dimensions[letters(self.column)].width = 12
        for position, (header, values) in enumerate(series.items(), self.column + 1):
            put(self.sheet, block.row, position, header, color=styles.MUTED, bold=True)
            for row, value in enumerate(values, block.row + 1):
                put(self.sheet, row, position, value, color=styles.MUTED)
        self.column += len(series) + 2
        return block


def _charts(sheet: Worksheet, figures: Overview) -> int:
    """Place the charts, two in a row, and return the first row below them."""
    data = _Figures(sheet)
    put(sheet, 1, _DATA, "Figures of the charts", color=styles.MUTED, bold=True)
    drawn: list[charts.Chart] = []
    if figures.by_status:
        counts = figures.by_status
        block = data.place([c.name for c in counts], {"Issues": [c.issues for c in counts]})
        drawn.append(charts.shares("Issues by status", block, _status_colors(counts)))
    if figures.flow is not None:
        drawn += _flow_charts(figures.flow, data)
    for place, chart in enumerate(drawn):
        top = _CHART_ROW + (place // 2) * (_CHART_ROWS + 1)
        left = _LEFT + (place % 2) * _COLUMNS // 2
        # Tied to cells, a chart fills its place whatever width the reader's font gives a column.
        anchor = TwoCellAnchor(
            _from=AnchorMarker(col=left - 1, row=top - 1),
            to=AnchorMarker(col=left + _COLUMNS // 2 - 2, colOff=_GAP, row=top + _CHART_ROWS - 1),
        )
        sheet.add_chart(chart, anchor)  # type: ignore[arg-type]  # openpyxl takes any anchor
    return _CHART_ROW + -(-len(drawn) // 2) * (_CHART_ROWS + 1)


def _flow_charts(flow: Flow, data: _Figures) -> list[charts.Chart]:
    done, busy, todo = (styles.CATEGORY_TONES[place].strong for place in (2, 1, 0))
    moves = data.place(flow.until, {"Created": flow.created, "Resolved": flow.resolved}, days=True)
    stock = data.place(flow.until, dict(flow.stock), days=True)
    burn = data.place(flow.until, {"Scope": flow.scope, "Done": flow.done}, days=True)
    days = (flow.until[-1] - flow.until[0]).days
    colors = [done, busy, todo] if len(flow.stock) == 3 else [done, busy]
    return [
        charts.columns(f"Created and resolved per {flow.step}", moves, [busy, done]),
        charts.layers("Cumulative flow", stock, colors, days),
        charts.lines(f"Burn-up in {flow.unit}", burn, [styles.BRAND, done], days),
    ]


def _status_colors(counts: Sequence[Count]) -> list[str]:
    """Return a shade of its category's colour for each status, so that neighbours differ."""
    seen: dict[int | None, int] = {}
    colors = []
    for place, count in enumerate(counts):
        nth = seen[count.category] = seen.get(count.category, -1) + 1
        if count.category is None:
            colors.append(styles.SERIES[place % len(styles.SERIES)])
        else:
            colors.append(_lighter(styles.CATEGORY_TONES[count.category].strong, min(nth * 0.22, 0.66)))
    return colors


def _lighter(color: str, by: float) -> str:
    parts = [int(color[place : place + 2], 16) for place in (0, 2, 4)]
    return "".join(f"{round(part + (255 - part) * by):02X}" for part in parts)


def _tables(sheet: Worksheet, figures: Overview, row: int) -> None:
    lists = (
        ("Status", figures.by_status),
        ("Assignee", figures.by_assignee),
        ("Component", figures.by_component),
    )
    for place, (name, counts) in enumerate((name, counts) for name, counts in lists if counts):
        _table(sheet, row, _LEFT + 4 * place, name, counts)


def _table(sheet: Worksheet, row: int, column: int, title: str, counts: Sequence[Count]) -> None:
    """Write counts with bars: the name across two columns, the number in a third."""
    put(sheet, row, column, title, bold=True)
    put(sheet, row, column + 2, "Issues", bold=True).alignment = Alignment(horizontal="right")
    for place, count in enumerate(counts, row + 1):
        # Names in any script begin where their column does.
        put(sheet, place, column, count.name).alignment = Alignment(horizontal="left")
        put(sheet, place, column + 2, count.issues).number_format = "#,##0"
        sheet.merge_cells(start_row=place, end_row=place, start_column=column, end_column=column + 1)
    for place in range(row, row + len(counts) + 1):
        side = Side("medium", color=styles.BRAND) if place == row else Side("thin", color=styles.LINE)
        for position in range(column, column + 3):
            sheet.cell(place, position).border = Border(bottom=side)
    name = letters(column + 2)
    sheet.conditional_formatting.add(
        f"{name}{row + 1}:{name}{row + len(counts)}",
        data_bar(),
    )

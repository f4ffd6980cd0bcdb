"""Native charts of the rows of a sheet."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.worksheet.worksheet import Worksheet

from schedkit.errors import WorkbookError
from schedkit.excel.chart import Chart, PlacedChart
from schedkit.excel.column_types import Column, Kind
from schedkit.excel.names import letters
from schedkit.excel.new_workbook import charts, styles
from schedkit.excel.new_workbook.charts import Block
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["draw_charts"]

_DATES = (Kind.DATE, Kind.DATETIME)
# In centimetres.
_WIDTH, _HEIGHT = 18, 9


def draw_charts(
    sheet: Worksheet, columns: Sequence[Column], header_row: int, rows: int, placed: Sequence[PlacedChart]
) -> None:
    """Draw the charts of a sheet.

    Raises
    ------
    WorkbookError
        If the sheet has no such column.
    """
    headers = [column.header for column in columns]
    for each in placed:
        asked = each.chart
        names, *values = (_position(headers, wanted, sheet.title) for wanted in (asked.names, *asked.values))
        block = Block(sheet, header_row, names, rows, tuple(values))
        drawn = _drawn(asked, block, dated=columns[names - 1].kind in _DATES)
        drawn.y_axis.number_format = asked.number_format
        drawn.width, drawn.height = _WIDTH, _HEIGHT
        sheet.add_chart(drawn, f"{letters(each.column)}{each.row}")


def _position(headers: list[str], wanted: str, sheet: str) -> int:
    if wanted not in headers:
        raise WorkbookError(
            f"charts: the sheet {sheet!r} has no column {safe_repr(wanted)}",
            hint=did_you_mean(wanted, headers),
        )
    return headers.index(wanted) + 1


def _drawn(asked: Chart, block: Block, *, dated: bool) -> charts.AxisChart:
    colors = [styles.SERIES[(place + 1) % len(styles.SERIES)] for place in range(len(block.values_in))]
    if asked.kind == "areas":
        return charts.layers(asked.title, block, colors, dated=dated)
    if asked.kind == "lines":
        return charts.lines(asked.title, block, colors, dated=dated)
    return charts.columns(asked.title, block, colors, lying=asked.kind == "bars", dated=dated)

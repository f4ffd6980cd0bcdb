"""Native charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl.chart import AreaChart, BarChart, DoughnutChart, LineChart, Reference
from openpyxl.chart.axis import ChartLines, DateAxis, TextAxis
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.legend import Legend
from openpyxl.chart.marker import DataPoint
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import (
    CharacterProperties,
    Font,
    Paragraph,
    ParagraphProperties,
    RegularTextRun,
    RichTextProperties,
)
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.new_workbook import styles

# More labels than these do not fit below a chart.
_MOST_LABELS = 9

AxisChart = AreaChart | BarChart | LineChart
Chart = AxisChart | DoughnutChart


@dataclass(frozen=True)
class Block:
    """Where a chart's figures are: a header row, then `rows` rows; names in `column`, a column per series."""

    sheet: Worksheet
    row: int
    column: int
    rows: int
    values_in: tuple[int, ...]

    def names(self) -> Reference:
        return Reference(self.sheet, min_col=self.column, min_row=self.row + 1, max_row=self.row + self.rows)

    def values(self) -> list[Reference]:
        return [
            Reference(self.sheet, min_col=column, min_row=self.row, max_row=self.row + self.rows)
            for column in self.values_in
        ]


def shares(title: str, block: Block, colors: Sequence[str]) -> Chart:
    """Return a ring of shares, one colour per name."""
    chart = DoughnutChart(holeSize=58)
    _prepare(chart, title, block)
    series = chart.series[0]
    for place, color in enumerate(colors):
        point = DataPoint(idx=place)
        point.graphicalProperties = GraphicalProperties(solidFill=color)
        point.graphicalProperties.line = LineProperties(solidFill=styles.WHITE, w=12700)
        series.dPt.append(point)
    series.dLbls = DataLabelList()
    series.dLbls.showPercent = True
    for shown in ("showVal", "showSerName", "showCatName", "showLegendKey", "showLeaderLines"):
        setattr(series.dLbls, shown, False)
    series.dLbls.txPr = _text(styles.WHITE, 900, bold=True)
    chart.legend = Legend(legendPos="r", txPr=_text(styles.INK, 900))
    return chart


def columns(
    title: str, block: Block, colors: Sequence[str], *, lying: bool = False, dated: bool = True
) -> AxisChart:
    """Return columns side by side, or bars `lying` below each other, one colour per series."""
    chart = BarChart(barDir="bar" if lying else "col", grouping="clustered", gapWidth=60, overlap=-5)
    _prepare(chart, title, block)
    skip = 1 if lying else max(1, -(-block.rows // _MOST_LABELS))
    axis = TextAxis(axId=10, crossAx=100, tickLblSkip=skip)
    chart.x_axis = axis
    _axes(chart, dated=dated)
    if lying:
        # The first row on top.
        axis.scaling.orientation, chart.y_axis.crosses = "maxMin", "max"
    else:
        # Level labels would be wrapped by programs that do not leave any out.
        axis.txPr = _text(styles.MUTED, 800, rotation=-45)
    for series, color in zip(chart.series, colors, strict=True):
        series.graphicalProperties = GraphicalProperties(solidFill=color)
    return chart


def layers(
    title: str, block: Block, colors: Sequence[str], days: int = 0, *, dated: bool = True
) -> AxisChart:
    """Return areas stacked on each other, the first at the bottom, over a span of `days` if that is known."""
    chart = AreaChart(grouping="stacked")
    _prepare(chart, title, block)
    chart.x_axis = _time_axis(days) if dated else TextAxis(axId=10, crossAx=100)
    _axes(chart, dated=dated)
    for series, color in zip(chart.series, colors, strict=True):
        series.graphicalProperties = GraphicalProperties(solidFill=color)
        series.graphicalProperties.line = LineProperties(solidFill=color, w=6350)
    return chart


def lines(title: str, block: Block, colors: Sequence[str], days: int = 0, *, dated: bool = True) -> AxisChart:
    """Return lines, one colour per series, over a span of `days` if that is known."""
    chart = LineChart()
    _prepare(chart, title, block)
    chart.x_axis = _time_axis(days) if dated else TextAxis(axId=10, crossAx=100)
    _axes(chart, dated=dated)
    for series, color in zip(chart.series, colors, strict=True):
        series.graphicalProperties = GraphicalProperties()
        series.graphicalProperties.line = LineProperties(solidFill=color, w=28575)
        series.marker.symbol = "none"
        series.smooth = False
    return chart


def _prepare(chart: Chart, title: str, block: Block) -> None:
    for values in block.values():
        chart.add_data(values, titles_from_data=True)
    chart.set_categories(block.names())
    heading = CharacterProperties(latin=Font(typeface=styles.FONT), sz=1200, b=True, solidFill=styles.INK)
    run = RegularTextRun(rPr=heading, t=title)
    chart.title = Title(overlay=False)
    chart.title.tx = Text(rich=RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=heading), r=[run])]))
    chart.legend = Legend(legendPos="b", txPr=_text(styles.INK, 900))
    chart.graphical_properties = GraphicalProperties(solidFill=styles.WHITE)
    chart.graphical_properties.line = LineProperties(solidFill=styles.LINE, w=9525)
    chart.roundedCorners = False


def _time_axis(days: int) -> DateAxis:
    if not days:
        return DateAxis(axId=10, crossAx=100, baseTimeUnit="days")
    step = -(-days // _MOST_LABELS)
    months = step > 20
    return DateAxis(
        axId=10,
        crossAx=100,
        baseTimeUnit="days",
        majorTimeUnit="months" if months else "days",
        majorUnit=-(-step // 30) if months else max(step, 1),
    )


def _axes(chart: AxisChart, *, dated: bool = True) -> None:
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete = False
        axis.txPr = _text(styles.MUTED, 800)
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=styles.LINE))
        axis.majorTickMark = "none"
    chart.x_axis.number_format = "d mmm yy" if dated else "General"
    chart.y_axis.number_format = "#,##0"
    faint = GraphicalProperties(ln=LineProperties(solidFill="EBECF0", w=6350))
    chart.y_axis.majorGridlines = ChartLines(spPr=faint)


def _text(color: str, size: int, *, bold: bool = False, rotation: int = 0) -> RichText:
    properties = CharacterProperties(latin=Font(typeface=styles.FONT), sz=size, b=bold, solidFill=color)
    return RichText(
        # 60,000ths of a degree.
        bodyPr=RichTextProperties(rot=rotation * 60_000),
        p=[Paragraph(pPr=ParagraphProperties(defRPr=properties), endParaRPr=properties)],
    )

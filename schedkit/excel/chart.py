"""Native charts of a sheet's rows: what they show, and where they are put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from schedkit.errors import WorkbookError
from schedkit.excel.picture import cell_of
from schedkit.values.keywords import check_keywords
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["Chart", "ChartKind", "PlacedChart", "placed_charts"]

ChartKind = Literal["columns", "bars", "areas", "lines"]


@check_keywords
@dataclass(frozen=True)
class Chart:
    """A native chart of the rows of a sheet, which Excel redraws when they change.

    Attributes
    ----------
    kind : {"columns", "bars", "areas", "lines"}
        Columns or horizontal bars side by side, areas stacked on each other from the first, or lines.
    names : str
        The column of names or dates.
    values : str or sequence of str
        The columns of numbers: a series each, called as their headers are.
    title : str
        The heading.
    number_format : str
        Of the numbers at the axis, such as ``0%``.

    Examples
    --------
    >>> Chart("columns", "Period", "Finished", title="Throughput").values
    ('Finished',)
    """

    kind: ChartKind
    names: str
    values: str | Sequence[str]
    title: str = ""
    number_format: str = "#,##0"

    def __post_init__(self) -> None:
        if self.kind not in get_args(ChartKind):
            raise WorkbookError(
                f"there is no chart of the kind {safe_repr(self.kind)}",
                hint=did_you_mean(str(self.kind), get_args(ChartKind)),
            )
        values = (self.values,) if isinstance(self.values, str) else tuple(self.values)
        if not values:
            raise WorkbookError("a chart without values", hint="name the columns of its numbers")
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class PlacedChart:
    """A chart and its cell; `sheet` None means the first sheet with rows, `row` and `column` count from 1."""

    sheet: str | None
    row: int
    column: int
    chart: Chart


def placed_charts(charts: Mapping[str, Any]) -> list[PlacedChart]:
    """Return charts by the cells that they are given for.

    Raises
    ------
    WorkbookError
        If a key is not a cell, or a value not a chart.
    """
    if not isinstance(charts, Mapping):
        raise WorkbookError(f"charts={safe_repr(charts)} does not map cells to charts", hint=_EXAMPLE)
    found = []
    for where, chart in charts.items():
        place = cell_of(str(where))
        if place is None:
            raise WorkbookError(f"charts: {safe_repr(where)} is not a cell", hint=_EXAMPLE)
        if not isinstance(chart, Chart):
            raise WorkbookError(f"charts: {safe_repr(chart)} at {where} is not a chart", hint=_EXAMPLE)
        found.append(PlacedChart(*place, chart))
    return found


_EXAMPLE = 'e.g. charts={"H2": Chart("columns", "Period", "Finished")}'

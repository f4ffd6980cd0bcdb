"""The weekly pack as a workbook: a sheet for each figure, its chart or picture beside the numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from schedkit.values.keywords import check_keywords

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.excel import Chart, Written
    from schedkit.flow import Pack

__all__ = ["write_pack"]

# Excel refuses these in the names of sheets.
_REFUSED = re.compile(r"[\[\]:*?/\\]")
_DAYS = ("50 % (d)", "70 % (d)", "85 % (d)", "95 % (d)")
_Kind = Literal["columns", "bars", "areas", "lines"]
# What Excel draws as well as Matplotlib: the kind of chart, and the columns (none: all numbers).
_NATIVE: dict[str, tuple[_Kind, tuple[str, ...]]] = {
    "throughput": ("columns", ()),
    "cycle_percentiles": ("columns", _DAYS),
    "cycle_histogram": ("columns", ()),
    "cumulative_flow": ("areas", ()),
    "work_in_progress": ("lines", ()),
    "ageing_bands": ("columns", _DAYS),
    "flow_efficiency": ("bars", ("Efficiency",)),
    "returns": ("columns", ("Reopened", "Moved Back")),
    "sprint_report": ("columns", ("Points", "Issues")),
    "velocity": ("columns", ("Committed", "Completed")),
    "predictability": ("columns", ("Completed ÷ Committed", "Done ÷ Committed")),
    "data_quality": ("bars", ("Issues",)),
}
_SHARES = ("flow_efficiency", "predictability")
# Their first column is a number that names the rows.
_NUMBERED = ("cycle_histogram",)
# Names of more columns or bars cannot be read.
_MOST = 60


@check_keywords
def write_pack(
    pack: Pack, path: str | Path, *, title: str = "Metrics", charts: bool = True, pictures: bool = True
) -> Written:
    """Write the figures of a pack as a workbook.

    Parameters
    ----------
    pack : Pack
        As `schedkit.flow.pack` returns it.
    path : str or Path
        The workbook; one that is there is replaced whole.
    title : str
        What the workbook is called.
    charts : bool
        Whether figures that Excel can draw have a native chart.
    pictures : bool
        Whether the others, and with ``charts=False`` all, have their picture as an image.

    Returns
    -------
    Written
        As `schedkit.excel.write` returns it.
    """
    from openpyxl.utils import get_column_letter

    from schedkit import excel

    frames, images, drawn = {}, {}, {}
    for name in pack:
        shown = pack.readable(name)
        if not len(shown):
            continue
        sheet = _REFUSED.sub(" –", pack.title(name))
        frames[sheet] = shown
        quoted, beside = sheet.replace("'", "''"), get_column_letter(len(shown.columns) + 2)
        where = f"'{quoted}'!{beside}2"
        chart = _native(name, shown, pack.title(name)) if charts else None
        if chart is not None:
            drawn[where] = chart
        elif pictures:
            images[where] = excel.Picture(pack.plot(name), f"{pack.title(name)}, {pack.period}")
    return excel.write(frames, path, title=f"{title}, {pack.period}", images=images, charts=drawn)


def _native(name: str, shown: pd.DataFrame, title: str) -> Chart | None:
    """Return the native chart of a figure; None if Excel cannot draw it, or a column splits its rows."""
    from pandas.api.types import is_numeric_dtype

    from schedkit.excel import Chart

    if name not in _NATIVE:
        return None
    kind, wanted = _NATIVE[name]
    first = shown.columns[0]
    numbers = [c for c in shown.columns[1:] if is_numeric_dtype(shown[c].dtype)]
    values = [column for column in wanted or numbers if column in numbers]
    named = name in _NUMBERED or not is_numeric_dtype(shown[first].dtype)
    if not values or not named or not shown[first].is_unique:
        return None
    if kind in ("columns", "bars") and name not in _NUMBERED and len(shown) > _MOST:
        return None
    # Done lies at the bottom of the areas, the backlog on top.
    ordered = values[::-1] if kind == "areas" else values
    return Chart(kind, first, ordered, title=title, number_format="0%" if name in _SHARES else "#,##0")

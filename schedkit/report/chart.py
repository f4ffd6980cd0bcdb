"""The chart of a report's page: counts of its rows, a file, or what a function draws."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from schedkit.errors import UnknownFieldError
from schedkit.report.destination import present_file
from schedkit.report.functions import resolve
from schedkit.report.models import Names, Strict
from schedkit.report.tools import Tools
from schedkit.values.extras import requires_extra
from schedkit.values.text import clip, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from schedkit.confluence import Chart

__all__ = ["ChartOptions", "counted"]

_LABEL = 40
_MOST = 20
_WIDTH, _BAR, _FRAME = 6.4, 0.34, 0.9
_SOURCES = ("count_by", "file", "call")


class ChartOptions(Strict):
    """A chart, attached to the page as an image.

    Exactly one of: `count_by`, one or two columns whose rows are counted (of two, the second divides the
    bars); `file`, the path of an image; `call`, a ``module:function`` that takes the frame and returns a
    figure. `alt` says what it shows to those who cannot see it.
    """

    alt: str = Field(min_length=1)
    count_by: Names | None = None
    file: str | None = None
    call: str | None = None
    title: str = ""
    name: str | None = None
    width: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len([name for name in _SOURCES if getattr(self, name) is not None]) != 1:
            raise ValueError(f"write exactly one of: {', '.join(_SOURCES)}")
        if self.count_by is not None and len(self.count_by) not in (1, 2):
            raise ValueError("count_by takes one or two columns")
        return self

    def check(self, tools: Tools) -> None:
        """Refuse an image or a function that is not there."""
        if self.file is not None:
            present_file(self.file, tools, "chart.file")
        if self.call is not None:
            resolve(self.call)

    def draw(self, frame: pd.DataFrame, tools: Tools) -> Chart:
        """Return the chart of a frame.

        Raises
        ------
        UnknownFieldError
            If the frame has no such column.
        FileError
            If the image cannot be read.
        """
        from schedkit.confluence import Chart

        if self.file is not None:
            figure: Any = tools.root / self.file
        elif self.call is not None:
            figure = resolve(self.call)(frame)
        else:
            figure = _bars(counted(frame, list(self.count_by or ())), self.title)
        with warnings.catch_warnings():
            # A character that the font lacks is drawn as a box.
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            return Chart(figure, self.alt, self.name, self.width)


def counted(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Count rows: a row per value of the first column, a column per value of the second."""
    import pandas as pd

    for name in columns:
        if name not in frame.columns:
            raise UnknownFieldError(
                f"chart.count_by: the frame has no column {name!r}", hint=did_you_mean(name, frame.columns)
            )
    sizes = frame.groupby(columns, observed=True, dropna=False).size()
    counts = sizes.unstack(fill_value=0) if len(columns) == 2 else sizes.to_frame("Count")
    if not _is_ordered(frame[columns[0]]):
        counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    if len(counts) <= _MOST:
        return counts
    rest = counts.iloc[_MOST - 1 :]
    others = rest.sum().to_frame(f"{len(rest)} others").T
    return pd.concat([counts.head(_MOST - 1).set_axis(counts.index[: _MOST - 1].astype(object)), others])


def _is_ordered(series: pd.Series[Any]) -> bool:
    return bool(getattr(series.dtype, "ordered", False))


def _bars(counts: pd.DataFrame, title: str) -> Any:
    """Draw horizontal bars, the first row on top."""
    with requires_extra("notebook", "charts"):
        from matplotlib.figure import Figure
    from schedkit.flow.theme import set_texts

    figure = Figure(figsize=(_WIDTH, _FRAME + _BAR * max(1, len(counts))), layout="constrained")
    axes = figure.subplots()
    left = [0] * len(counts)
    for name, column in counts.items():
        values = [int(value) for value in column]
        axes.barh(range(len(counts)), values, left=left, label=_label(name), height=0.7)
        left = [start + value for start, value in zip(left, values, strict=True)]
    for at, total in enumerate(left):
        axes.annotate(str(total), (total, at), xytext=(3, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(counts)), [_label(name) for name in counts.index])
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    if title:
        axes.set_title(title, loc="left")
    if len(counts.columns) > 1:
        figure.legend(frameon=False, loc="outside lower center", ncols=min(4, len(counts.columns)))
    set_texts(figure)
    return figure


def _label(value: Any) -> str:
    return "none" if value is None or value != value else clip(str(value), _LABEL)

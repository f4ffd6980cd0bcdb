"""Rows grouped under each other by their level, as Excel's outline: the summary above its details."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Font
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.properties import Outline as OutlineProperties
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Column, Kind
from schedkit.excel.names import letters
from schedkit.excel.new_workbook.header_rows import number_style

__all__ = ["LEVEL", "Outline", "draw_outline"]

# The column of levels that a hierarchy from Jira has.
LEVEL = "Level"
# Excel's limit; rows further down are grouped with these.
_DEEPEST = 7
# How far a level is indented.
_STEP = "    "


@dataclass(frozen=True)
class Outline:
    """The levels of a frame's rows, 0 at the top, and from which on they are hidden (None: none).

    `position` is the column, from 1, that holds them.
    """

    position: int
    levels: npt.NDArray[np.int64]
    collapse: int | None = None

    @classmethod
    def of(cls, series: pd.Series[Any], position: int, header: str, collapse: int | None) -> Outline:
        """Return the outline that a column of levels describes; rows without a level are at the top.

        Raises
        ------
        WorkbookError
            If the column does not hold levels.
        """
        if not pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype):
            raise _no_levels(header)
        values = series.to_numpy(np.float64, na_value=np.nan)
        present = values[~np.isnan(values)]
        if (present < 0).any() or (present != np.floor(present)).any():
            raise _no_levels(header)
        levels = np.minimum(np.nan_to_num(values), _DEEPEST).astype(np.int64)
        return cls(position, levels, collapse)

    @property
    def deepest(self) -> int:
        """The greatest level."""
        return int(self.levels.max()) if len(self.levels) else 0

    def attributes(self) -> pa.Array:
        """Return what the element of each row carries."""
        hidden = self.levels > (_DEEPEST if self.collapse is None else self.collapse)
        # The row above a hidden group shows the sign that opens it.
        opens = np.append((self.levels[1:] > self.levels[:-1]) & hidden[1:], False)[: len(self.levels)]
        texts = [
            (f' outlineLevel="{level}"' if level else "")
            + (' hidden="1"' if folded else "")
            + (' collapsed="1"' if above else "")
            for level in range(_DEEPEST + 1)
            for folded in (False, True)
            for above in (False, True)
        ]
        return pa.array(texts, pa.large_string()).take(pa.array(self.levels * 4 + hidden * 2 + opens))


def _no_levels(header: str) -> WorkbookError:
    return WorkbookError(
        f"column {header!r} does not hold levels to group rows by",
        hint="levels are whole numbers from 0, as in the column Level of jira.root",
    )


def draw_outline(
    sheet: Worksheet, outline: Outline, columns: Sequence[Column], top: int, bottom: int
) -> None:
    """Prepare a sheet for grouped rows: signs beside summary rows, the first level bold, text indented."""
    sheet.sheet_properties.outlinePr = OutlineProperties(summaryBelow=False)
    sheet.sheet_format.outlineLevelRow = outline.deepest
    level = f"${letters(outline.position)}{top}"
    bold = Rule(
        type="expression",
        formula=[f"AND(ISNUMBER({level}),{level}=0)"],
        dxf=DifferentialStyle(font=Font(bold=True)),
    )
    sheet.conditional_formatting.add(f"A{top}:{letters(len(columns))}{bottom}", bold)
    text = _described_by(columns)
    if text is None:
        return
    sheet.column_dimensions[text].width += len(_STEP) * outline.deepest
    for depth in range(1, outline.deepest + 1):
        indented = number_style(f'"{_STEP * depth}"@')
        # The last rule is for all levels from it on.
        test = f"{level}>={depth}" if depth == _DEEPEST else f"{level}={depth}"
        rule = Rule(type="expression", formula=[test], dxf=indented)
        sheet.conditional_formatting.add(f"{text}{top}:{text}{bottom}", rule)


def _described_by(columns: Sequence[Column]) -> str | None:
    """Return the letters of the column that says what a row is: the summary, or the first text."""
    summary = next(
        (place for place, each in enumerate(columns, 1) if each.header.casefold() == "summary"), None
    )
    texts = (place for place, each in enumerate(columns, 1) if each.kind is Kind.TEXT)
    place = summary or next(texts, None)
    return None if place is None else letters(place)

"""How grouped rows look: the first level bold, the text of the others indented."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.formatting.rule import Rule
from openpyxl.styles import Font
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.properties import Outline as OutlineProperties
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.column_types import Column, Kind
from schedkit.excel.names import letters
from schedkit.excel.new_workbook.header_rows import number_style
from schedkit.excel.outline import DEEPEST, Outline

__all__ = ["draw_outline"]

# How far a level is indented.
_STEP = "    "


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
        test = f"{level}>={depth}" if depth == DEEPEST else f"{level}={depth}"
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

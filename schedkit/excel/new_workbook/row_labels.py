"""Row labels with several levels: a conditional format hides a label that repeats the row above.

The cells keep their labels, so that rows can be filtered and sorted.
"""

from __future__ import annotations

from openpyxl.formatting.rule import Rule
from openpyxl.styles import Border, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.names import letters
from schedkit.excel.new_workbook import styles
from schedkit.excel.new_workbook.header_rows import number_style

__all__ = ["begins_group", "draw_lines", "hide_repeated"]

_HIDDEN = ";;;"


def hide_repeated(sheet: Worksheet, levels: int, top: int, bottom: int) -> None:
    """Show labels once for each group of rows: those of the first `levels` columns but for the last."""
    same = []
    for position in range(1, levels):
        name = letters(position)
        same.append(f"EXACT(${name}{top},${name}{top - 1})")
        # If a filter hides the row above, this row shows the label.
        seen = f"SUBTOTAL(103,$A{top - 1})>0"
        rule = Rule(type="expression", formula=[f"AND({','.join([*same, seen])})"], dxf=number_style(_HIDDEN))
        sheet.conditional_formatting.add(f"{name}{top}:{name}{bottom}", rule)


def begins_group(top: int) -> str:
    """Return the formula that is true if a group of rows begins at the row `top`."""
    return f"NOT(EXACT($A{top},$A{top - 1}))"


def draw_lines(sheet: Worksheet, width: int, top: int, bottom: int) -> None:
    """Draw a line above each group of rows with the same first label."""
    line = DifferentialStyle(border=Border(top=Side("thin", color=styles.BRAND)))
    rule = Rule(type="expression", formula=[begins_group(top)], dxf=line)
    sheet.conditional_formatting.add(f"A{top}:{letters(width)}{bottom}", rule)

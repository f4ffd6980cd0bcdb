"""Labels of rows with several levels: one that repeats the row above is not shown again.

The cells keep their labels, so that the rows can be filtered and sorted; the rules follow.
"""

from __future__ import annotations

from openpyxl.formatting.rule import Rule
from openpyxl.styles import Border, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.worksheet import Worksheet

from schedkit.excel.names import letters
from schedkit.excel.new_workbook import styles
from schedkit.excel.new_workbook.header_rows import number_style

__all__ = ["group_rows"]

_HIDDEN = ";;;"


def group_rows(sheet: Worksheet, levels: int, width: int, top: int, bottom: int) -> None:
    """Group the rows of a sheet by all but the last of their first `levels` columns."""
    same = []
    for position in range(1, levels):
        name = letters(position)
        same.append(f"EXACT(${name}{top},${name}{top - 1})")
        # A row above that a filter hides shows nothing: then this one does.
        seen = f"SUBTOTAL(103,$A{top - 1})>0"
        rule = Rule(type="expression", formula=[f"AND({','.join([*same, seen])})"], dxf=number_style(_HIDDEN))
        sheet.conditional_formatting.add(f"{name}{top}:{name}{bottom}", rule)
    line = DifferentialStyle(border=Border(top=Side("thin", color=styles.BRAND)))
    first = Rule(type="expression", formula=[f"NOT({same[0]})"], dxf=line)
    sheet.conditional_formatting.add(f"A{top}:{letters(width)}{bottom}", first)

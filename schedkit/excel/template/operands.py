"""Values of cells as formulas see them, and where formulas get them from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pyarrow as pa

from schedkit.excel.column_types import Cells
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.cell_values import CellColumn
from schedkit.excel.text import excel_unescape, xml_text


class UnsupportedError(Exception):
    """A formula that is not calculated here."""


class Blank:
    """A cell that holds nothing: 0 in arithmetic, no text in joined text."""


BLANK = Blank()
# None is a value that is not known here, such as an error's.
Value = float | str | bool | Blank | None


class Values(Protocol):
    """Where formulas get the values of cells from."""

    def cell(self, sheet: str, row: int, column: int) -> Value:
        """Return the value of a cell."""
        ...

    def area(self, sheet: str, area: Area) -> list[Value]:
        """Return the values of the cells of an area that are not blank, column by column."""
        ...

    def column(self, sheet: str, column: int, top: int, bottom: int) -> list[Value]:
        """Return the values of the rows `top` to `bottom` of a column; those below the last are left out."""
        ...

    def sum_above(self, sheet: str, column: int, row: int) -> float | None:
        """Return the sum of all numbers of a column down to `row`, None if it is not known."""
        ...

    def all_shown(self, sheet: str, area: Area) -> bool:
        """Tell whether `SUBTOTAL` counts each cell of an area: no row is hidden, none has a subtotal."""
        ...


def number_of(value: Value) -> float | None:
    """Return a value as a number, None if it is none."""
    if value is BLANK:
        return 0.0
    return value if isinstance(value, float) else None


def same(left: Value, right: Value) -> bool | None:
    """Tell whether two values are equal for a formula, None if that is not known."""
    if left is None or right is None:
        return None
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if left is BLANK or right is BLANK:
        other = right if left is BLANK else left
        return other in (0.0, "") if not isinstance(other, bool | Blank) else other is BLANK or not other
    return left == right if type(left) is type(right) else False


def joined(left: Value, right: Value) -> str | None:
    """Return two values joined as texts."""
    texts = [_shown(value) for value in (left, right)]
    return None if None in texts else "".join(map(str, texts))


def _shown(value: Value) -> str | None:
    """Return a value as Excel joins it to text, None where that depends on more than it."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else None
    return "" if value is BLANK else value if isinstance(value, str) else None


def operands(cells: Cells, count: int) -> list[Value]:
    """Return the cells of a column that are written as operands."""
    found: list[Value] = [BLANK] * count
    for values in (cells.numbers, cells.moments, cells.durations):
        _put(found, values, float)
    _put(found, cells.texts, str)
    _put(found, cells.booleans, bool)
    return found


def _put(found: list[Value], values: pa.Array | None, kind: Callable[[Any], Value]) -> None:
    for place, value in enumerate(values.to_pylist() if values is not None else ()):
        if value is not None:
            found[place] = kind(value)


def stored(letter: str, text: str | None) -> Value:
    """Return a cell of a workbook as an operand, by its kind (see `CellColumn`); None if it is damaged."""
    if text is None or letter in "eif":
        return None
    if letter == "s":
        return text
    if letter == "b":
        return text in ("1", "true")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def stored_column(column: CellColumn | None, last: int) -> list[Value]:
    """Return the cells of a column of a workbook by row, of which the first is row 0."""
    found: list[Value] = [BLANK] * (last + 1)
    if column is not None:
        for row, letter, text in zip(
            column.rows.tolist(), column.kinds, column.texts.to_pylist(), strict=True
        ):
            if row <= last:
                found[row] = stored(letter, text)
    return found


def of_xml(cell: str | None, strings: Sequence[str]) -> Value:
    """Return a cell of a sheet as an operand; `strings` are the shared ones of its workbook."""
    if cell is None or not sheet_cells.is_filled(cell):
        return BLANK
    kind, text = sheet_cells.value_of(cell)
    if text is None:
        return None
    if kind == "s":
        place = int(text) if text.isdecimal() else len(strings)
        return strings[place] if place < len(strings) else None
    if kind in ("str", "inlineStr"):
        return excel_unescape(text)
    return stored({"n": "n", "b": "b"}.get(kind, "e"), text)


def written(values: Sequence[Value]) -> tuple[pa.Array, pa.Array]:
    """Return for each value the attribute that tells its type, and its text; null where it is not known."""
    string = pa.large_string()
    return pa.array(map(type_attribute, values), string), pa.array(map(value_text, values), string)


def type_attribute(value: Value) -> str:
    """Return the attribute that tells the type of a value."""
    return ' t="str"' if isinstance(value, str) else ' t="b"' if isinstance(value, bool) else ""


def value_text(value: Value) -> str | None:
    """Return a value as a cell has it, None if it is not known."""
    if isinstance(value, str):
        return xml_text(value)
    if isinstance(value, bool):
        return str(int(value))
    if value is BLANK:
        return "0"
    return repr(value).removesuffix(".0") if isinstance(value, float) else None

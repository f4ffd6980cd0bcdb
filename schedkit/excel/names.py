"""Names that Excel accepts: sheets, table headers, tables, and the letters of columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache

from schedkit.excel.limits import MAX_COLUMNS, MAX_HEADER_UNITS, MAX_SHEET_NAME_UNITS, clip
from schedkit.values.text import label_text

# Excel refuses these in a sheet name; control characters are refused by the file format.
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff\ud800-\udfff]+")
_NOT_IN_HEADERS = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]+")
_NOT_IN_TABLE_NAMES = re.compile(r"[^\w.]+")
# A table may not be called like a cell: A1, XFD1048576, R1C1, R, C.
_LIKE_A_CELL = re.compile(r"[a-z]{1,3}[0-9]+|r[0-9]*|c[0-9]*|r[0-9]*c[0-9]*", re.IGNORECASE)


def letters(column: int) -> str:
    """Return the letters of the 1-based `column`.

    Examples
    --------
    >>> letters(1), letters(28), letters(16384)
    ('A', 'AB', 'XFD')
    """
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


@lru_cache(maxsize=MAX_COLUMNS)
def column_number(text: str) -> int:
    """Return the 1-based number of the column called `text`.

    Examples
    --------
    >>> column_number("AB")
    28
    """
    number = 0
    for char in text.upper():
        number = number * 26 + ord(char) - 64
    return number


def sheet_names(wanted: Iterable[object], taken: Iterable[str] = ()) -> list[str]:
    """Return one valid, casefold-unique sheet name for each wanted one.

    Examples
    --------
    >>> sheet_names(["a/b", "A B", "History", "'x'", ""])
    ['a b', 'A B (2)', 'History (2)', 'x', 'Sheet']
    """

    def clean(name: object) -> str:
        text = _NOT_IN_SHEET_NAMES.sub(" ", str(name))
        # Clipping may leave an apostrophe or blank at the end.
        return clip(text.strip(" '"), MAX_SHEET_NAME_UNITS).strip(" '") or "Sheet"

    # Excel keeps "History" for itself.
    return _unique([clean(name) for name in wanted], MAX_SHEET_NAME_UNITS, " ({})", ["history", *taken])


def headers(columns: Iterable[Hashable]) -> list[str]:
    """Return one valid, casefold-unique table header for each column label.

    Labels of several levels are joined with " / "; an empty label becomes "Column n".

    Examples
    --------
    >>> headers(["a", "A", None, ("x", 1), "two\\nlines", ""])
    ['a', 'A_2', 'Column 3', 'x / 1', 'two lines', 'Column 6']
    """
    return _unique(
        [header_text(label) or f"Column {number}" for number, label in enumerate(columns, 1)],
        MAX_HEADER_UNITS,
        "_{}",
    )


def header_text(label: Hashable) -> str:
    """Return a column label as one line of text."""
    if isinstance(label, tuple):
        return clip(" / ".join(filter(None, map(header_text, label))), MAX_HEADER_UNITS)
    if label is None or label != label:
        return ""
    return clip(_NOT_IN_HEADERS.sub(" ", label_text(label)).strip(), MAX_HEADER_UNITS).strip()


def header_key(text: str) -> str:
    """Return what two headers share when they mean the same column: case and blanks do not count."""
    return " ".join(text.split()).casefold()


def table_names(wanted: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return one valid table name, unique in the workbook, for each wanted one.

    Examples
    --------
    >>> table_names(["Open bugs", "A1", "7 days"], taken=["open_bugs"])
    ['Open_bugs_2', '_A1', '_7_days']
    """

    def clean(name: str) -> str:
        text = clip(_NOT_IN_TABLE_NAMES.sub("_", name).strip("_."), 200) or "Table"
        return f"_{text}" if not (text[0].isalpha()) or _LIKE_A_CELL.fullmatch(text) else text

    return _unique([clean(name) for name in wanted], MAX_HEADER_UNITS, "_{}", taken)


def _unique(wanted: list[str], limit: int, suffix: str, taken: Iterable[str] = ()) -> list[str]:
    used = {name.casefold() for name in taken}
    # Valid names keep their spelling; numbered ones avoid them.
    reserved = {name.casefold() for name in wanted}
    unique = []
    for name in wanted:
        candidate = name if name.casefold() not in used else _numbered(name, limit, suffix, used | reserved)
        used.add(candidate.casefold())
        unique.append(candidate)
    return unique


def _numbered(name: str, limit: int, suffix: str, used: set[str]) -> str:
    attempt: Callable[[str], str] = lambda tail: clip(name, limit - len(tail)) + tail  # noqa: E731 (two uses, one line)
    number = 2
    while attempt(suffix.format(number)).casefold() in used:
        number += 1
    return attempt(suffix.format(number))

"""Limits of a worksheet, as Microsoft documents them and as Excel enforces them."""

from __future__ import annotations

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
# Lengths are UTF-16 code units: one emoji counts two.
MAX_CELL_UNITS = 32_767
MAX_SHEET_NAME_UNITS = 31
MAX_HEADER_UNITS = 255
MAX_LINKS = 65_530
MAX_URL_LENGTH = 2_079
# Excel keeps 15 significant decimal digits of a number.
MAX_INTEGER = 10**15 - 1


def units(text: str) -> int:
    """Return the length of `text` in UTF-16 code units.

    Examples
    --------
    >>> units("a\\N{GRINNING FACE}")
    3
    """
    return len(text) + sum(char > "\uffff" for char in text)


def clip(text: str, limit: int) -> str:
    """Return the longest start of `text` that takes at most `limit` UTF-16 units.

    Never ends in half a surrogate pair.

    Examples
    --------
    >>> clip("a\\N{GRINNING FACE}b", 2)
    'a'
    """
    if units(text) <= limit:
        return text
    # Cutting the encoded form may leave half a pair at the end, which decoding drops.
    return text.encode("utf-16-le", "surrogatepass")[: 2 * limit].decode("utf-16-le", "ignore")

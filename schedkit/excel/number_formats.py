"""What number formats show."""

from __future__ import annotations

import re

_LITERALS = re.compile(
    r'"[^"]*"|\\.|_.|\*.'
    r"|\[(?:Black|Blue|Cyan|Green|Magenta|Red|White|Yellow|Color ?\d+|\$[^\]]*|[<>=][^\]]*)\]",
    re.IGNORECASE,
)


def kind_of_format(code: str) -> str:
    """Return what a number format shows: n numbers, d dates, h times of day, t durations.

    Examples
    --------
    >>> [kind_of_format(code) for code in ("0.0%", "yyyy-mm-dd", "hh:mm", "[h]:mm")]
    ['n', 'd', 'h', 't']
    """
    code = _plain(code)
    if re.search(r"\[(h+|m+|s+)\]", code):
        return "t"
    if "general" in code or not re.search(r"[ymdhs]", code):
        return "n"
    return "d" if re.search(r"[yd]", code) or not re.search(r"[hs]", code) else "h"


def shows_time(code: str) -> bool:
    """Tell whether a number format of dates shows the time of day, too.

    Examples
    --------
    >>> [shows_time(code) for code in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm", 'd. mmm "at sea"')]
    [False, True, False]
    """
    return re.search(r"[hs]", _plain(code)) is not None


def _plain(code: str) -> str:
    # Only the first section counts; quoted text and colours are not codes.
    return _LITERALS.sub("", code.split(";")[0]).lower()

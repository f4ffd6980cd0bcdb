"""Rectangles of cells, as Excel writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from schedkit.excel.names import column_number, letters

_AREA = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]+)(?::\$?([A-Z]{1,3})\$?([0-9]+))?")


@dataclass(frozen=True)
class Area:
    """The cells from (`top`, `left`) to (`bottom`, `right`), 1-based and inclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def parse(cls, text: str) -> Area | None:
        """Return the area of a reference such as ``A1`` or ``$B$2:$C$9``, None if it is none.

        Examples
        --------
        >>> Area.parse("$B$2:C9")
        Area(top=2, left=2, bottom=9, right=3)
        """
        found = _AREA.fullmatch(text)
        if found is None:
            return None
        left, top, right, bottom = found.groups()
        return cls(int(top), column_number(left), int(bottom or top), column_number(right or left))

    def __str__(self) -> str:
        return f"{letters(self.left)}{self.top}:{letters(self.right)}{self.bottom}"

    @property
    def height(self) -> int:
        """The number of rows."""
        return self.bottom - self.top + 1

    def to_row(self, bottom: int) -> Area:
        """Return the same area ending at another row."""
        return replace(self, bottom=bottom)

    def overlaps(self, other: Area) -> bool:
        """Tell whether the two have cells in common."""
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )

"""Rows with the number of their last change."""

from __future__ import annotations

from collections import OrderedDict

from schedkit.core.board.rows import Row

__all__ = ["NumberedRows"]


class NumberedRows:
    """Rows by key in the order of their last change, so that what changed since a number is the tail.

    Attributes
    ----------
    changed : dict
        The number of each row's last change.
    """

    def __init__(self) -> None:
        self.rows: OrderedDict[str, Row | None] = OrderedDict()
        self.changed: dict[str, int] = {}

    def put(self, key: str, row: Row | None, seq: int) -> None:
        """Set a row, None for one that is gone; it is the last one changed."""
        self.rows[key] = row
        self.rows.move_to_end(key)
        self.changed[key] = seq

    def get(self, key: str) -> Row | None:
        """Return a row, None if there is none."""
        return self.rows.get(key)

    def since(self, seq: int) -> dict[str, Row | None]:
        """Return the rows that were changed after number `seq`."""
        tail: dict[str, Row | None] = {}
        for key in reversed(self.rows):
            if self.changed[key] <= seq:
                break
            tail[key] = self.rows[key]
        return tail

    def present(self) -> list[Row]:
        """Return the rows that are not gone."""
        return [row for row in self.rows.values() if row is not None]

    def forget(self, key: str) -> int:
        """Forget a row; return the number of its last change."""
        del self.rows[key]
        return self.changed.pop(key)

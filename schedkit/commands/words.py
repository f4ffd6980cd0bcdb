"""Text for a terminal."""

from __future__ import annotations

__all__ = ["one_line"]


def one_line(text: str) -> str:
    """Return text as one line without the characters that steer a terminal: an error may quote an issue.

    Examples
    --------
    >>> one_line("no rows\\n  in \\x1b[31mDEMO")
    'no rows in [31mDEMO'
    """
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())

"""What a database driver's error says, and what to do about it."""

from __future__ import annotations

import re

__all__ = ["advice", "reason"]

_ADVICE = (
    ("was removed", "put it back, or stop the scheduler and start it again"),
    ("not a database", "the file is something else or damaged: restore it, or name another ledger"),
    ("malformed", "the file is damaged: restore it, or name another ledger"),
    ("unable to open", "does the folder exist, and may you write there?"),
    ("readonly", "may you write to the file and its folder?"),
    ("locked", "another program holds the file locked: close it and try again"),
    ("full", "free some space on the disk"),
    ("(relation|column) .*does not exist|no such", "is it a schedkit ledger?"),
    ("(database|role) .*does not exist", "create it, or name another"),
    ("permission denied", "may this user create tables there?"),
    ("password", "check user and password"),
    ("too many|connection slots", "close other connections, or raise the server's max_connections"),
    ("resolve host", "is the host's name right, and the network up?"),
    ("connect", "is the server up, and are host, port and user right?"),
)


def reason(error: BaseException) -> str:
    """Return a driver's message in one line, without statement or parameters."""
    orig = getattr(error, "orig", None) or error
    lines = str(orig).strip().splitlines()
    return lines[0] if lines else type(orig).__name__


def advice(text: str) -> str:
    """Return what to do about a driver's message, empty where nothing is known."""
    return next((advice for words, advice in _ADVICE if re.search(words, text, re.IGNORECASE)), "")

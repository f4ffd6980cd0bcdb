"""Paths as people give them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from schedkit.errors import FileError
from schedkit.values.scalars import plain_text
from schedkit.values.text import safe_repr

__all__ = ["SETTINGS_VARIABLE", "given_path"]

# The environment variable that names another settings file; child processes inherit it.
SETTINGS_VARIABLE = "SCHEDKIT_SETTINGS"

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def given_path(path: str | os.PathLike[str]) -> Path:
    """Return the path that a person gave, with ``~`` as the home folder.

    Raises
    ------
    FileError
        If it is no path of a file: an address, text with a NUL, or the home of an unknown user.

    Examples
    --------
    >>> given_path("https://wiki.example.org/bugs.xlsx")
    Traceback (most recent call last):
    schedkit.errors.FileError: ... is an address, not a file (give the path of a file)
    """
    text = plain_text(os.fspath(path))
    if _ADDRESS.match(text):
        raise FileError(f"{safe_repr(text)} is an address, not a file", hint="give the path of a file")
    if "\0" in text:
        raise FileError(f"{safe_repr(text)} is not a path: it contains a NUL", hint="give the path of a file")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise FileError(f"{safe_repr(text)} names an unknown user", hint="give the whole path") from None

"""Files and folders that only their user may read, unless their permissions were changed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["PRIVATE", "make_private", "make_private_folder"]

# The permissions of a file that holds what other users of the machine are not to read.
PRIVATE = 0o600


def make_private(path: Path) -> None:
    """Make an empty file that only this user may read, unless there is one, whose permissions stay.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


def make_private_folder(path: Path) -> None:
    """Make a folder that only this user may enter, unless there is one, whose permissions stay.

    Those above it that are missing are made like it.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    if not path.parent.is_dir():
        make_private_folder(path.parent)
    path.mkdir(0o700, exist_ok=True)

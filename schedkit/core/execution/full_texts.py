"""Texts too long for the ledger: cut where they are stored, their whole in a file of the run."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from schedkit.core.run import FULL_TEXT
from schedkit.errors import FileError
from schedkit.values.files import file_error, replacing
from schedkit.values.limits import MAX_STORED_CHARS
from schedkit.values.private import PRIVATE, make_private_folder

__all__ = ["FullTexts", "cut", "remove_full_texts"]

_log = logging.getLogger("schedkit")

# Files of one attempt; a task that writes megabytes every second must not fill the disk.
MOST_FILES = 20
_FOLDER = "texts"


def cut(text: str, limit: int = MAX_STORED_CHARS) -> str:
    """Return at most `limit` characters of a text, and how many are left out.

    Examples
    --------
    >>> cut("x" * 50, 20)
    'xxxxxxxxxxxxxxxxxxxx… (30 characters left out)'
    """
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} characters left out)"


class FullTexts:
    """The files of one attempt.

    Parameters
    ----------
    folder : Path
        Of the results.
    run : str
        The run's id.
    attempt : int
        Its number.
    """

    def __init__(self, folder: Path, run: str, attempt: int) -> None:
        self._folder = folder / _FOLDER / run
        self._attempt = attempt
        self._count = 0

    def keep(self, text: str, name: str) -> tuple[Path, str] | None:
        """Write a text to a file and return its path and label; None if there is no room for it."""
        self._count += 1
        if self._count > MOST_FILES:
            return None
        path = self._folder / f"{self._attempt}-{self._count}.txt"
        try:
            make_private_folder(self._folder)
            with replacing(path, mode=PRIVATE) as new:
                new.file.write(text.encode("utf-8", "replace"))
        except (FileError, OSError) as error:
            _log.warning("the full text of %s is lost: %s", name, file_error(error, path))
            return None
        return path, f"{FULL_TEXT}{name}"


def remove_full_texts(folder: Path, run: str) -> None:
    """Delete the files of a run."""
    if run.isalnum():  # a ledger that others write may hold "..", say
        shutil.rmtree(folder / _FOLDER / run, ignore_errors=True)

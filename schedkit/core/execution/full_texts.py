"""Files of runs besides their results: texts too long for the ledger, and what others could not see."""

from __future__ import annotations

import logging
import shutil
import zlib
from pathlib import Path

from schedkit.core.execution.storage import Storage, UrlStorage
from schedkit.core.run import FULL_TEXT
from schedkit.errors import FileError
from schedkit.values.files import file_error
from schedkit.values.limits import MAX_STORED_CHARS

__all__ = ["FullTexts", "cut", "remove_files", "store_file"]

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
    storage : Storage
        Where results are kept.
    run : str
        The run's id.
    attempt : int
        Its number.
    """

    def __init__(self, storage: Storage, run: str, attempt: int) -> None:
        self._storage, self._name = storage, f"{_FOLDER}/{run}/{attempt}"
        self._count = 0

    def keep(self, text: str, name: str) -> tuple[str, str] | None:
        """Write a text to a file and return its address and label; None if there is no room for it."""
        self._count += 1
        if self._count > MOST_FILES:
            return None
        file = f"{self._name}-{self._count}.txt"
        try:
            self._storage.write(file, lambda new: new.write(text.encode("utf-8", "replace")))
        except (FileError, OSError) as error:
            address = self._storage.address(file)
            _log.warning("the full text of %s is lost: %s", name, file_error(error, address))
            return None
        return self._storage.address(file), f"{FULL_TEXT}{name}"


def store_file(storage: Storage | None, run: str, attempt: int, path: str | Path) -> str | None:
    """Copy a file of a run to where results are kept, if that is a URL; return its address there.

    Other machines see a URL, and rarely the path. None: it stays where it is.
    """
    if not isinstance(storage, UrlStorage) or storage.name_of(str(path)) is not None:
        return None
    # One name for a path: a file that is noted again takes the place of its copy.
    number = zlib.crc32(str(path).encode("utf-8", "surrogateescape"))
    name = f"{_FOLDER}/{run}/{attempt}-{number:08x}/{Path(path).name}"
    try:
        with open(path, "rb") as file:
            storage.write(name, lambda new: shutil.copyfileobj(file, new))
    except (FileError, OSError) as error:
        _log.warning("the file %s of run %s stays on this machine: %s", path, run, file_error(error, path))
        return None
    return storage.address(name)


def remove_files(storage: Storage, run: str) -> None:
    """Delete the files of a run."""
    if run.isalnum():  # a ledger that others write may hold "..", say
        storage.remove_folder(f"{_FOLDER}/{run}")

"""Temporary files that are known to be left behind: their lock ends with the process that held it.

Where there are no such locks (Windows, some network drives), nothing is ever taken for left behind.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["beside", "clear_folders", "folder"]

_FILE, _FOLDER = ".schedkit", ".lock"


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a new file beside `path`, which is removed at the end if it is still there.

    What a process that died has left there of the same file goes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}."
    for _ in _abandoned(path.parent, prefix, _FILE):
        pass
    with _claimed(path.parent, prefix, _FILE) as temporary:
        yield temporary


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a new folder in the system's place for temporary files; it is removed at the end."""
    with _claimed(Path(tempfile.gettempdir()), "schedkit-", _FOLDER) as lock:
        made = lock.with_suffix("")
        made.mkdir(0o700)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)


def clear_folders() -> None:
    """Remove the folders of processes that have died."""
    for lock in _abandoned(Path(tempfile.gettempdir()), "schedkit-", _FOLDER):
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)


@contextmanager
def _claimed(where: Path, prefix: str, suffix: str) -> Iterator[Path]:
    """Yield a new file that this process holds until it is removed."""
    while True:
        handle, name = tempfile.mkstemp(dir=where, prefix=prefix, suffix=suffix)
        with suppress(OSError):
            _lock(handle, wait=True)
        # Somebody may have cleared it away before it was held.
        if os.fstat(handle).st_nlink:
            break
        os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def _abandoned(where: Path, prefix: str, suffix: str) -> Iterator[Path]:
    """Yield the files that nobody holds any more; each is removed afterwards."""
    for path in where.glob(f"{glob.escape(prefix)}*{suffix}"):
        # Whoever may not open it, or finds it held, leaves it.
        with suppress(OSError), path.open("rb") as file:
            _lock(file.fileno(), wait=False)
            yield path
            path.unlink()


if sys.platform == "win32":

    def _lock(handle: int, *, wait: bool) -> None:
        # What is open could neither be replaced nor written to by others.
        raise OSError("no locks")

else:
    import fcntl

    def _lock(handle: int, *, wait: bool) -> None:
        # Not a record lock: that ends as soon as this process closes the file anywhere.
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

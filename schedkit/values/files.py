"""Files: replaced whole or not at all, locked between processes, and never left behind half-written."""

from __future__ import annotations

import errno
import glob
import logging
import os
import platform
import secrets
import shutil
import stat
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from schedkit.errors import FileError
from schedkit.values.text import one_line

__all__ = [
    "Replacement",
    "file_error",
    "file_lock",
    "names_beside",
    "replacing",
    "scratch_folder",
    "sweep",
]

_log = logging.getLogger("schedkit")

_PART_SUFFIX = ".schedkit-part"
_SCRATCH = "schedkit-scratch-"
_DAY_SECONDS = 86_400


@dataclass
class Replacement:
    """A new file on its way to its place.

    Attributes
    ----------
    file : binary file
        The new content, open for reading and writing.
    part : Path
        Where it grows.
    path : Path
        The place it is meant for; after the block, the place it took.
    """

    file: IO[bytes]
    part: Path
    path: Path


@contextmanager
def replacing(
    path: str | Path,
    *,
    mode: int | None = None,
    aside: bool | Literal["fresh"] = False,
    now: float | None = None,
) -> Iterator[Replacement]:
    """Write a new file that takes the place of `path` when the block ends without an error.

    The new file grows under another name in the same folder and is flushed to the disk before it takes
    the place of the old one, so that whatever ends the process leaves either the old file or the new one.
    A symbolic link is followed; an existing file's mode and group are kept. What killed writers of the
    same file left behind is removed.

    Parameters
    ----------
    path : str or Path
        The file to write. Its folder is made if it is missing.
    mode : int, optional
        The permissions of a file that is new; by default as the umask says.
    aside : bool or "fresh"
        Whether a target that may not be replaced (open in Excel on Windows) leaves the new file beside it,
        as ``name (2).xlsx``; `Replacement.path` then holds the name used. "fresh" never replaces such
        a file of an earlier time, whose content may be nowhere else.
    now : float, optional
        The time, in seconds since 1970, by which what was left behind is judged.

    Raises
    ------
    FileError
        If it cannot be written: no permission, no space, no such place. The old file is still there.
    """
    target = _real(path)
    try:
        if target.exists() and not target.is_file():
            raise FileError(f"{target} is not a file", hint="give the name of a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target, time.time() if now is None else now)
        part = target.parent / f"{_part_prefix(target)}{_host()}-{secrets.token_hex(4)}{_PART_SUFFIX}"
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)
        descriptor = os.open(part, flags, mode or 0o666)
    except (OSError, ValueError) as error:
        raise file_error(error, target) from None
    replacement = Replacement(os.fdopen(descriptor, "rb+"), part, target)
    try:
        with suppress(OSError):
            _hold(descriptor)
        with replacement.file as file:
            try:
                yield replacement
                file.flush()
                os.fsync(file.fileno())
                _copy_access(target, part)
            except OSError as error:
                raise file_error(error, target) from error
        replacement.path = _put(part, target, aside)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _real(path: str | Path) -> Path:
    """Return where a path leads to, links followed."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # a NUL in the name
        raise file_error(error, one_line(str(path), 200)) from None


def _copy_access(target: Path, part: Path) -> None:
    """Give the new file the mode and the group of the old one."""
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "chown") and old.st_gid != part.stat().st_gid:
        with suppress(OSError):  # only members of a group may give files to it
            os.chown(part, -1, old.st_gid)
    part.chmod(stat.S_IMODE(old.st_mode))


def names_beside(path: Path, *, fresh: bool = False) -> Iterator[Path]:
    """Yield the names that a file takes if `path` may not be replaced; `fresh` ones are not taken yet."""
    for number in range(2, 100):
        name = path.with_name(f"{path.stem} ({number}){path.suffix}")
        if not (fresh and name.exists()):
            yield name


def _put(part: Path, target: Path, aside: bool | Literal["fresh"]) -> Path:
    for place in (target, *names_beside(target, fresh=aside == "fresh")):
        try:
            os.replace(part, place)
        except PermissionError as error:
            if not aside:
                raise file_error(error, target) from None
            continue
        except OSError as error:
            raise file_error(error, target) from None
        _flush_folder(target.parent)
        return place
    raise FileError(
        f"cannot replace {target}, or write a file beside it",
        hint="close it in the other program, or write to another name",
    )


def sweep(path: Path, now: float) -> list[Path]:
    """Remove what killed writers of `path` left behind; return what was removed."""
    removed = []
    for part in path.parent.glob(f"{glob.escape(_part_prefix(path))}*{_PART_SUFFIX}"):
        host = part.name[len(_part_prefix(path)) :].partition("-")[0]
        with suppress(OSError):
            # On another machine's file a lock may mean nothing, so only its age counts.
            if now - part.stat().st_mtime > _DAY_SECONDS or (host == _host() and _abandoned(part)):
                part.unlink()
                removed.append(part)
    return removed


def _part_prefix(path: Path) -> str:
    # The name itself may be as long as a name can be; its checksum keeps two long ones apart.
    name = path.name
    if len(name.encode()) > 180:
        name = f"{name[:40]}{zlib.crc32(name.encode()):08x}"
    return f".{name}."


def _host() -> str:
    # Several machines may write into one shared folder.
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _flush_folder(folder: Path) -> None:
    # The rename itself is durable only once the folder is; Windows cannot open folders.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


if sys.platform == "win32":

    def _hold(descriptor: int) -> None:
        """Nothing to do: an open file cannot be removed there."""

    def _abandoned(part: Path) -> bool:
        return True  # removing it fails as long as a process has it open

else:
    import fcntl

    def _hold(descriptor: int) -> None:
        # Not a record lock: that ends as soon as this process closes the file anywhere.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _abandoned(part: Path) -> bool:
        """Tell whether no process holds the file: locks end with the process that took them."""
        with part.open("rb") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
        return True


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new private folder in the system's place for temporary files; it is removed at the end.

    What killed processes left of such folders is removed first.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    place = Path(tempfile.gettempdir())
    try:
        _clear_scratch(place)
        descriptor, lock = _held_lock(place)
        folder = lock.with_suffix("")
        folder.mkdir(0o700)
    except OSError as error:
        raise file_error(error, place) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _held_lock(place: Path) -> tuple[int, Path]:
    """Return a new lock file, open and held: it tells others that the folder of its name is in use."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=place, prefix=_SCRATCH, suffix=".lock")
        with suppress(OSError):
            _hold(descriptor)
        # Another process may have cleared it away before it was held.
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)


def _clear_scratch(place: Path) -> None:
    for lock in place.glob(f"{_SCRATCH}*.lock"):
        with suppress(OSError):
            if _abandoned(lock):
                lock.unlink()  # fails where it is open on Windows, and then its folder stays
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)


@contextmanager
def file_lock(path: str | Path, *, patience: float = 60.0) -> Iterator[None]:
    """Hold the lock of a file that is read, changed and replaced, so that two writers lose nothing.

    Works between threads, processes and, where the file system knows locks, machines. The lock is a file
    of its own beside `path` (``.name.lock``), which is removed when no process holds or waits for it.

    Parameters
    ----------
    patience : float
        Seconds to wait for another writer.

    Raises
    ------
    FileError
        If another writer still holds it then, or no lock can be made there.
    """
    target = _real(path)
    lock = target.with_name(f"{_part_prefix(target)}lock")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        release = _locked(lock, patience)
    except TimeoutError:
        raise FileError(
            f"another process has been writing {target} for {patience:g} s",
            hint="wait for it to end, or write to another file",
        ) from None
    except (OSError, ValueError, NotImplementedError) as error:
        raise file_error(error, target) from None
    try:
        yield
    finally:
        release()


if sys.platform == "win32":

    def _locked(lock: Path, patience: float) -> Callable[[], object]:
        from filelock import FileLock, Timeout

        held = FileLock(lock, timeout=patience, thread_local=False)
        try:
            held.acquire()
        except Timeout:
            raise TimeoutError from None
        return held.release  # which removes the file as well, where no process has it open

else:

    def _locked(lock: Path, patience: float) -> Callable[[], object]:
        """Take the lock; return what gives it back."""
        end = time.monotonic() + patience
        while True:
            descriptor = _open_lock(lock)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(descriptor, lock):
                    return lambda: _unlock(descriptor, lock)
            except BlockingIOError:
                if time.monotonic() >= end:
                    os.close(descriptor)
                    raise TimeoutError from None
                time.sleep(0.01)
            except OSError:
                os.close(descriptor)
                raise
            # Another writer holds it, or removed it between our opening and locking it.
            os.close(descriptor)

    def _open_lock(lock: Path) -> int:
        try:
            return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except PermissionError:  # owned by another user; reading it is enough to wait for it
            return os.open(lock, os.O_RDONLY | os.O_CLOEXEC)

    def _is_at(descriptor: int, lock: Path) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), lock.stat())
        except FileNotFoundError:
            return False

    def _unlock(descriptor: int, lock: Path) -> None:
        # Removed while held: a process that waits for this file sees that it is gone, and opens a new one.
        with suppress(OSError):
            lock.unlink()
        with suppress(OSError):
            # A forked child may still have it open; closing alone would leave it locked.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space, or write to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or write to another disk"),
    errno.EACCES: ("permission denied", "choose a place you may write to"),
    errno.EPERM: ("permission denied", "choose a place you may write to"),
    errno.EROFS: ("the file system is read-only", "choose a place you may write to"),
    errno.ENAMETOOLONG: ("the name is too long", "give a shorter name"),
    errno.EISDIR: ("it is a folder", "give the name of a file"),
    errno.ENOTDIR: ("a part of its path is not a folder", "give another path"),
    errno.EEXIST: ("a part of its path is not a folder", "give another path"),
    errno.ENOENT: ("no such file or folder", "check the path"),
    errno.EMFILE: ("too many open files", "close some, or raise the limit (ulimit -n)"),
}


def file_error(problem: BaseException, path: str | Path, doing: str = "write") -> FileError:
    """Return the error of ours for what the operating system said of a file.

    Parameters
    ----------
    doing : str
        What was being done with it: ``"write"`` or ``"read"``.
    """
    if isinstance(problem, FileError):
        return problem
    number = getattr(problem, "errno", None)
    why, hint = _REASONS.get(number or 0, ("", ""))
    why = why or one_line(str(getattr(problem, "strerror", None) or problem), 200)
    if doing == "read" and hint.startswith("choose a place"):
        hint = "ask for the permission to read it"
    return FileError(f"cannot {doing} {path}: {why}", hint=hint)

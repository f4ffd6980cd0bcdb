"""Files that are watched: which have been edited, and what is said when an edit is taken up or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from schedkit.commands.declare import Declared
from schedkit.errors import SchedkitError

__all__ = ["WatchedFiles", "take_up"]


class WatchedFiles:
    """Files and what they were like when they were last looked at."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._seen = {path: _mark(path) for path in paths}

    def changed(self) -> list[Path]:
        """Return the files that have been edited since the last call; one that is away is none of them."""
        found = []
        for path, seen in self._seen.items():
            now = _mark(path)
            if now is not None and now != seen:
                self._seen[path] = now
                found.append(path)
        return found


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:  # an editor replaces it just now
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def take_up(declared: Declared, paths: Iterable[Path], say: Callable[[str], object]) -> None:
    """Declare the tasks of edited files again; a file with a mistake keeps the tasks it had."""
    for path in paths:
        try:
            gone = declared.again(path)
        except SchedkitError as error:
            say(f"{path} was edited and has a mistake; its tasks stay as they were: {error}")
            continue
        for problem in declared.problems:
            say(f"skipped: {problem}")
        declared.problems = []
        say(f"{path} was edited and is in force")
        for name in gone:
            say(f"{path} declares {name!r} no more; it stays scheduled until this process ends")

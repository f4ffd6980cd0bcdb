"""Where a project is: its root, from which relative paths start, and its settings file."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schedkit.errors import SettingsError
from schedkit.values.paths import SETTINGS_VARIABLE, given_path

__all__ = ["FILE_NAME", "SETTINGS_VARIABLE", "Project", "find_project", "project_root"]

FILE_NAME = "schedkit.yaml"
_ROOT_MARKS = (FILE_NAME, "pyproject.toml", ".git")


@dataclass(frozen=True)
class Project:
    """Where a project is.

    Parameters
    ----------
    root : Path
        The folder that relative paths start from.
    file : Path
        The settings file; it need not exist, unless it was named.
    ignored : tuple of Path
        Folders above the working folder that look like a project and are not obeyed, because others may
        write to them.
    """

    root: Path
    file: Path
    ignored: tuple[Path, ...] = ()

    @property
    def warning(self) -> str:
        """What to say of the folders that were ignored; empty where there are none."""
        if not self.ignored:
            return ""
        return (
            f"ignored {', '.join(map(str, self.ignored))}: other users may write there (name the settings "
            f"file to use it anyway: --settings FILE, or {SETTINGS_VARIABLE})"
        )


def find_project(start: Path | None = None, environment: Mapping[str, str] = os.environ) -> Project:
    """Return the project of a folder (default: the working folder), or of the settings file that is named.

    Its root is the folder of the named file, else the nearest parent with ``schedkit.yaml``,
    ``pyproject.toml`` or ``.git``, else the folder itself. A parent to which other users may write is passed
    over: its owner could send the tokens of this project elsewhere.

    Raises
    ------
    SettingsError
        There is no such file.
    """
    named = environment.get(SETTINGS_VARIABLE)
    here = (start or Path.cwd()).resolve()
    if named and start is None:
        file = (here / given_path(named)).resolve()
        if not file.is_file():
            raise SettingsError(
                f"there is no settings file {file}", hint=f"correct --settings or {SETTINGS_VARIABLE}"
            )
        return Project(file.parent, file)
    ignored: list[Path] = []
    for folder in (here, *here.parents):
        marks = [folder / mark for mark in _ROOT_MARKS if (folder / mark).exists()]
        if not marks:
            continue
        if folder == here or not any(map(_is_others, (folder, *marks))):
            return Project(folder, folder / FILE_NAME, tuple(ignored))
        ignored.append(folder)
    return Project(here, here / FILE_NAME, tuple(ignored))


def project_root(start: Path | None = None) -> Path:
    """Return the root of the project of a folder; see `find_project`.

    Examples
    --------
    >>> (project_root() / "anything").parent == project_root()
    True
    """
    return find_project(start).root


def _is_others(path: Path) -> bool:
    """Tell whether a user other than this one and the administrator may write to a path.

    A group that may write counts as trusted: with the usual umask of 002 each user has a group of their own.
    """
    if os.name != "posix":
        return False
    try:
        found = path.stat()
    except OSError:
        return True
    return bool(found.st_mode & stat.S_IWOTH) or found.st_uid not in (0, os.geteuid())

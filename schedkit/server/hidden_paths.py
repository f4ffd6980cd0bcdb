"""Removes the paths of this machine's folders from answers."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

__all__ = ["HiddenPaths"]

HIDDEN = "…".encode()


class HiddenPaths:
    """Replaces known folders in JSON text: the path of ``a.xlsx`` in a project becomes ``…/a.xlsx``.

    The folders are those given, the working folder, the user's home, the temporary folder, and Python's own;
    a path elsewhere is left as it is, because an address like ``/rest/api/2/search`` looks the same.

    Parameters
    ----------
    folders : iterable of Path
        Further folders to hide.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        usual = (Path.cwd(), _home(), Path(tempfile.gettempdir()), Path(sys.prefix), Path(sys.base_prefix))
        known = {text for folder in (*folders, *usual) for text in (str(folder), str(folder.resolve()))}
        # The root itself, or a folder right below a drive, begins too many other texts.
        wanted = sorted((text for text in known if len(Path(text).parts) > 1), key=len, reverse=True)
        self._texts = [msgspec.json.encode(text)[1:-1] for text in wanted]
        whole = b"|".join(map(re.escape, self._texts))
        self._pattern = re.compile(rb"(?<![\w.:/-])(?:" + whole + rb")(?![\w.-])")

    def __call__(self, data: bytes) -> bytes:
        """Return JSON text without the folders."""
        if not any(text in data for text in self._texts):
            return data
        return self._pattern.sub(HIDDEN, data)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without one
        return Path.cwd()

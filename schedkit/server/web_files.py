"""The files of the board's page, kept in memory, each with the ETag of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from starlette.responses import Response

from schedkit.server.etags import is_known
from schedkit.server.problems import ProblemError

__all__ = ["WebFiles"]

MEDIA_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
# Files that only a notebook and JupyterLab load.
ELSEWHERE = {"notebook.js", "lab.js", "theme.js"}


class WebFiles:
    """The JavaScript and the style sheets of ``schedkit/web``.

    Attributes
    ----------
    modules : list of str
        The names of the JavaScript files that the page needs.
    """

    def __init__(self) -> None:
        found = [path for path in files("schedkit").joinpath("web").iterdir() if _kind(path.name)]
        self._files = {path.name: path.read_bytes() for path in found}
        self._etags = {
            name: f'"{hashlib.sha256(data).hexdigest()[:32]}"' for name, data in self._files.items()
        }
        scripts = {name for name in self._files if name.endswith(".js")}
        self.modules = sorted(scripts - ELSEWHERE)

    def answer(self, name: str, known: Sequence[str]) -> Response:
        """Return a file as a response; 304 if the client already has it.

        Raises
        ------
        ProblemError
            404 if there is none of that name.
        """
        if name not in self._files:
            raise ProblemError(404, f"the page has no file {name!r}")
        headers = {"etag": self._etags[name], "cache-control": "no-cache"}
        if is_known(self._etags[name], known):
            return Response(status_code=304, headers=headers)
        return Response(self._files[name], headers=headers, media_type=MEDIA_TYPES[_kind(name)])


def _kind(name: str) -> str:
    """Return the suffix of a file that is served, empty for other files."""
    ending = name.rpartition(".")[2]
    return ending if ending in MEDIA_TYPES else ""

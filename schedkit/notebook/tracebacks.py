"""What a cell shows of an error that schedkit raised: the user's own lines, and the error's one line.

``%xmode Verbose`` shows the whole traceback.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from types import TracebackType
from typing import Any

from schedkit.notebook.shell import running_shell

__all__ = ["rendered"]

_OURS = str(Path(__file__).parents[1])
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def rendered(error: BaseException) -> list[str]:
    """Return the lines that IPython prints for an error, in the mode that its user chose."""
    shell: Any = running_shell()
    show = shell.InteractiveTB
    if show.mode == "Verbose" or not _raised_here(error.__traceback__):
        lines: list[str] = show.structured_traceback(type(error), error, error.__traceback__, tb_offset=1)
        return lines
    whole = error.__traceback__, error.__cause__, error.__suppress_context__
    short = _callers(error.__traceback__)
    try:
        # What an error came from is in its message.
        error.__cause__ = None
        if short is None:
            return list(shell.InteractiveTB.get_exception_only(type(error), error))
        return list(show.structured_traceback(type(error), error, short, tb_offset=0))
    finally:
        error.__traceback__, error.__cause__, error.__suppress_context__ = whole


def _raised_here(traceback: TracebackType | None) -> bool:
    """Return whether our code raised it, and not a task's."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_OURS)


def _callers(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of schedkit, Python's library and installed packages."""
    if traceback is None:
        return None
    rest = _callers(traceback.tb_next)
    frame = traceback.tb_frame
    if frame.f_code.co_filename.startswith((_OURS, *_INSTALLED, "<frozen ")):
        return rest
    return TracebackType(rest, frame, traceback.tb_lasti, traceback.tb_lineno)

"""Whether a process still lives."""

from __future__ import annotations

import os
import sys

__all__ = ["alive"]


def alive(pid: int, *, untold: bool) -> bool:
    """Tell whether a process of this machine lives.

    Parameters
    ----------
    untold : bool
        What to take it for where asking would end it: on Windows.
    """
    if sys.platform == "win32":
        return untold
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # owned by another user
        return True
    return True

"""Whether a process still lives."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

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
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Tell whether a process has ended, and only its parent has not taken note; on Linux."""
    with contextlib.suppress(OSError):
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2]
        return after_name.split()[:1] == [b"Z"]
    return False

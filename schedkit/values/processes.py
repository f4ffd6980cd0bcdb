"""Whether a process still lives, and where its number means it."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
import uuid
from pathlib import Path

from schedkit.values.forks import register_fork_hook

__all__ = ["alive", "pid_space"]

_BOOT, _NAMESPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


@functools.cache
def pid_space() -> str:
    """Return a text that is the same for the processes that know each other by their numbers.

    A name of a machine does not tell that: containers may share one and not see each other's processes
    (``network_mode: service:…`` of Docker Compose), and two machines may be called the same.
    """
    if sys.platform != "linux":
        return f"{socket.gethostname()} {uuid.getnode():x}"
    try:
        # The number of a namespace is given again once all its processes have ended.
        return f"{_BOOT.read_text().strip()} {_NAMESPACE.stat().st_ino}"
    except OSError:  # hidden, as by a sandbox: nobody else is known by a number
        return uuid.uuid4().hex


register_fork_hook(pid_space.cache_clear)  # a child may have another


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

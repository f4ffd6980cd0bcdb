"""A kernel that a task starts for itself: sockets that no other process can take, and why it ended."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from schedkit.values.text import clip, one_line

__all__ = ["OwnKernel", "own_kernel"]


@dataclass(frozen=True)
class OwnKernel:
    """What a kernel is to be started with.

    Parameters
    ----------
    options : dict of str to str
        Options of `jupyter_client.KernelManager`.
    stderr : file
        Where its process writes what it does not show in a notebook.
    """

    options: dict[str, str]
    stderr: IO[bytes]

    def last_line(self) -> str:
        """Return the last line that its process has written, which tells why it ended; "" without one."""
        self.stderr.seek(0)
        lines = [line for line in self.stderr.read().decode(errors="replace").splitlines() if line.strip()]
        return clip(one_line(lines[-1]), 500) if lines else ""


@contextmanager
def own_kernel() -> Iterator[OwnKernel]:
    """Give a kernel a folder for its sockets; the folder is removed at the end.

    jupyter_client looks for five free TCP ports, which the kernel takes a second later, when it has loaded.
    If another process takes one meanwhile, the kernel dies (1 of 240 starts, four at a time; papermill issue
    511). Sockets in a folder of its own cannot be taken, and no other user can connect to them.
    """
    with TemporaryDirectory(prefix="schedkit-", ignore_cleanup_errors=True) as folder:
        path = os.path.join(folder, "kernel")
        options = {"transport": "ipc", "ip": path} if _takes_sockets(path) else {}
        with Path(folder, "stderr").open("w+b") as stderr:
            yield OwnKernel(options, stderr)


def _takes_sockets(path: str) -> bool:
    if not hasattr(socket, "AF_UNIX"):
        return False
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(f"{path}-0")
        os.unlink(f"{path}-0")
    except OSError:  # more than 107 bytes (macOS: 103), or a file system without sockets
        return False
    return True

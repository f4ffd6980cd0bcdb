"""A process that has imported all it needs, and forks a child for each line that it is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

__all__ = ["fork_for_each_line"]


def fork_for_each_line(main: Callable[[str], object]) -> None:
    """Call `main(line)` in a forked child for each line of standard input; print its pid and how it ended."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            main(line.strip())
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("ended", status, flush=True)

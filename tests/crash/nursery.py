"""A process that has imported all it needs, and forks a child for each line that it is told.

Its log is its standard error.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from crash.judge_logs import LOG_FORMAT

__all__ = ["fork_for_each_line"]


def fork_for_each_line(main: Callable[[str], object]) -> None:
    """Call `main(line)` in a forked child for each line of standard input; print its pid and how it ended."""
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            main(line.strip())
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("ended", status, flush=True)

"""Count the way of one run: functions and files of ours, and how often one thread hands on to another.

    python -m support.way_of_a_run [--list]

Two ways are counted: from `submit` to the result, and from a due time to the recorded end. With ``--list``
the functions are printed in the order of their first call, each with its thread.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import schedkit
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import Event, RunEnded
from schedkit.core.triggers.constructors import at

PACKAGE = str(Path(schedkit.__file__).parent)
# What turns beside a run, whether there is one or not.
BESIDE = ("precise_loop.py", "maintenance.py")


class Way:
    """The calls of our functions on all threads, while it counts."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, CodeType]] = []
        self._counting = False
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if self._counting and event == "call" and code.co_filename.startswith(PACKAGE):
            self._calls.append((threading.current_thread().name, code))

    def walk(self, walk: Callable[[], object]) -> list[tuple[str, CodeType]]:
        """Return the calls that a walk takes: the thread and the function of each, in order."""
        self._calls.clear()
        self._counting = True
        walk()
        self._counting = False
        return [call for call in self._calls if not call[1].co_filename.endswith(BESIDE)]


def figures(calls: list[tuple[str, CodeType]]) -> tuple[int, int, int, int]:
    """Return how many functions, files, calls and hand-overs there are."""
    threads = [thread for thread, _ in calls]
    changes = sum(before != after for before, after in itertools.pairwise(threads))
    functions = {code for _, code in calls}
    return len(functions), len({code.co_filename for code in functions}), len(calls), changes


def main() -> None:
    """Print both ways."""
    way = Way()
    ended = threading.Semaphore(0)

    def hear(event: Event) -> None:
        if isinstance(event, RunEnded):
            ended.release()

    with tempfile.TemporaryDirectory() as folder, Scheduler(Path(folder) / "ledger.db") as sched:
        task = sched.task(name="one")(lambda: 1)
        for _ in range(3):  # what is made at first use is made
            task.submit().result()
        say("submit → result", way.walk(lambda: task.submit().result()))
        sched.subscribe(hear)
        sched.task(at(datetime.now(UTC) + timedelta(seconds=1)), name="due")(lambda: 1)
        say("due time → recorded end", way.walk(lambda: ended.acquire(timeout=60)))


def say(name: str, calls: list[tuple[str, CodeType]]) -> None:
    """Print one way."""
    functions, files, number, changes = figures(calls)
    print(f"{name}: {functions} functions in {files} files, {number} calls, {changes} hand-overs")
    if "--list" in sys.argv[1:]:
        for thread, code in dict.fromkeys(calls):
            path = Path(code.co_filename).relative_to(PACKAGE)
            print(f"  {thread:24} {path}:{code.co_firstlineno} {code.co_qualname}")


if __name__ == "__main__":
    main()

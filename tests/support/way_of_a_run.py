"""Count the way of one run: functions and files of ours, and how often one thread hands on to another.

    python -m support.way_of_a_run [--list]

Two ways are counted: from `submit` to the result, and from a due time to the recorded end. With ``--list``
the functions are printed in the order of their first call, each with its thread.

What is made at the first run of a task is made before. Of five walks the middle one counts, as a beat may
fall into one. What looks at the ledger each second, whether there is a run or not, is no part of the way, nor
is what it calls. A comprehension is a part of the function that it stands in, as it is for a reader (and from
Python 3.12 for the interpreter); how many there are is printed too.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import schedkit
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.events import Event, RunEnded
from schedkit.core.triggers.constructors import every

PACKAGE = str(Path(schedkit.__file__).parent)
LOOP = "precise_loop.py"
# What turns beside a run, with all that it calls, and the threads in which it reads.
BESIDE = ("maintenance.py", "listening.py", "watching.py", "death_watch.py", "wakeups.py")
BESIDE_THREADS = "AnyIO worker thread"
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
WALKS = 5
Calls = list[tuple[str, CodeType]]


class Way:
    """The calls of our functions on all threads, while it counts."""

    def __init__(self) -> None:
        self._calls: Calls = []
        self._counting = False
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        code, thread = frame.f_code, threading.current_thread().name
        if not self._counting or event != "call" or not code.co_filename.startswith(PACKAGE):
            return
        if code.co_filename.endswith(LOOP) or thread == BESIDE_THREADS or is_beside(frame):
            return
        self._calls.append((thread, code))

    def walk(self, walk: Callable[[], object]) -> Calls:
        """Return the calls that a walk takes: the thread and the function of each, in order."""
        self._calls = []
        self._counting = True
        walk()
        self._counting = False
        return self._calls

    def end(self) -> None:
        """Count no more."""
        threading.setprofile(None)
        sys.setprofile(None)


def is_beside(frame: FrameType | None) -> bool:
    """Tell whether a call is of what turns beside a run."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.endswith(BESIDE) or code.co_qualname == "Neighbours.watch_lives":
            return True
        frame = frame.f_back
    return False


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
        say("submit → result", [way.walk(lambda: task.submit().result()) for _ in range(WALKS)])
        sched.subscribe(hear)
        due = sched.task(every("1s"), name="due")(lambda: 1)
        ended.acquire()

        def next_end() -> Calls:
            while ended.acquire(blocking=False):
                pass
            assert due.next_run is not None
            left = (due.next_run - datetime.now(UTC)).total_seconds()
            time.sleep(max(0.0, left - 0.01))  # what happens in between is no part of the way
            return way.walk(ended.acquire)

        say("due time → recorded end", [next_end() for _ in range(WALKS)])
        way.end()


def say(name: str, walks: list[Calls]) -> None:
    """Print the walk of middle length."""
    calls = sorted(walks, key=len)[len(walks) // 2]
    threads = [thread for thread, _ in calls]
    changes = sum(before != after for before, after in itertools.pairwise(threads))
    codes = dict.fromkeys(code for _, code in calls)
    functions = [code for code in codes if code.co_name not in COMPREHENSIONS]
    files = {code.co_filename for code in functions}
    print(
        f"{name}: {len(functions)} functions in {len(files)} files, {changes} hand-overs; "
        f"{len(codes) - len(functions)} comprehensions, {len(calls)} calls"
    )
    if "--list" in sys.argv[1:]:
        for thread, code in dict.fromkeys(calls):
            path = Path(code.co_filename).relative_to(PACKAGE)
            print(f"  {thread:24} {path}:{code.co_firstlineno} {code.co_qualname}")


if __name__ == "__main__":
    main()

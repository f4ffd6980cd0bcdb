"""The processes of one command: their output together, each line with its process's name, and one end."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from schedkit.errors import UnavailableError

__all__ = ["Processes"]

# How long a process may take to end before it is killed: it lets its runs end.
END_SECONDS = 40.0
LOOK_SECONDS = 0.05
# For the last lines of a process that has ended.
READ_SECONDS = 5.0


class Processes:
    """Processes that are started one after another, and ended in the opposite order.

    Parameters
    ----------
    say : callable
        Is given each line that one of them writes.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._started: dict[str, subprocess.Popen[str]] = {}
        self._lines: dict[str, list[str]] = {}
        self._readers: dict[str, threading.Thread] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *failure: object) -> None:
        self.end()

    def start(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        quiet: bool = False,
    ) -> int:
        """Start a process and return its id; what a `quiet` one writes is told only if it fails."""
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C in a terminal would reach each of them at once; they are ended in order.
            start_new_session=True,
        )
        self._started[name], self._lines[name] = process, []
        reader = threading.Thread(target=self._read, args=(name, process, quiet), name=name, daemon=True)
        reader.start()
        self._readers[name] = reader
        return process.pid

    def _read(self, name: str, process: subprocess.Popen[str], quiet: bool) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._lines[name].append(line.rstrip())
                if not quiet:
                    self._say(f"{name}: {line.rstrip()}")

    def line(self, name: str, text: str, timeout: float) -> str:
        """Wait for a line of a process that holds `text`, and return it.

        Raises
        ------
        UnavailableError
            If it has ended, or does not write one in time.
        """
        until = time.monotonic() + timeout
        while True:
            ended = self._has_ended(name)
            for line in list(self._lines[name]):
                if text in line:
                    return line
            if ended or time.monotonic() > until:
                raise self._failure(name, "has ended" if ended else f"is not ready after {timeout:g} s")
            time.sleep(LOOK_SECONDS)

    def all_live(self) -> bool:
        """Tell whether none has ended.

        Raises
        ------
        UnavailableError
            If one has.
        """
        for name, process in self._started.items():
            if self._has_ended(name):
                raise self._failure(name, f"has ended with exit code {process.returncode}")
        return True

    def _has_ended(self, name: str) -> bool:
        """Tell whether a process has ended, once its last lines are read."""
        if self._started[name].poll() is None:
            return False
        self._readers[name].join(READ_SECONDS)  # what it started may keep its output open
        return True

    def _failure(self, name: str, what: str) -> UnavailableError:
        last = next((line for line in reversed(self._lines[name]) if line.strip()), "")
        return UnavailableError(f"{name} {what}" + (f": {last}" if last else ""))

    def end(self) -> None:
        """End all: the last that was started first, since it may need the others."""
        until = time.monotonic() + END_SECONDS
        for name, process in reversed(self._started.items()):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(max(0.1, until - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            # Its last lines come before those of the next; what it started may keep its output open.
            self._readers[name].join(READ_SECONDS)
        self._started.clear()

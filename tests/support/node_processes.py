"""Processes at one ledger, each running ``node_process.py``: begun, told what to do, heard, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

__all__ = ["NodeProcess"]

# Seconds after which a process is killed, so that who waits for its words does not wait for ever.
PATIENCE = 60.0
PROGRAM = Path(__file__).with_name("node_process.py")


class NodeProcess:
    """One of them, which declares its tasks at a place of its own unless one is given."""

    def __init__(self, where: str, folder: Path, name: str, place: str = "") -> None:
        self.name = name
        paths = [where, str(folder / "results"), str(folder / "journal"), name, place or f"/{name}.py"]
        self.popen = subprocess.Popen(
            [sys.executable, str(PROGRAM), *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._unasked: list[str] = []  # it speaks from several threads: its words may come in any order
        self._limit = threading.Timer(PATIENCE, self.popen.kill)
        self._limit.start()

    def tell(self, word: str) -> None:
        """Give it a word."""
        assert self.popen.stdin is not None
        assert self.popen.poll() is None, f"{self.name} has ended, or was killed after {PATIENCE:g} s"
        self.popen.stdin.write(f"{word}\n")
        self.popen.stdin.flush()

    def hear(self, word: str) -> None:
        """Wait until it has said a word."""
        assert self.popen.stdout is not None
        while word not in self._unasked:
            line = self.popen.stdout.readline().strip()
            assert line, f"{self.name} ended without saying {word!r}"
            self._unasked.append(line)
        self._unasked.remove(word)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it as a crash does, and wait until it has ended."""
        self.popen.kill()
        self.popen.wait(30)

    def end(self) -> None:
        """Let its runs end, and stop it."""
        self.tell("end")
        self.hear("ended")
        assert self.popen.wait(60) == 0

    def close(self) -> None:
        """End it, if it is still there."""
        self._limit.cancel()
        with self.popen:
            self.popen.kill()

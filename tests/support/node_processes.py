"""Processes at one ledger, each running ``node_process.py``: begun, told what to do, heard, ended."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from support.ready_processes import ReadyProcess

__all__ = ["OUTLASTS", "NodeProcess"]

# Seconds after which a process is killed, so that who waits for its words does not wait for ever.
PATIENCE = 180.0
OUTLASTS = "10m"
PROGRAM = Path(__file__).with_name("node_process.py").read_text()


class NodeProcess:
    """One of them, which declares its tasks at a place of its own unless one is given.

    Its lease outlasts a machine that stands still, unless one is given that is to run out.
    """

    def __init__(
        self, where: str, folder: Path, name: str, place: str = "", *, lease: str = OUTLASTS
    ) -> None:
        self.name = name
        paths = [where, str(folder / "results"), str(folder / "journal"), name, place or f"/{name}.py", lease]
        hears, speaks = os.pipe(), os.pipe()
        self.process = ReadyProcess(PROGRAM, paths, folder, (hears[0], speaks[1], 2))
        for given in (hears[0], speaks[1]):
            os.close(given)
        self._stdin = os.fdopen(hears[1], "w", buffering=1)
        self._stdout = os.fdopen(speaks[0])
        self._unasked: list[str] = []  # it speaks from several threads: its words may come in any order
        self._limit = threading.Timer(PATIENCE, self.process.close)
        self._limit.start()

    def tell(self, word: str) -> None:
        """Give it a word."""
        assert not self.process.ended(), f"{self.name} has ended, or was killed after {PATIENCE:g} s"
        self._stdin.write(f"{word}\n")

    def hear(self, *words: str) -> str:
        """Wait until it has said one of some words; returns which."""
        while not (said := [word for word in self._unasked if word in words]):
            line = self._stdout.readline().strip()
            assert line, f"{self.name} ended without saying {' or '.join(words)}"
            self._unasked.append(line)
        self._unasked.remove(said[0])
        return said[0]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash does, and wait until it has ended."""
        self.process.close()

    def end(self) -> None:
        """Let its runs end, and stop it."""
        self.tell("end")
        self.hear("ended")
        assert self.process.wait(60) == 0

    def close(self) -> None:
        """End it, if it is still there."""
        self._limit.cancel()
        self.process.close()
        self._stdin.close()
        self._stdout.close()

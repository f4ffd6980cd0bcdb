"""The one thread that writes to the browser: at most 4 times a second, only what changed.

ipywidgets' state is unlocked, so there is exactly one writer; and a thread of our own, because drawing
must delay neither the schedule nor wait for a busy cell.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from schedkit.loop import process_singleton

__all__ = ["Publisher", "Watcher", "publisher"]

INTERVAL_SECONDS = 0.25
IDLE_SECONDS = 1.0


class Watcher(Protocol):
    """What the publisher writes for."""

    def publish(self) -> None:
        """Send what is new, if anything; called on the publisher's thread only."""
        ...


class Publisher:
    """Calls each watcher's `publish`, soon after `poke`, at most every `interval` seconds."""

    def __init__(self, interval: float = INTERVAL_SECONDS, idle: float = IDLE_SECONDS) -> None:
        self._interval = interval
        self._idle = idle
        self._lock = threading.Lock()
        self._watchers: list[Watcher] = []
        self._letters: list[Callable[[], None]] = []
        self._changed = threading.Event()
        self._urgent = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, watcher: Watcher) -> None:
        """Publish for `watcher` from now on."""
        with self._lock:
            if watcher not in self._watchers:
                self._watchers.append(watcher)
        self._start()

    def remove(self, watcher: Watcher) -> None:
        """Publish for `watcher` no more."""
        with self._lock:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def poke(self, *_: object) -> None:
        """Tell that something changed; any thread may, as often as it likes."""
        self._changed.set()

    def post(self, letter: Callable[[], None]) -> None:
        """Run `letter` on the publisher's thread at once: an answer to a click does not wait its turn."""
        with self._lock:
            self._letters.append(letter)
        self._urgent.set()
        self._changed.set()
        self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="schedkit-panels", daemon=True)
                self._thread.start()
        self._changed.set()

    def _run(self) -> None:
        while True:
            # Even without a poke a look once in a while: a board follows other processes too.
            self._changed.wait(self._idle)
            self._changed.clear()
            self._deliver()
            with self._lock:
                watchers = list(self._watchers)
                if not watchers and not self._letters:
                    self._thread = None
                    return
            for watcher in watchers:
                self._guarded(watcher.publish)
            self._rest()

    def _rest(self) -> None:
        """Wait out the interval, delivering letters meanwhile."""
        end = time.monotonic() + self._interval
        while self._urgent.wait(max(0.0, end - time.monotonic())):
            self._deliver()
            self._changed.set()

    def _deliver(self) -> None:
        self._urgent.clear()
        with self._lock:
            letters, self._letters = self._letters, []
        for letter in letters:
            self._guarded(letter)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            # Printing from here would appear in an unrelated cell.
            logging.getLogger("schedkit.notebook").debug("publishing failed: %s", error, exc_info=True)


def publisher() -> Publisher:
    """Return the process's publisher."""
    return process_singleton("publisher", Publisher)

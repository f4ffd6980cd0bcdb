"""SIGINT and SIGTERM: the first ends a command in order, a second one does not wait for what runs."""

from __future__ import annotations

import atexit
import functools
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from schedkit.commands.output import print_line

__all__ = ["end_in_order", "sigterm_as_interrupt", "until_interrupted"]

LOOK_SECONDS = 1.0
_BOTH = (signal.SIGINT, signal.SIGTERM)


class _Signals:
    """Counts signals and wakes who waits for one.

    By a socket: a handler must not take a lock that the main thread may hold, as that of an event.
    """

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._count = self._handled = 0
        atexit.register(self._close)

    def _close(self) -> None:
        if _hears_signals():
            signal.set_wakeup_fd(-1)
        self._read.close()
        self._write.close()

    def install(self) -> None:
        for number in _BOTH:
            signal.signal(number, self._note)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1

    def wake(self) -> None:
        with suppress(BlockingIOError):
            self._write.send(b"\0")

    def wait(self, reached: Callable[[], bool]) -> bool:
        """Wait for a signal, True, or until `reached`, which is asked each second and at each wake, False."""
        while self._count <= self._handled:
            if reached():
                return False
            if select.select([self._read], [], [], LOOK_SECONDS)[0]:
                self._read.recv(64)
        self._handled += 1
        return True


@functools.cache
def _signals() -> _Signals:
    return _Signals()


def until_interrupted(go_on: Callable[[], bool] = lambda: True) -> None:
    """Wait for SIGINT or SIGTERM, or until `go_on`, which is called each second, returns False.

    Later signals are for `end_in_order`.
    """
    signals = _signals()
    signals.install()
    signals.wait(lambda: not go_on())


def end_in_order(end: Callable[[], object], hurry: Callable[[], object]) -> None:
    """Call `end`, which lets what runs come to its end; at a signal before that is over, `hurry`.

    Of two signals of one kind at once a system delivers one: who wants to hurry waits for what is said here.
    """
    if not _hears_signals():
        end()
        return
    signals, before = _signals(), [signal.getsignal(number) for number in _BOTH]

    over = threading.Event()

    def ended() -> None:
        try:
            end()
        finally:
            over.set()
            signals.wake()

    ending = threading.Thread(target=ended, name="schedkit-end", daemon=True)
    signals.install()
    print_line("ending: what runs may continue for 30 s, or until a second signal", stderr=True)
    try:
        ending.start()
        if signals.wait(over.is_set):
            hurry()
        ending.join()
    finally:
        for number, handler in zip(_BOTH, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Have SIGTERM end what runs here as Ctrl-C does: in order, instead of at once."""
    if not _hears_signals():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _hears_signals() -> bool:
    """Tell whether handlers can be set here: Python allows it in the main thread only."""
    return threading.current_thread() is threading.main_thread()

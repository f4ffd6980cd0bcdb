"""Tells listeners what happened, in order, on one thread of ours."""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from collections.abc import Callable, Sequence

from schedkit.core.events import Event

__all__ = ["EventBus", "Listener"]

_log = logging.getLogger("schedkit")

Listener = Callable[[Event], object]
Told = Sequence[Event] | threading.Event | None


class EventBus:
    """Calls every listener with every event; a slow or failing listener harms only the others' pace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self._queue: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def forked(self) -> None:
        """In a forked child: the thread stayed with the parent, and so did whoever listens."""
        self._lock, self._queue = threading.Lock(), queue.SimpleQueue()
        self._listeners, self._thread = (), None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; returns what removes it."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
            if self._thread is None:
                # The thread holds the queue alone: it ends with the last who holds the bus.
                serve = (weakref.ref(self), self._queue)
                self._thread = threading.Thread(
                    target=_serve, args=serve, name="schedkit-events", daemon=True
                )
                self._thread.start()
                weakref.finalize(self, self._queue.put, None)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return unsubscribe

    def publish(self, events: Sequence[Event]) -> None:
        """Tell events; returns at once."""
        if self._listeners and events:
            self._queue.put(events)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything told so far has been heard."""
        if self._thread is None or threading.current_thread() is self._thread:
            return True
        heard = threading.Event()
        self._queue.put(heard)
        return heard.wait(timeout)

    def tell(self, events: Sequence[Event]) -> None:
        """Call the listeners; on the thread."""
        for event in events:
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:
                    _log.exception("a listener failed on %s", type(event).__name__)


def _serve(bus: weakref.ref[EventBus], told: queue.SimpleQueue[Told]) -> None:
    while (item := told.get()) is not None:
        if isinstance(item, threading.Event):
            item.set()
        elif (alive := bus()) is not None:
            alive.tell(item)
            del alive

"""Calls listeners with events, in order, on a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from collections.abc import Callable, Sequence

from schedkit.core.events import Event
from schedkit.errors import UsageError
from schedkit.values.text import safe_repr

__all__ = ["EventBus", "Listener"]

_log = logging.getLogger("schedkit")

Listener = Callable[[Event], object]
Wanted = Callable[[Event], bool]
_Subscription = tuple[Listener, bool, Wanted | None]
Told = tuple[Sequence[Event], bool] | threading.Event | None


class EventBus:
    """Calls every listener with every event; a slow or failing listener harms only the others' pace."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[_Subscription, ...] = ()
        self._queue: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def forked(self) -> None:
        """In a forked child: the thread and the listeners stayed with the parent."""
        self._lock, self._queue = threading.Lock(), queue.SimpleQueue()
        self._listeners, self._thread = (), None

    def subscribe(
        self, listener: Listener, *, own: bool = False, wants: Wanted | None = None
    ) -> Callable[[], None]:
        """Add a listener, also to what comes from elsewhere unless it is to hear its `own` process only.

        Parameters
        ----------
        wants : callable, optional
            Tells, on the thread of who publishes, which events it is called for; all by default. Where nobody
            wants an event, none of our threads wakes for it.

        Returns
        -------
        callable
            Removes it.

        Raises
        ------
        UsageError
            If the listener cannot be called.
        """
        if not callable(listener):  # it would fail on every event, in the log only
            raise UsageError(f"listener={safe_repr(listener)} cannot be called", hint="give a function")
        subscription = (listener, bool(own), wants)
        with self._lock:
            self._listeners = (*self._listeners, subscription)
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
                self._listeners = tuple(known for known in self._listeners if known is not subscription)

        return unsubscribe

    def publish(self, events: Sequence[Event], *, elsewhere: bool = False) -> None:
        """Tell events, of this process or from `elsewhere`; returns at once."""
        if any(
            not (own and elsewhere) and (wants is None or any(map(wants, events)))
            for _, own, wants in self._listeners
        ):
            self._queue.put((events, elsewhere))

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all events so far have been handled."""
        if self._thread is None or threading.current_thread() is self._thread:
            return True
        heard = threading.Event()
        self._queue.put(heard)
        return heard.wait(timeout)

    def tell(self, events: Sequence[Event], elsewhere: bool) -> None:
        """Call the listeners; on the thread."""
        for event in events:
            for listener, own, wants in self._listeners:
                if (own and elsewhere) or not (wants is None or wants(event)):
                    continue
                try:
                    listener(event)
                except Exception:
                    _log.exception("a listener failed on %s", type(event).__name__)


def _serve(bus: weakref.ref[EventBus], told: queue.SimpleQueue[Told]) -> None:
    while (item := told.get()) is not None:
        if isinstance(item, threading.Event):
            item.set()
        elif (alive := bus()) is not None:
            alive.tell(*item)
            del alive

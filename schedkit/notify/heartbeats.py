"""Heartbeats: after each good run of a task a monitor elsewhere is told, which alarms when none comes.

The monitor sees what no alert of this machine can tell: that the machine, or its network, is gone. Services
of this kind (dead man's switches) all take a GET of an address that is the job's own.
"""

from __future__ import annotations

import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException

from schedkit.core.events import Event, RunEnded
from schedkit.core.states import State
from schedkit.core.store.outbox import HEARTBEAT
from schedkit.errors import SettingsError
from schedkit.notify.channel_worker import Outbox
from schedkit.notify.notifier import Source
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

__all__ = ["Heartbeats"]

_log = logging.getLogger("schedkit.notify")


@check_keywords
class Heartbeats:
    """Asks (GET) a task's address after each of its runs that is done, from a thread of its own.

    Runs that end while one is on its way make one more. One that fails is tried again, then a line of the
    log says so; no run waits for it.

    Parameters
    ----------
    urls : mapping
        Web addresses by names of tasks; they are secrets, and in no message.
    timeout : float
        Seconds without an answer until a try has failed.
    tries : int
        How often it is tried.
    retry_pause : float
        Seconds between the first tries; doubles.
    outbox : Outbox, optional
        Where it is kept that one was not sent, until a later one is: ``sched.queries.outbox``. `sched.why()`
        and the panel say so.

    Raises
    ------
    SettingsError
        If an address is none of the web.

    Examples
    --------
    >>> heartbeats = Heartbeats({"sales": "https://hc.example.org/0f2d"})
    >>> heartbeats.listen(sched)  # doctest: +SKIP
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        timeout: float = 10.0,
        tries: int = 4,
        retry_pause: float = 2.0,
        outbox: Outbox | None = None,
    ) -> None:
        if not isinstance(urls, Mapping):
            raise SettingsError(
                "urls= is not a mapping of tasks to addresses", hint='write {"sales": "https://…"}'
            )
        for task, url in urls.items():
            # The address itself is a secret.
            if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
                raise SettingsError(
                    f"the heartbeat of task {safe_repr(task)} is not a web address", hint="write https://…"
                )
        self._urls = dict(urls)
        self._timeout, self._tries, self._retry_pause = timeout, tries, retry_pause
        self._outbox = outbox
        self._kept: dict[str, str] = {}
        self._lock = threading.Lock()
        self._wanted: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._closing = threading.Event()
        self._subscriptions: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Heartbeats({sorted(self._urls)})"

    def listen(self, source: Source) -> Callable[[], None]:
        """Listen to a scheduler's facts; returns what ends it."""
        stop = source.subscribe(self)
        self._subscriptions.append(stop)
        return stop

    def __call__(self, event: Event) -> None:
        """Take note of a fact; returns at once."""
        task = event.task
        if not isinstance(event, RunEnded) or event.after.state is not State.DONE or task not in self._urls:
            return
        with self._lock:
            self._wanted.add(task)
            if task not in self._threads:
                thread = threading.Thread(
                    target=self._send, args=(task,), name=f"schedkit-heartbeat-{task}", daemon=True
                )
                self._threads[task] = thread
                thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Stop listening, and send what waits, within `timeout` seconds."""
        for stop in self._subscriptions:
            stop()
        self._closing.set()
        until = time.monotonic() + timeout
        with self._lock:
            threads = dict(self._threads)
        for task, thread in threads.items():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                _log.warning("the heartbeat of task %r was not sent before the process ended", task)

    def _send(self, task: str) -> None:
        """Send the heartbeats of one task, as long as there are any."""
        while True:
            with self._lock:
                if task not in self._wanted:
                    del self._threads[task]
                    return
                self._wanted.discard(task)
            self._beat(task)

    def _beat(self, task: str) -> None:
        pause, reason = self._retry_pause, ""
        for left in reversed(range(self._tries)):
            reason = self._get(self._urls[task])
            if not reason:
                self._note_sent(task)
                return
            if left:
                self._closing.wait(pause)
                pause *= 2
        _log.warning("the heartbeat of task %r could not be sent, in %d tries: %s", task, self._tries, reason)
        if self._outbox is not None and task not in self._kept:
            title = f"the heartbeat of task {task!r}"
            self._kept[task] = self._outbox.keep(title, title, reason, HEARTBEAT)

    def _note_sent(self, task: str) -> None:
        if self._outbox is None:
            return
        left = self._outbox.take(f"the heartbeat of task {task!r}")  # by processes that have ended
        for id in (*(id for id, _ in left), self._kept.pop(task, "")):
            if id:
                self._outbox.done(id)

    def _get(self, url: str) -> str:
        """Ask an address once; return why that failed, without the address."""
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "schedkit"})
            with urllib.request.urlopen(request, timeout=self._timeout):
                return ""
        except urllib.error.HTTPError as error:
            error.close()
            return f"the answer was {error.code}"
        except (OSError, ValueError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            return type(reason).__name__ if isinstance(reason, Exception) else type(error).__name__

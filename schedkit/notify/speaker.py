"""A channel's own thread: it sends what is due, and a slow or dead service holds up nobody else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from schedkit.notify.channel import Voice
from schedkit.notify.digest import Digest, message
from schedkit.notify.notices import Notice

__all__ = ["Speaker"]

_log = logging.getLogger("schedkit.notify")
_TRIES = 3


class Speaker:
    """Sends the notices of one channel.

    Parameters
    ----------
    voice : Voice
        How.
    retry_pause : float
        Seconds before a message that failed is sent again; doubles. After three tries it is dropped.
    """

    def __init__(self, voice: Voice, retry_pause: float) -> None:
        self.voice = voice
        self.retry_pause = retry_pause
        self._digest = Digest(voice.channel.pause)
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(
            target=self._run, name=f"schedkit-notify-{voice.channel.env}", daemon=True
        )
        self._thread.start()

    def add(self, notices: Sequence[Notice]) -> None:
        """Take the notices that the channel wants; returns at once."""
        with self._changed:
            for notice in notices:
                if self.voice.channel.wants(notice):
                    self._digest.add(notice)
            self._changed.notify()

    def close(self) -> None:
        """Have the thread send what waits, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self, timeout: float) -> None:
        """Wait at most `timeout` seconds until it has ended."""
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                due = self._digest.due()
                if due is None and self._closing:
                    return
                now = time.monotonic()
                if due is None or (due > now and not self._closing):
                    self._changed.wait(None if due is None else due - now)
                    continue
                notices, dropped = self._digest.take(now)
            title, body = message(notices, dropped, self.voice.channel.templates, self.voice.limit)
            self._say(title, body)

    def _say(self, title: str, body: str) -> None:
        reason = "the service did not take it"
        for attempt in range(_TRIES):
            if attempt:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, self.retry_pause * 2 ** (attempt - 1))
            try:
                if self.voice.say(title, body):
                    return
            except Exception as error:
                # Whatever a plug-in of Apprise raises must not end this thread; its text may hold the URL.
                reason = type(error).__name__
        _log.warning("a notification to %s was dropped: %s", self.voice.channel.env, reason)

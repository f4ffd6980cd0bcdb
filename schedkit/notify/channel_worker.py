"""A channel's own thread: it sends what is due, so that a slow or dead service delays no other channel."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from schedkit.notify.digest import Digest, Message, message
from schedkit.notify.notices import Notice
from schedkit.notify.sender import Sender

__all__ = ["ChannelWorker"]

_log = logging.getLogger("schedkit.notify")
_LONGEST_PAUSE = 60.0


class ChannelWorker:
    """Sends the notices of one channel.

    Parameters
    ----------
    sender : Sender
        How.
    retry_pause : float
        Seconds before a message that failed is sent again; doubles, to a minute at most.
    retry_for : float
        Seconds after which a message that no try could send is dropped, with a line in the log.
    """

    def __init__(self, sender: Sender, retry_pause: float, retry_for: float) -> None:
        self.sender = sender
        self.retry_pause = retry_pause
        self.retry_for = retry_for
        self._digest = Digest(sender.channel.pause)
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(
            target=self._run, name=f"schedkit-notify-{sender.channel.env}", daemon=True
        )
        self._thread.start()

    def add(self, notices: Sequence[Notice]) -> None:
        """Take the notices that the channel wants; returns at once."""
        with self._changed:
            for notice in notices:
                if self.sender.channel.wants(notice):
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
            self._deliver(message(notices, dropped, self.sender.channel.templates, self.sender.limit))

    def _deliver(self, sent: Message) -> None:
        """Send a message, again and again while the service is away; what happens meanwhile waits."""
        until, pause = time.monotonic() + self.retry_for, self.retry_pause
        while True:
            reason = self._try(sent)
            if not reason:
                return
            with self._changed:
                if not self._closing and time.monotonic() + pause < until:
                    self._changed.wait_for(lambda: self._closing, pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    continue
            _log.warning("a notification to %s was dropped: %s", self.sender.channel.env, reason)
            return

    def _try(self, sent: Message) -> str:
        """Send a message once; return why that failed."""
        try:
            return "" if self.sender.send(*sent) else "the service did not accept it"
        except Exception as error:
            # Whatever a plug-in of Apprise raises must not end this thread; its text may hold the URL.
            return type(error).__name__

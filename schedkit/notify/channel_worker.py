"""A channel's own thread: it sends what is due, so that a slow or dead service delays no other channel."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence
from typing import Protocol, cast

from schedkit.notify.digest import Digest, Message, message
from schedkit.notify.notices import Kind, Notice
from schedkit.notify.sender import Sender

__all__ = ["ChannelWorker", "Outbox"]

_log = logging.getLogger("schedkit.notify")
_LONGEST_PAUSE = 60.0
# How often it is looked for what other processes have left.
_LOOK_SECONDS = 30.0


class Outbox(Protocol):
    """Where messages wait that could not be sent; see `schedkit.core.api.outbox.Outbox`."""

    def keep(self, channel: str, title: str, body: str, kind: str) -> str:
        """Keep a message, and return its id; empty: it is not kept."""

    def take(self, channel: str) -> list[tuple[str, tuple[str, str, str]]]:
        """Return what was left by processes that have ended."""

    def done(self, id: str) -> None:
        """Remove a message that was sent."""


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
    outbox : Outbox, optional
        Where it waits instead until it can be sent, by this process or a later one.
    """

    def __init__(
        self, sender: Sender, retry_pause: float, retry_for: float, outbox: Outbox | None = None
    ) -> None:
        self._outbox = outbox
        self._looked = float("-inf")
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
                look = math.inf if self._outbox is None else self._looked + _LOOK_SECONDS - now
                if (due is None or (due > now and not self._closing)) and look > 0:
                    wait = min(math.inf if due is None else due - now, look)
                    self._changed.wait(None if wait == math.inf else wait)
                    continue
                if look > 0:
                    notices, dropped = self._digest.take(now)
            if look <= 0:
                self._send_what_is_left()
            else:
                self._deliver(message(notices, dropped, self.sender.channel.templates, self.sender.limit))

    def _send_what_is_left(self) -> None:
        """Send what processes that have ended could not."""
        self._looked = time.monotonic()
        if self._outbox is not None:
            for id, (title, body, kind) in self._outbox.take(self.sender.channel.env):
                self._deliver((title, body, cast(Kind, kind)), id)

    def _deliver(self, sent: Message, kept: str = "") -> None:
        """Send a message, again and again while the service is away; what happens meanwhile waits."""
        until, pause = time.monotonic() + self.retry_for, self.retry_pause
        while reason := self._try(sent):
            if not kept and self._outbox is not None:
                kept = self._outbox.keep(self.sender.channel.env, *sent)
            with self._changed:
                if not self._closing and (kept or time.monotonic() + pause < until):
                    self._changed.wait_for(lambda: self._closing, pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    continue
            told = "waits in the outbox" if kept else "was dropped"
            _log.warning("a notification to %s %s: %s", self.sender.channel.env, told, reason)
            return
        if kept and self._outbox is not None:
            self._outbox.done(kept)

    def _try(self, sent: Message) -> str:
        """Send a message once; return why that failed."""
        try:
            return "" if self.sender.send(*sent) else "the service did not accept it"
        except Exception as error:
            # Whatever a plug-in of Apprise raises must not end this thread; its text may hold the URL.
            return type(error).__name__

"""Listens to facts and notifies channels, from its own thread: a run never waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from schedkit.core.events import Event
from schedkit.errors import SettingsError
from schedkit.notify.channel import Channel
from schedkit.notify.channel_worker import ChannelWorker, Outbox
from schedkit.notify.notices import Notice, Watch
from schedkit.notify.rule_watch import Recoveries, RuleWatch
from schedkit.notify.rules import Rule
from schedkit.notify.sender import Sender
from schedkit.values.durations import Duration
from schedkit.values.keywords import check_keywords
from schedkit.values.parsers import duration
from schedkit.values.text import safe_repr

if TYPE_CHECKING:
    from schedkit.core.api.queries import Queries

__all__ = ["Notifier", "Source"]

# How often runs that should have started are looked for, and rules applied.
_CHECK_SECONDS = 5.0


class Source(Protocol):
    """What can be listened to: a Scheduler."""

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]: ...


@check_keywords
class Notifier:
    """Tells channels of runs that failed, are done or are late.

    A channel that fails is tried again for `retry_for` seconds, then its message is dropped with a log line;
    with an `outbox` it waits there instead. Neither a run nor another channel notices.

    Parameters
    ----------
    channels : sequence of Channel
        Where to.
    link : str
        Address of a run, with ``{run}`` or ``{task}`` in it, e.g. ``https://sched.example.org/#{run}``.
    late_after : str, float or timedelta
        How long past its due time a run is late.
    environ : mapping, optional
        Instead of the process's environment.
    retry_pause : float
        Seconds before a failed message is sent again; doubles, to a minute at most.
    retry_for : float
        Seconds for which a failed message is sent again.
    outbox : Outbox, optional
        Where failed messages wait instead until they can be sent, also over the end of the process:
        ``sched.queries.outbox``.
    rules : sequence of Rule
        What must not happen to the tasks of the scheduler of `queries`; looked at every few seconds, first
        after the start. The ledger keeps what was told.
    queries : Queries, optional
        ``sched.queries``, which rules need; with it a task is also said to have recovered from a failure
        before this process began.

    Raises
    ------
    SettingsError
        If a channel's environment variable is missing or holds no Apprise URL, or no channel takes what a
        rule finds.

    Examples
    --------
    >>> notifier = Notifier([Channel("TEAM_CHAT_URL", on=["failed", "late"])])  # doctest: +SKIP
    >>> notifier.listen(sched)  # doctest: +SKIP
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        *,
        link: str = "",
        late_after: Duration = 60.0,
        environ: Mapping[str, str] | None = None,
        retry_pause: float = 2.0,
        retry_for: float = 3600.0,
        outbox: Outbox | None = None,
        rules: Sequence[Rule] = (),
        queries: Queries | None = None,
    ) -> None:
        late = timedelta(seconds=duration(above=True)(late_after, "late_after"))
        _check_list(channels, Channel, "channels", '[Channel("TEAM_CHAT_URL")]')
        if queries is None or not any("recovered" in channel.on for channel in channels):
            self._watch = Watch(late, link)
        else:
            self._watch = Watch(late, link, Recoveries(queries))
        _check_list(rules, Rule, "rules", '[Rule("sales", not_done_for="26h")]')
        self._rules = _watch_of(rules, channels, queries)
        if environ is not None and not isinstance(environ, Mapping):
            raise SettingsError(
                "environ= is not a mapping of variables", hint='write environ={"TEAM_CHAT_URL": …}'
            )
        # All addresses are judged before the first thread starts.
        senders = [Sender(channel, environ) for channel in channels]
        self._workers = [ChannelWorker(sender, retry_pause, retry_for, outbox) for sender in senders]
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._subscriptions: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._look_for_late_runs, name="schedkit-notify", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"Notifier({[worker.sender.channel.env for worker in self._workers]})"

    def listen(self, source: Source) -> Callable[[], None]:
        """Listen to a scheduler's facts; returns what ends it."""
        stop = source.subscribe(self)
        self._subscriptions.append(stop)
        return stop

    def __call__(self, event: Event) -> None:
        """Take note of a fact; returns at once."""
        if self._rules is not None:
            self._rules.feed(event)
        with self._lock:
            self._tell(self._watch.feed(event))

    def close(self, timeout: float = 5.0) -> None:
        """Stop listening, and send what waits, within `timeout` seconds."""
        for stop in self._subscriptions:
            stop()
        self._closing.set()
        until = time.monotonic() + timeout
        for worker in self._workers:
            worker.close()
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))

    def _tell(self, notices: Sequence[Notice]) -> None:
        if notices:
            for worker in self._workers:
                worker.add(notices)

    def _look_for_late_runs(self) -> None:
        while not self._closing.wait(_CHECK_SECONDS):
            self.check(datetime.now(UTC))

    def check(self, now: datetime) -> None:
        """Tell of runs that should have started by `now`, and of what rules find; done every few seconds."""
        found = [] if self._rules is None else self._rules.check(now)
        with self._lock:
            of_rules = [self._watch.found(kind, task, now, reason) for task, (kind, reason) in found]
            self._tell(self._watch.check(now) + of_rules)


def _check_list(given: object, kind: type[Any], name: str, example: str) -> None:
    if not isinstance(given, list | tuple) or not all(isinstance(each, kind) for each in given):
        raise SettingsError(f"{name}={safe_repr(given, 60)} is not a list of {name}", hint=f"write {example}")


def _watch_of(
    rules: Sequence[Rule], channels: Sequence[Channel], queries: Queries | None
) -> RuleWatch | None:
    """Return what applies the rules; refuse rules without a channel for their messages."""
    if not rules:
        return None
    if queries is None:
        raise SettingsError("rules need the scheduler's queries", hint="write queries=sched.queries")
    for rule in rules:
        for kind in rule.kinds:
            if not any(kind in channel.on for channel in channels):
                raise SettingsError(
                    f"no channel is told what the notification rule for {rule.task!r} finds",
                    hint=f"add {kind} to the on: of a channel",
                )
    return RuleWatch(rules, queries)

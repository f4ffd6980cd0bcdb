"""From facts to what is worth telling: pure, with the time as an argument."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from schedkit.core.events import Event, Fired, RunEnded, RunNoted, RunQueued, RunStarted, TaskChanged
from schedkit.core.states import DueOutcome, State
from schedkit.values.durations import elapsed_text

__all__ = ["KINDS", "TEMPLATES", "Kind", "Notice", "Watch", "filled", "harmless", "moment_text"]

Kind = Literal["failed", "done", "late", "recovered", "overdue", "failing"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_KIND_OF: Mapping[State, Kind] = {State.FAILED: "failed", State.TIMEOUT: "failed", State.DONE: "done"}
# Runs followed at most; a ledger with more alive than this is late altogether.
_FOLLOWED = 10_000

TEMPLATES: Mapping[Kind, str] = {
    "failed": "{task} failed after {duration}: {error}\n{hint}\n{link}",
    "done": "{task} is done after {duration}\n{page}\n{link}",
    "late": "{task} is late: {reason}\n{link}",
    "recovered": "{task} has recovered: its last run is done after {duration}\n{page}\n{link}",
    "overdue": "{task} is overdue: {reason}\n{link}",
    "failing": "{task} fails too often: {reason}\n{link}",
}
_FIELD = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Notice:
    """One thing worth telling; `fields` fill a template."""

    kind: Kind
    task: str
    run: str
    at: datetime
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Followed:
    """What is known of a run that has not ended."""

    task: str
    due: datetime | None
    started: bool = False
    late_reported: bool = False
    facts: dict[str, str] = field(default_factory=dict)


class Watch:
    """Follows runs and says what is worth telling of them.

    Parameters
    ----------
    late_after : timedelta
        A run that starts, or has not started, this long after its due time is late; reported once.
    link : str
        Address of a run with ``{run}`` and ``{task}`` in it, or empty.
    recovered : callable, optional
        Tells whether a task has recovered with a run that is done, given the event and what is known here;
        by default what is known here.
    """

    def __init__(
        self,
        late_after: timedelta,
        link: str = "",
        recovered: Callable[[RunEnded, bool], bool] = lambda event, known: known,
    ) -> None:
        self.late_after = late_after
        self._recovered = recovered
        self.link = link
        self._runs: OrderedDict[str, _Followed] = OrderedDict()
        self._failing: set[str] = set()  # tasks of which something bad was told since they were done last
        # The last pause of a task: since when, until when; "" means all tasks.
        self._pauses: dict[str, tuple[datetime, datetime | None]] = {}

    def feed(self, event: Event) -> list[Notice]:
        """Take note of a fact; returns what it makes worth telling."""
        match event:
            case RunQueued():
                # A run that waits for its parents is not late.
                due = None if event.after.state is State.PENDING else event.after.due_at
                known = self._runs.get(event.run)
                if known is None or known.due != due:  # else it tells only for what it waits
                    self._follow(event.run, _Followed(event.task, due))
            case RunStarted():
                return self._started(event)
            case RunNoted():
                self._noted(event)
            case RunEnded():
                return self._ended(event)
            case TaskChanged(change="paused"):
                self._pauses[event.task] = (event.at, None)
            case TaskChanged(change="resumed") if event.task in self._pauses:
                self._pauses[event.task] = (self._pauses[event.task][0], event.at)
            case Fired(outcome=DueOutcome.MISSED) if not self._was_paused(event):
                count = "a due time was" if event.count == 1 else f"{event.count or 'several'} due times were"
                reason = f"{count} missed, the first at {moment_text(event.scheduled_at)}"
                return [self._notice("late", event.task, event.run, event.at, {"reason": reason})]
        return []

    def check(self, now: datetime) -> list[Notice]:
        """Return the runs that should have started by `now` and were not yet reported."""
        notices = []
        for run, known in self._runs.items():
            if known.due is None or known.started or known.late_reported:
                continue
            if now - known.due > self.late_after:
                known.late_reported = True
                reason = f"due at {moment_text(known.due)}, and not started yet"
                notices.append(self._notice("late", known.task, run, now, {"reason": reason}))
        return notices

    def found(self, kind: Kind, task: str, at: datetime, reason: str) -> Notice:
        """Return a notice of what a rule has found; the task has recovered with its next run that is done."""
        self._failing.add(task)
        return self._notice(kind, task, "", at, {"reason": reason})

    def _was_paused(self, event: Fired) -> bool:
        """Tell whether someone wanted a due time to pass."""
        pauses = (self._pauses.get(name) for name in ("", event.task))
        return any(p and p[0] <= event.scheduled_at and (not p[1] or event.until <= p[1]) for p in pauses)

    def _follow(self, run: str, known: _Followed) -> None:
        self._runs[run] = known
        while len(self._runs) > _FOLLOWED:
            self._runs.popitem(last=False)

    def _started(self, event: RunStarted) -> list[Notice]:
        known = self._runs.get(event.run)
        if known is None or known.started:
            return []
        known.started = True
        if known.due is None or known.late_reported:
            return []
        late = event.at - known.due
        if late <= self.late_after:
            return []
        known.late_reported = True
        reason = f"due at {moment_text(known.due)}, started {_elapsed(late.total_seconds())} later"
        return [self._notice("late", event.task, event.run, event.at, {"reason": reason})]

    def _noted(self, event: RunNoted) -> None:
        known = self._runs.get(event.run)
        if known is None:
            return
        if event.kind == "page" and isinstance(event.facts.get("url"), str):
            known.facts["page"] = event.facts["url"]
        elif event.kind == "artifact" and event.facts.get("label"):
            known.facts["file"] = str(event.facts["label"])

    def _ended(self, event: RunEnded) -> list[Notice]:
        known = self._runs.pop(event.run, None)
        ended = event.after
        kind = _KIND_OF.get(ended.state)
        if kind is None:
            return []
        facts = {
            "state": str(ended.state).lower(),
            "duration": _elapsed(ended.seconds),
            "attempt": str(ended.attempt),
            "error": ended.why or str(ended.state),
            "hint": str((ended.error or {}).get("hint") or ""),
            **(known.facts if known else {}),
        }
        kinds: list[Kind] = [kind]
        if kind == "failed":
            self._failing.add(event.task)
        else:
            was_failing = event.task in self._failing
            self._failing.discard(event.task)
            if self._recovered(event, was_failing):
                kinds.append("recovered")
        return [self._notice(each, event.task, event.run, event.at, facts) for each in kinds]

    def _notice(self, kind: Kind, task: str, run: str, at: datetime, facts: dict[str, str]) -> Notice:
        link = self.link.replace("{run}", run).replace("{task}", task)
        if not run and "{run}" in self.link:
            link = ""
        fields = {"kind": kind, "task": task, "run": run, "at": moment_text(at), "link": link, **facts}
        made = {
            name: _address(value) if name in ("link", "page") else harmless(value)
            for name, value in fields.items()
        }
        return Notice(kind, task, run, at, made)


def filled(template: str, fields: Mapping[str, Any]) -> str:
    """Fill ``{names}`` of a template; unknown ones are empty, and lines left empty go."""
    text = _FIELD.sub(lambda found: str(fields.get(found[1], "")), template)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


# A zero-width space within it keeps a chat or a mail from reading it as a mention or a link.
_BREAK = "\u200b"
_INERT = re.compile(
    r"(?<![^\W_])@(?=\w)"  # @user, _@user_, look.@channel; not a@example.org
    r"|(?<![\w&#~/])[#~](?=[a-z])"  # #channel, ~channel; not C#, &#x27; or ~/folder
    r"|<(?=[@!#]|at\b|[a-z][a-z0-9+.-]*:|[^<>\s]*\|)"  # <@U1>, <!here>, <at>, <https://x|text>
    r"|\](?=\s?[\[(]|:)"  # [text](url), [text][1], [1]: url
    r"|(?<=\w):(?=//)"  # https://evil.example
    r"|\b(?:mailto|xmpp|tel|sms):(?=\S)",
    re.IGNORECASE,
)
# Services take bare words for addresses: login.evil.com/?a. Not the part of a path or of an e-mail address.
_DOTTED = re.compile(r"(?<![\w.@-])(?<![^/]/)[\w-]+(?:\.[\w-]+)+")
# The top-level domains of more than two letters that addresses to click on mostly have.
_DOMAINS = {
    "com", "net", "org", "info", "biz", "edu", "gov", "mil", "int", "app", "dev", "xyz", "top", "site",
    "online", "shop", "store", "club", "cloud", "link", "click", "live", "page", "pro", "vip", "win",
    "work", "tech", "space", "website", "support", "services", "agency", "digital", "email", "news",
    "blog", "wiki", "zip", "mov", "icu", "fun", "life", "world", "today", "new", "ink", "art", "bar",
    "run", "loan", "download", "stream", "review", "monster", "quest", "host", "example",
}  # fmt: skip
_URL = re.compile(r"https?://[^\s<>|\[\]\"\\]+")


def harmless(text: str) -> str:
    """Return untrusted text in which a chat or a mail finds neither mentions nor links."""
    return _INERT.sub(lambda found: found[0] + _BREAK, _DOTTED.sub(_broken_domain, text))


def _broken_domain(found: re.Match[str]) -> str:
    first, *_, last = found[0].lower().split(".")
    named = last.isalpha() and (len(last) == 2 or last in _DOMAINS)
    return found[0].replace(".", f".{_BREAK}") if named or first == "www" else found[0]


def _address(url: str) -> str:
    """Return a web address as it is; anything else becomes inert text."""
    return url if _URL.fullmatch(url) else harmless(url)


def moment_text(at: datetime) -> str:
    """Return a moment as notices show it."""
    return at.strftime("%Y-%m-%d %H:%M %Z").strip()


def _elapsed(seconds: float | None) -> str:
    return "an unknown time" if seconds is None else elapsed_text(seconds)

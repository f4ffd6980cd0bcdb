"""Events of runs and what is told of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace
from support.run_events import RunEvents

from schedkit.core.events import Event, RunEnded, RunQueued, RunStarted
from schedkit.core.states import State
from schedkit.notify.notices import TEMPLATES, Notice, Watch, filled
from schedkit.values.instants import to_micros

__all__ = ["AT", "MINUTE", "ended", "failure", "fed", "notice", "queued", "started", "told"]


AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


MINUTE = timedelta(minutes=1)


def queued(run: str = "r1", state: State = State.QUEUED, due: datetime = AT, task: str = "bugs") -> RunQueued:
    return RunEvents(AT).queued(run, task, state=state, due=to_micros(due))


def started(run: str = "r1", at: datetime = AT, attempt: int = 1) -> RunStarted:
    return replace(RunEvents(AT).started(run, "bugs", attempt=attempt), at=at)


def ended(
    state: State, run: str = "r1", task: str = "bugs", seconds: float | None = None, **more: Any
) -> RunEnded:
    began = None if seconds is None else to_micros(AT - timedelta(seconds=seconds))
    return RunEvents(AT).ended(run, task, 0, state, attempt=2, started=began, **more)


def fed(*events: Event, link: str = "", late: float = 60) -> list[Notice]:
    watch = Watch(timedelta(seconds=late), link)
    return [notice for event in events for notice in watch.feed(event)]


def told(notice: Notice) -> str:
    return filled(TEMPLATES[notice.kind], notice.fields)


def notice(kind: Any = "failed", task: str = "bugs", **fields: str) -> Notice:
    return Notice(kind, task, "r", AT, {"task": task, "error": "no", "duration": "1 s", **fields})


def failure(task: str = "bugs", run: str = "r1") -> Event:
    return ended(State.FAILED, run, task, seconds=2.0, error={"message": f"{task} broke", "hint": "mend it"})

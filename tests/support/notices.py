"""Events of runs and what is told of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from schedkit.core.events import (
    Event,
    RunEnded,
    RunQueued,
)
from schedkit.core.states import State
from schedkit.notify.notices import TEMPLATES, Notice, Watch, filled

__all__ = ["AT", "MINUTE", "ended", "failure", "fed", "notice", "queued", "told"]


AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


MINUTE = timedelta(minutes=1)


def queued(run: str = "r1", state: State = State.QUEUED, due: datetime = AT, task: str = "bugs") -> RunQueued:
    return RunQueued(at=AT, task=task, run=run, state=state, cause="trigger", due_at=due, priority=1)


def ended(state: State, run: str = "r1", task: str = "bugs", **more: Any) -> RunEnded:
    return RunEnded(at=AT, task=task, run=run, state=state, attempt=2, **more)


def fed(*events: Event, link: str = "", late: float = 60) -> list[Notice]:
    watch = Watch(timedelta(seconds=late), link)
    return [notice for event in events for notice in watch.feed(event)]


def told(notice: Notice) -> str:
    return filled(TEMPLATES[notice.kind], notice.fields)


def notice(kind: Any = "failed", task: str = "bugs", **fields: str) -> Notice:
    return Notice(kind, task, "r", AT, {"task": task, "error": "no", "duration": "1 s", **fields})


def failure(task: str = "bugs", run: str = "r1") -> Event:
    return ended(State.FAILED, run, task, seconds=2.0, error={"message": f"{task} broke", "hint": "mend it"})

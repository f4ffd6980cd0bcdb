"""Tasks of a ledger with a schedule, as the calendar reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from schedkit.core.model import TaskRow
from schedkit.core.triggers import data as trigger_data
from schedkit.values.instants import to_micros

__all__ = ["scheduled"]

BERLIN = ZoneInfo("Europe/Berlin")


def scheduled(
    name: str, trigger: Any, *, now: datetime, next: datetime | None = None, **fields: Any
) -> TaskRow:
    """Return a task declared at ``now``, due by a trigger bound to Berlin's time."""
    bound = trigger.bind(now, BERLIN)
    first = next or bound.next(now)
    text = trigger_data.dumps(bound)
    return TaskRow(
        name=name, trigger=text, anchored=to_micros(now), declared=0, next=to_micros(first), **fields
    )

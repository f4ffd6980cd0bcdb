"""Tasks of every kind for random histories of the engine, drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from schedkit.core.engine.snapshot import Found
from schedkit.core.engine.stimuli import Declare
from schedkit.core.model import After, Rate, Retry, Task
from schedkit.core.states import Overlap
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import any_of, at, cron, every
from schedkit.values.instants import to_micros

__all__ = ["NAMES", "START", "TRIGGERS", "declaration", "draw_task"]

START = datetime(2026, 1, 5, tzinfo=UTC)
TRIGGERS: tuple[Trigger, ...] = (
    every("7s"),
    every("7s", start=START),
    every("5s", start=START, jitter="3s"),
    every("13s", start=START, end=START + timedelta(minutes=4)),
    cron("* * * * *", tz="UTC"),
    any_of(every("20s", start=START), cron("* * * * *", tz="UTC")),
    at(START + timedelta(seconds=20)),
)
# Which parents each task may have; the others come after nothing.
PARENTS: Mapping[str, tuple[str, ...]] = {
    "child": ("parent",),
    "join": ("parent", "child"),
    "timed join": ("parent", "fast"),
    "last": ("timed join",),
}
TIMED = ("fast", "slow", "late", "timed join")
NAMES = (*TIMED, "manual", "parent", "child", "join", "last")


# What the ledger has of a task that is new.
NEW = Found()


def draw_task(random: Random, name: str) -> Task:
    """Return a task of that name with options as the seed has it."""
    return Task(
        name=name,
        trigger=random.choice(TRIGGERS) if name in TIMED else None,
        retry=Retry(attempts=random.choice((1, 2, 3)), delay=random.choice((0, 2, 20)), jitter=0.5),
        timeout=random.choice((None, 4, 25)),
        priority=random.choice((0, 10, 20)),
        after=tuple(
            After(parent, random.choice(("success", "any")))
            for parent in PARENTS.get(name, ())
            if random.random() < 0.85
        ),
        overlap=random.choice(tuple(Overlap)),
        tags=tuple(tag for tag in ("x", "y") if random.random() < 0.3),
        rate=random.choice((None, None, None, Rate(2, 10.0))),
        max_instances=random.choice((1, 2, 3)),
        misfire_grace=random.choice((None, 3.0, 40.0)),
        coalesce=random.random() < 0.5,
        catch_up=random.choice((1, 2, 5)),
        jitter=random.choice((0.0, 0.0, 4.0)),
        enabled=random.random() < 0.9,
    )


def declaration(task: Task, starts: tuple[int, ...] = (), found: Found | None = NEW) -> Declare:
    """Return what tells an engine of a task."""
    facts = {
        "tags": list(task.tags),
        "priority": task.priority,
        "after": [parent.task for parent in task.after],
        "overlap": task.overlap.value,
        "max_instances": task.max_instances,
    }
    trigger = None if task.trigger is None else trigger_data.dumps(task.trigger)
    words = "" if task.trigger is None else task.trigger.text()
    return Declare(
        task=task,
        trigger=trigger,
        schedule_text=words,
        facts=facts,
        actor="me",
        code="its code",
        starts=starts,
        found=found,
        reason="its process ended",
    )


def begin() -> int:
    """Return when histories begin."""
    return to_micros(START)

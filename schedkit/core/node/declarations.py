"""A declared task as the engine and other processes know it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from schedkit.core.engine.values import Declare
from schedkit.core.model import Task, TaskRow
from schedkit.core.node.config import NodeConfig
from schedkit.core.tasks.options import shown_options
from schedkit.core.triggers import data as trigger_data
from schedkit.values.instants import to_micros

__all__ = ["declaration", "describe", "row_from"]


def declaration(
    task: Task, config: NodeConfig, epoch: int, starts: Iterable[int] = (), token: Any = None
) -> Declare:
    """Return the declaration of a task in this process.

    Parameters
    ----------
    epoch : int
        Of the owner that has its code: a viewer tells by it whether the present owner can run the task.
    starts : iterable of int
        Its latest starts, which count towards its rate.
    """
    return Declare(
        task=task,
        trigger=None if task.trigger is None else trigger_data.dumps(task.trigger),
        words=_words(task, config.tz),
        facts={**_facts(task), "epoch": epoch},
        actor=config.name,
        starts=tuple(starts),
        token=token,
    )


def describe(task: Task) -> dict[str, Any]:
    """Return what another process may know of a task: all but its code."""
    return {
        "name": task.name,
        "trigger": None if task.trigger is None else trigger_data.dumps(task.trigger),
        "words": _words(task, None),
        "facts": _facts(task),
    }


def row_from(data: Mapping[str, Any], actor: str, tz: tzinfo | None) -> TaskRow:
    """Return the row of a task described by `describe`."""
    now, text = datetime.now(UTC), data["trigger"]
    trigger = None if text is None else trigger_data.loads(text)
    first = None if trigger is None else trigger.begins(now, tz)
    return TaskRow(
        name=data["name"],
        trigger=text,
        words=data["words"] if trigger is None else trigger.text(tz),
        anchored=to_micros(now),
        next=None if first is None else to_micros(first),
        facts=data["facts"],
        declared=to_micros(now),
        who=actor,
    )


def _words(task: Task, tz: tzinfo | None) -> str:
    if task.trigger is not None:
        return task.trigger.text(tz)
    return "after " + ", ".join(parent.task for parent in task.after) if task.after else ""


def _facts(task: Task) -> dict[str, Any]:
    return {
        "description": task.description,
        "tags": list(task.tags),
        "priority": int(task.priority),
        "timeout": task.timeout,
        "after": [parent.task for parent in task.after],
        "overlap": task.overlap.value,
        "max_instances": task.max_instances,
        "place": task.place,
        "rate": "" if task.rate is None else str(task.rate),
        "options": shown_options(task),
    }

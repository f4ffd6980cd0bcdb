"""What the ledger and screens show of a declared task: its schedule in words, its options."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from schedkit.core.model import Requested, Task
from schedkit.core.tasks.options import shown_options
from schedkit.core.tasks.origin import EVERYWHERE
from schedkit.core.tasks.signature import signature
from schedkit.core.triggers import data as trigger_data

__all__ = ["schedule_text", "task_facts"]


def schedule_text(task: Task, tz: tzinfo | None) -> str:
    """Return in words when a task runs; empty: only when submitted."""
    if task.trigger is not None:
        return trigger_data.words(task.trigger, tz)
    return "after " + ", ".join(parent.task for parent in task.after) if task.after else ""


def task_facts(task: Task, declared_in: str | None = None) -> dict[str, Any]:
    """Return what the ledger keeps of a task besides its columns.

    Parameters
    ----------
    declared_in : str, optional
        The file that declares it, as `origin.here` returns it: what the settings declare is built in.
    """
    fields = signature(task)
    built_in = declared_in == EVERYWHERE and task.requested is None
    return {
        "description": task.description,
        "tags": list(task.tags),
        "priority": int(task.priority),
        "timeout": task.timeout,
        "after": [parent.task for parent in task.after],
        "overlap": task.overlap.value,
        "max_instances": task.max_instances,
        "executor": task.executor_kind,
        "rate": "" if task.rate is None else str(task.rate),
        "options": {**shown_options(task), **_shown_request(task.requested)},
        **({"signature": fields} if fields else {}),
        **({"built_in": True} if built_in else {}),
    }


def _shown_request(requested: Requested | None) -> dict[str, str]:
    """Return the texts of a request that a screen lists."""
    if requested is None:
        return {}
    told = {"handler": requested.handler, "owner": requested.owner, **requested.metadata}
    return {str(name): str(value) for name, value in told.items() if value not in ("", None)}

"""What a task does where its declaration does not say: one scheduler's job defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from schedkit.core.model import Task
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.values.parsers import mapping

__all__ = ["DEFAULT_OPTIONS", "fill", "parse_job_defaults"]

# The options that a declaration may leave to the scheduler; None could not say so, since it is a value.
DEFAULT_OPTIONS = TASK_OPTIONS.only(lambda option: option.scheduler_default)


def parse_job_defaults(value: Any, what: str) -> dict[str, Any]:
    """Read ``{coalesce, max_instances, misfire_grace_time}``.

    Examples
    --------
    >>> parse_job_defaults({"misfire_grace_time": "5m"}, "job_defaults")
    {'misfire_grace': 300.0}
    """
    return DEFAULT_OPTIONS.read(mapping(value, what), what)


def fill(task: Task, defaults: Mapping[str, Any]) -> Task:
    """Return a task in which no option is left to the scheduler any more.

    Parameters
    ----------
    defaults : mapping
        The result of `parse_job_defaults`.
    """
    if not task.left_open:
        return task
    values = {**DEFAULT_OPTIONS.defaults, **defaults}
    return dataclasses.replace(task, **{name: values[name] for name in task.left_open}, left_open=frozenset())

"""A task asked for as data: it names a registered task or a tag, never code."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from schedkit.core.model import After, Retry, Task
from schedkit.core.tasks.declare import priority_of, replaced, tags_of
from schedkit.core.tasks.registry import Registry
from schedkit.core.when.triggers import cron
from schedkit.errors import DeclarationError
from schedkit.values.durations import parse_duration

__all__ = ["TaskRequest", "TaskType", "read_request", "retry_policy"]


class TaskType(StrEnum):
    """Whether a task asked for runs now, or when its cron expression says."""

    IMMEDIATE = "IMMEDIATE"
    SCHEDULED = "SCHEDULED"


KEYS = (
    *("name", "task_type", "cron_expr", "priority", "metadata", "tags", "owner", "dependencies"),
    *("timeout_seconds", "retry_policy", "parameters", "task", "timezone"),
)
# What a stored task carries and a request may repeat; the scheduler decides these.
IGNORED = ("id", "status", "created_at", "updated_at")
_RETRY_KEYS = {
    "max_retries": "attempts",
    "max_attempts": "attempts",
    "retry_delay": "delay",
    "delay": "delay",
    "backoff_factor": "backoff",
    "backoff": "backoff",
    "max_delay": "max_delay",
}


@dataclass(frozen=True)
class TaskRequest:
    """A request understood: the task it declares, whether it runs at once, and for whom.

    Attributes
    ----------
    run_now : bool
        IMMEDIATE; with a cron expression it runs now and then on the cron.
    owner : str
        Who asked; recorded, never impersonated.
    """

    task: Task
    run_now: bool
    owner: str
    metadata: Mapping[str, Any]


def read_request(body: Mapping[str, Any], registry: Registry) -> TaskRequest:
    """Return what a task written as data means.

    Parameters
    ----------
    body : mapping
        ``name``, ``task_type`` (IMMEDIATE or SCHEDULED), ``cron_expr``, ``parameters``, ``priority``,
        ``tags``, ``owner``, ``dependencies`` (names), ``timeout_seconds``, ``retry_policy``,
        ``metadata``. The code that runs is the registered task named by ``task``, or carrying one of
        the ``tags``.

    Raises
    ------
    DeclarationError, TriggerError, ParameterError
        Naming the field.
    """
    if not isinstance(body, Mapping):
        raise DeclarationError(
            f"a task written as data is a mapping, not {body!r}", hint="give task and name"
        )
    for key in body:
        if key not in KEYS and key not in IGNORED:
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KEYS)}"
            raise DeclarationError(f"a task has no field {key!r}", hint=hint)
    kind = _task_type(body)
    expression = body.get("cron_expr")
    if kind is TaskType.SCHEDULED and not expression:
        raise DeclarationError("task_type SCHEDULED needs cron_expr", hint="cron_expr: '0 7 * * mon-fri'")
    tags = tags_of(body.get("tags") or (), "a task written as data")
    base = _handler(body, tags, registry)
    name = str(body.get("name") or f"{base.name}-{uuid.uuid4().hex[:8]}")
    changes: dict[str, Any] = {
        "name": name,
        "params": {**base.params, **_mapping(body, "parameters")},
        "trigger": cron(expression, tz=body.get("timezone")) if expression else None,
        "after": _dependencies(body),
        "tags": tuple(dict.fromkeys([*base.tags, *tags])),
    }
    if body.get("priority") is not None:
        changes["priority"] = priority_of(body["priority"], f"task {name!r}")
    if body.get("timeout_seconds") is not None:
        changes["timeout"] = parse_duration(body["timeout_seconds"], "timeout_seconds")
    if body.get("retry_policy") is not None:
        changes["retry"] = retry_policy(_mapping(body, "retry_policy"))
    if name == base.name and not expression:
        # Asked to run, not to be scheduled anew: the task keeps its own times.
        changes["trigger"] = base.trigger
    return TaskRequest(
        replaced(base, **changes),
        kind is TaskType.IMMEDIATE,
        str(body.get("owner") or ""),
        _mapping(body, "metadata"),
    )


def _mapping(body: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = body.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DeclarationError(f"{field}={value!r}", hint="it is a mapping of names to values")
    return dict(value)


def _dependencies(body: Mapping[str, Any]) -> tuple[After, ...]:
    value = body.get("dependencies") or ()
    names = (value,) if isinstance(value, str) else value
    if not (isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)):
        raise DeclarationError(f"dependencies={value!r}", hint="a list of names of tasks")
    return tuple(map(After, dict.fromkeys(names)))


def _handler(body: Mapping[str, Any], tags: Sequence[str], registry: Registry) -> Task:
    if body.get("task"):
        return registry.handler(str(body["task"]))
    if not tags:
        name = str(body.get("name") or "")
        if name in registry:
            return registry[name]
        raise DeclarationError("the task names no handler", hint="give task: a registered name, or tags")
    return registry.handler(tags[0], also=tags[1:])


def _task_type(body: Mapping[str, Any]) -> TaskType:
    text = str(body.get("task_type") or (TaskType.SCHEDULED if body.get("cron_expr") else TaskType.IMMEDIATE))
    try:
        return TaskType(text.upper().rpartition(".")[2])
    except ValueError:
        raise DeclarationError(f"task_type={text!r}", hint="IMMEDIATE or SCHEDULED") from None


def retry_policy(policy: Mapping[str, Any]) -> Retry:
    """Return the retries of a policy written as data.

    ``max_retries: n`` means n tries after the first, ``max_attempts: n`` means n tries in all.

    Examples
    --------
    >>> retry_policy({"max_retries": 3, "retry_delay": 5, "backoff_factor": 2}).attempts
    4
    """
    values: dict[str, Any] = {}
    for key, value in policy.items():
        if key not in _RETRY_KEYS:
            raise DeclarationError(
                f"retry_policy has no field {key!r}", hint=f"there are: {', '.join(_RETRY_KEYS)}"
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DeclarationError(f"retry_policy: {key}={value!r} is not a number")
        values[_RETRY_KEYS[key]] = value + 1 if key == "max_retries" else value
    return Retry(**values)

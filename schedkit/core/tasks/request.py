"""A task asked for as data: it names a registered task or a tag, never code."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from schedkit.core.model import Task
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.tasks.registry import Registry
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import cron
from schedkit.errors import DeclarationError, TriggerError, UsageError
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import mapping, timezone
from schedkit.values.text import safe_repr

__all__ = ["TaskRequest", "TaskType", "read_request"]


class TaskType(StrEnum):
    """Whether a task asked for runs now, or when its cron expression says."""

    IMMEDIATE = "IMMEDIATE"
    SCHEDULED = "SCHEDULED"


# What a request says besides the options of a task.
KEYS = ("task", "task_type", "cron_expr", "timezone", "owner", "metadata")
# What a stored task carries and a request may repeat; the scheduler decides these.
IGNORED = ("id", "status", "created_at", "updated_at")


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
        ``task_type`` (IMMEDIATE or SCHEDULED), ``cron_expr``, ``timezone``, ``owner``, ``metadata`` and the
        options of a task, also as ``parameters``, ``dependencies``, ``timeout_seconds`` and
        ``retry_policy``. The code that runs is the registered task named by ``task``, or carrying one
        of the ``tags``.

    Raises
    ------
    DeclarationError, TriggerError, ParameterError
        Naming the field.
    """
    if not isinstance(body, Mapping):
        raise DeclarationError(
            f"a task written as data is a mapping, not {safe_repr(body)}", hint="give task and name"
        )
    given = {key: value for key, value in body.items() if key not in KEYS and key not in IGNORED}
    refuse_unknown(
        [key for key in given if _OPTIONS.find(key) is None],
        (*KEYS, *(name for option in _OPTIONS.values() for name in (option.name, *option.spellings))),
        "task request",
        error=DeclarationError,
    )
    # null says nothing in a request; an option whose value is None is given as the text "none".
    given = {key: value for key, value in given.items() if value is not None}
    kind = _task_type(body)
    expression = body.get("cron_expr")
    if kind is TaskType.SCHEDULED and not expression:
        raise DeclarationError("task_type SCHEDULED needs cron_expr", hint="cron_expr: '0 7 * * mon-fri'")
    options = _OPTIONS.read(given, "task request", error=DeclarationError)
    tags = options.get("tags", ())
    base = _handler(body, tags, registry)
    name = options.get("name") or f"{base.name}-{uuid.uuid4().hex[:8]}"
    details = {key: options.pop(key) for key in list(options) if key not in _FIELDS}
    changes: dict[str, Any] = {
        "after": (),
        **options,
        "name": name,
        "params": {**base.params, **options.get("params", {})},
        "trigger": _cron(expression, body.get("timezone")) if expression else None,
        "tags": tuple(dict.fromkeys([*base.tags, *tags])),
        "details": {**base.details, **details},
    }
    if name == base.name and not expression:
        # Asked to run, not to be scheduled anew: the task keeps its own times.
        changes["trigger"] = base.trigger
    return TaskRequest(
        replaced(base, **changes),
        kind is TaskType.IMMEDIATE,
        str(body.get("owner") or ""),
        _metadata(body),
    )


_OPTIONS = TASK_OPTIONS.only(lambda option: option.data)
_FIELDS = frozenset(each.name for each in fields(Task))


def _cron(expression: Any, zone: Any) -> Trigger:
    try:
        tz = None if zone is None else timezone(zone, "timezone")
        return cron(expression, tz=tz)
    except UsageError as error:
        raise TriggerError(f"task request: {error.message}", hint=error.hint) from None


def _handler(body: Mapping[str, Any], tags: Sequence[str], registry: Registry) -> Task:
    if body.get("task"):
        return registry.handler(str(body["task"]))
    if not tags:
        name = str(body.get("name") or "")
        if name in registry:
            return registry[name]
        raise DeclarationError("the task names no handler", hint="give task: a registered name, or tags")
    return registry.handler(tags[0], also=tags[1:])


def _metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return mapping(body.get("metadata"), "task request: metadata")
    except UsageError as error:
        raise DeclarationError(error.message, hint=error.hint) from None


def _task_type(body: Mapping[str, Any]) -> TaskType:
    text = str(body.get("task_type") or (TaskType.SCHEDULED if body.get("cron_expr") else TaskType.IMMEDIATE))
    try:
        return TaskType(text.upper().rpartition(".")[2])
    except ValueError:
        raise DeclarationError(f"task_type={text!r}", hint="IMMEDIATE or SCHEDULED") from None

"""A task asked for as data: it names a registered task or a tag, never code.

What is asked for is a run of that handler, or a task of its own with a schedule or with parents. The ledger
keeps such a task as data, and a process that has the handler makes it again.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any

from schedkit import context
from schedkit.core.model import Requested, Task, TaskRow
from schedkit.core.tasks.declare import replaced
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.tasks.params import check
from schedkit.core.tasks.parsers import parse_parents
from schedkit.core.tasks.registry import Registry
from schedkit.core.text import dump, load
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import cron
from schedkit.errors import DeclarationError, TriggerError, UsageError
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import mapping, timezone
from schedkit.values.text import safe_repr

__all__ = [
    "TaskRequest",
    "TaskType",
    "as_requested",
    "read_request",
    "refuse_to_replace",
    "requested_task",
    "task_of_row",
]


class TaskType(StrEnum):
    """Whether a task asked for runs now, or when its cron expression says."""

    IMMEDIATE = "IMMEDIATE"
    SCHEDULED = "SCHEDULED"


# What a request says besides the options of a task.
KEYS = ("task", "task_type", "cron_expr", "timezone", "owner", "metadata")
# What a stored task carries and a request may repeat; the scheduler decides these.
IGNORED = ("id", "status", "created_at", "updated_at")
# What a request may say of a single run. The first are obeyed, the others kept with it.
OF_A_RUN = ("timeout", "retry", "priority", "tags", "description", "link")


@dataclass(frozen=True)
class TaskRequest:
    """A request understood.

    Attributes
    ----------
    task : Task
        What it asks for, with the code of its handler if that is known here.
    run_now : bool
        IMMEDIATE; with a cron expression it runs now and then on the cron, with parents it waits for those
        that are under way.
    """

    task: Task
    run_now: bool
    requested: Requested

    @property
    def single(self) -> bool:
        """Whether it asks for one run of its handler, and for no task of its own."""
        return self.run_now and self.task.trigger is None and not self.task.after

    @property
    def actor(self) -> str:
        """Who asks for it, unless an actor is set already: a token that passes it on is no owner."""
        return "" if context.actor() else self.requested.owner

    @property
    def of_run(self) -> dict[str, Any]:
        """What is kept with a single run."""
        told = self.requested
        kept = {"owner": told.owner, "metadata": told.metadata, "options": told.options}
        return {"name": self.task.name, **{name: value for name, value in kept.items() if value}}


def read_request(
    body: Mapping[str, Any],
    registry: Registry,
    *,
    elsewhere: Callable[[str], Task | None] = lambda wanted: None,
    ids: Callable[[], Mapping[str, str]] = dict,
) -> TaskRequest:
    """Return what a task written as data means.

    Parameters
    ----------
    body : mapping
        ``task_type`` (IMMEDIATE or SCHEDULED), ``cron_expr``, ``timezone``, ``owner``, ``metadata`` and the
        options of a task, also as ``parameters``, ``dependencies``, ``timeout_seconds`` and
        ``retry_policy``. The code that runs is the registered task named by ``task``, or carrying one
        of the ``tags``. ``dependencies`` name tasks, or give their ids.
    elsewhere : callable
        Returns the handler of a name or a tag that only other processes have declared, without its code.
    ids : callable
        Returns task ids → names.

    Raises
    ------
    DeclarationError, TriggerError, ParameterError
        Naming the field.
    """
    if not isinstance(body, Mapping):
        raise DeclarationError(
            f"a task written as data is a mapping, not {safe_repr(body)}", hint="give task and name"
        )
    kind, expression = _task_type(body), body.get("cron_expr")
    if kind is TaskType.SCHEDULED and not expression:
        raise DeclarationError("task_type SCHEDULED needs cron_expr", hint="cron_expr: '0 7 * * mon-fri'")
    given = _options(body, ids)
    options = _OPTIONS.read(given, "task request", error=DeclarationError)
    base = _handler(body, options.get("tags", ()), registry, elsewhere)
    requested = Requested(
        handler=base.name,
        parameters=dict(options.get("params", {})),
        owner=str(body.get("owner") or ""),
        metadata=_metadata(body),
        options={
            key: _as_data(value) for key, value in given.items() if _known_as(key) not in ("name", "params")
        },
    )
    name = options.get("name") or f"{base.name}-{uuid.uuid4().hex[:8]}"
    trigger = _cron(expression, body.get("timezone")) if expression else None
    task = requested_task(name, requested, trigger, base)
    request = TaskRequest(task, kind is TaskType.IMMEDIATE, requested)
    if request.single:
        _refuse_of_a_run(requested)
        check(task, {})
    elif base.requested is not None:
        raise DeclarationError(
            f"task {base.name!r} was made by a request itself",
            hint=f"name its handler: {base.requested.handler}",
        )
    else:
        refuse_to_replace(name, registry.get(name))
    return request


def requested_task(name: str, requested: Requested, trigger: Trigger | None, base: Task) -> Task:
    """Return the task that a request asks for, whose handler is `base`."""
    options = _OPTIONS.read(requested.options, "task request", error=DeclarationError)
    details = {key: options.pop(key) for key in list(options) if key not in _FIELDS}
    changes: dict[str, Any] = {
        "after": (),
        **options,
        "name": name,
        "params": {**base.params, **requested.parameters},
        "trigger": trigger,
        "tags": tuple(dict.fromkeys([*base.tags, *options.get("tags", ())])),
        "details": {**base.details, **details},
        "requested": requested,
    }
    return replaced(base, **changes)


def task_of_row(row: TaskRow, base: Task) -> Task:
    """Return a requested task as the ledger keeps it.

    Raises
    ------
    UsageError
        If it does not fit its handler any more; says why.
    """
    assert row.requested is not None
    trigger = None if row.trigger is None else trigger_data.loads(row.trigger)
    return requested_task(row.name, row.requested, trigger, base)


def as_requested(task: Task, request: Mapping[str, Any] | None) -> Task:
    """Return a handler with what a request says of one of its runs."""
    given = (request or {}).get("options")
    if not given:
        return task
    options = _OPTIONS.read(given, "task request", error=DeclarationError)
    return dataclasses.replace(task, **{key: options[key] for key in OF_A_RUN[:3] if key in options})


def refuse_to_replace(name: str, known: Task | TaskRow | None) -> None:
    """Refuse a request for a task of a name that code has declared.

    Raises
    ------
    DeclarationError
        Naming the task.
    """
    if known is not None and known.requested is None:
        raise DeclarationError(
            f"task {name!r} is declared in code, and a request cannot replace it",
            hint="give the request another name",
        )


_OPTIONS = TASK_OPTIONS.only(lambda option: option.data)
_FIELDS = frozenset(each.name for each in fields(Task))


def _options(body: Mapping[str, Any], ids: Callable[[], Mapping[str, str]]) -> dict[str, Any]:
    """Return the options of a task that a request gives, as data."""
    # null says nothing in a request; an option whose value is None is given as the text "none".
    given = {key: body[key] for key in body if key not in KEYS and key not in IGNORED}
    refuse_unknown(
        [key for key in given if _OPTIONS.find(key) is None],
        (*KEYS, *(name for option in _OPTIONS.values() for name in (option.name, *option.spellings))),
        "task request",
        error=DeclarationError,
    )
    found = {key: value for key, value in given.items() if value is not None}
    return {
        key: _parents(value, f"task request: {key}", ids) if key in _AFTER else value
        for key, value in found.items()
    }


_AFTER = ("after", *TASK_OPTIONS["after"].spellings)


def _known_as(key: str) -> str:
    option = _OPTIONS.find(key)
    return key if option is None else option.name


def _as_data(value: Any) -> Any:
    """Return a value as it comes back from the ledger."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): _as_data(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(inside) for inside in value]
    return load(dump(value))


def _parents(value: Any, what: str, ids: Callable[[], Mapping[str, str]]) -> list[dict[str, str]]:
    """Return parents as data, by name also those that are given by id."""
    given = [value] if isinstance(value, str | uuid.UUID) else value
    if isinstance(given, list | tuple):
        given = [str(parent) if isinstance(parent, uuid.UUID) else parent for parent in given]
    try:
        parents = parse_parents(given, what)
    except UsageError as error:
        raise DeclarationError(error.message, hint=error.hint) from None
    names = ids() if any(_is_id(parent.task) for parent in parents) else {}
    return [{"task": names.get(parent.task, parent.task), "on": parent.on} for parent in parents]


def _is_id(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _refuse_of_a_run(requested: Requested) -> None:
    beyond = [key for key in requested.options if _known_as(key) not in (*OF_A_RUN, *_AFTER)]
    if beyond:
        raise DeclarationError(
            f"task request: {beyond[0]} says nothing of a single run",
            hint="leave it out, or give cron_expr: then the request is a task of its own",
        )


def _cron(expression: Any, zone: Any) -> Trigger:
    try:
        tz = None if zone is None else timezone(zone, "timezone")
        return cron(expression, tz=tz)
    except UsageError as error:
        raise TriggerError(f"task request: {error.message}", hint=error.hint) from None


def _handler(
    body: Mapping[str, Any],
    tags: Sequence[str],
    registry: Registry,
    elsewhere: Callable[[str], Task | None],
) -> Task:
    wanted = [str(body["task"])] if body.get("task") else list(tags)
    if not wanted:
        name = str(body.get("name") or "")
        found = registry.get(name) or (elsewhere(name) if name else None)
        if found is None:
            raise DeclarationError("the task names no handler", hint="give task: a registered name, or tags")
        return found
    try:
        return registry.handler(wanted[0], also=wanted[1:])
    except DeclarationError:
        found = next(filter(None, map(elsewhere, wanted)), None)
        if found is None:
            raise
        return found


def _metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        told: dict[str, Any] = _as_data(mapping(body.get("metadata"), "task request: metadata"))
    except UsageError as error:
        raise DeclarationError(error.message, hint=error.hint) from None
    return told


def _task_type(body: Mapping[str, Any]) -> TaskType:
    text = str(body.get("task_type") or (TaskType.SCHEDULED if body.get("cron_expr") else TaskType.IMMEDIATE))
    try:
        return TaskType(text.upper().rpartition(".")[2])
    except ValueError:
        raise DeclarationError(f"task_type={text!r}", hint="IMMEDIATE or SCHEDULED") from None

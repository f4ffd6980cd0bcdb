"""What people hand to APScheduler's `add_job`, in our terms."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from schedkit.core.tasks.block import TRIGGER_ARGUMENTS, trigger_of
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.constructors import any_of, at
from schedkit.core.triggers.kinds import Every
from schedkit.errors import DeclarationError, TriggerError
from schedkit.values.options import refuse_unknown

__all__ = ["first_at", "identity", "past", "resolved", "split_options", "trigger_from"]

# These options of a task mean something else to add_job: its id is the name, and APScheduler's triggers have
# a jitter of their own.
NOT_OPTIONS = ("jitter", "name")
ADD_JOB = ("args", "kwargs", "id", "name", "next_run_time", "jobstore", "replace_existing")


def resolved(func: Callable[..., Any] | str) -> Callable[..., Any]:
    """Return the function, importing one that is given as ``"package.module:function"``."""
    if not isinstance(func, str):
        return func
    module, colon, attribute = func.partition(":")
    if not (module and colon and attribute):
        raise DeclarationError(
            f"{func!r} is not the path of a function", hint="write 'package.module:function'"
        )
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise DeclarationError(f"{func!r} cannot be imported: {error}") from None
    return cast("Callable[..., Any]", found)


def trigger_from(trigger: object, trigger_args: Mapping[str, Any]) -> Trigger | None:
    """Return the trigger of an alias and its arguments, or of an object; None: once, now."""
    if trigger is None or (trigger == "date" and trigger_args.get("run_date") is None):
        if trigger is None and trigger_args:
            raise TriggerError(
                f"{', '.join(trigger_args)} without a trigger", hint="name it: add_job(func, 'cron', hour=7)"
            )
        return None
    if not isinstance(trigger, str):
        if trigger_args:
            raise TriggerError(f"{', '.join(trigger_args)} besides a trigger object", hint="leave them out")
        return trigger_data.of(trigger)
    if trigger == "cron" and any(c.isdecimal() for c in str(trigger_args.get("day_of_week", ""))):
        raise TriggerError(
            f"day_of_week={trigger_args['day_of_week']!r}: a number means Monday = 0 to APScheduler and "
            "Sunday = 0 to a crontab",
            hint="write the names: day_of_week='mon-fri'; or use cron('0 7 * * 1-5')",
        )
    return trigger_of(trigger, trigger_args)


def split_options(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the keywords of `add_job` into options of a task and arguments of its trigger.

    A name that is neither is refused with the trigger's names, unless it is near to an option's.
    """
    own: dict[str, Any] = {}
    trigger_args: dict[str, Any] = {}
    for key, value in given.items():
        option = TASK_OPTIONS.find(key)
        is_own = option is not None and option.name not in NOT_OPTIONS
        (own if is_own else trigger_args)[key] = value
    unknown = [key for key in trigger_args if key not in TRIGGER_ARGUMENTS]
    known = (*ADD_JOB, *(name for name in TASK_OPTIONS if name not in NOT_OPTIONS))
    refuse_unknown(unknown, (*known, *sorted(TRIGGER_ARGUMENTS)), "add_job", error=DeclarationError)
    return own, trigger_args


def past(moment: datetime, now: datetime) -> bool:
    """Tell whether a moment has come."""
    return moment.astimezone(UTC) <= now


def first_at(first: datetime, trigger: Trigger) -> Trigger:
    """Return a trigger that fires at `first`, and from there on as `trigger` does."""
    start = first.astimezone(UTC)
    onwards = trigger_data.starting(trigger, start)
    if isinstance(trigger, Every):
        return onwards
    return any_of(at(start), dataclasses.replace(onwards, jitter=0.0), jitter=trigger.jitter)


def identity(function: Callable[..., Any] | None) -> tuple[str, str]:
    """Return where a function was defined, the same when its cell runs again."""
    return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))

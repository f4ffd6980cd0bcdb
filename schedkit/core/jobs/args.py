"""What people hand to APScheduler's `add_job`, in our terms."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from schedkit.core.tasks.block import trigger_of
from schedkit.core.when import data as trigger_data
from schedkit.core.when.base import Trigger
from schedkit.core.when.kinds import Every
from schedkit.core.when.triggers import any_of, at
from schedkit.errors import DeclarationError, TriggerError

__all__ = ["first_at", "identity", "named", "past", "resolved", "trigger_from"]


def resolved(func: Callable[..., Any] | str) -> Callable[..., Any]:
    """Return the function, importing one that is given as ``"package.module:function"``."""
    if not isinstance(func, str):
        return func
    module, colon, attribute = func.partition(":")
    if not (module and colon and attribute):
        raise DeclarationError(f"{func!r} names no function", hint="write 'package.module:function'")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise DeclarationError(f"{func!r} cannot be imported: {error}") from None
    return cast("Callable[..., Any]", found)


def named(
    function: Callable[..., Any], args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return positional and keyword arguments by name: a ledger stores names."""
    if not args:
        return dict(kwargs or {})
    signature = inspect.signature(function)
    try:
        bound = signature.bind_partial(*args, **(kwargs or {}))
    except TypeError as error:
        raise DeclarationError(f"the arguments do not fit {function!r}: {error}") from None
    by_name: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            raise DeclarationError(
                f"{function!r} takes *{name}, and arguments are stored by name",
                hint="give the parameters names, or bind them with functools.partial and id=…",
            )
        by_name.update(value if kind is inspect.Parameter.VAR_KEYWORD else {name: value})
    return by_name


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
    try:
        return trigger_of(trigger, trigger_args)
    except TypeError as error:
        raise TriggerError(f"{trigger} trigger: {str(error).rpartition('() ')[2]}") from None


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

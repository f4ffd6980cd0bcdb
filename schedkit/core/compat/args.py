"""Translates the arguments of APScheduler's `add_job`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple, cast

from schedkit.core.compat.job_ids import BoundFunction
from schedkit.core.tasks.block import TRIGGER_ARGUMENTS, trigger_of
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.tasks.params import arguments_by_name
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers import weekdays
from schedkit.core.triggers.base import Trigger, local_to_utc
from schedkit.core.triggers.constructors import Moment, any_of, at, moment_of
from schedkit.core.triggers.kinds import At, Every
from schedkit.errors import DeclarationError, ParameterError, TriggerError
from schedkit.values.options import refuse_unknown
from schedkit.values.text import safe_repr
from schedkit.values.timezones import local_timezone

__all__ = ["UNSET", "Plan", "bound", "planned", "resolved", "split_options", "trigger_from"]

# These options of a task mean something else to add_job: its id is the name, and APScheduler's triggers have
# a jitter of their own.
NOT_OPTIONS = ("jitter", "name")
# Not given: None means something of its own.
UNSET: Any = object()
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


def bound(
    function: Callable[..., Any], args: Sequence[Any] | None, params: Mapping[str, Any] | None
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return a function and its parameters by name; arguments without a name are bound to the function.

    Raises
    ------
    ParameterError
        If the function does not take them.
    """
    if isinstance(args, str) or not (args is None or isinstance(args, Iterable)):
        raise ParameterError(f"args={safe_repr(args)}", hint="write a list: args=['text']")
    args = () if args is None else tuple(args)
    if not args or _all_named(function, args):
        return function, arguments_by_name(function, args, params)
    return BoundFunction(function, *args), dict(params or {})


def _all_named(function: Callable[..., Any], args: Sequence[Any]) -> bool:
    """Tell whether each positional argument has a name, also if there are too many."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, without a signature
        return False
    try:
        given = signature.bind_partial(*args).arguments
    except TypeError:
        return True
    by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return all(signature.parameters[name].kind is by_name for name in given)


def trigger_from(trigger: object, trigger_args: Mapping[str, Any]) -> Trigger | None:
    """Return the trigger of an alias and its arguments, or of an object; None: once, now."""
    is_date = isinstance(trigger, str) and trigger == "date"
    if trigger is None or (is_date and trigger_args.get("run_date") is None):
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
        raise _numbered_weekdays(trigger_args["day_of_week"])
    return trigger_of(trigger, trigger_args)


def _numbered_weekdays(value: object) -> TriggerError:
    """Return the refusal of numbers of weekdays, with the names that each of the two readings has."""
    theirs = weekdays.of_apscheduler(str(value))
    ours = weekdays.of_crontab(str(value))
    return TriggerError(
        f"day_of_week={value!r}: APScheduler counts from Monday = 0, a crontab from Sunday = 0",
        hint=f"write the names: day_of_week={theirs!r} as APScheduler reads it, {ours!r} as a crontab does",
    )


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


class Plan(NamedTuple):
    """When a job runs.

    Attributes
    ----------
    trigger : Trigger or None
        None: only now.
    soon : bool
        Whether its first time has come: it runs now, and then as its trigger says.
    once : bool
        Whether it runs once.
    """

    trigger: Trigger | None
    soon: bool
    once: bool


def planned(trigger: Trigger | None, next_run_time: Moment | None, tz: tzinfo | None) -> Plan:
    """Return when a job runs that has a trigger, and a first time of its own unless that is None or `UNSET`.

    Parameters
    ----------
    tz : tzinfo, optional
        In which a first time without a zone is read; the machine's by default.
    """
    if next_run_time is UNSET or next_run_time is None:
        return Plan(trigger, trigger is None, trigger is None or isinstance(trigger, At))
    first = moment_of(next_run_time, "next_run_time")
    start = local_to_utc(first, tz or local_timezone())
    if start <= datetime.now(UTC):
        return Plan(trigger, True, trigger is None or isinstance(trigger, At))
    if trigger is None or isinstance(trigger, At):
        return Plan(at(first), False, True)
    return Plan(_first_at(start, trigger), False, False)


def _first_at(start: datetime, trigger: Trigger) -> Trigger:
    """Return a trigger that fires at `start` (UTC), and from there on as `trigger` does."""
    onwards = trigger_data.starting(trigger, start)
    if isinstance(trigger, Every):
        return onwards
    return any_of(at(start), dataclasses.replace(onwards, jitter=0.0), jitter=trigger.jitter)

"""The `tasks:` block of a YAML file: task modules by name, each with trigger, args, attempts and delay."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schedkit.core.model import Retry, Task
from schedkit.core.tasks import discover
from schedkit.core.tasks.declare import declare_data
from schedkit.core.tasks.discover import Found, Problem, warn
from schedkit.core.tasks.options import TASK_OPTIONS
from schedkit.core.triggers import constructors, weekdays
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger
from schedkit.errors import DeclarationError, SettingsError, TriggerError, UsageError
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import duration, whole_number
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["TRIGGER_ARGUMENTS", "block_trigger", "trigger_of", "yaml_tasks"]

# What an entry says besides the options of a task.
KEYS = ("trigger", "args", "max_attempts", "retry_delay")


def yaml_tasks(
    block: Mapping[str, Any],
    *,
    package: str = "tasks",
    known: Mapping[str, Task] | None = None,
    tell: Callable[[Problem], object] = warn,
    where: Callable[[str], str] = "task {!r}".format,
) -> Found:
    """Return the tasks that a `tasks:` block declares; a bad entry is reported and left out.

    Parameters
    ----------
    block : mapping
        Task name → ``{trigger, args, max_attempts, retry_delay}`` and the options of
        `schedkit.core.tasks.options`.
    package : str
        Where task modules live: the task ``data_sync`` is ``run()`` of ``<package>.data_sync``, or what
        that module declares under this name.
    known : mapping, optional
        Tasks declared already; an entry of the same name gives such a task its schedule.
    tell : callable, optional
        Called with each problem as it is found; by default it is logged.
    where : callable, optional
        ``where(name)`` says where an entry stands, which its problem begins with.

    Raises
    ------
    SettingsError
        If it is not a mapping.
    """
    if not isinstance(block, Mapping):
        raise SettingsError(
            f"tasks: expected a mapping, got {safe_repr(block)}",
            hint="write each task's name and then its options: `data_sync: {trigger: cron, args: {hour: 7}}`",
        )
    found = Found(tell=tell)
    for name, entry in block.items():
        found.attempt(where(str(name)), functools.partial(_task, str(name), entry, package, known or {}))
    return found.parents_first()


def _task(name: str, entry: Any, package: str, known: Mapping[str, Task]) -> Iterator[Task]:
    if not isinstance(entry, Mapping):
        raise SettingsError(
            f"task {name!r}: expected a mapping, got {safe_repr(entry)}",
            hint=f"write {', '.join(KEYS)} or an option of a task",
        )
    what = f"task {name!r}"
    options = {key: value for key, value in entry.items() if key not in KEYS}
    refuse_unknown(
        [key for key in options if TASK_OPTIONS.find(key) is None],
        (*KEYS, *TASK_OPTIONS),
        what,
        error=SettingsError,
    )
    if "name" in entry:
        raise SettingsError(f"{what}: its key is its name", hint="leave name out")
    if "max_attempts" in entry or "retry_delay" in entry:
        if "retry" in entry:
            raise SettingsError(f"{what}: retry besides max_attempts or retry_delay", hint="keep retry")
        options["retry"] = _retry(name, entry)
    yield declare_data(
        _function(name, package, known),
        block_trigger(entry.get("trigger", "interval"), entry.get("args") or {}, what),
        {**options, "name": name},
        error=SettingsError,
    )


def _is_module(path: str) -> bool:
    try:
        return importlib.util.find_spec(path) is not None
    except (ImportError, ValueError):  # its parent is a module and no package
        return False


def _function(name: str, package: str, known: Mapping[str, Task]) -> Callable[..., Any]:
    task = known.get(name)
    if task is not None and task.function is not None:
        return task.function
    path = f"{package}.{name}" if package else name
    if not _is_module(package or name) or not _is_module(path):
        raise DeclarationError(
            f"task {name!r}: there is no module {path}",
            hint=f"write {path.replace('.', '/')}.py with a function run(), or declare the task in Python",
        )
    module = importlib.import_module(path)
    declared = list(discover.module_tasks(module))
    for task in declared:
        if task.name == name or len(declared) == 1:
            assert task.function is not None
            return task.function
    entry = getattr(module, "run", None)
    if not callable(entry):
        raise DeclarationError(
            f"task {name!r}: the module {path} has no function run()", hint="write `def run(): …` in it"
        )
    return entry  # type: ignore[no-any-return]  # a module's attribute, and callable


def _retry(name: str, entry: Mapping[str, Any]) -> Retry:
    """Return the retries of an entry: `max_attempts` tries in all, of everything but `FatalError`."""
    what = f"task {name!r}"
    try:
        attempts = whole_number(1)(entry.get("max_attempts", 1), f"{what}: max_attempts")
        delay = duration()(entry.get("retry_delay", 0), f"{what}: retry_delay")
    except UsageError as error:
        raise SettingsError(error.message, hint=error.hint) from None
    # The delay is the same before each try; a long one is not cut short by the default maximum.
    return Retry(attempts=attempts, delay=delay, backoff=1.0, max_delay=delay, on=Retry.EVERYTHING)


def block_trigger(kind: Any, args: Any, what: str) -> Trigger | None:
    """Return the trigger of an entry: `kind` interval, cron or date, with APScheduler's argument names.

    Numbers of weekdays mean what they mean in a crontab (1 is Monday), and of two restricted day fields
    either one fires.
    """
    if not isinstance(args, Mapping):
        raise SettingsError(
            f"{what}: args: expected a mapping, got {safe_repr(args)}", hint="args: {hour: 9, minute: 0}"
        )
    args = dict(args)
    try:
        if kind == "cron":
            return _cron(args)
        return trigger_of(kind, args)
    except UsageError as error:
        raise TriggerError(f"{what}: {error.message}", hint=error.hint) from None


def _cron(args: dict[str, Any]) -> Trigger:
    if "day_of_week" in args:
        args["day_of_week"] = weekdays.of_crontab(str(args["day_of_week"]))
    day, weekday = (str(args.get(field, "*")).strip() for field in ("day", "day_of_week"))
    if day == "*" or weekday == "*":
        return trigger_of("cron", args)
    # A field left out is `*` only if a finer one is given, so both halves name all they mean.
    by_day = {**args, "day_of_week": "*"}
    by_weekday = {**args, "day": "*"}
    return constructors.any_of(trigger_of("cron", by_day), trigger_of("cron", by_weekday))


def trigger_of(kind: Any, args: Mapping[str, Any]) -> Trigger:
    """Return the trigger of an APScheduler alias and its keyword arguments."""
    made = TRIGGERS.get(kind) if isinstance(kind, str) else None
    if made is None:
        custom = trigger_data.custom_triggers()
        if kind in custom:
            return trigger_data.from_data({"type": "custom", "name": kind, "arguments": dict(args)})
        hint = did_you_mean(
            kind, [*TRIGGERS, *custom], otherwise=f"{', '.join(TRIGGERS)}; or a trigger object"
        )
        raise TriggerError(f"there is no trigger {safe_repr(kind)}", hint=hint)
    known = (*made.names, *_WINDOW, "jitter")
    unknown = [name for name in args if name not in known and name not in _WINDOW.values()]
    refuse_unknown(unknown, known, f"{kind} trigger", error=TriggerError)
    options = {_WINDOW.get(name, name): value for name, value in args.items() if value is not None}
    window: dict[str, Any] = {
        name: options.pop(name) for name in ("tz", "start", "end", "jitter") if name in options
    }
    if kind in ("interval", "cron"):
        _as_apscheduler_reads(window)
    return made.make(options, window)


def _as_apscheduler_reads(window: dict[str, Any]) -> None:
    """Read the window of an interval or a cron trigger as APScheduler does, and a calendar's not."""
    if "end" in window:  # a day without a time ends them at its midnight; only a calendar includes it
        window["end"] = constructors.moment_of(window["end"], "end_date")
    for name in ("start", "end"):
        moment = window.get(name)
        if "tz" not in window and isinstance(moment, datetime) and moment.tzinfo is not None:
            window["tz"] = moment.tzinfo  # of the wall times too, if no timezone is given


@dataclass(frozen=True)
class _Kind:
    """One of APScheduler's triggers: the names of its own arguments, and what makes ours of them."""

    names: tuple[str, ...]
    make: Callable[[dict[str, Any], dict[str, Any]], Trigger]


def _date(options: dict[str, Any], window: dict[str, Any]) -> Trigger:
    if "run_date" not in options:
        raise TriggerError("a date trigger needs its run_date", hint="run_date: '2026-12-25 10:00:00'")
    return constructors.at(options["run_date"], tz=window.get("tz"))


def _calendar(options: dict[str, Any], window: dict[str, Any]) -> Trigger:
    clock = "{:02}:{:02}:{:02}".format(*(options.pop(part, 0) for part in ("hour", "minute", "second")))
    return constructors.calendar(at=clock, **options, **window)


# What every trigger takes besides, by APScheduler's names and ours.
_WINDOW = {"timezone": "tz", "start_date": "start", "end_date": "end"}
_LENGTHS = ("weeks", "days", "hours", "minutes", "seconds")
TRIGGERS: Mapping[str, _Kind] = {
    "interval": _Kind(_LENGTHS, lambda options, window: constructors.every(**options, **window)),
    "cron": _Kind(
        trigger_data.CRON_FIELDS, lambda options, window: trigger_data.cron_fields(options, **window)
    ),
    "date": _Kind(("run_date",), _date),
    "calendarinterval": _Kind(("years", "months", "weeks", "days", "hour", "minute", "second"), _calendar),
}
TRIGGER_ARGUMENTS = frozenset(
    (*_WINDOW, *_WINDOW.values(), "jitter", *(name for kind in TRIGGERS.values() for name in kind.names))
)

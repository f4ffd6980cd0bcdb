"""Parsers of task options that are not plain values: retries, rates, parents, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, Protocol, runtime_checkable

from schedkit.core.model import After, Rate, Retry
from schedkit.core.states import Overlap, Priority
from schedkit.errors import DeclarationError, UsageError
from schedkit.values.durations import parse_duration
from schedkit.values.extras import check_package
from schedkit.values.options import refuse_unknown
from schedkit.values.parsers import choice, invalid, mapping, number, whole_number
from schedkit.values.rates import count_and_seconds
from schedkit.values.scalars import plain_text
from schedkit.values.text import safe_repr

__all__ = [
    "MARK",
    "Named",
    "Parent",
    "own_name",
    "parse_executor",
    "parse_hook",
    "parse_link",
    "parse_name",
    "parse_overlap",
    "parse_parents",
    "parse_priority",
    "parse_rate",
    "parse_retry",
]

# Where `schedkit.task` leaves a function's trigger and options.
MARK = "__schedkit_task__"

# What a database, a terminal or a path would not take as a part of a name: control characters, marks that
# turn the direction of text, line separators, halves of surrogate pairs, separators of paths.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff/\\\\]")
_OF_PATHS = (".", "..")
LONGEST_NAME = 200  # PostgreSQL's indexes end at some 2700 bytes
MOST_PRIORITY = 1_000_000
_EXECUTORS = {"default": "auto", "threadpool": "thread", "processpool": "process", "cluster": "dask"}


@runtime_checkable
class Named(Protocol):
    """An object that declares a task, such as a `BaseTask`."""

    @property
    def task_name(self) -> str: ...


Parent = str | After | Named | Callable[..., Any]


def parse_name(value: Any, what: str) -> str | None:
    """Read a task's name; None: it takes its function's."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(what, value, "write text: name='…'")
    if not value or value != value.strip() or value in _OF_PATHS or _UNWRITABLE.search(value):
        raise invalid(
            what,
            value,
            "a name has no control characters, no / or \\, no spaces around it; it is not . or ..",
        )
    if len(value) > LONGEST_NAME:
        raise UsageError(
            f"{what}={safe_repr(value, 40)}: {len(value)} characters are too many",
            hint=f"at most {LONGEST_NAME}: describe the task in description=",
        )
    return plain_text(value)


def own_name(function: Callable[..., Any]) -> str:
    """Return the name that a function carries itself."""
    own = getattr(function, "__name__", "")
    if not own or own == "<lambda>":
        kind = type(function).__name__
        kind = "a lambda" if own else f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"
        raise DeclarationError(
            f"{kind} has no name, and a task needs one",
            hint="write a def, or give name='…'",
        )
    return str(own)


_RETRY_WORDS = {
    "attempts": ("attempts", whole_number(1)),
    "max_attempts": ("attempts", whole_number(1)),
    "max_retries": ("attempts", whole_number(0)),
    "delay": ("delay", parse_duration),
    "retry_delay": ("delay", parse_duration),
    "backoff": ("backoff", number(1)),
    "backoff_factor": ("backoff", number(1)),
    "max_delay": ("max_delay", parse_duration),
    "jitter": ("jitter", number(0, 1)),
}
_DEFAULT_TRIES = 3


def parse_retry(value: Any, what: str) -> Retry:
    """Read retries: a `Retry`, the tries in all, or a mapping; None is one try.

    In a mapping ``attempts`` and ``max_attempts`` are the tries in all, ``max_retries`` those after the
    first; without any of them there are three tries.
    """
    if value is None:
        return Retry()
    if isinstance(value, Retry):
        return value
    if not isinstance(value, Mapping):
        try:
            return Retry(attempts=whole_number(1)(value, what))
        except UsageError as error:
            hint = "the number of tries in all, at least 1; or a Retry, in YAML {attempts: 3, delay: 10s}"
            raise UsageError(error.message, hint=hint) from None
    refuse_unknown([key for key in value if key not in _RETRY_WORDS], _RETRY_WORDS, what)
    values: dict[str, Any] = {"attempts": _DEFAULT_TRIES}
    for key, given in value.items():
        name, parse = _RETRY_WORDS[key]
        values[name] = parse(given, f"{what}: {key}") + (key == "max_retries")
    try:
        return Retry(**values)
    except UsageError as error:
        raise UsageError(f"{what}: {error.message.removeprefix('retry: ')}", hint=error.hint) from None


def parse_rate(value: Any, what: str) -> Rate | None:
    """Read a rate, ``"5/min"`` or ``"3/10s"``; None is no limit."""
    if value is None or isinstance(value, Rate):
        return value
    return Rate(*count_and_seconds(value, what))


def parse_priority(value: Any, what: str) -> int:
    """Read a priority given by its name or number."""
    if isinstance(value, str) and value.strip().upper() in Priority.__members__:
        return Priority[value.strip().upper()]
    try:
        found = whole_number(-MOST_PRIORITY, MOST_PRIORITY)(value, what)
    except UsageError as error:
        hint = f"'low', 'medium', 'high' or a whole number up to {MOST_PRIORITY}, below 0 too"
        raise UsageError(error.message, hint=hint) from None
    return int(found)


def parse_overlap(value: Any, what: str) -> Overlap:
    """Read what happens while earlier runs are alive."""
    return Overlap(choice(*(str(word) for word in Overlap))(value, what))


def parse_executor(value: Any, what: str) -> str | Executor:
    """Read where a task runs; None leaves it to the function's kind."""
    if value is None:
        return "auto"
    if isinstance(value, Executor):
        return value
    found = _EXECUTORS.get(value, plain_text(value)) if isinstance(value, str) else None
    if found is None or found not in _EXECUTORS.values():
        raise invalid(what, value, "'auto', 'thread', 'process', 'dask' or a concurrent.futures.Executor")
    if found == "dask":
        check_package("distributed", "cluster", "tasks that run on Dask")
    return found


_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([kMGT]i?)?B?", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_resources(value: Any, what: str) -> dict[str, float]:
    """Read amounts of resources by name: numbers, or sizes such as 8GB and 512MiB, in bytes."""
    return {str(name): _amount(amount, f"{what}[{name!r}]") for name, amount in mapping(value, what).items()}


_POSITIVE = number(0)


def _amount(value: Any, what: str) -> float:
    matched = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if matched is not None:
        unit = (matched[2] or "").lower()
        base = 1024.0 if unit.endswith("i") else 1000.0
        return float(matched[1]) * float(base ** _UNITS[unit[:1]])
    if isinstance(value, str):
        raise invalid(what, value, "a number, or a size such as '8GB' or '512MiB'")
    return float(_POSITIVE(value, what))


def parse_hook(value: Any, what: str) -> Callable[..., object] | None:
    """Read a hook."""
    if value is not None and not callable(value):
        raise invalid(what, value, "it is a function")
    hook: Callable[..., object] | None = value
    return hook


def parse_link(value: Any, what: str) -> str:
    """Read a web address; screens make a link of it, so other schemes are refused."""
    if not isinstance(value, str) or (value and not re.fullmatch(r"https?://[^\s\x00-\x1f\"<>]+", value)):
        raise invalid(what, value, "a web address: https://…")
    return plain_text(value)


def parse_parents(value: Any, what: str) -> tuple[After, ...]:
    """Read the tasks that must end first: names, handles, functions, `After`, mappings, or several."""
    hint = "name a task, or give its handle: after='parent', or after=['one', 'two']"
    if _is_parent(value) or isinstance(value, Mapping):
        value = (value,)
    if value is None or not isinstance(value, Iterable):
        raise invalid(what, value, hint)
    found: dict[str, After] = {}
    for parent in value:
        if not (_is_parent(parent) or isinstance(parent, Mapping)):
            raise UsageError(f"{what}={safe_repr(parent)}: expected a task name or TaskHandle", hint=hint)
        made = _parent(parent, what)
        found[made.task] = made
    return tuple(found.values())


def _is_parent(value: object) -> bool:
    return isinstance(value, str | After | Named) or callable(value)


def _parent(value: Any, what: str) -> After:
    if isinstance(value, After):
        return value
    if isinstance(value, Mapping):  # from YAML: {task: parent, on: any}
        refuse_unknown([key for key in value if key not in ("task", "on")], ("task", "on"), what)
        if not isinstance(value.get("task"), str):
            raise invalid(what, dict(value), "write {task: NAME, on: any}")
        return After(plain_text(value["task"]), on=value.get("on", "success"))
    return After(plain_text(value) if isinstance(value, str) else _name_of(value))


def _name_of(parent: Any) -> str:
    """Return the name of a task that is given as a handle, a `BaseTask` or its class, or its function."""
    _, options = getattr(parent, "__dict__", {}).get(MARK, (None, {}))
    for name in (options.get("name"), getattr(parent, "task_name", None), getattr(parent, "name", None)):
        if isinstance(name, str) and name:
            return name
    return own_name(parent)

"""What a form asks for where a person runs a task: its parameters as JSON-able fields."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from schedkit.core.model import Task
from schedkit.core.tasks.params import Parameter, parameters
from schedkit.core.text import dump, load
from schedkit.errors import SchedkitError
from schedkit.values.text import clip, safe_repr

__all__ = ["Field", "signature"]

Field = dict[str, Any]
# A longer default would be sent to every screen; the form shows its beginning, and leaves it as it is.
LONGEST_DEFAULT = 300
MOST_CHOICES = 100
_JSON = (str, int, float, NoneType, list, dict)
# A flag is an int too, and a datetime a date.
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "flag"),
    (int, "integer"),
    (float, "number"),
    (str, "text"),
    (Path, "text"),
    (datetime, "time"),
    (date, "date"),
)


def signature(task: Task) -> list[Field]:
    """Return the parameters of a task, in the order of its function.

    Returns
    -------
    list of dict
        ``name``; ``kind``: text, integer, number, flag, choice, date, time, json, or any where the function
        does not say; ``required``; ``optional``, whether None is a value of it; ``choices``; and ``default``,
        or where that is no short JSON value, ``shown``: its beginning as text.
    """
    if task.function is None:
        return []
    try:
        taken = parameters(task.function).by_name
    except SchedkitError:  # what is declared is told elsewhere
        return []
    return [_field(parameter, task.params) for parameter in taken.values()]


def _field(parameter: Parameter, given: Mapping[str, Any]) -> Field:
    hint, optional = _without_none(parameter.hint)
    choices = _choices(hint)
    required = parameter.required and parameter.name not in given
    found: Field = {"name": parameter.name, "kind": _kind(hint, choices), "required": required}
    if optional:
        found["optional"] = True
    if choices:
        found["choices"] = choices
    return found if required else {**found, **_default(given.get(parameter.name, parameter.default))}


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return a type hint without its annotations and None, and whether None is one of its values."""
    if get_origin(hint) is Annotated:
        return _without_none(get_args(hint)[0])
    if get_origin(hint) not in (Union, UnionType):
        return hint, hint is NoneType
    others = [part for part in get_args(hint) if part is not NoneType]
    optional = len(others) < len(get_args(hint))
    return (_without_none(others[0])[0] if len(others) == 1 else Any), optional


def _choices(hint: Any) -> list[Any]:
    values: Iterable[Any] = ()
    if get_origin(hint) is Literal:
        values = get_args(hint)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        values = [member.value for member in hint]
    found = list(values)
    return found if len(found) <= MOST_CHOICES and all(map(_is_scalar, found)) else []


def _is_scalar(value: Any) -> bool:
    return value is None or type(value) in (bool, int, float, str)


def _kind(hint: Any, choices: list[Any]) -> str:
    if choices:
        return "choice"
    if hint is Any or not isinstance(hint, type):
        return "any" if hint is Any else "json"
    return next((kind for known, kind in _KINDS if issubclass(hint, known)), "json")


def _default(value: Any) -> Field:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, date):
        value = value.isoformat()
    if isinstance(value, tuple):
        value = list(value)
    text = dump(value)
    if len(text) <= LONGEST_DEFAULT and isinstance(value, _JSON) and load(text) == value:
        return {"default": value}
    return {"shown": clip(safe_repr(value), LONGEST_DEFAULT)}

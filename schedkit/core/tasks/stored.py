"""Whether a parameter is data: whether the ledger returns the same value.

A run waits in memory and in the ledger. What would come back from there as something else, after a restart
or in another process, is refused where it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from schedkit.core.text import dump, load
from schedkit.errors import ParameterError
from schedkit.values.limits import MAX_DEPTH, MAX_PARAMETER_BYTES
from schedkit.values.scalars import plain_scalar
from schedkit.values.text import safe_repr

__all__ = ["as_data", "is_data", "plain", "refuse_too_large", "refused", "survives_json"]

# Whole numbers that are the same in any JSON; larger ones are tried.
_LEAST, _BEYOND = -(2**63), 2**64


def survives_json(value: Any, convert: Callable[[Any], Any] | None) -> bool:
    """Tell whether a value that is not `plain` is the same after it was stored.

    Parameters
    ----------
    convert : callable, optional
        Makes of a stored value what the parameter's type hint says.
    """
    back = load(dump(value))
    if isinstance(value, type(back)) and _same(back, value):
        return True
    try:
        given, again = (value, back) if convert is None else (convert(value), convert(back))
    except ParameterError:
        return False
    equality: object = type(given).__eq__
    if convert is not None and equality is object.__eq__ and type(again) is type(given):
        return True  # the hint has made one; two of its kind are never equal
    return _alike(again, given)


def plain(value: Any) -> bool:
    """Tell of a single value, at no cost that can be measured, that it is the same in JSON."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is int:
        return bool(_LEAST <= value < _BEYOND)
    if kind is float:
        return math.isfinite(value)
    return value is None or kind is bool


def as_data(value: Any, depth: int = 0) -> Any:
    """Return a value with numbers and flags of NumPy's as Python's, also those in lists and mappings."""
    if depth == MAX_DEPTH:  # it may hold itself
        return value
    if type(value) in (list, tuple):
        return type(value)(as_data(inside, depth + 1) for inside in value)
    if type(value) is dict:
        return {key: as_data(inside, depth + 1) for key, inside in value.items()}
    return plain_scalar(value)


def is_data(value: Any) -> bool:
    """Tell whether a value can be stored where its type is known when it is read."""
    try:
        msgspec.json.encode(value)
    except Exception:
        return False
    return True


def refuse_too_large(task: str, params: Mapping[str, Any]) -> None:
    """Refuse parameters that are too large to be stored with each run.

    They are not cut, nor kept in a file: a retry, a restart and another process need the same value.

    Raises
    ------
    ParameterError
        Naming task, parameter and size.
    """
    sizes = {name: _size(value) for name, value in params.items()}
    total = sum(sizes.values())
    if total > MAX_PARAMETER_BYTES:
        largest = max(sizes, key=sizes.__getitem__)
        raise ParameterError(
            f"task {task!r}: the parameters are too large: {total:,} bytes, of which {largest!r} has "
            f"{sizes[largest]:,}; at most {MAX_PARAMETER_BYTES:,} can be stored with a run",
            hint="write the data to a file and give its path",
        )


def _size(value: Any) -> int:
    if type(value) is str:
        return len(value)
    return 8 if plain(value) else len(dump(value))


def refused(task: str, name: str, value: Any, *, hinted: bool) -> ParameterError:
    """Return the error that says why a value is not taken."""
    data = "text, numbers, lists or mappings of them"
    if type(value) is float:
        hint = f"give it as text, with the type hint `{name}: float`"
    elif hinted or not is_data(value):
        hint = f"parameters are data: give {data}"
    elif isinstance(value, dict | list | tuple):
        hint = f"write a type hint that brings it back, or give {data}"
    else:
        hint = f"write a type hint that brings it back, `{name}: {type(value).__name__}`, or give {data}"
    return ParameterError(
        f"task {task!r}: parameter {name!r} is {safe_repr(value)}, which cannot be stored: "
        f"it would come back as {safe_repr(load(dump(value)))}",
        hint=hint,
    )


def _same(back: Any, value: Any) -> bool:
    try:
        return bool(back == value)
    except Exception:  # a frame has no one answer
        return False


def _alike(back: Any, value: Any) -> bool:
    """Tell whether two values are the same, where a tuple may have become a list."""
    if type(value) in (list, tuple) and type(back) in (list, tuple):
        return len(back) == len(value) and all(map(_alike, back, value))
    if type(value) is dict and type(back) is dict:
        return back.keys() == value.keys() and all(_alike(back[key], value[key]) for key in value)
    return isinstance(value, type(back)) and _same(back, value)

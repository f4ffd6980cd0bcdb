"""Types of arguments, by the annotations: which argument is of a type that cannot be meant.

A number for a path or a list for a column's name fails in whichever library meets it first, in words that say
nothing of the argument.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import os
import re
import typing
from collections import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from schedkit.values.text import safe_repr

__all__ = ["ArgumentTypes"]

# Values of these have many spellings: `schedkit.values` reads them, and says which there are.
_PARSED = (date, datetime, time, timedelta, tzinfo)
_Types = dict[str, tuple[type, ...]]
_CALLABLE: tuple[object, ...] = (abc.Callable,)
_WORDS = {NoneType: "None", os.PathLike: "Path", Integral: "int", Real: "number", Mapping: "dict"}


class ArgumentTypes:
    """The types that the arguments of a function may have, by its annotations.

    Parameters
    ----------
    function : callable
        A function; those of its parameters that have no annotation may be anything.
    positional : sequence of str
        The names of what can be given by position, without ``self``.
    """

    def __init__(self, function: Callable[..., Any], positional: Sequence[str]) -> None:
        self._function = function
        self._positional = tuple(positional)

    def wrong(self, args: Sequence[object], given: Mapping[str, object]) -> str | None:
        """Return what is wrong with the type of an argument; None if nothing is.

        Parameters
        ----------
        args, given
            The arguments by position, without ``self``, and by name.
        """
        for name, value, types in self._wrong(self._all, args, given):
            return f"{name} must be {_words(types)}, not {_shown(value)}"
        return None

    def wrong_flag(self, args: Sequence[object], given: Mapping[str, object]) -> str | None:
        """Return which flag is given something else: it would not fail, and "no" would be taken for yes."""
        for name, value, _ in self._wrong(self._flags, args, given):
            return f"{name}={_shown(value)} is not True or False"
        return None

    @functools.cached_property
    def _all(self) -> _Types:  # at the first call, as annotations may name what is defined later
        return _types_of(self._function)

    @functools.cached_property
    def _flags(self) -> _Types:
        return {
            name: types
            for name, types in self._all.items()
            if set(types) <= {bool, Integral, NoneType} and bool in types
        }

    def _wrong(
        self, known: _Types, args: Sequence[object], given: Mapping[str, object]
    ) -> Iterator[tuple[str, object, tuple[type, ...]]]:
        if known:
            for name, value in (*zip(self._positional, args, strict=False), *given.items()):
                types = known.get(name)
                if types is not None and not _passes(value, types):
                    yield name, value, types


class _Unknown(type):
    """What a name stands for that only type checkers import, and anything that is taken from it."""

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls

    def __getitem__(cls, item: object) -> type:
        return cls


class _Anything(metaclass=_Unknown):
    pass


class _Names(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, _Anything)


class _List:
    """Stands for whatever has items and is neither a text nor a mapping: a list, an array, a column."""


class _Function:
    """Stands for whatever can be called."""


def _types_of(function: Callable[..., Any]) -> _Types:
    """Return the types of the parameters; one that may be anything, or is not known here, is left out."""
    names = _Names(function.__globals__)
    found = {}
    for name, annotation in inspect.get_annotations(function).items():
        types = _types_in(_evaluated(annotation, names) if isinstance(annotation, str) else annotation)
        if types is not None:
            found[name] = types
    return found


def _evaluated(annotation: str, names: _Names) -> Any:
    try:
        return eval(annotation, {}, names)
    except TypeError:  # generic for type checkers only: pd.Series[Any]
        return eval(re.sub(r"\[[^\[\]]*\]", "", annotation), {}, names)


def _types_in(hint: Any) -> tuple[type, ...] | None:
    """Return the types that a hint names; None where any value will do or none can be told."""
    if hint is None:
        return (NoneType,)
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        parts = [_types_in(each) for each in get_args(hint)]
        return None if None in parts else tuple(each for part in parts if part for each in part)
    if origin is Literal:
        return tuple({type(each) for each in get_args(hint)})
    kind = hint if origin is None else origin
    is_told = isinstance(kind, type) and kind not in (Any, object, _Anything)
    if not is_told or issubclass(kind, _PARSED) or getattr(kind, "_is_protocol", False):
        return None
    return _widened(kind)


def _widened(kind: type) -> tuple[type, ...]:
    """Return the types that pass for one: a number of NumPy for an int, an array for a list."""
    if kind is float:
        return (Real,)
    if kind is int:
        return (Integral,)
    if kind is bool:
        return (bool, Integral)
    if kind in _CALLABLE:
        return (_Function,)
    if typing.is_typeddict(kind):
        return (Mapping,)
    if issubclass(kind, os.PathLike):
        return (os.PathLike,)
    abstract = kind.__module__ == "collections.abc" and not issubclass(kind, Mapping)
    return (_List,) if abstract or kind in (list, tuple, set, frozenset) else (kind,)


def _passes(value: object, types: tuple[type, ...]) -> bool:
    if isinstance(value, types):
        return not isinstance(value, bool) or bool in types  # True is no number here
    if _Function in types and callable(value):
        return True
    if _List in types and isinstance(value, abc.Iterable) and not isinstance(value, str | bytes | Mapping):
        return True
    return bool in types and type(value).__name__ in ("bool", "bool_")  # of NumPy


def _words(types: tuple[type, ...]) -> str:
    special = {**_WORDS, _List: "list", _Function: "function"}
    named = [special.get(each) or each.__name__ for each in types]
    if bool in types:
        named.remove(_WORDS[Integral])  # 0 and 1 pass
    return " or ".join(dict.fromkeys(named))


def _shown(value: object) -> str:
    """Return a value as a message has it: a table or an array by its type, as its cells say nothing here."""
    return type(value).__name__ if hasattr(value, "shape") else safe_repr(value)

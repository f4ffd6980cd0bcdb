"""``{{ parameters }}`` and ``${VARIABLES}`` in the texts of a report, each put in as the place needs it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from schedkit.errors import UsageError
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["Filling", "filled", "has_placeholder"]

Place = tuple[str | int, ...]
Refused = Callable[[Place, UsageError], Exception]

_PARAMETER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")
_EITHER = re.compile(rf"{_PARAMETER.pattern}|\$\{{(\w+)\}}")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
# Keys of `extract` that hold JQL, and keys of other sections that hold expressions of pandas.
_JQL = {"extract": ("jql", "sync", "changelog", "worklogs")}
_EXPRESSIONS = {"shape": ("filter", "derive"), "check": ("expect",)}
# The declaration itself; and pages, whose templates have placeholders of their own.
_UNTOUCHED = ("params", "for_each")
_OWN_PLACEHOLDERS = ("pages",)
# Keys whose texts are paths of files.
_PATHS = ("path", "file", "into", "template", "notebook")


def filled(
    document: Mapping[Any, Any],
    values: Mapping[str, Any],
    refused: Refused,
    environment: Mapping[str, str] | None = None,
) -> dict[Any, Any]:
    """Return a report's document with its parameters and variables put in.

    A text that is one placeholder becomes the value itself. In JQL and in expressions a value is written as
    their language quotes it, so that it stays one value whatever it holds.

    Parameters
    ----------
    refused : callable
        Returns what is raised for a placeholder or a variable without a value, by its place and error.
    environment : mapping, optional
        The variables; by default those of the process.
    """
    filling = Filling(values, refused, os.environ if environment is None else environment)
    return {
        key: value if key in _UNTOUCHED else filling.put(value, (key,)) for key, value in document.items()
    }


def has_placeholder(text: object) -> bool:
    """Tell whether a text has a parameter in it."""
    return isinstance(text, str) and _PARAMETER.search(text) is not None


@dataclass(frozen=True)
class Filling:
    """What is put into the texts of a document."""

    values: Mapping[str, Any]
    refused: Refused
    environment: Mapping[str, str]

    def put(self, value: Any, place: Place) -> Any:
        """Return a value with everything put into its texts."""
        if isinstance(value, Mapping):
            return {key: self.put(each, (*place, str(key))) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.put(each, (*place, number)) for number, each in enumerate(value)]
        if not isinstance(value, str) or ("{{" not in value and "${" not in value):
            return value
        if _is_path(place):
            self._check_path(value, place)
        whole = _PARAMETER.fullmatch(value.strip())
        write = _writer(place)
        if whole and whole[1] in self.values and write is str:
            return self.values[whole[1]]
        spans = [found.span() for found in _QUOTED.finditer(value)] if write is not str else []

        def one(found: re.Match[str]) -> str:
            known = self._value(found, place)
            if known is found:
                return str(found[0])
            if any(start < found.start() < end for start, end in spans):
                return str(known).replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
            return _text(known) if write is str else write(known)

        return _EITHER.sub(one, value)

    def _check_path(self, path: str, place: Place) -> None:
        """Refuse values with which a path leads elsewhere than it does without them, or has other fields."""
        given = [_text(self.values.get(found[1], "")) for found in _PARAMETER.finditer(path)]
        held = next((value for value in given if "{" in value or "}" in value), None)
        if held is not None:
            raise self.refused(
                place, UsageError(f"braces in {safe_repr(held)}, part of a path", hint="write none in it")
            )
        made = _PARAMETER.sub(lambda found: _text(self.values.get(found[1], "")), path)
        if _start(made) != _start(_PARAMETER.sub("value", path)):
            raise self.refused(
                place,
                UsageError(
                    f"the path {safe_repr(made)} leaves its folder",
                    hint="give parameters that are names: no .., no whole path",
                ),
            )

    def _value(self, found: re.Match[str], place: Place) -> Any:
        """Return what stands for a placeholder; the match itself where another stage fills it."""
        name, variable = found[1], found[2]
        if variable is not None:
            if variable not in self.environment:
                hint = f"export {variable} before starting"
                raise self.refused(place, UsageError(f"{found[0]} is not set", hint=hint))
            return self.environment[variable]
        if name in self.values:
            return self.values[name]
        if any(key in place for key in _OWN_PLACEHOLDERS):
            return found
        hint = did_you_mean(name, self.values, otherwise="declare it under params:")
        raise self.refused(place, UsageError(f"unknown placeholder {found[0]}", hint=hint))


def _is_path(place: Place) -> bool:
    return "values" not in place and (place[-1] in _PATHS or place[-2:-1] == ("images",))


def _start(path: str) -> tuple[str, str, bool]:
    """Return where a path starts, on any system, and whether it goes up from there."""
    up = ".." in re.split(r"[\\/{}:]", path)
    return PurePosixPath(path).anchor, PureWindowsPath(path).anchor, up


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _writer(place: Place) -> Callable[[Any], str]:
    """Return how a value is written at a place: as JQL, as an expression, or as it is."""
    if place[-1] in _JQL.get(str(place[0]), ()):
        return _as_jql
    return repr if any(key in place for key in _EXPRESSIONS.get(str(place[0]), ())) else str


def _as_jql(value: Any) -> str:
    from schedkit.jira.jql import quoted

    if isinstance(value, list):
        return ", ".join(map(_as_jql, value))
    return (
        str(value) if isinstance(value, int | float) and not isinstance(value, bool) else quoted(str(value))
    )

"""The public Python names for the reference: functions with their parameters, classes with their methods."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from schedkit.commands.markdown import table

__all__ = ["PUBLIC_MODULES", "python_names"]

PUBLIC_MODULES = (
    "schedkit",
    "schedkit.jira",
    "schedkit.confluence",
    "schedkit.excel",
    "schedkit.flow",
    "schedkit.report",
    "schedkit.notify",
    "schedkit.server",
    "schedkit.context",
    "schedkit.errors",
    "schedkit.atlassian",
    "schedkit.settings",
    "schedkit.demo",
)
# What methods of public classes return, and people hold without having imported it.
RETURNED = {
    "schedkit": (
        "schedkit.core.api.task_handle:TaskHandle",
        "schedkit.core.api.run_handle:RunHandle",
        "schedkit.core.api.queries:Queries",
    ),
    "schedkit.jira": ("schedkit.jira.write.plan:Plan",),
}
HEADS = ("name", "what it is")
MOST_SHOWN = 8  # parameters; those that must be given are always shown
PLAIN = (type(None), bool, int, float, str)


def python_names() -> Iterator[str]:
    """Yield the lines of the section: a table for each public module, and for each class with methods."""
    for name in PUBLIC_MODULES:
        module = importlib.import_module(name)
        yield from (f"### `{name}`", "", _first_sentence(module), "")
        things = [(each, getattr(module, each)) for each in module.__all__]
        yield from table(HEADS, [(f"`{_called(each, thing)}`", _words(thing)) for each, thing in things])
        returned = [_imported(path) for path in RETURNED.get(name, ())]
        for thing in [*(thing for _, thing in things if inspect.isclass(thing)), *returned]:
            yield from _methods(thing)


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _methods(cls: type) -> Iterator[str]:
    rows = [] if cls.__name__.startswith("Async") else list(_members(cls))
    if rows:
        yield from (f"#### `{cls.__name__}`", "", _first_sentence(cls), "")
        yield from table(HEADS, rows)


def _members(cls: type) -> Iterator[tuple[str, str]]:
    """Yield what a class of schedkit offers beside its fields, without what it has from classes of others."""
    for name in sorted(dir(cls)):
        owners = [base for base in cls.__mro__ if name in vars(base)]
        is_field = name in getattr(cls, "__dataclass_fields__", ())
        if name.startswith("_") or is_field or not all(map(_is_ours, owners)):
            continue
        static, thing = inspect.getattr_static(cls, name), getattr(cls, name)
        if isinstance(static, property):
            yield f"`{name}`", _first_sentence(static)
        elif callable(thing) and not inspect.isclass(thing):
            bound = isinstance(static, classmethod | staticmethod)
            yield f"`{name}{_parameters(thing, skipped=0 if bound else 1)}`", _first_sentence(thing)


def _is_ours(thing: type) -> bool:
    return thing.__module__.partition(".")[0] == "schedkit"


def _called(name: str, thing: Any) -> str:
    is_error = inspect.isclass(thing) and issubclass(thing, BaseException)
    is_told_elsewhere = is_error or (inspect.isclass(thing) and issubclass(thing, BaseModel))
    return f"{name}{_parameters(thing)}" if callable(thing) and not is_told_elsewhere else name


def _words(thing: Any) -> str:
    if isinstance(thing, PLAIN):
        return f"`{thing!r}`"
    words = _first_sentence(thing)
    if inspect.isclass(thing) and issubclass(thing, BaseException) and thing.__base__ is not Exception:
        words = f"{words} A kind of `{thing.__base__.__name__}`." if thing.__base__ else words
    return words


def _first_sentence(thing: Any) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def _parameters(thing: Any, *, skipped: int = 0) -> str:
    """Return the parameters of a function or class with their defaults, without types."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):  # of C code, or of a class whose metaclass makes it
        return "(…)"
    given = list(signature.parameters.values())[skipped:]
    shown = [
        each.replace(annotation=each.empty, default=_default(each.default))
        for number, each in enumerate(given)
        if number < MOST_SHOWN or each.default is each.empty
    ]
    text = str(signature.replace(parameters=shown, return_annotation=signature.empty))
    return text if len(shown) == len(given) else f"{text[:-1]}, …)"


class _Shown:
    """A default as the reference shows it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _default(value: object) -> object:
    """Return a default that reads the same in every process: no address of an object."""
    if value is inspect.Parameter.empty or type(value) in PLAIN:
        return value
    is_plain = type(value) is tuple and all(type(each) in PLAIN for each in value)
    return value if is_plain else _Shown("…")

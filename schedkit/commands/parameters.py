"""Parameters of runs on the command line: ``-p project=KAFKA``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schedkit.core.model import Task
from schedkit.core.tasks.params import Parameters, parameters
from schedkit.errors import UsageError
from schedkit.values.text import safe_repr
from schedkit.values.yaml import parse_yaml

__all__ = ["parameters_of", "read_parameters"]


def read_parameters(given: Iterable[str]) -> dict[str, str]:
    """Return ``NAME=VALUE`` texts by name.

    Raises
    ------
    UsageError
        One is not written so, or a name is given twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"-p {safe_repr(text)}: no parameter", hint="write -p NAME=VALUE")
        if name in found:
            raise UsageError(f"-p {name}: given twice", hint="give it once")
        found[name] = value
    return found


def parameters_of(given: Mapping[str, str], task: Task | None = None) -> dict[str, Any]:
    """Return parameters as values: text where the task wants text, else what YAML makes of it.

    Examples
    --------
    >>> parameters_of({"project": "KAFKA", "days": "30", "keys": "[A-1, A-2]"})
    {'project': 'KAFKA', 'days': 30, 'keys': ['A-1', 'A-2']}
    """
    function = None if task is None else task.function
    takes = None if function is None else parameters(function)
    return {name: _value(name, text, takes) for name, text in given.items()}


def _value(name: str, text: str, takes: Parameters | None) -> Any:
    known = None if takes is None else takes.by_name.get(name)
    if known is not None and known.hint is str:
        return text
    document = parse_yaml(text, f"-p {name}") if text.strip() else None
    return text if document is None else document.value

"""Parameters of runs on the command line: ``-p project=KAFKA``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from schedkit.core.model import Task
from schedkit.core.tasks.params import parameters
from schedkit.errors import UsageError
from schedkit.values.text import safe_repr

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
    """Return parameters as values: JSON where it is JSON, unless the task wants text, else text.

    Examples
    --------
    >>> parameters_of({"project": "KAFKA", "days": "30", "keys": '["A-1", "A-2"]', "version": "007"})
    {'project': 'KAFKA', 'days': 30, 'keys': ['A-1', 'A-2'], 'version': '007'}
    """
    function = None if task is None else task.function
    takes = {} if function is None else parameters(function).by_name
    return {
        name: text if name in takes and takes[name].hint is str else _value(text)
        for name, text in given.items()
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

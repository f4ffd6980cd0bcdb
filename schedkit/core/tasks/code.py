"""A hash of a task's code, by which processes compare it."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import textwrap
from types import CodeType
from typing import Any

from schedkit.core.model import Task
from schedkit.core.tasks.options import shown_options
from schedkit.core.text import dump
from schedkit.core.triggers import data as trigger_data

__all__ = ["code_of"]


def code_of(task: Task) -> str:
    """Return a hash of a task's function, without comments and decorators, and of its options.

    It does not see what the function calls or has closed over.
    """
    told = {
        "function": _source_of(task.function),
        "trigger": None if task.trigger is None else trigger_data.dumps(task.trigger),
        "options": shown_options(task),
        "params": dict(task.params),
        "after": [[parent.task, parent.on] for parent in task.after],
    }
    return hashlib.blake2b(dump(told).encode(), digest_size=16).hexdigest()


def _source_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isroutine(function) and not inspect.isclass(function):
        told = getattr(function, "code_told", None)  # what is made from a file says what it was made from
        return str(told) if told is not None else _source_of(type(function))
    code = getattr(function, "__code__", None)
    return _source(code) if isinstance(code, CodeType) else _text(function)


@functools.lru_cache(maxsize=4096)
def _source(code: CodeType) -> str:
    return _text(code)


def _text(thing: Any) -> str:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError, ValueError):  # typed into a prompt, built in, a part of a line
        compiled = getattr(thing, "co_code", b"").hex()
        return f"{getattr(thing, 'co_qualname', getattr(thing, '__qualname__', ''))} {compiled}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = []
    return ast.unparse(tree)

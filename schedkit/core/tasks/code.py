"""A hash of a task's code, by which processes compare it."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import linecache
import textwrap
from types import CodeType
from typing import Any

from schedkit.core.model import Task
from schedkit.core.tasks.options import shown_options
from schedkit.core.text import dump
from schedkit.core.triggers import data as trigger_data

__all__ = ["code_of", "function_code"]


def code_of(task: Task) -> str:
    """Return a hash of a task's function or class, without comments and decorators, and of its options.

    It does not see what lies outside of them: a helper that the function calls, a module that it imports, a
    variable or a value that it has closed over, the state of an object.
    """
    told = {
        "function": _source_of(task.function),
        "trigger": None if task.trigger is None else trigger_data.dumps(task.trigger),
        "options": shown_options(task),
        "params": dict(task.params),
        "after": [[parent.task, parent.on] for parent in task.after],
    }
    return hashlib.blake2b(dump(told).encode(), digest_size=16).hexdigest()


def function_code(function: Any) -> str:
    """Return a hash of a task's function or class alone, whatever options each process gives it."""
    return hashlib.blake2b(_source_of(function).encode(), digest_size=16).hexdigest()


def _source_of(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.ismethod(function):
        bound = function.__self__
        return f"{function.__name__} of {_class_source(bound if isinstance(bound, type) else type(bound))}"
    function = inspect.unwrap(function)
    if not inspect.isroutine(function) and not inspect.isclass(function):
        told = getattr(function, "code_told", None)  # what is made from a file says what it was made from
        return str(told) if told is not None else _source_of(type(function))
    if isinstance(function, type):
        return _class_source(function)
    code = getattr(function, "__code__", None)
    return _source(_Identical(code)) if isinstance(code, CodeType) else _text(function)


def _class_source(cls: type) -> str:
    """Return the source of a class and of its bases, but for Python's and ours."""
    own = [base for base in cls.__mro__ if base.__module__.partition(".")[0] not in ("builtins", "schedkit")]
    return "\n".join(map(_one_class, own))


@functools.lru_cache(maxsize=1024)
def _one_class(cls: type) -> str:
    # By one of its functions: a cell's classes have no file of their own in which they could be found.
    for member in vars(cls).values():
        code = getattr(inspect.unwrap(getattr(member, "__func__", member)), "__code__", None)
        if isinstance(code, CodeType) and code.co_qualname.startswith(f"{cls.__qualname__}."):
            found = _class_around(cls.__name__, code)
            if found is not None:
                return _without_decorators(found)
    return _text(cls)


def _class_around(name: str, code: CodeType) -> ast.ClassDef | None:
    """Return the class of that name in whose body a function is written."""
    linecache.checkcache(code.co_filename)
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except (SyntaxError, ValueError):  # a cell with magics
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and node.name == name
        and node.lineno <= code.co_firstlineno <= (node.end_lineno or node.lineno)
    ]
    return around[-1] if around else None


class _Identical:
    """A code object that equals only itself: those of two cells are equal that differ in a default value."""

    def __init__(self, code: CodeType) -> None:
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identical) and other.code is self.code

    def __hash__(self) -> int:
        return id(self.code)


@functools.lru_cache(maxsize=4096)
def _source(of: _Identical) -> str:
    return _text(of.code)


def _text(thing: Any) -> str:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError, ValueError):  # typed into a prompt, built in, a part of a line
        return _compiled(thing)
    return _without_decorators(tree)


def _compiled(thing: Any) -> str:
    """Return what is known of a function or a class without its source."""
    if isinstance(thing, type):
        functions = [getattr(member, "__code__", None) for member in vars(thing).values()]
        return " ".join([thing.__qualname__, *(_compiled(code) for code in functions if code is not None)])
    if isinstance(thing, CodeType):
        parts = [thing.co_qualname, thing.co_code.hex(), *thing.co_names, *map(_compiled, thing.co_consts)]
        return " ".join(parts)
    if isinstance(thing, frozenset):  # in an order that is the same in every process
        return " ".join(sorted(map(repr, thing)))
    return getattr(thing, "__qualname__", None) or repr(thing)


def _without_decorators(tree: ast.AST) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = []
    return ast.unparse(tree)

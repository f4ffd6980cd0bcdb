"""Parameters of a task: declared by its function's type hints, checked before it runs."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args, get_type_hints, is_typeddict

from schedkit.core.model import Task
from schedkit.core.tasks.stored import as_data, is_data, plain, refuse_too_large, refused, survives_json
from schedkit.errors import DeclarationError, ParameterError
from schedkit.values.options import refuse_unknown
from schedkit.values.text import safe_repr
from schedkit.values.validation import pydantic_words

__all__ = [
    "RUN",
    "Parameter",
    "Parameters",
    "arguments_by_name",
    "call_arguments",
    "check",
    "check_data",
    "complete",
    "parameters",
]

# The argument of this name is the run's context, not a parameter.
RUN = "run"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a task; `hint` is Any where the function says nothing about it."""

    name: str
    hint: Any
    required: bool
    default: Any = None

    def convert(self, task: str, value: Any) -> Any:
        """Return `value` as the hint wants it.

        Raises
        ------
        ParameterError
            Naming task, parameter, value and what was expected.
        """
        if self.hint is Any:
            return value
        from pydantic import PydanticUserError, ValidationError

        try:
            return self._adapter.validate_python(value)
        except PydanticUserError as error:
            raise ParameterError(
                f"task {task!r}: the type hint {hint_text(self.hint)} of parameter {self.name!r} cannot be "
                f"checked: {str(error).splitlines()[0]}",
                hint="write another type hint, or none",
            ) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            inside = "".join(f"[{part!r}]" for part in first["loc"])
            raise ParameterError(
                f"task {task!r}: parameter {self.name!r}{inside} is "
                f"{safe_repr(value)}, expected {hint_text(self.hint)}: {pydantic_words(first)}"
            ) from None

    @cached_property
    def _adapter(self) -> Any:
        from pydantic import ConfigDict, PydanticUserError, TypeAdapter

        try:
            return TypeAdapter(self.hint, config=ConfigDict(arbitrary_types_allowed=True))
        except PydanticUserError:
            # Models and dataclasses carry a configuration of their own.
            return TypeAdapter(self.hint)


@dataclass(frozen=True)
class Parameters:
    """What a function takes: its parameters by name, whether it wants the run, whether it takes any name."""

    by_name: Mapping[str, Parameter]
    wants_run: bool
    open: bool


def hint_text(hint: Any) -> str:
    """Return a type hint the way people write it."""
    return hint.__name__ if isinstance(hint, type) and not getattr(hint, "__args__", None) else str(hint)


_cache: weakref.WeakKeyDictionary[Callable[..., Any], Parameters] = weakref.WeakKeyDictionary()
_cache_lock = threading.Lock()


def parameters(function: Callable[..., Any]) -> Parameters:
    """Return what `function` takes.

    Raises
    ------
    DeclarationError
        If it has a parameter that cannot be given by name.
    """
    # A bound method is a new object at every access; what it takes belongs to its function.
    key = getattr(function, "__func__", function)
    try:
        with _cache_lock:
            known = _cache.get(key)
    except TypeError:  # not hashable, or without weak references
        return _inspected(function)
    if known is None:
        known = _inspected(function)
        with _cache_lock:
            _cache[key] = known
    return known


def _inspected(function: Callable[..., Any]) -> Parameters:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return Parameters({}, wants_run=False, open=True)
    try:
        hints = get_type_hints(inspect.unwrap(getattr(function, "__func__", function)), include_extras=True)
    except Exception:
        # A hint may name what exists only while type checking; such parameters are taken as they are.
        hints = {}
    found: dict[str, Parameter] = {}
    wants_run = takes_any = False
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_any = True
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            if parameter.default is parameter.empty:
                raise DeclarationError(
                    f"parameter {name!r} of {function!r} can only be given by position",
                    hint="parameters of a task are given by name: take out the `/`",
                )
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            if name == RUN:
                wants_run = True
                continue
            required = parameter.default is parameter.empty
            hint = hints.get(name, Any)
            if sys.version_info < (3, 12) and any(map(_is_old_typed_dict, _parts(hint))):
                raise DeclarationError(
                    f"parameter {name!r} of {function!r}: cannot check a typing.TypedDict before 3.12",
                    hint="from typing_extensions import TypedDict",
                )
            found[name] = Parameter(name, hint, required, None if required else parameter.default)
    return Parameters(found, wants_run, takes_any)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _is_old_typed_dict(hint: Any) -> bool:
    return is_typeddict(hint) and type(hint).__module__ == "typing"


def arguments_by_name(
    function: Callable[..., Any] | None, args: Sequence[Any] | None, kwargs: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return positional and keyword arguments by name: a ledger stores names.

    Raises
    ------
    ParameterError
        If the function does not take so many positional arguments.
    DeclarationError
        If they have no names.
    """
    called = getattr(function, "__name__", "") or safe_repr(function)
    if not args:
        return dict(kwargs or {})
    if function is None:
        raise DeclarationError(
            "positional arguments of a task whose function is not declared here",
            hint="give them by name: submit(project='X')",
        )
    signature = inspect.signature(function)
    try:
        bound = signature.bind_partial(*args)
    except TypeError as error:
        raise ParameterError(f"{called}(): {error}") from None
    for name in bound.arguments:
        if signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            raise DeclarationError(
                f"{called}() takes *{name}, and arguments are stored by name",
                hint="give the parameters names, or bind them with functools.partial and id=…",
            )
        if name in (kwargs or {}):
            raise DeclarationError(f"{name!r} is given by position and by name", hint="give it once")
    return {**bound.arguments, **(kwargs or {})}


def check(task: Task, params: Mapping[str, Any], *, complete: bool = True) -> dict[str, Any]:
    """Return a task's own parameters joined with `params`, after trying that they fit and can be stored.

    The values come back as given, so that they can be stored; `call_arguments` converts them.

    Parameters
    ----------
    complete : bool
        Whether a required parameter that is missing is an error (at a submit it is, where the task is
        declared it is not).

    Raises
    ------
    ParameterError
        Naming task, parameter and what was expected.
    """
    given = {**task.params, **params}
    if task.function is None:
        return check_data(task.name, given)
    takes = parameters(task.function)
    _converted(task.name, takes, given, complete=complete)
    for name, value in given.items():
        if plain(value):
            continue
        parameter = takes.by_name.get(name)
        hinted = parameter is not None and parameter.hint is not Any
        convert = (
            functools.partial(parameter.convert, task.name) if parameter is not None and hinted else None
        )
        if not survives_json(value, convert):
            given[name] = as_data(value)  # a cell of a frame is NumPy's
            if not survives_json(given[name], convert):
                raise refused(task.name, name, value, hinted=hinted)
    refuse_too_large(task.name, given)
    return given


def check_data(task: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters after checking that they can be stored, for a task that is declared elsewhere.

    Raises
    ------
    ParameterError
        Naming task and parameter.
    """
    given = {name: as_data(value) for name, value in params.items()}
    for name, value in given.items():
        if not is_data(value):
            raise refused(task, name, value, hinted=False)
    refuse_too_large(task, given)
    return given


def call_arguments(task: Task, params: Mapping[str, Any], run: Any) -> dict[str, Any]:
    """Return the keyword arguments with which the task's function is called.

    Parameters
    ----------
    params : mapping
        As stored: those of `check`.
    run : object
        The run's context, given to an argument named ``run``.

    Raises
    ------
    ParameterError
        If they do not fit (any more: the function may have changed since they were stored).
    """
    assert task.function is not None
    takes = parameters(task.function)
    arguments = _converted(task.name, takes, params, complete=True)
    if takes.wants_run:
        arguments[RUN] = run
    return arguments


def complete(task: Task, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters a call has: `arguments` but for the run, and the defaults of the others."""
    assert task.function is not None
    known = parameters(task.function).by_name.values()
    found = {parameter.name: parameter.default for parameter in known if not parameter.required}
    return {**found, **{name: value for name, value in arguments.items() if name != RUN}}


def _converted(task: str, takes: Parameters, given: Mapping[str, Any], *, complete: bool) -> dict[str, Any]:
    if not given and not takes.by_name:
        return {}
    unknown = [name for name in given if name not in takes.by_name]
    if unknown and (not takes.open or RUN in unknown):
        refuse_unknown(unknown, takes.by_name, f"task {task!r}", kind="parameter", error=ParameterError)
    missing = [p for p in takes.by_name.values() if p.required and p.name not in given]
    if missing and complete:
        first = missing[0]
        expected = "" if first.hint is Any else f" ({hint_text(first.hint)})"
        raise ParameterError(
            f"task {task!r} needs the parameter {first.name!r}{expected}",
            hint="give it at submit(), or with params= where the task is declared",
        )
    return {
        name: takes.by_name[name].convert(task, value) if name in takes.by_name else value
        for name, value in given.items()
    }

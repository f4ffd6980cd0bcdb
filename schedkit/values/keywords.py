"""Keywords of public functions: a misspelt one is refused as a misspelt option is, with near matches.

Python's own TypeError says nothing of what may be meant, and names an inherited method by the class that
happens to define it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from schedkit.values.options import refuse_unknown

__all__ = ["Keywords", "check_keywords"]

T = TypeVar("T", bound=Callable[..., Any])
MARK = "_schedkit_checks_keywords"


class Keywords:
    """The keywords that a function takes.

    Parameters
    ----------
    function : callable
        A function; its first parameter may be ``self``.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        code = inspect.unwrap(function).__code__
        takes = code.co_argcount + code.co_kwonlyargcount
        self.any = bool(code.co_flags & inspect.CO_VARKEYWORDS)
        self.is_method = code.co_varnames[: code.co_argcount][:1] == ("self",)
        self.names = frozenset(code.co_varnames[code.co_posonlyargcount : takes]) - {"self"}
        self._name = function.__name__

    def check(self, given: Mapping[str, object], owner: type | None = None) -> None:
        """Refuse keywords that it does not take; `owner` is the class whose method was called."""
        if self.any or self.names.issuperset(given):
            return
        called = self._name
        if owner is not None:
            called = owner.__name__ if called == "__init__" else f"{owner.__name__}.{called}"
        unknown = [name for name in given if name not in self.names]
        refuse_unknown(unknown, sorted(self.names), f"{called}()")


def check_keywords(thing: T) -> T:
    """Decorate a public function, or a class with its public methods: misspelt keywords are refused.

    Raises
    ------
    UsageError
        By each call with an unknown keyword; says which, and what may be meant.

    Examples
    --------
    >>> @check_keywords
    ... def write(path: str, *, sheet: str = "") -> None: ...
    >>> write("bugs.xlsx", shet="Bugs")
    Traceback (most recent call last):
    schedkit.errors.UsageError: write(): unknown option 'shet' (did you mean 'sheet'?)
    """
    if not isinstance(thing, type):
        return cast(T, _checked(thing))
    for name, function in list(vars(thing).items()):
        is_public = name == "__init__" or not name.startswith("_")
        if is_public and inspect.isfunction(function) and not hasattr(function, MARK):
            setattr(thing, name, _checked(function))
    return thing


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    keywords = Keywords(function)
    if keywords.any:  # it reads them itself, and refuses what it does not know
        return function

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        if given:
            keywords.check(given, type(args[0]) if keywords.is_method and args else None)
        return function(*args, **given)

    setattr(call, MARK, True)
    return call

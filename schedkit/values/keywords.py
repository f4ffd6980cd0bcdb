"""Arguments of public functions: a misspelt keyword is refused as a misspelt option is, with near matches.

An argument of a wrong type is named where a library beneath would fail on it.

Python's own TypeError says nothing of what may be meant, and names an inherited method by the class that
happens to define it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from schedkit.errors import SchedkitError, UsageError
from schedkit.values.argument_types import ArgumentTypes
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
        plain = inspect.unwrap(function)
        code = plain.__code__
        takes = code.co_argcount + code.co_kwonlyargcount
        self.any = bool(code.co_flags & inspect.CO_VARKEYWORDS)
        self.is_method = code.co_varnames[: code.co_argcount][:1] == ("self",)
        self.names = frozenset(code.co_varnames[code.co_posonlyargcount : takes]) - {"self"}
        self._name = function.__name__
        positional = code.co_varnames[int(self.is_method) : code.co_argcount]
        self._positional = tuple(positional)
        self._most = None if code.co_flags & inspect.CO_VARARGS else len(positional)
        self._needed = positional[: len(positional) - len(plain.__defaults__ or ())]
        defaults = plain.__kwdefaults__ or {}
        keyword_only = code.co_varnames[code.co_argcount : takes]
        self._needed_keywords = [name for name in keyword_only if name not in defaults]
        self._types = ArgumentTypes(plain, positional)

    def check(self, args: Sequence[object], given: Mapping[str, object], owner: type | None = None) -> None:
        """Refuse keywords that it does not take, flags that are none, and a call without what it needs.

        Parameters
        ----------
        args, given
            The arguments by position, without ``self``, and by name.
        owner : type, optional
            The class whose method was called.
        """
        if self.any:
            return
        if not self.names.issuperset(given):
            unknown = [name for name in given if name not in self.names]
            refuse_unknown(unknown, sorted(self.names), f"{self._called(owner)}()")
        number = len(args)
        if self._most is not None and number > self._most:
            self._refuse_number(owner, number, self._most)
        wrong = self._types.wrong_flag(args, given)
        if wrong is not None:
            raise UsageError(f"{self._called(owner)}(): {wrong}")
        missing = [name for name in (*self._needed[number:], *self._needed_keywords) if name not in given]
        if missing:
            raise UsageError(
                f"{self._called(owner)}() needs {' and '.join(missing)}",
                hint=f"give {', '.join(f'{name}=…' for name in missing)}",
            )

    def explain(
        self,
        error: Exception,
        args: Sequence[object],
        given: Mapping[str, object],
        owner: type | None = None,
    ) -> None:
        """Raise `UsageError` if an argument of a wrong type explains an error that is not one of ours.

        What a function checks itself it says in words of its own; this is for what it does not check, and
        what then fails in a library beneath.
        """
        wrong = None if isinstance(error, SchedkitError) else self._types.wrong(args, given)
        if wrong is not None:
            raise UsageError(f"{self._called(owner)}(): {wrong}") from error

    def _called(self, owner: type | None) -> str:
        if owner is None:
            return self._name
        return owner.__name__ if self._name == "__init__" else f"{owner.__name__}.{self._name}"

    def _refuse_number(self, owner: type | None, number: int, most: int) -> None:
        by_name = [name for name in sorted(self.names) if name not in self._positional]
        takes = f"takes {most} argument{'' if most == 1 else 's'} by position"
        hint = f"the others by name: {', '.join(by_name)}" if by_name else ""
        raise UsageError(f"{self._called(owner)}() {takes}, and {number} were given", hint=hint)


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
        owner = type(args[0]) if keywords.is_method and args else None
        own = args[1:] if keywords.is_method else args
        keywords.check(own, given, owner)
        try:
            return function(*args, **given)
        except Exception as error:
            keywords.explain(error, own, given, owner)
            raise

    setattr(call, MARK, True)
    return call

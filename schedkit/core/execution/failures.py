"""A task's failure: what the ledger keeps of it, and how it leaves another process.

An exception is the user's, and need not survive being pickled: many cannot be made again from their `args`,
others hold what cannot leave a process. What the ledger keeps of it is therefore made where it was raised,
with the traceback that only is there; and what decides about retries, its type, travels by itself.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from schedkit.values.limits import MAX_TRACEBACK_CHARS
from schedkit.values.own_code import own_lines
from schedkit.values.text import clean

__all__ = ["Failure", "RemoteFailure", "error_facts"]

_HERE = str(Path(__file__).parent)


def error_facts(error: BaseException) -> dict[str, Any]:
    """Return what the ledger keeps of an exception: type, message, hint, own lines, traceback."""

    def message() -> str:
        own = getattr(error, "message", None)
        return own if isinstance(own, str) else str(error)

    return {
        "type": type(error).__qualname__,
        "message": _said(message).strip() or type(error).__name__,
        "hint": _said(lambda: str(getattr(error, "hint", "") or "")),
        "lines": own_lines(error.__traceback__),
        "traceback": _said(lambda: _traceback(error)),
    }


def _said(say: Callable[[], str]) -> str:
    # An exception speaks by code of its own, which may fail; the run must end all the same.
    try:
        return clean(say())
    except BaseException as failure:
        return f"(no text: asking for it raised {type(failure).__qualname__})"


def _traceback(error: BaseException) -> str:
    # Our own frames around the task's say nothing to who wrote the task.
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HERE) and trace.tb_next:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace, limit=-30)
    return "".join(lines)[-MAX_TRACEBACK_CHARS:]


class RemoteFailure(BaseException):
    """Carries a failure of another process to where the attempt ends.

    Attributes
    ----------
    error : BaseException
        The exception, or one of its type.
    facts : dict
        What the ledger keeps of it, as told where it was raised.
    """

    def __init__(self, error: BaseException, facts: dict[str, Any]) -> None:
        super().__init__(facts["message"])
        self.error = error
        self.facts = facts


class Failure(NamedTuple):
    """A failure that leaves its process; every part is plain data."""

    facts: dict[str, Any]
    # The exception itself; empty where it would not arrive as it left.
    whole: bytes
    # What stands for it then: its type, and after it those it descends from; the first that is known here
    # is taken.
    types: tuple[bytes, ...]
    args: tuple[bytes, ...]
    attributes: dict[str, bytes]

    @classmethod
    def of(cls, error: BaseException, facts: dict[str, Any]) -> Failure:
        """Return an exception as a failure, with what the ledger is to keep of it."""
        types = [_travelling(kind) for kind in type(error).__mro__ if issubclass(kind, BaseException)]
        attributes = {name: _travelling(value) for name, value in vars(error).items()}
        return cls(
            facts,
            _whole(error),
            tuple(filter(None, types)),
            tuple(_travelling(one) or _travelling(_shown(one)) for one in error.args),
            {name: packed for name, packed in attributes.items() if packed},
        )

    def here(self) -> RemoteFailure:
        """Return what to raise here."""
        import cloudpickle

        if self.whole:
            # What it is made of may be known there only.
            with contextlib.suppress(Exception):
                return RemoteFailure(cloudpickle.loads(self.whole), self.facts)
        for packed in self.types:
            with contextlib.suppress(Exception):
                return RemoteFailure(self._like(cloudpickle.loads(packed)), self.facts)
        return RemoteFailure(RuntimeError(self.facts["message"]), self.facts)

    def _like(self, kind: type[BaseException]) -> BaseException:
        import cloudpickle

        args = tuple(map(cloudpickle.loads, self.args))
        error = _made(kind, args)
        parts: dict[str, Any] = {"args": args}
        parts |= {name: cloudpickle.loads(value) for name, value in self.attributes.items()}
        for name, value in parts.items():
            # Not by the type's own `__setattr__`, which may refuse.
            BaseException.__setattr__(error, name, value)
        return error


def _whole(error: BaseException) -> bytes:
    """Return an exception as bytes; none if it would not arrive, or not with what it says.

    Libraries change how exceptions are pickled: with Dask imported, a `UnicodeDecodeError` arrives empty.
    """
    import cloudpickle

    packed = _travelling(error)
    if packed and _shown(cloudpickle.loads(packed), str) == _shown(error, str):
        return packed
    return b""


def _travelling(value: object) -> bytes:
    """Return a value as bytes; none if it would not arrive, or not as what it is."""
    import cloudpickle

    try:
        packed: bytes = cloudpickle.dumps(value)
        arrived = type(cloudpickle.loads(packed)) is type(value)
    except BaseException:  # how a value is pickled is its own code, which may raise even SystemExit
        return b""
    return packed if arrived else b""


def _shown(value: object, form: Callable[[object], str] = repr) -> str:
    try:
        return form(value)
    except BaseException:  # its own code, too
        return f"<{type(value).__qualname__}>"


def _made(kind: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """Return an exception of a type without calling code of the type's own, which wants its own arguments."""
    ready: Any = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    made: BaseException
    try:
        made = ready.__new__(kind, *args)
        ready.__init__(made, *args)  # else a `UnicodeError`, say, has nothing of what it tells
    except Exception:
        # A group must not be empty.
        needed = ("", [Exception()]) if issubclass(ready, BaseExceptionGroup) else ()
        made = ready.__new__(kind, *needed)
    return made

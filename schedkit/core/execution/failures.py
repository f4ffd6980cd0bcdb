"""A task's failure in another process: told there, and understood here.

An exception is the user's, and need not survive being pickled: many cannot be made again from their `args`,
others hold what cannot leave a process. What the ledger keeps of it is therefore made where it was raised,
with the traceback that only is there; and what decides about retries, its type, travels by itself.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

__all__ = ["FailedElsewhere", "Failure"]


class FailedElsewhere(BaseException):
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
            _travelling(error),
            tuple(filter(None, types)),
            tuple(_travelling(one) or _travelling(_shown(one)) for one in error.args),
            {name: packed for name, packed in attributes.items() if packed},
        )

    def here(self) -> FailedElsewhere:
        """Return what to raise here."""
        import cloudpickle

        if self.whole:
            # What it is made of may be known there only.
            with contextlib.suppress(Exception):
                return FailedElsewhere(cloudpickle.loads(self.whole), self.facts)
        for packed in self.types:
            with contextlib.suppress(Exception):
                return FailedElsewhere(self._like(cloudpickle.loads(packed)), self.facts)
        return FailedElsewhere(RuntimeError(self.facts["message"]), self.facts)

    def _like(self, kind: type[BaseException]) -> BaseException:
        import cloudpickle

        error = _made(kind)
        parts = {"args": tuple(map(cloudpickle.loads, self.args))}
        parts |= {name: cloudpickle.loads(value) for name, value in self.attributes.items()}
        for name, value in parts.items():
            # Not by the type's own `__setattr__`, which may refuse.
            BaseException.__setattr__(error, name, value)
        return error


def _travelling(value: object) -> bytes:
    """Return a value as bytes; none if it would not arrive, or not as what it is."""
    import cloudpickle

    try:
        packed: bytes = cloudpickle.dumps(value)
        arrived = type(cloudpickle.loads(packed)) is type(value)
    except BaseException:  # how a value is pickled is its own code, which may raise even SystemExit
        return b""
    return packed if arrived else b""


def _shown(value: object) -> str:
    try:
        return repr(value)
    except BaseException:  # its own code, too
        return f"<{type(value).__qualname__}>"


def _made(kind: type[BaseException]) -> BaseException:
    """Return an exception of a type without calling code of the type's own, which wants its own arguments."""
    ready: Any = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    # A group must not be empty.
    needed = ("", [Exception()]) if issubclass(ready, BaseExceptionGroup) else ()
    made: BaseException = ready.__new__(kind, *needed)
    return made

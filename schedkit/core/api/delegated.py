"""Methods of a class that are those of one of its parts, with their signatures and their documentation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from schedkit.values.keywords import Keywords

__all__ = ["delegated"]

P = ParamSpec("P")
T = TypeVar("T")
Part = TypeVar("Part")
Whole = TypeVar("Whole")


def delegated(
    part: Callable[[Whole], Part], method: Callable[Concatenate[Part, P], T]
) -> Callable[Concatenate[Whole, P], T]:
    """Return a method that calls the `method` of a `part` of its object.

    Examples
    --------
    >>> class Engine:
    ...     def start(self, gear: int) -> str:
    ...         return f"in gear {gear}"
    >>> class Car:
    ...     def __init__(self) -> None:
    ...         self.engine = Engine()
    ...
    ...     start = delegated(lambda car: car.engine, Engine.start)
    >>> Car().start(1)
    'in gear 1'
    """
    keywords = Keywords(method)

    @functools.wraps(method)
    def call(self: Whole, /, *args: P.args, **kwargs: P.kwargs) -> T:
        keywords.check(args, kwargs, type(self))
        try:
            return method(part(self), *args, **kwargs)
        except Exception as error:
            keywords.explain(error, args, kwargs, type(self))
            raise

    return call

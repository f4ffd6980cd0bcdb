"""The tree of a JQL query, and its one failure."""

from __future__ import annotations

from dataclasses import dataclass


class JqlError(Exception):
    """A query the site refuses; the messages are the body's ``errorMessages``."""

    def __init__(self, *messages: str) -> None:
        super().__init__(messages[0])
        self.messages = list(messages)


class UnknownValueError(JqlError):
    """A value the site does not know: forgiven where a query need not be strict."""


@dataclass(frozen=True, slots=True)
class Value:
    """A literal: `text` as written, without quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function call: ``startOfDay("-1d")``."""

    name: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Empty:
    """EMPTY or NULL."""


Operand = Value | Call | Empty


@dataclass(frozen=True, slots=True)
class Clause:
    """``field op operand``; `in` and `not in` hold several operands.

    `predicates` narrow a search of the history: ``AFTER -30d`` as the word and its operands.
    """

    field: str
    op: str
    operands: tuple[Operand, ...]
    predicates: tuple[tuple[str, tuple[Operand, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    inner: Node


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Node, ...]


Node = Clause | Not | All | AnyOf


@dataclass(frozen=True, slots=True)
class Order:
    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    where: Node | None
    order: tuple[Order, ...]

"""What a JQL field means: its operators, an issue's values of it, how literals are read and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from schedkit.demo.jql.tree import Clause
from schedkit.demo.store import Store
from schedkit.demo.world.model import Issue, User

Test = Callable[[Issue], bool]
EQUALITY = ("=", "!=", "in", "not in", "is", "is not")
ORDERED = (*EQUALITY, "<", ">", "<=", ">=")
TEXT = ("~", "!~", "is", "is not")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks, when, and on which dialect.

    `forgiven` collects what a lenient query overlooks; None for a strict one.
    """

    store: Store
    user: User
    zone: ZoneInfo
    now: int
    cloud: bool
    forgiven: list[str] | None = None


Resolve = Callable[[Reader, str, str], Iterable[Any]]


@dataclass(frozen=True)
class Meaning:
    """One field.

    `values` of an issue (empty: none), `resolve` turns a literal into values, `key` sorts (None: it cannot),
    `compare` makes the test of operators that membership cannot answer.
    """

    operators: tuple[str, ...]
    values: Callable[[Issue], Iterable[Any]]
    resolve: Resolve
    key: Callable[[Issue], Any] | None
    compare: Callable[[Reader, Clause], Test] | None = None

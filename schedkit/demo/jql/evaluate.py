"""Query to a list of ids, kept until the issues or the minute change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from schedkit.demo.jql import dates
from schedkit.demo.jql.compile import SAVED, compile_node, resolved
from schedkit.demo.jql.meaning import Reader
from schedkit.demo.jql.parse import parse
from schedkit.demo.jql.table import meaning
from schedkit.demo.jql.tree import (
    All,
    Call,
    Clause,
    JqlError,
    Node,
    Not,
    Order,
    Query,
    Value,
)
from schedkit.demo.store import Store
from schedkit.demo.world.model import Issue

_KEPT = 64


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a query: issue ids in order. `bounded`: the query restricts the search at all.

    `forgiven` are the complaints a lenient query overlooked. It holds for one revision of the store and,
    where the query speaks of the time (`minute` not None), for one minute.
    """

    ids: tuple[int, ...]
    bounded: bool
    revision: int
    minute: int | None
    forgiven: tuple[str, ...] = ()


class Searcher:
    """Answers JQL for one reader; `reader` is called for each query, as the time changes."""

    def __init__(self, store: Store, reader: Callable[[], Reader]) -> None:
        self.store, self.reader = store, reader
        self._kept: OrderedDict[tuple[str, bool, bool], Found] = OrderedDict()

    def search(self, jql: str, strict: bool = True, unseen: bool = False) -> Found:
        """Evaluate `jql`; unless `strict`, a value the site does not know matches nothing.

        `unseen` finds also what the reader may not see.

        Raises
        ------
        JqlError
            With the messages Jira would answer.
        """
        with self.store.lock:
            reader = self.reader() if strict else replace(self.reader(), forgiven=[])
            # Relative dates count from the minute, which is also how long an answer is kept.
            revision, minute = self.store.revision, reader.now // 60_000
            asked = jql, strict, unseen
            found = self._kept.get(asked)
            if found is None or found.revision != revision or found.minute not in (None, minute):
                found = self._kept[asked] = self._evaluate(jql, reader, unseen)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(asked)
            return found

    def matches(self, jql: str, issue: Issue) -> bool:
        """Whether one issue matches, without evaluating the rest."""
        with self.store.lock:
            query = parse(jql)
            return query.where is None or compile_node(query.where, self.reader())(issue)

    def _evaluate(self, jql: str, reader: Reader, unseen: bool) -> Found:
        query, may_see = parse(jql), self.store.may_see
        pool: Iterable[Issue] = self.store.issues.values()
        if query.where is not None:
            test = compile_node(query.where, reader)
            few = _candidates(query.where, reader)
            if few is not None:
                pool = [i for n in few if (i := self.store.issues.get(n)) is not None]
            pool = [issue for issue in pool if test(issue)]
        ordered = _sorted([issue for issue in pool if unseen or may_see(issue)], query, reader)
        ids = tuple(issue.id for issue in ordered)
        return Found(
            ids,
            query.where is not None,
            self.store.revision,
            reader.now // 60_000 if query.where is not None and _timely(query.where) else None,
            tuple(dict.fromkeys(reader.forgiven or ())),
        )


def _timely(node: Node) -> bool:
    """Whether what a query finds may change by itself as time goes by."""
    if isinstance(node, Not):
        return _timely(node.inner)
    if isinstance(node, Clause):
        if node.field.casefold() in SAVED:
            return True
        return any(
            isinstance(o, Call) or (isinstance(o, Value) and dates.is_period(o.text)) for o in node.operands
        )
    return any(_timely(part) for part in node.parts)


def _candidates(node: Node, reader: Reader) -> list[int] | None:
    """The few issues a query names by key or parent, None where it names none: spares a walk over all."""
    if isinstance(node, All):
        found = [few for part in node.parts if (few := _candidates(part, reader)) is not None]
        return min(found, key=len) if found else None
    if not isinstance(node, Clause) or node.op not in ("=", "in"):
        return None
    name = node.field.casefold()
    if name in ("key", "id", "issue", "issuekey"):
        wanted: set[int] = {
            n for o in node.operands for n in resolved(reader, node, meaning(reader, name), o)
        }
        return sorted(wanted)
    if name in ("parent", "epic link", "parent link"):
        parents = {n for o in node.operands for n in resolved(reader, node, meaning(reader, name), o)}
        return sorted({child for parent in parents for child in reader.store.children.get(parent, ())})
    return None


def _sorted(issues: list[Issue], query: Query, reader: Reader) -> list[Issue]:
    if not query.order:
        issues.sort(key=lambda i: -i.id)
        return issues
    for order in reversed(query.order):
        issues.sort(key=_empty_first(_sort_key(order, reader)), reverse=order.descending)
    return issues


def _empty_first(key: Callable[[Issue], Any]) -> Callable[[Issue], tuple[bool, Any]]:
    """Return a key for sorting by which empty values come first ascending, last descending."""

    def sort_key(issue: Issue) -> tuple[bool, Any]:
        value = key(issue)
        return value is not None, value

    return sort_key


def _sort_key(order: Order, reader: Reader) -> Callable[[Issue], Any]:
    if order.field.casefold() == "id":
        return lambda i: i.id
    field = meaning(reader, order.field)
    if field.key is not None:
        return field.key
    if not field.operators or field.operators[0] == "~":
        raise JqlError(f"Field '{order.field}' is not sortable.")
    values = field.values
    return lambda i: next((getattr(v, "id", v) for v in values(i)), None)

"""Tree to predicate to a list of ids, kept until the issues or the minute change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from schedkit.demo.jql import dates, functions
from schedkit.demo.jql.meaning import Meaning, Reader, Test
from schedkit.demo.jql.parse import parse
from schedkit.demo.jql.table import meaning
from schedkit.demo.jql.tree import (
    All,
    AnyOf,
    Call,
    Clause,
    Empty,
    JqlError,
    Node,
    Not,
    Order,
    Query,
    UnknownValueError,
    Value,
)
from schedkit.demo.store import Store
from schedkit.demo.world.model import Issue

_KEPT = 64
_MAX_OPERANDS = 3000
_RANGES = ("<", ">", "<=", ">=")


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
    """Answers JQL for one reader; `reader` is asked anew for each query, for the time moves on."""

    def __init__(self, store: Store, reader: Callable[[], Reader]) -> None:
        self.store, self.reader = store, reader
        self._kept: OrderedDict[tuple[str, bool], Found] = OrderedDict()

    def search(self, jql: str, strict: bool = True) -> Found:
        """Evaluate `jql`; unless `strict`, a value the site does not know matches nothing.

        Raises
        ------
        JqlError
            With the messages Jira would answer.
        """
        with self.store.lock:
            reader = self.reader() if strict else replace(self.reader(), forgiven=[])
            # Relative dates count from the minute, which is also how long an answer is kept.
            revision, minute = self.store.revision, reader.now // 60_000
            found = self._kept.get((jql, strict))
            if found is None or found.revision != revision or found.minute not in (None, minute):
                found = self._kept[jql, strict] = self._evaluate(jql, reader)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end((jql, strict))
            return found

    def matches(self, jql: str, issue: Issue) -> bool:
        """Whether one issue matches, without evaluating the rest."""
        with self.store.lock:
            query = parse(jql)
            return query.where is None or compile_node(query.where, self.reader())(issue)

    def _evaluate(self, jql: str, reader: Reader) -> Found:
        query = parse(jql)
        pool: Iterable[Issue] = self.store.visible()
        if query.where is not None:
            test = compile_node(query.where, reader)
            few = _candidates(query.where, reader)
            if few is not None:
                pool = [
                    i for n in few if (i := self.store.issues.get(n)) is not None and not i.project.hidden
                ]
            pool = [issue for issue in pool if test(issue)]
        ordered = _sorted(list(pool), query, reader)
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
            n for o in node.operands for n in _resolved(reader, node, meaning(reader, name), o)
        }
        return sorted(wanted)
    if name in ("parent", "epic link", "parent link"):
        parents = {n for o in node.operands for n in _resolved(reader, node, meaning(reader, name), o)}
        return sorted({child for parent in parents for child in reader.store.children.get(parent, ())})
    return None


def compile_node(node: Node, reader: Reader) -> Test:
    """Turn a tree into a predicate."""
    if isinstance(node, All):
        tests = [compile_node(part, reader) for part in node.parts]
        if len(tests) == 2:
            first, second = tests
            return lambda i: first(i) and second(i)
        return lambda i: all(test(i) for test in tests)
    if isinstance(node, AnyOf):
        tests = [compile_node(part, reader) for part in node.parts]
        return lambda i: any(test(i) for test in tests)
    if isinstance(node, Not):
        inner = compile_node(node.inner, reader)
        return lambda i: not inner(i)
    return _compile_clause(node, reader)


def _compile_clause(clause: Clause, reader: Reader) -> Test:
    field = meaning(reader, clause.field, clause.op)
    empty = [o for o in clause.operands if isinstance(o, Empty)]
    op = clause.op
    if op in ("is", "is not"):
        if not empty:
            raise JqlError(f"The operator '{op}' only supports EMPTY and NULL, field '{clause.field}'.")
        op = "=" if op == "is" else "!="
    elif op not in field.operators:
        raise JqlError(f"The operator '{op}' is not supported by the '{clause.field}' field.")
    if len(clause.operands) > _MAX_OPERANDS:
        raise JqlError(
            f"The JQL query is too complex: more than {_MAX_OPERANDS} values for '{clause.field}'."
        )
    values = field.values
    if empty and len(clause.operands) == 1:
        if op in ("~", "!~") or op in _RANGES:
            raise JqlError(f"The operator '{op}' does not support EMPTY for the '{clause.field}' field.")
        if op in ("=", "in"):
            return lambda i: not values(i)
        return lambda i: bool(values(i))
    if field.compare is not None and (op in _RANGES or op in ("~", "!~") or _dated(field, clause)):
        if len(clause.operands) == 1 and op not in ("in", "not in"):
            return field.compare(reader, clause)
        given = [o for o in clause.operands if not isinstance(o, Empty)]
        equal = [field.compare(reader, Clause(clause.field, "=", (o,))) for o in given]
        if op == "in":
            return lambda i: any(test(i) for test in equal) or (bool(empty) and not values(i))
        return lambda i: bool(values(i)) and not any(test(i) for test in equal)
    wanted = {
        v for o in clause.operands if not isinstance(o, Empty) for v in _resolved(reader, clause, field, o)
    }
    return _membership(op in ("=", "in"), wanted, values, bool(empty))


def _dated(field: Meaning, clause: Clause) -> bool:
    """Dates compare by instant also for ``=``; keys and plain values by membership."""
    return "<" in field.operators and clause.field.casefold() not in ("key", "id", "issue", "issuekey")


def _membership(
    positive: bool, wanted: set[Any], values: Callable[[Issue], Iterable[Any]], empty: bool
) -> Test:
    if positive:
        if empty:
            return lambda i: not (vs := values(i)) or any(v in wanted for v in vs)
        return lambda i: any(v in wanted for v in values(i))
    # An issue without a value matches neither `=` nor `!=`.
    return lambda i: bool(vs := values(i)) and not any(v in wanted for v in vs)


def _resolved(reader: Reader, clause: Clause, field: Meaning, operand: Any) -> list[Any]:
    if isinstance(operand, Call):
        return functions.values(reader, operand, clause.field)
    if isinstance(operand, Empty):
        return []
    try:
        return list(field.resolve(reader, operand.text, clause.field))
    except UnknownValueError as error:
        if reader.forgiven is None:
            raise
        reader.forgiven.extend(error.messages)
        return []


def _sorted(issues: list[Issue], query: Query, reader: Reader) -> list[Issue]:
    if not query.order:
        issues.sort(key=lambda i: -i.id)
        return issues
    for order in reversed(query.order):
        key = _sort_key(order, reader)
        # Empty values come first ascending, last descending.
        issues.sort(key=lambda i, key=key: ((v := key(i)) is not None, v), reverse=order.descending)  # type: ignore[misc]
    return issues


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

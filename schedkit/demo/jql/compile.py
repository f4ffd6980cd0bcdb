"""JQL tree to predicate: what one issue must be like."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from schedkit.demo.jql import functions
from schedkit.demo.jql.meaning import Meaning, Reader, Test
from schedkit.demo.jql.parse import parse
from schedkit.demo.jql.past import compile_past
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
    Operand,
    UnknownValueError,
    Value,
)
from schedkit.demo.world.model import Issue

_MAX_OPERANDS = 3000
# What every Jira has without a saved filter.
SYSTEM_FILTERS = {
    "-1": "assignee = currentUser() AND resolution = Unresolved",
    "-2": "reporter = currentUser()",
    "-3": "issue in issueHistory()",
    "-4": "",
    "-5": "resolution = Unresolved",
    "-6": "created >= -1w",
    "-7": "resolutiondate >= -1w",
    "-8": "updated >= -1w",
    "-9": "statusCategory = Done",
}
SAVED = ("filter", "savedfilter", "searchrequest", "request")
_RANGES = ("<", ">", "<=", ">=")


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


def _compile_filter(clause: Clause, reader: Reader) -> Test:
    """``filter = 10000``: what the saved query means."""
    if clause.op not in ("=", "!=", "in", "not in"):
        raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
    tests: list[Test] = []
    for operand in clause.operands:
        number = operand.text if isinstance(operand, Value) else ""
        saved = SYSTEM_FILTERS.get(number) or reader.store.filters.get(number)
        if saved is None and number not in SYSTEM_FILTERS:
            raise UnknownValueError(f"The value '{number}' does not exist for the field '{clause.field}'.")
        where = parse(saved or "").where
        tests.append(compile_node(where, reader) if where is not None else lambda i: True)
    positive = clause.op in ("=", "in")
    return lambda i: any(test(i) for test in tests) is positive


def _compile_clause(clause: Clause, reader: Reader) -> Test:
    if clause.field.casefold() in SAVED:
        return _compile_filter(clause, reader)
    if clause.op == "changed" or clause.op.startswith("was"):
        return compile_past(clause, meaning(reader, clause.field, "="), reader)
    if clause.field.casefold() == "resolution":
        clause = replace(clause, operands=tuple(map(_unresolved, clause.operands)))
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
        v for o in clause.operands if not isinstance(o, Empty) for v in resolved(reader, clause, field, o)
    }
    return _membership(op in ("=", "in"), wanted, values, bool(empty))


def _unresolved(operand: Operand) -> Operand:
    """``Unresolved`` is the name of having no resolution."""
    return Empty() if isinstance(operand, Value) and operand.text.casefold() == "unresolved" else operand


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


def resolved(reader: Reader, clause: Clause, field: Meaning, operand: Any) -> list[Any]:
    """The values of an operand."""
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

"""``WAS`` and ``CHANGED``: what an issue's history tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from schedkit.demo.jql import dates, functions
from schedkit.demo.jql.meaning import Meaning, Reader, Test
from schedkit.demo.jql.resolve import user
from schedkit.demo.jql.tree import Call, Clause, Empty, JqlError, Operand, Value
from schedkit.demo.world.model import Issue

# JQL names of the fields with a searchable history, and what a change calls them.
FIELDS = {
    "status": "status",
    "priority": "priority",
    "assignee": "assignee",
    "reporter": "reporter",
    "resolution": "resolution",
    "fixversion": "fixVersions",
    "fixversions": "fixVersions",
}
# Fields of which an issue holds several values: each change adds one or takes one away.
_ELEMENTS = {"fixVersions": "fix_versions"}
_FOREVER = 1 << 62
_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Stay:
    """The values that a field held from one moment to another, and who put them there; None is no value."""

    values: frozenset[str | None]
    start: int
    end: int
    author: Any


@dataclass(frozen=True, slots=True)
class Move:
    """One change: a value left for another; of a field with several values, one of them is None."""

    at: int
    was: str | None
    now: str | None
    author: Any


@dataclass(frozen=True, slots=True)
class When:
    """The time and the author that predicates ask for."""

    start: int = 0
    end: int = _FOREVER
    by: frozenset[Any] | None = None


def compile_past(clause: Clause, field: Meaning, reader: Reader) -> Test:
    """Turn a clause about an issue's past into a predicate."""
    name = FIELDS.get(clause.field.casefold())
    if name is None:
        raise JqlError(f"History searches do not support the '{clause.field}' field.")

    def ids(operands: tuple[Operand, ...]) -> frozenset[str | None]:
        return frozenset(_id(v) for o in operands for v in _values(o, clause, field, reader))

    when = _when(clause, field, reader)
    if clause.op == "changed":
        sides = {word: ids(operands) for word, operands in clause.predicates if word in ("from", "to")}
        return lambda issue: any(
            ("from" not in sides or move.was in sides["from"])
            and ("to" not in sides or move.now in sides["to"])
            and when.start <= move.at < when.end
            and (when.by is None or move.author in when.by)
            for move in _moves(reader, issue, name)
        )
    wanted = ids(clause.operands)

    def was(issue: Issue) -> bool:
        return any(
            stay.values & wanted
            and stay.start < when.end
            and stay.end > when.start
            and (when.by is None or stay.author in when.by)
            for stay in _stays(reader, issue, name)
        )

    positive = clause.op in ("was", "was in")
    return lambda issue: was(issue) is positive


def _values(operand: Operand, clause: Clause, field: Meaning, reader: Reader) -> list[Any]:
    if isinstance(operand, Empty):
        return [None]
    if isinstance(operand, Call):
        return functions.values(reader, operand, clause.field)
    return list(field.resolve(reader, operand.text, clause.field))


def _id(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "account_id", None) or value.id)


def _stays(reader: Reader, issue: Issue, name: str) -> Iterator[Stay]:
    moves = list(_moves(reader, issue, name))
    held, start, author = _at_birth(issue, name, moves), issue.created, issue.reporter
    for move in moves:
        yield Stay(held or frozenset([None]), start, move.at, author)
        gone, new = (frozenset([side]) - {None} for side in (move.was, move.now))
        held = held - gone | new if name in _ELEMENTS else new
        start, author = move.at, move.author
    yield Stay(held or frozenset([None]), start, _FOREVER, author)


def _at_birth(issue: Issue, name: str, moves: list[Move]) -> frozenset[str | None]:
    """What an issue was created with: what it holds now, its changes undone."""
    if name not in _ELEMENTS:
        first = moves[0].was if moves else _id(getattr(issue, name))
        return frozenset([first]) - {None}
    held = {_id(element) for element in getattr(issue, _ELEMENTS[name])}
    for move in reversed(moves):
        held = held - {move.now} | {move.was}
    return frozenset(held) - {None}


def _moves(reader: Reader, issue: Issue, name: str) -> Iterator[Move]:
    for entry in reader.store.history(issue):
        for change in entry.changes:
            if name in (change.field_id, change.field):
                yield Move(entry.at, change.was, change.now, entry.author)


def _when(clause: Clause, field: Meaning, reader: Reader) -> When:
    start, end, by = 0, _FOREVER, None
    for word, operands in clause.predicates:
        if word == "by":
            by = frozenset(u for o in operands for u in _people(o, clause, reader))
        elif word == "after":
            start = max(start, _moment(operands[0], reader))
        elif word == "before":
            end = min(end, _moment(operands[0], reader))
        elif word == "on":
            start = max(start, _moment(operands[0], reader))
            end = min(end, start + _DAY)
        elif word == "during":
            if len(operands) != 2:
                raise JqlError("DURING takes two dates in parentheses.")
            start, end = max(start, _moment(operands[0], reader)), min(end, _moment(operands[1], reader))
    return When(start, end, by)


def _people(operand: Operand, clause: Clause, reader: Reader) -> list[Any]:
    if isinstance(operand, Call):
        return functions.values(reader, operand, clause.field)
    return list(user(reader, operand.text, clause.field)) if isinstance(operand, Value) else []


def _moment(operand: Operand, reader: Reader) -> int:
    found: int | None = None
    if isinstance(operand, Call):
        found = dates.function(operand.name, operand.args, reader.now, reader.zone)
    elif isinstance(operand, Value):
        found = dates.instant(operand.text, reader.now, reader.zone)
    if found is None:
        raise JqlError(f"Date value '{getattr(operand, 'text', 'EMPTY')}' for a history search is invalid.")
    return found

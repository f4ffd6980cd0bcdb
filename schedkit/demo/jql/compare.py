"""Comparisons: dates to the second, numbers, keys within a project, words in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from schedkit.demo.jql import dates
from schedkit.demo.jql.meaning import Reader, Resolve, Test
from schedkit.demo.jql.resolve import issue_of, number
from schedkit.demo.jql.tree import Call, Clause, JqlError, Operand, Value
from schedkit.demo.world.model import Issue


def key_range(reader: Reader, clause: Clause) -> Test:
    """`key > X-10` looks the issue up, by key or id, and means later keys of the same project."""
    operand = clause.operands[0]
    if not isinstance(operand, Value):
        raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
    edge = reader.store.issues[issue_of(reader, operand.text, clause.field)[0]]
    number, project = edge.number, edge.project
    if clause.op == ">":
        return lambda i: i.project is project and i.number > number
    if clause.op == ">=":
        return lambda i: i.project is project and i.number >= number
    if clause.op == "<":
        return lambda i: i.project is project and i.number < number
    return lambda i: i.project is project and i.number <= number


def _moment(reader: Reader, operand: Operand, field: str) -> int:
    if isinstance(operand, Call):
        found = dates.function(operand.name, operand.args, reader.now, reader.zone)
        if found is None:
            raise JqlError(f"Unable to find JQL function '{operand.name}({', '.join(operand.args)})'.")
        return found
    text = operand.text if isinstance(operand, Value) else "EMPTY"
    found = dates.instant(text, reader.now, reader.zone)
    if found is None:
        raise JqlError(
            f"Date value '{text}' for field '{field}' is invalid. Valid formats include: "
            "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. "
            "'-5d', '4w 2d'."
        )
    return found


def instants(get: Callable[[Issue], int | None]) -> Callable[[Reader, Clause], Test]:
    """Compare date-times as the index holds them: to the second, so that milliseconds are cut off."""

    def compare(reader: Reader, clause: Clause) -> Test:
        edge = _moment(reader, clause.operands[0], clause.field) // 1000
        return _comparison(clause.op, edge, lambda i: None if (at := get(i)) is None else at // 1000)

    return compare


def days(get: Callable[[Issue], str | None]) -> Callable[[Reader, Clause], Test]:
    def compare(reader: Reader, clause: Clause) -> Test:
        at = _moment(reader, clause.operands[0], clause.field)
        return _comparison(clause.op, dates.day(at, reader.zone), get)

    return compare


def days_of_many(get: Callable[[Reader, Issue], Iterable[str]]) -> Callable[[Reader, Clause], Test]:
    """Compare the days of a list: one that fits is enough."""

    def compare(reader: Reader, clause: Clause) -> Test:
        at = _moment(reader, clause.operands[0], clause.field)
        fits = _comparison(clause.op, dates.day(at, reader.zone), lambda day: day)
        return lambda i: any(fits(day) for day in get(reader, i))

    return compare


def numbers(get: Callable[[Issue], float | None], read: Resolve = number) -> Callable[[Reader, Clause], Test]:
    def compare(reader: Reader, clause: Clause) -> Test:
        operand = clause.operands[0]
        if not isinstance(operand, Value):
            raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
        return _comparison(clause.op, next(iter(read(reader, operand.text, clause.field))), get)

    return compare


def ranks(
    get: Callable[[Issue], Any], read: Resolve, rank: Callable[[Any], Any]
) -> Callable[[Reader, Clause], Test]:
    """Compare what a site has an order for: ``priority > Medium`` means High and above."""

    def compare(reader: Reader, clause: Clause) -> Test:
        operand = clause.operands[0]
        if not isinstance(operand, Value):
            raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
        edge = rank(next(iter(read(reader, operand.text, clause.field))))
        return _comparison(clause.op, edge, lambda i: rank(get(i)))

    return compare


def _comparison(op: str, edge: Any, get: Callable[[Any], Any]) -> Callable[[Any], bool]:
    if op == "<":
        return lambda i: (v := get(i)) is not None and v < edge
    if op == ">":
        return lambda i: (v := get(i)) is not None and v > edge
    if op == "<=":
        return lambda i: (v := get(i)) is not None and v <= edge
    if op == ">=":
        return lambda i: (v := get(i)) is not None and v >= edge
    if op == "!=":
        return lambda i: (v := get(i)) is not None and v != edge
    return lambda i: get(i) == edge


def texts(get: Callable[[Reader, Issue], str]) -> Callable[[Reader, Clause], Test]:
    """``~``: every word occurs (``word*`` as a prefix); a ``"\\"phrase\\""`` occurs literally."""

    def compare(reader: Reader, clause: Clause) -> Test:
        operand = clause.operands[0]
        if not isinstance(operand, Value):
            raise JqlError(f"The operator '{clause.op}' is not supported by the '{clause.field}' field.")
        wanted = operand.text.casefold()
        phrases = re.findall(r'"([^"]+)"', wanted)
        words = re.findall(r"[\w]+\*?", re.sub(r'"[^"]*"', " ", wanted))
        if not phrases and not words:
            raise JqlError(
                f"The text query '{operand.text}' for field '{clause.field}' is not allowed to be empty."
            )
        patterns = [
            re.compile(r"\b" + re.escape(w[:-1]) if w.endswith("*") else rf"\b{re.escape(w)}\b")
            for w in words
        ]
        positive = clause.op == "~"

        def test(issue: Issue) -> bool:
            text = get(reader, issue).casefold()
            if not text:
                return False
            hit = all(p in text for p in phrases) and all(p.search(text) for p in patterns)
            return hit is positive

        return test

    return compare

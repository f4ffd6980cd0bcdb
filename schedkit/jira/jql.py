"""Composing JQL so that what a person wrote keeps its meaning: parenthesised, its order kept apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from schedkit.errors import JqlError

__all__ = ["Query", "chunks", "in_list", "parse", "quoted"]

T = TypeVar("T")

# Quoted strings and words (both with backslash escapes), and any other single character.
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|(?:[^\s\"'()\\]|\\.)+|[\"'()\\]|\s+", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
# Beyond a few thousand operands Jira refuses; the keys of 500 issues are about 6 KB.
LIST_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Query:
    """A JQL query as a condition and an order.

    Parameters
    ----------
    where : str
        The condition without ORDER BY; empty for all issues.
    order : str
        What follows ORDER BY; empty for the site's own order.
    """

    where: str = ""
    order: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.where, f"ORDER BY {self.order}" if self.order else "") if part)

    def also(self, condition: str) -> Query:
        """Return the query narrowed by `condition`.

        Examples
        --------
        >>> str(parse("project = A OR project = B order by rank").also("updated >= 0"))
        '(project = A OR project = B) AND (updated >= 0) ORDER BY rank'
        """
        where = f"({self.where}) AND ({condition})" if self.where else condition
        return Query(where, self.order)

    def ordered(self, order: str) -> Query:
        """Return the query in another order."""
        return Query(self.where, order)


def parse(jql: str) -> Query:
    """Split a JQL text into condition and order.

    Raises
    ------
    JqlError
        If it is not a string, or a quote or parenthesis is not closed: it could not be composed safely.
    """
    if not isinstance(jql, str):
        raise JqlError(f"JQL must be a string, got {type(jql).__name__}", hint="write it in quotes")
    if not jql.isascii() and (broken := _SURROGATE.search(jql)):
        raise JqlError(
            f"the JQL has an unpaired Unicode surrogate at position {broken.start() + 1}",
            hint="type it again",
        )
    depth = 0
    spans: list[tuple[str, int, int]] = []
    for match in _TOKEN.finditer(jql):
        token = match[0]
        if token in ("'", '"'):
            raise JqlError(f"the quote at character {match.start() + 1} of the JQL is not closed: {jql!r}")
        if token == "(":
            depth += 1
        elif token == ")":
            depth -= 1
            if depth < 0:
                raise JqlError(
                    f"the parenthesis at character {match.start() + 1} of the JQL "
                    f"has no opening parenthesis: {jql!r}"
                )
        if depth == 0 and not token.isspace():
            spans.append((token.lower(), match.start(), match.end()))
    if depth:
        raise JqlError(f"a parenthesis of the JQL is not closed: {jql!r}")
    for (first, start, _), (second, _, end) in pairwise(spans):
        if first == "order" and second == "by":
            return Query(jql[:start].strip(), jql[end:].strip())
    return Query(jql.strip())


def quoted(value: str) -> str:
    """Return `value` as a JQL string.

    Examples
    --------
    >>> print(quoted('say "hi"'))
    "say \\"hi\\""
    """
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def in_list(field: str, values: Iterable[str | int]) -> str:
    """Return ``field in (…)``; numbers stay bare."""
    return f"{field} in ({', '.join(str(v) if isinstance(v, int) else quoted(v) for v in values)})"


def chunks(values: list[T], size: int = LIST_LENGTH) -> Iterator[list[T]]:
    """Cut a list into pieces that fit into one ``in (…)``."""
    for start in range(0, len(values), size):
        yield values[start : start + size]

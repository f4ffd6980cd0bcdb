"""The order of a result that is read in pieces, restored from the site's own order of each piece.

Each piece comes in the order that the query asks for. Where rows of two pieces belong between each other is
told by the fields that ORDER BY names: by their values, or, where a site has an order of its own (statuses,
options, people), by the order in which they follow each other in the pieces. How a site compares is never
taken for granted: a comparison that its order of any piece contradicts is not used, and then nothing is.
"""

from __future__ import annotations

import graphlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schedkit.errors import UsageError
from schedkit.jira.dialect import Dialect
from schedkit.jira.table.batch import Batch, Values
from schedkit.jira.table.columns import Column, layout
from schedkit.jira.table.fields import Catalog
from schedkit.jira.table.people import unlabelled

__all__ = ["Term", "restored", "terms"]

_TERM = re.compile(
    r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,"']+)\s*(asc|desc)?\s*(?:,|$)""", re.IGNORECASE
)
# What JQL calls fields otherwise than the fields are called; the rest is found by name or id.
_ALIASES = {
    "id": "Key",
    "issue": "Key",
    "issuekey": "Key",
    "createddate": "created",
    "updateddate": "updated",
    "statuscategory": "Status Category",
    "originalestimate": "timeoriginalestimate",
    "remainingestimate": "timeestimate",
    "watchers": "watches",
    "lastviewed": "lastViewed",
}
Ranks = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Term:
    """One field of an ORDER BY; `column` is None where its values cannot be compared."""

    column: Column | None
    descending: bool = False


def terms(order: str, catalog: Catalog, dialect: Dialect) -> list[Term]:
    """Read an ORDER BY clause.

    Examples
    --------
    >>> from schedkit.jira.dialect import CLOUD
    >>> [term.column.label for term in terms('created DESC, "Key"', Catalog([]), CLOUD)]
    ['Created', 'Key']
    """
    found: list[Term] = []
    at = 0
    while at < len(order):
        match = _TERM.match(order, at)
        if match is None:
            return [*found, Term(None)]
        name = match[1].strip("\"'")
        custom = re.fullmatch(r"cf\[(\d+)\]", name, re.IGNORECASE)
        name = f"customfield_{custom[1]}" if custom else _ALIASES.get(name.casefold(), name)
        found.append(Term(_column(name, catalog, dialect), (match[2] or "").lower() == "desc"))
        at = match.end()
    return found


def _column(name: str, catalog: Catalog, dialect: Dialect) -> Column | None:
    try:
        columns = layout(catalog, dialect, [name]).columns
    except UsageError:
        return None
    if len(columns) > 1 and columns[0].label == "Key":
        columns = columns[1:]
    return columns[0] if len(columns) == 1 and columns[0].kind.store != "list" else None


def restored(wanted: Sequence[Term], pieces: Sequence[Batch]) -> npt.NDArray[np.int64] | None:
    """Return the positions of the rows of all pieces in the order of the whole, None if that is unknown.

    Parameters
    ----------
    wanted : sequence of Term
        The ORDER BY.
    pieces : sequence of Batch
        Each in the site's order.
    """
    piece = np.repeat(np.arange(len(pieces)), [len(batch) for batch in pieces])
    # Neighbours in one piece that are equal in all terms so far: there the next term shows its order.
    beside = piece[1:] == piece[:-1]
    sorts: list[Ranks] = []
    for term in wanted:
        if not _mixed(sorts, piece):
            break
        column = term.column
        if column is None:
            return None
        ranks = _ranks([batch.columns[column.label] for batch in pieces], column, term.descending, beside)
        if ranks is None:
            return None
        sorts.append(ranks)
        beside = beside & (ranks[1:] == ranks[:-1])
    # What is equal in all terms stays as it came: the site's own order within each piece.
    return np.lexsort(sorts[::-1]) if sorts else np.arange(len(piece))


def _mixed(sorts: list[Ranks], piece: npt.NDArray[np.int64]) -> bool:
    """Tell whether rows of several pieces are equal so far, so that the next term matters."""
    if not sorts:
        return len(piece) > 0 and bool(piece[0] != piece[-1])
    order = np.lexsort(sorts[::-1])
    equal = piece[order][1:] != piece[order][:-1]
    for ranks in sorts:
        equal &= ranks[order][1:] == ranks[order][:-1]
    return bool(equal.any())


def _ranks(parts: Sequence[Values], column: Column, descending: bool, beside: Ranks) -> Ranks | None:
    """Return a number for each row by which it sorts, None if the pieces contradict every comparison."""
    for ranks, missing in _comparisons(parts, column, beside):
        told = -ranks if descending else ranks
        if missing.any() and not missing.all():
            turns = beside & (missing[1:] != missing[:-1])
            if not turns.any():
                continue
            held = told[~missing]
            last = bool(missing[1:][turns][0])
            told = np.where(missing, held.max() + 1 if last else held.min() - 1, told)
        if not (beside & (told[1:] < told[:-1])).any():
            return told
    chosen = column.kind.store == "category" or column.kind.name == "user"
    return _learned(parts, beside) if chosen else None


def _comparisons(
    parts: Sequence[Values], column: Column, beside: Ranks
) -> Iterator[tuple[Ranks, npt.NDArray[np.bool_]]]:
    """Yield ways to compare, as numbers with what is missing (whose number means nothing)."""
    types = {part.type for part in parts}
    if len(types) != 1 or column.kind.store == "category":
        return
    missing = np.concatenate([np.asarray(part.is_null()) for part in parts])
    kind = types.pop()
    if pa.types.is_timestamp(kind):
        instants = _numbers(parts, pa.int64())
        yield instants, missing
        # Some search indexes know the second only.
        yield instants // 1_000_000, missing
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        yield _numbers(parts, pa.float64()), missing
    else:
        texts = [value or "" for part in parts for value in part.to_pylist()]
        for compare in (_key,) if column.label == "Key" else (str.casefold, _unaccented, str):
            yield _placed(texts, compare), missing
        if column.kind.people:
            # The site knows nothing of what tells apart two people of one name.
            for compare in (str.casefold, _unaccented, str):
                yield _placed([unlabelled(text) for text in texts], compare), missing


def _numbers(parts: Iterable[Values], kind: pa.DataType) -> Ranks:
    return np.concatenate([np.asarray(part.cast(kind).fill_null(0)) for part in parts])


def _placed(texts: Sequence[str], compare: Callable[[str], Any]) -> Ranks:
    """Return the place of each text among all, equal ones alike."""
    keys = {text: compare(text) for text in set(texts)}
    place = {key: number for number, key in enumerate(sorted(set(keys.values())))}
    return np.fromiter((place[keys[text]] for text in texts), np.int64, len(texts))


def _key(key: str) -> tuple[str, int]:
    project, _, number = key.rpartition("-")
    return project, int(number) if number.isdecimal() else 0


def _unaccented(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _learned(parts: Sequence[Values], beside: Ranks) -> Ranks | None:
    """Return the order of values that follows from their neighbours in the pieces, if only one does."""
    texts = [value for part in parts for value in part.to_pylist()]
    codes: dict[str | None, int] = {}
    rows = np.fromiter((codes.setdefault(text, len(codes)) for text in texts), np.int64, len(texts))
    turns = beside & (rows[1:] != rows[:-1])
    follows: dict[int, set[int]] = {code: set() for code in codes.values()}
    for before, after in {*zip(rows[:-1][turns].tolist(), rows[1:][turns].tolist(), strict=True)}:
        follows[after].add(before)
    sorter = graphlib.TopologicalSorter(follows)
    place = np.zeros(len(codes), np.int64)
    try:
        sorter.prepare()
    except graphlib.CycleError:
        return None
    for number in range(len(codes)):
        ready = sorter.get_ready()
        if len(ready) != 1:
            return None
        place[ready[0]] = number
        sorter.done(*ready)
    return place[rows]

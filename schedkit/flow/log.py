"""Issues and their changes, matched once for all fields, and the changes of one field as arrays."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schedkit.errors import UsageError
from schedkit.flow.fields import FieldRows, find_field, rows_of
from schedkit.flow.frames import Instants, as_instants, cell_texts, naive, need, without_zone
from schedkit.flow.slices import uncut
from schedkit.flow.ties import linked

__all__ = ["Ints", "Log", "Moves"]

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
_JAVA_ID = re.compile(r"[\[,]id=(\d+)[,\]]")


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Changes of a field, by issue and in order of time.

    Parameters
    ----------
    issue : array of int
        Row of the issue in `Log.issues`.
    when : array of datetime64
        When it was changed.
    source : array of int
        Which of the fields that are merged into one column was changed.
    was, now : array of int
        The values before and after, as places in `texts` and `ids`; -1 for none.
    present : array of int
        What each issue has now, as far as the issues tell.
    texts, ids : list
        The different values.
    """

    issue: Ints
    when: Instants
    source: Ints
    was: Ints
    now: Ints
    present: Ints
    texts: list[Any]
    ids: list[Any]


class Log:
    """Issues and their changes.

    They are matched by issue id where both have it, else by key; an issue that moved to another project is
    found under its former key as far as the changes tell.

    Parameters
    ----------
    changes : DataFrame
        With Key, When, Field, From and To. For a slice in time of a changelog the whole of it is taken, where
        its attrs tell it.
    issues : DataFrame, optional
        With Key and Created. Without them, those that the changes name, born at an unknown time.
    """

    def __init__(self, changes: pd.DataFrame, issues: pd.DataFrame | None = None) -> None:
        if issues is not None:
            need(issues, "issues", "Key", "Created")
        need(changes, "changes", "Key", "When", "Field", "From", "To")
        self.attrs = ({} if issues is None else issues.attrs, changes.attrs)
        changes, self.whole = uncut(changes, issues)
        if issues is None:
            issues = pd.DataFrame({"Key": changes["Key"].astype("str")})
            issues["Created"] = pd.Series(pd.NaT, index=issues.index, dtype="datetime64[us, UTC]")
        issues, changes = _bare(issues), _bare(changes)
        for column in {"Field", "Field Id"} & set(changes):  # few different texts, asked for again and again
            if not isinstance(changes[column].dtype, pd.CategoricalDtype):
                changes[column] = changes[column].astype("category")
        self.changes = changes
        column = "Id" if _have_all("Id", issues, changes) else "Key"
        self.sites = _have_all("site", issues, changes)
        parts = ["site", column] if self.sites else [column]
        names = _names(issues, parts)
        first = ~pd.Series(names, dtype="str").duplicated().to_numpy()
        self.issues = issues[first].reset_index(drop=True)
        known = names.filter(pa.array(first))
        self.row = _places(_names(changes, parts), known)
        if column == "Key":
            self._find_moved(parts, known)
        self.created: Instants = without_zone(as_instants(self.issues, "Created"))
        self._found: dict[str, FieldRows] = {}
        self._moves: dict[str, Moves] = {}

    def _find_moved(self, parts: list[str], known: pa.Array) -> None:
        """Match changes under a new key with issues that were extracted under the former one."""
        moved = rows_of("issuekey", "key", self.changes) & (self.row < 0)
        if not moved.any():
            return
        table = self.changes[moved]
        former = _places(_names(table.assign(Key=table["From"]), parts), known)
        names = _names(table, parts).to_pylist()
        place = {name: at for name, at in zip(names, former.tolist(), strict=True) if at >= 0}
        lost = self.row < 0
        self.row[lost] = [place.get(name, -1) for name in _names(self.changes[lost], parts).to_pylist()]

    def check_reach(self, end: pd.Timestamp, moved: npt.NDArray[np.bool_]) -> None:
        """Raise if what some issues were at an instant cannot be known from the changes.

        Parameters
        ----------
        end : Timestamp
            The instant.
        moved : array of bool
            Which issues have a change of the field in question.

        Raises
        ------
        UsageError
            If the changes end before it, and issues without any were updated later.
        """
        at = naive(end)
        if self.whole or "Updated" not in self.issues or self.newest > at:
            return
        updated = without_zone(as_instants(self.issues, "Updated"))
        unknown = ~moved & (updated > at) & (self.created <= at)
        if unknown.any():
            example = self.issues["Key"].iloc[int(np.flatnonzero(unknown)[0])]
            raise UsageError(
                f"the changes end before {end:%Y-%m-%d %H:%M} UTC, and {unknown.sum()} issues without any, "
                f"e.g. {example}, were updated later: what they were then is not known",
                hint="give the whole changelog, not cut in time; if it is whole, issues without Updated",
            )

    @cached_property
    def when(self) -> Instants:
        """When each change was made."""
        return without_zone(as_instants(self.changes, "When"))

    @cached_property
    def newest(self) -> np.datetime64:
        """When the last change was made; NaT, which is later than nothing, if there is none."""
        found: np.datetime64 = np.fmax.reduce(self.when, initial=np.datetime64("NaT", "us"))
        return found

    def find(self, field: str) -> FieldRows:
        """Return the changes of a field; see `find_field`."""
        if field not in self._found:
            self._found[field] = find_field(field, self.issues, self.changes, self.described)
        return self._found[field]

    @property
    def described(self) -> list[tuple[str, dict[str, Any]]]:
        """What the frames say about the fields of their columns."""
        told = [self.attrs[1].get("history_fields")]
        if not self.sites:  # of several sites the issues name the fields of one only
            told.insert(0, self.attrs[0].get("fields"))
        return [
            (str(label), about) for each in told for label, about in (each or {}).items() if about.get("id")
        ]

    def moves(self, rows: FieldRows) -> Moves:
        """Return the changes of a field."""
        if rows.label not in self._moves:
            self._moves[rows.label] = self._read(rows)
        return self._moves[rows.label]

    def _read(self, rows: FieldRows) -> Moves:
        chosen = [np.flatnonzero(mask & (self.row >= 0) & ~np.isnat(self.when)) for mask in rows.rows]
        at = np.concatenate(chosen)
        source = np.repeat(np.arange(len(chosen)), [len(some) for some in chosen])
        order = _in_order(self.changes, at, self.when[at], self.row[at])
        if rows.kind != "elements":  # whose changes tell one element each
            order = linked(self.changes, order, at, self.when[at], self.row[at], source)
        at, source = at[order], source[order]
        told = self.changes[[c for c in ("From", "To", "From Id", "To Id") if c in self.changes]]
        told = told.iloc[at]
        if self.sites and rows.label.casefold() == "status":
            # One id is another status at each site.
            site = self.changes["site"].iloc[at].astype("str")
            told = told.assign(**{c: site + "/" + told[c] for c in ("From Id", "To Id") if c in told})
        codes, values, ids = _encoded(told, *self._present(rows))
        was, now, present = np.split(codes, [len(at), 2 * len(at)])
        return Moves(self.row[at], self.when[at], source, was, now, present, values, ids)

    def _present(self, rows: FieldRows) -> tuple[Texts, Texts]:
        """Return the present texts and ids of a field as far as the issues tell them."""
        label = rows.label
        none = np.full(len(self.issues), None, dtype=object)
        between = " " if rows.kind == "labels" else ", "
        values = cell_texts(self.issues[label], between) if label in self.issues else none
        beside = next((c for c in (f"{label} Id", f"{label} Ids") if c in self.issues), None)
        if beside is not None:
            codes, different = pd.factorize(cell_texts(self.issues[beside]))
            ids = np.array([*map(_spaced, different), None], dtype=object)[codes]
        elif f"{label} (raw)" in self.issues:
            ids = np.array([_raw_ids(cell) for cell in self.issues[f"{label} (raw)"]], dtype=object)
        else:
            return values, none
        return values, ids


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame without attrs, which pandas would copy deeply whenever a column is taken."""
    frame = frame.copy(deep=False)
    frame.attrs = {}
    return frame


def _have_all(column: str, *frames: pd.DataFrame) -> bool:
    return all(column in frame and frame[column].notna().all() for frame in frames)


def _names(frame: pd.DataFrame, parts: list[str]) -> pa.Array:
    columns = [pa.array(frame[part].astype("str"), type=pa.large_string()) for part in parts]
    between = pa.scalar("\0", type=pa.large_string())
    joined = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, between)
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _places(names: pa.Array, known: pa.Array) -> Ints:
    return np.array(pc.index_in(names, value_set=known).fill_null(-1), dtype=np.int64)


def _in_order(changes: pd.DataFrame, at: Ints, when: Instants, issue: Ints) -> Ints:
    """Return the order of changes: by issue, by time, and those of one second by their entries' numbers."""
    order = np.lexsort((when, issue))
    same = (np.diff(issue[order]) == 0) & (np.diff(when[order]) == np.timedelta64(0, "us"))
    if "Entry" not in changes or not same.any():
        return order
    tied = np.union1d(order[:-1][same], order[1:][same])
    numbers = np.zeros(len(at))
    numbers[tied] = pd.to_numeric(changes["Entry"].iloc[at[tied]], errors="coerce")
    return np.lexsort((numbers, when, issue))


def _spaced(ids: str) -> str:
    return ", ".join(part.strip() for part in ids.split(","))


def _raw_ids(cell: Any) -> str | None:
    """Return the ids within a structure as a site gives it."""
    items = cell if isinstance(cell, list | tuple | np.ndarray) else [cell]
    found = [str(item["id"]) for item in items if isinstance(item, dict) and "id" in item]
    # Data Centers may give sprints as the text of a Java object.
    found += [match[1] for item in items if isinstance(item, str) and (match := _JAVA_ID.search(item))]
    return ", ".join(found) or None


def _encoded(table: pd.DataFrame, texts: Texts, ids: Texts) -> tuple[Ints, list[Any], list[Any]]:
    """Return codes of the values before, after and now, and the different values; -1 is none."""
    none = pd.Series(np.nan, index=table.index, dtype="str")
    text, words = _factorized(table["From"], table["To"], texts)
    id, names = _factorized(table.get("From Id", none), table.get("To Id", none), ids)
    pairs = (id + 1) * (len(words) + 1) + text + 1
    codes = np.full(len(pairs), -1, dtype=np.int64)
    held = pairs > 0
    codes[held], different = pd.factorize(pairs[held])
    of_id, of_text = np.divmod(different, len(words) + 1)
    values = [words[n - 1] if n else None for n in of_text]
    keys = [names[n - 1] if n else None for n in of_id]
    return _identified(codes, len(texts), values, keys), values, keys


def _factorized(was: pd.Series[Any], now: pd.Series[Any], present: Texts) -> tuple[Ints, list[str]]:
    column = pd.concat(
        [was.astype("str"), now.astype("str"), pd.Series(present, dtype="str")], ignore_index=True
    )
    codes, words = pd.factorize(column)
    empty = np.flatnonzero(words == "")  # histories write no value as null or as an empty text
    return np.where(np.isin(codes, empty), -1, codes).astype(np.int64), list(words)


def _identified(codes: Ints, count: int, values: list[Any], ids: list[Any]) -> Ints:
    """Complete present values, of which only the text or only the id is known, by those of histories."""
    whole = [
        (value, id, code) for code, (value, id) in enumerate(zip(values, ids, strict=True)) if value and id
    ]
    by_text, by_id = dict[str, set[int]](), dict[str, set[int]]()
    for value, id, code in whole:
        by_text.setdefault(value, set()).add(code)
        by_id.setdefault(id, set()).add(code)
    better = np.arange(len(values) + 1)
    for code, (value, id) in enumerate(zip(values, ids, strict=True)):
        same = by_text.get(value) if id is None else by_id.get(id) if value is None else None
        if same is not None and len(same) == 1:
            better[code] = next(iter(same))
    better[-1] = -1
    start = len(codes) - count
    codes[start:] = better[codes[start:]]
    return codes

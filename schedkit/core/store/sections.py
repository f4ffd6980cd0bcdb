"""The kinds of rows that a group writes, and the SQL of each.

Each kind has its SQL in two forms: for one row of parameters, and for SQLite also for all rows of a JSON
array that the statement reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from schedkit.core.store import schema
from schedkit.core.store.rows import ATTEMPT, END, EVENT, FIXED, GUARD, MUTABLE, TASK

__all__ = [
    "SECTIONS",
    "SUBJECTS",
    "Append",
    "Check",
    "ClaimKeys",
    "Delete",
    "Insert",
    "Section",
    "Untouched",
    "Update",
]


@dataclass(frozen=True)
class Insert:
    """New rows.

    Parameters
    ----------
    columns : tuple of str
        The columns that a row holds, in its order.
    keys : tuple of str or None
        Columns by which an existing row is found and replaced; empty: it is kept; None: it is an error.
    """

    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...] | None = None

    guarded = False

    def for_one(self, mark: str) -> str:
        """Return the SQL for one row."""
        return f"{self._into} VALUES ({', '.join([mark] * len(self.columns))}){_conflict(self)}"

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array."""
        values = ", ".join(value for value, _ in zip(_values("value"), self.columns, strict=False))
        return f"{self._into} SELECT {values} FROM {_elements(array)} WHERE true{_conflict(self)}"

    @property
    def _into(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join(map(_quoted, self.columns))})"


@dataclass(frozen=True)
class Update:
    """New values for existing rows.

    Parameters
    ----------
    columns, where : tuple of str
        The columns that a row holds: first those that are set, then those by which the row is found.
    guarded : bool
        Whether each must find exactly one row; otherwise the decision was based on an outdated state.
    only : str
        A further SQL condition.
    """

    table: str
    columns: tuple[str, ...]
    where: tuple[str, ...]
    guarded: bool = False
    only: str = ""

    def for_one(self, mark: str) -> str:
        """Return the SQL for one row."""
        found = _pairs(self.where, mark, " AND ") + self._only
        return f"UPDATE {self.table} SET {_pairs(self.columns, mark)} WHERE {found}"

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array."""
        values = _values("v.value")
        fields = ", ".join(f"{name} = {next(values)}" for name in self.columns)
        found = " AND ".join(f"{self.table}.{name} = {next(values)}" for name in self.where)
        return f"UPDATE {self.table} SET {fields} FROM {_elements(array)} AS v WHERE {found}{self._only}"

    @property
    def _only(self) -> str:
        return f" AND {self.only}" if self.only else ""


@dataclass(frozen=True)
class Delete:
    """Rows that are deleted."""

    table: str
    where: tuple[str, ...]
    guarded: bool = False

    def for_one(self, mark: str) -> str:
        """Return the SQL for one row."""
        return f"DELETE FROM {self.table} WHERE {_pairs(self.where, mark, ' AND ')}"

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array."""
        values = ", ".join(value for value, _ in zip(_values("value"), self.where, strict=False))
        return (
            f"DELETE FROM {self.table} WHERE ({', '.join(self.where)}) IN "
            f"(SELECT {values} FROM {_elements(array)})"
        )


@dataclass(frozen=True)
class Append:
    """New rows with the life of their writer, and if they are `numbered` with its batch and a number.

    `keys` is as for `Insert`.
    """

    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...] | None = None
    numbered: bool = False

    guarded = False

    @property
    def signature(self) -> tuple[str, ...]:
        """The columns that the writer adds to a row."""
        return ("life", "batch", "seq") if self.numbered else ("life",)

    def for_one(self, mark: str) -> str:
        """Return the SQL for one row, with its signature."""
        marks = [mark] * (len(self.columns) + len(self.signature))
        return f"{self._into} VALUES ({', '.join(marks)}){_conflict(self)}"

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array."""
        values = [value for value, _ in zip(_values("value"), self.columns, strict=False)]
        values += ["new.life"]
        if self.numbered:
            base = f"(SELECT base FROM {schema.nodes.name} WHERE id = new.life)"
            values += ["new.batch", f"{base} + key + 1"]
        return f"{self._into} SELECT {', '.join(values)} FROM {_elements(array)} WHERE true{_conflict(self)}"

    @property
    def _into(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join((*self.columns, *self.signature))})"


@dataclass(frozen=True)
class Check:
    """Rows that must exist."""

    table: str
    where: tuple[str, ...]

    guarded = True

    def for_one(self, mark: str) -> str:
        """Return the SQL that finds one row, and on PostgreSQL locks it until the transaction ends."""
        shared = " FOR SHARE" if mark == "%s" else ""
        return f"SELECT 1 FROM {self.table} WHERE {_pairs(self.where, mark, ' AND ')}{shared}"

    def missing(self, array: str) -> str:
        """Return the SQL condition that one of the rows of a JSON array does not exist."""
        values = _values("v.value")
        found = " AND ".join(f"{name} = {next(values)}" for name in self.where)
        there = f"EXISTS (SELECT 1 FROM {self.table} WHERE {found})"
        return f"EXISTS (SELECT 1 FROM {_elements(array)} AS v WHERE NOT {there})"


@dataclass(frozen=True)
class Untouched:
    """Tasks of which no other life has written an event since a given one.

    The events are read once for all rows: thousands of tasks may be declared at once, and each has an event.
    """

    guarded = True

    def for_one(self, mark: str) -> str:
        """Return the SQL that finds such an event for one of the rows of a JSON array, its one parameter.

        A row holds the task, the event and the writer's life.
        """
        if mark == "?":
            values = _values("value")
            fields = ", ".join(f"{next(values)} AS {name}" for name in ("task", "since", "life"))
            rows = f"SELECT {fields} FROM json_each(?)"
        else:
            fields = "value ->> 0 AS task, (value ->> 1)::bigint AS since, value ->> 2 AS life"
            rows = f"SELECT {fields} FROM jsonb_array_elements({mark}::jsonb)"
        return (
            f"WITH v AS ({rows}) SELECT 1 FROM {schema.events.name} AS e "
            f"JOIN v ON v.task = e.task AND v.since < e.seq AND v.life <> e.life "
            f"WHERE e.seq > (SELECT min(since) FROM v) LIMIT 1"
        )

    def touched(self, array: str) -> str:
        """Return the SQL condition that there is such an event for one of the rows of a JSON array."""
        task, since = (value for value, _ in zip(_values("value"), range(2), strict=False))
        rows = _elements(array)
        others = (
            f"e.seq > (SELECT min({since}) FROM {rows}) AND e.life <> new.life "
            f"AND e.task IN (SELECT {task} FROM {rows})"
        )
        later = f"SELECT 1 FROM {rows} WHERE {task} = e.task AND {since} < e.seq"
        return f"EXISTS (SELECT 1 FROM {schema.events.name} AS e WHERE {others} AND EXISTS ({later}))"


@dataclass(frozen=True)
class ClaimKeys:
    """Claims of runs for limited keys, one row for each key; a run gets all of its keys or none.

    A row holds the key, the run, its life, its rank, whether it yields to smaller ranks of other lives, and
    how many rows before it claim the same key. A claim for a full key is written as waiting.
    """

    guarded = False

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array, on SQLite."""
        fields = ", ".join(
            f"{value} AS {name}" for name, value in zip(_CLAIM, _values("value"), strict=False)
        )
        return self._text(f"(SELECT {fields} FROM json_each({array}) LIMIT -1)")

    def for_one(self, mark: str) -> str:
        """Return the SQL for all rows of a JSON array, which is its one parameter."""
        if mark == "?":
            return self.for_all("?1")
        types = ("text", "text", "text", "bigint", "int", "int")
        fields = ", ".join(
            f"(value ->> {number})::{type} AS {name}"
            for number, (name, type) in enumerate(zip(_CLAIM, types, strict=True))
        )
        claimed = f"WITH claimed AS (SELECT {fields} FROM jsonb_array_elements({mark}::jsonb)) "
        return self._text("claimed", claimed)

    @property
    def lock(self) -> str:
        """The SQL by which a transaction on PostgreSQL locks the limits of its keys."""
        keys = "SELECT value ->> 0 FROM jsonb_array_elements(%s::jsonb)"
        return f"SELECT key FROM {schema.limits.name} WHERE key IN ({keys}) ORDER BY key FOR UPDATE"

    def _text(self, rows: str, head: str = "") -> str:
        table, limits = schema.claims.name, schema.limits.name
        first = "c.yields = 1 AND h.life <> c.life AND h.rank < c.rank"
        used = f"(SELECT count(*) FROM {table} h WHERE h.key = c.key AND (h.held = 1 OR ({first})))"
        full = f"{used} + c.earlier >= (SELECT most FROM {limits} l WHERE l.key = c.key)"
        refused = f"SELECT DISTINCT c.run FROM {rows} AS c WHERE {full}"
        return (
            f"{head}INSERT INTO {table} (key, run, life, rank, held) "
            f"SELECT c.key, c.run, c.life, c.rank, CASE WHEN f.run IS NULL THEN 1 ELSE 0 END "
            f"FROM {rows} AS c LEFT JOIN ({refused}) AS f ON f.run = c.run WHERE f.run IS NULL OR {full}"
        )


_CLAIM = ("key", "run", "life", "rank", "yields", "earlier")

Section = Append | Check | ClaimKeys | Delete | Insert | Untouched | Update


def _conflict(section: Append | Insert) -> str:
    if section.keys is None:
        return ""
    if not section.keys:
        return " ON CONFLICT DO NOTHING"
    others = [_quoted(name) for name in section.columns if name not in section.keys]
    fields = ", ".join(f"{name} = excluded.{name}" for name in others)
    return f" ON CONFLICT ({', '.join(section.keys)}) DO UPDATE SET {fields}"


def _elements(array: str) -> str:
    # LIMIT -1 (no limit) prevents SQLite from merging this query into the outer one, where each use of
    # `value` would build the element's text again: twice the time of a commit.
    return f"(SELECT key, value FROM json_each({array}) LIMIT -1)"


def _values(row: str) -> Iterator[str]:
    # Not ->>, which came with SQLite 3.38.
    number = 0
    while True:
        yield f"json_extract({row}, '$[{number}]')"
        number += 1


def _pairs(names: tuple[str, ...], mark: str, between: str = ", ") -> str:
    return between.join(f"{name} = {mark}" for name in names)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _whole(table: sa.Table, keys: tuple[str, ...] | None = None) -> Insert:
    return Insert(table.name, tuple(table.c.keys()), keys)


_WAIT = ("run", "parent")
_HOME = ("name", "home")

# By subject, in the order in which they are written. Tasks come first: a former home whose task has a run for
# this time at its new one is to hear of the move, not of a row that is there already.
_BY_SUBJECT: Mapping[str, Mapping[str, Section]] = {
    "tasks": {
        "expected_homes": Check(schema.tasks.name, _HOME),
        "advances": Update(schema.tasks.name, ("next_at",), ("name", "next_at", "home"), guarded=True),
        "new_tasks": Insert(schema.tasks.name, TASK),
        "tasks": Update(schema.tasks.name, TASK, _HOME, guarded=True),
        "dropped_tasks": Delete(schema.tasks.name, _HOME, guarded=True),
        "followed_parents": Update(schema.tasks.name, ("followed_seq",), _HOME, guarded=True),
        "untouched_tasks": Untouched(),
        "codes": Append(schema.have.name, ("handler", "code", "since"), ("life", "handler")),
    },
    # Nobody has asked these to stop while they were running: else they would run again after their task is
    # removed, where no process has them.
    "retries": {
        "requeued_runs": Update(schema.runs.name, MUTABLE, GUARD, guarded=True, only="reason = ''"),
    },
    "runs": {
        "new_runs": Insert(schema.runs.name, (*FIXED, *MUTABLE)),
        "runs": Update(schema.runs.name, MUTABLE, GUARD, guarded=True),
        "new_attempts": Append(schema.attempts.name, ATTEMPT),
        "attempts": Update(
            schema.attempts.name, END, ("run", "number"), guarded=True, only="outcome IS NULL"
        ),
        "events": Append(schema.events.name, EVENT, numbered=True),
    },
    "limits": {
        "limits": _whole(schema.limits, ("key",)),
        "dropped_limits": Delete(schema.limits.name, ("key",)),
        "dropped_claims": Delete(schema.claims.name, ("run", "life")),
        "kept_claims": _whole(schema.claims, ()),
        "claims": ClaimKeys(),
    },
    "others": {
        "settings": _whole(schema.meta, ("key",)),
        "fires": _whole(schema.fires, ()),
        "details": _whole(schema.details, ("run",)),
        "waits": _whole(schema.waits),
        "bound_waits": Update(schema.waits.name, ("parent_run",), _WAIT),
        "ended_waits": Update(schema.waits.name, ("ended",), _WAIT),
        "dropped_waits": Delete(schema.waits.name, _WAIT),
        "answers": Update(schema.commands.name, ("done_at", "answer"), ("id",)),
    },
}
SUBJECTS: Mapping[str, Sequence[str]] = {subject: tuple(kinds) for subject, kinds in _BY_SUBJECT.items()}
SECTIONS: Mapping[str, Section] = {
    name: section for kinds in _BY_SUBJECT.values() for name, section in kinds.items()
}

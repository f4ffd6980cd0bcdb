"""The kinds of row that a group writes, and the SQL of each.

A kind's SQL comes in two forms: for one row of parameters, and for SQLite also for all rows of a JSON
array, which is read inside the statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from schedkit.core.store import schema
from schedkit.core.store.rows import ATTEMPT, END, EVENT, FIXED, GUARD, MUTABLE, TASK

__all__ = ["SECTIONS", "SUBJECTS", "Append", "Delete", "Insert", "Section", "Update"]


@dataclass(frozen=True)
class Insert:
    """New rows.

    Parameters
    ----------
    columns : tuple of str
        What a row gives, in its order.
    keys : tuple of str or None
        Those of a row that is replaced; empty: a row that is there stays; None: it is refused.
    """

    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...] | None = None

    guarded = False

    def for_one(self, mark: str) -> str:
        """Return the SQL for one row."""
        return f"{self._into} VALUES ({', '.join([mark] * len(self.columns))}){self._conflict}"

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array."""
        values = ", ".join(value for value, _ in zip(_values("value"), self.columns, strict=False))
        return f"{self._into} SELECT {values} FROM json_each({array}) WHERE true{self._conflict}"

    @property
    def _into(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join(map(_quoted, self.columns))})"

    @property
    def _conflict(self) -> str:
        if self.keys is None:
            return ""
        if not self.keys:
            return " ON CONFLICT DO NOTHING"
        others = [_quoted(name) for name in self.columns if name not in self.keys]
        fields = ", ".join(f"{name} = excluded.{name}" for name in others)
        return f" ON CONFLICT ({', '.join(self.keys)}) DO UPDATE SET {fields}"


@dataclass(frozen=True)
class Update:
    """New values for rows that are there.

    Parameters
    ----------
    columns, where : tuple of str
        What a row gives: first what is set, then how the row is found.
    guarded : bool
        Whether each must find exactly one row: else what it was based on is no longer so.
    only : str
        What else must be true of the row.
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
        return f"UPDATE {self.table} SET {fields} FROM json_each({array}) AS v WHERE {found}{self._only}"

    @property
    def _only(self) -> str:
        return f" AND {self.only}" if self.only else ""


@dataclass(frozen=True)
class Delete:
    """Rows that go."""

    table: str
    where: tuple[str, ...]

    guarded = False

    def for_one(self, mark: str) -> str:
        """Return the SQL for one row."""
        return f"DELETE FROM {self.table} WHERE {_pairs(self.where, mark, ' AND ')}"

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array."""
        values = ", ".join(value for value, _ in zip(_values("value"), self.where, strict=False))
        return (
            f"DELETE FROM {self.table} WHERE ({', '.join(self.where)}) IN "
            f"(SELECT {values} FROM json_each({array}))"
        )


@dataclass(frozen=True)
class Append:
    """New rows that bear the life of their writer, and where they are `numbered` its batch and a number."""

    table: str
    columns: tuple[str, ...]
    numbered: bool = False

    guarded = False

    @property
    def signature(self) -> tuple[str, ...]:
        """The columns that the writer adds to a row."""
        return ("life", "batch", "seq") if self.numbered else ("life",)

    def for_one(self, mark: str) -> str:
        """Return the SQL for one row, with its signature."""
        return f"{self._into} VALUES ({', '.join([mark] * (len(self.columns) + len(self.signature)))})"

    def for_all(self, array: str) -> str:
        """Return the SQL for all rows of a JSON array."""
        values = [value for value, _ in zip(_values("value"), self.columns, strict=False)]
        values += ["new.life"]
        if self.numbered:
            base = f"(SELECT base FROM {schema.nodes.name} WHERE id = new.life)"
            values += ["new.batch", f"{base} + key + 1"]
        return f"{self._into} SELECT {', '.join(values)} FROM json_each({array}) WHERE true"

    @property
    def _into(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join((*self.columns, *self.signature))})"


Section = Append | Insert | Update | Delete


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

# By subject. Within one, they are written in this order; rows of different subjects do not mind theirs.
_BY_SUBJECT: Mapping[str, Mapping[str, Section]] = {
    "runs": {
        "new_runs": Insert(schema.runs.name, (*FIXED, *MUTABLE)),
        "runs": Update(schema.runs.name, MUTABLE, GUARD, guarded=True),
        "new_attempts": Append(schema.attempts.name, ATTEMPT),
        "attempts": Update(
            schema.attempts.name, END, ("run", "number"), guarded=True, only="outcome IS NULL"
        ),
        "events": Append(schema.events.name, EVENT, numbered=True),
    },
    "tasks": {
        "advances": Update(schema.tasks.name, ("next_at",), ("name", "next_at"), guarded=True),
        "tasks": Insert(schema.tasks.name, TASK, ("name",)),
        "dropped_tasks": Delete(schema.tasks.name, ("name",)),
    },
    "others": {
        "settings": _whole(schema.meta, ("key",)),
        "fires": _whole(schema.fires, ()),
        "details": _whole(schema.details, ("run",)),
        "waits": _whole(schema.waits),
        "bound_waits": Update(schema.waits.name, ("parent_run",), _WAIT),
        "ended_waits": Update(schema.waits.name, ("ended",), ("parent_run",)),
        "dropped_waits": Delete(schema.waits.name, _WAIT),
        "answers": Update(schema.commands.name, ("done_at", "answer"), ("id",)),
    },
}
SUBJECTS: Mapping[str, Sequence[str]] = {subject: tuple(kinds) for subject, kinds in _BY_SUBJECT.items()}
SECTIONS: Mapping[str, Section] = {
    name: section for kinds in _BY_SUBJECT.values() for name, section in kinds.items()
}

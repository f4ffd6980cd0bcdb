"""Writes the rows of a group in one fenced transaction: all rows, or none.

On SQLite it is one statement. The driver releases the interpreter's lock at each call and has to wait for it
again while another thread computes; from BEGIN to COMMIT the file would stay locked for other processes
(beside C calls of 100 ms: 2.5 s). The statement inserts into a temporary view, whose triggers write the rows
that they read from JSON. PostgreSQL's driver sends many rows in one round trip itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from schedkit.core.store.database import Store
from schedkit.core.store.groups import Rows
from schedkit.core.store.lives import Lease
from schedkit.core.store.refusals import StaleError
from schedkit.core.store.rows import Row
from schedkit.core.store.schema import claims, events, nodes
from schedkit.core.store.sections import SECTIONS, SUBJECTS, Append, Check, ClaimKeys, Section, Untouched
from schedkit.core.store.turns import WRITE_TURN, has_turn
from schedkit.core.text import dump

__all__ = ["VIEW", "Commits", "OneStatement", "Outcome", "Refused", "Statements", "commits_for"]

Refused = Mapping[str, frozenset[str]]
VIEW = "schedkit_commit"


class Commits(Protocol):
    """A way to commit a group."""

    def prepare(self, connection: sa.Connection) -> None:
        """Make a new connection ready for groups."""

    def commit(self, connection: sa.Connection, batch: int, rows: Rows) -> None:
        """Write rows in one transaction, fenced and numbered.

        Raises
        ------
        LifeEndedError
            If this life is gone.
        StaleError
            If a row has changed since the decision was made.
        """

    def outcome(self, connection: sa.Connection, rows: Rows) -> Outcome:
        """Return what the ledger has made of the last commit, which had these rows."""


class Outcome(NamedTuple):
    """What the ledger has made of a commit.

    Attributes
    ----------
    base : int
        The number of the event before its first one; 0: it had none.
    refused : mapping or None
        The runs that got no limited keys, each with those without room; None: none were claimed.
    """

    base: int
    refused: Refused | None


def commits_for(store: Store, lease: Lease) -> Commits:
    """Return how groups are committed to a store."""
    # UPDATE … FROM came with SQLite 3.33.
    if store.sqlite and sqlite3.sqlite_version_info >= (3, 33):
        return OneStatement(store, lease)
    return Statements(store, lease)


class Statements:
    """One statement for each kind of row."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store, self._lease = store, lease
        mark = "?" if store.sqlite else "%s"
        self._texts = {name: section.for_one(mark) for name, section in SECTIONS.items()}

    def prepare(self, connection: sa.Connection) -> None:
        """Do nothing: no view is needed."""

    def commit(self, connection: sa.Connection, batch: int, rows: Rows) -> None:
        """Write rows in one transaction."""
        with connection.begin():
            self._lease.claim(connection, batch)
            self.write(connection, batch, rows)

    def write(self, connection: sa.Connection, batch: int, rows: Rows, told_by: str | None = None) -> None:
        """Write rows in the current transaction, which has claimed its number.

        Parameters
        ----------
        told_by : str, optional
            The life whose events these are, by default this one; with "" this one reads them from the log.
        """
        for name, found in rows.items():
            section = SECTIONS[name]
            if isinstance(section, Append) and section.numbered:
                continue
            if isinstance(section, Append | Untouched):
                found = [(*row, self._lease.life) for row in found]
            if not self._apply(connection, name, section, found):
                raise StaleError(f"ledger {self._store}: {name} no longer apply")
        life = self._lease.life if told_by is None else told_by
        self._log(connection, life, batch, rows.get("events", []))

    def _apply(self, connection: sa.Connection, name: str, section: Section, rows: list[Row]) -> bool:
        text = self._texts[name]
        if isinstance(section, ClaimKeys):
            array = (dump(rows),)
            if not self._store.sqlite:
                connection.exec_driver_sql(section.lock, array)
            connection.exec_driver_sql(text, array)
            return True
        if isinstance(section, Check):
            return all(connection.exec_driver_sql(text, row).first() is not None for row in rows)
        if isinstance(section, Untouched):
            return connection.exec_driver_sql(text, (dump(rows),)).first() is None
        touched = connection.exec_driver_sql(text, rows).rowcount
        return not section.guarded or touched == len(rows)

    def _log(self, connection: sa.Connection, life: str, batch: int, rows: list[Row]) -> None:
        """Write events last: a reader of one number must not miss a smaller one that is committed later."""
        if not rows:
            return
        if not self._store.sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_NUMBERS})")
        base = connection.scalar(_LAST) or 0
        signed = [(*row, life, batch, base + number) for number, row in enumerate(rows, 1)]
        connection.exec_driver_sql(self._texts["events"], signed)
        connection.execute(nodes.update().where(nodes.c.id == self._lease.life).values(base=base))

    def outcome(self, connection: sa.Connection, rows: Rows) -> Outcome:
        """Return what the ledger has made of the last commit."""
        base = sa.select(nodes.c.base).where(nodes.c.id == self._lease.life)
        with connection.begin():
            return Outcome(
                int(connection.scalar(base) or 0) if "events" in rows else 0,
                _refused(connection, self._lease.life, rows) if "claims" in rows else None,
            )


# "schedlog" in eight bytes: the advisory lock that a transaction holds while it numbers events.
_NUMBERS = int.from_bytes(b"schedlog")
_LAST = sa.select(sa.func.max(events.c.seq))
_GONE = "schedkit: gone"
_STALE = "schedkit: stale "
_FENCE = ("life", "batch")


_COLUMNS = (*_FENCE, *SECTIONS)
_COMMIT = f"INSERT INTO temp.{VIEW} VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
_CREATE_VIEW = f"CREATE TEMP VIEW {VIEW} AS SELECT {', '.join(f'NULL AS {name}' for name in _COLUMNS)}"
_BASE = f"SELECT base FROM {nodes.name} WHERE id = :life"
_CLAIM = (
    f"UPDATE {nodes.name} SET batch = new.batch, base = CASE WHEN new.events IS NULL THEN base "
    f"ELSE (SELECT coalesce(max(seq), 0) FROM {events.name}) END WHERE id = new.life AND gone IS NULL",
    f"SELECT RAISE(ABORT, '{_GONE}') WHERE changes() <> 1",
)


def _trigger(subject: str, names: Sequence[str], *, turn: bool) -> str:
    """Return the trigger that writes these kinds of row, in this order; `turn`: in the ledger's turn."""
    always = subject == "runs"  # with the fence; an empty kind costs 3 µs, so the others wait to be needed
    steps = [*([WRITE_TURN] if turn else []), *_CLAIM] if always else []
    for name in names:
        section = SECTIONS[name]
        if isinstance(section, Check):
            steps.append(f"SELECT RAISE(ABORT, '{_STALE}{name}') WHERE {section.missing(f'new.{name}')}")
            continue
        if isinstance(section, Untouched):
            steps.append(f"SELECT RAISE(ABORT, '{_STALE}{name}') WHERE {section.touched(f'new.{name}')}")
            continue
        steps.append(section.for_all(f"new.{name}"))
        if section.guarded:
            count = f"coalesce(json_array_length(new.{name}), 0)"
            steps.append(f"SELECT RAISE(ABORT, '{_STALE}{name}') WHERE changes() <> {count}")
    when = "" if always else f" WHEN {' OR '.join(f'new.{name} IS NOT NULL' for name in names)}"
    body = "".join(f"\n{step};" for step in steps)
    return f"CREATE TEMP TRIGGER {VIEW}_{subject} INSTEAD OF INSERT ON {VIEW}{when} BEGIN{body}\nEND"


# SQLite promises no order for the triggers of a view, so those of one subject share one. It fires the latest
# first: of two reasons to refuse a commit, this tells the same one as PostgreSQL.
_CREATE_TRIGGERS = {
    turn: [_trigger(subject, names, turn=turn) for subject, names in reversed(list(SUBJECTS.items()))]
    for turn in (False, True)
}


class OneStatement:
    """One statement for all rows."""

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store, self._lease = store, lease

    def prepare(self, connection: sa.Connection) -> None:
        """Make the view."""
        with self._store.autocommit(connection):
            connection.exec_driver_sql("PRAGMA temp_store=MEMORY")
            connection.exec_driver_sql(_CREATE_VIEW)
            for trigger in _CREATE_TRIGGERS[self._has_turn(connection)]:
                connection.exec_driver_sql(trigger)

    @staticmethod
    def _has_turn(connection: sa.Connection) -> bool:
        driver = connection.connection.driver_connection
        return isinstance(driver, sqlite3.Connection) and has_turn(driver)

    def commit(self, connection: sa.Connection, batch: int, rows: Rows) -> None:
        """Write rows in one statement."""
        values: dict[str, Any] = dict.fromkeys(_COLUMNS)
        values.update(life=self._lease.life, batch=batch)
        values.update((name, dump(found)) for name, found in rows.items())
        try:
            with self._store.autocommit(connection):
                connection.exec_driver_sql(_COMMIT, values)
        except IntegrityError as error:
            text = str(error.orig)
            if text == _GONE:
                raise self._lease.lost() from None
            if text.startswith(_STALE):
                raise StaleError(
                    f"ledger {self._store}: {text.removeprefix(_STALE)} no longer apply"
                ) from error
            raise

    def outcome(self, connection: sa.Connection, rows: Rows) -> Outcome:
        """Return what the ledger has made of the last commit."""
        life = self._lease.life
        with self._store.autocommit(connection):
            return Outcome(
                int(connection.exec_driver_sql(_BASE, {"life": life}).scalar() or 0)
                if "events" in rows
                else 0,
                _refused(connection, life, rows) if "claims" in rows else None,
            )


def _refused(connection: sa.Connection, life: str, rows: Rows) -> Refused:
    runs = {run for _, run, *_ in rows["claims"]}
    query = sa.select(claims.c.run, claims.c.key).where(claims.c.life == life, claims.c.held == 0)
    found: dict[str, set[str]] = {}
    for run, key in connection.execute(query):
        if run in runs:
            found.setdefault(run, set()).add(key)
    return {run: frozenset(keys) for run, keys in found.items()}

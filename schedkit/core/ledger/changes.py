"""Steps of the ledger: what one change writes, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from schedkit.core.events import Event
from schedkit.core.ledger import rows, schema
from schedkit.core.run import Attempt, Run

__all__ = ["Change", "Op", "Row", "Statements"]


class Op(IntEnum):
    """Kinds of row a change writes, in the order in which a group of changes writes them."""

    PUT_TASK = 0
    ADVANCE = 1
    DROP_TASK = 2
    PUT_META = 3
    INSERT_RUN = 4
    UPDATE_RUN = 5
    INSERT_ATTEMPT = 6
    INSERT_FIRE = 7
    PUT_DETAILS = 8
    INSERT_WAIT = 9
    BIND_WAIT = 10
    END_WAIT = 11
    DROP_WAIT = 12
    ANSWER = 13
    INSERT_EVENT = 14


# Of these kinds, order matters among several changes of one group.
ORDERED = frozenset({Op.PUT_TASK, Op.ADVANCE, Op.DROP_TASK})
# These change exactly one row, or what they were decided on is no longer so.
GUARDED = frozenset({Op.ADVANCE, Op.UPDATE_RUN})


# Of the kinds that every run has the values, in an order that `sql` knows; of the others by name.
Row = tuple[Any, ...] | dict[str, Any]


class Change:
    """One step of the truth, written in one transaction or refused as a whole.

    What `then` was given is called on our loop with None after the commit, or with what refused it.
    `receipt`, if any, is called on the writer's thread before that, so that who waits for durability
    waits no longer.
    """

    __slots__ = ("done", "events", "ops", "receipt")

    def __init__(self) -> None:
        self.ops: list[tuple[Op, Row]] = []
        self.events: list[Event] = []
        self.done: list[Callable[[BaseException | None], object]] = []
        self.receipt: Callable[[BaseException | None], object] | None = None

    def then(self, call: Callable[[BaseException | None], object]) -> None:
        """Have `call` called after the commit."""
        self.done.append(call)

    def insert_run(self, run: Run) -> None:
        """A new run."""
        self.ops.append((Op.INSERT_RUN, rows.run_values(run)))

    def update_run(self, before: Run, after: Run) -> None:
        """A run's next state; refused if it is no longer as it was `before`."""
        self.ops.append((Op.UPDATE_RUN, rows.step_values(before, after)))

    def add_attempt(self, run: str, attempt: Attempt) -> None:
        """The record of an attempt that has ended."""
        self.ops.append((Op.INSERT_ATTEMPT, rows.attempt_values(run, attempt)))

    def add(self, op: Op, **row: Any) -> None:
        """A row of another kind."""
        self.ops.append((op, row))

    def tell(self, event: Event) -> None:
        """A fact, to be published after the commit, and logged if its `seq` is set."""
        self.events.append(event)
        if event.seq:
            self.ops.append((Op.INSERT_EVENT, rows.event_values(event)))


def _upsert(dialect: sa.Dialect) -> Any:
    # Each brings its drivers' modules along: only the one that is used.
    if dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert as postgres_insert

    return postgres_insert


class Statements:
    """The SQL of each `Op` that `sql` does not write in bulk, with named parameters, for one database.

    Compiled at its first use: that takes a millisecond or two each, which a start need not wait for.
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._texts: dict[Op, str] = {}

    def __getitem__(self, op: Op) -> str:
        self.prepare(op)
        return self._texts[op]

    def prepare(self, op: Op) -> None:
        """Compile it now."""
        if op not in self._texts:
            self._texts[op] = str(_MAKERS[op](self._put).compile(dialect=self._dialect))

    def _put(self, table: sa.Table, *keys: str) -> sa.ClauseElement:
        """An insert that replaces the row of these keys; without keys, one that leaves it."""
        insert: Any = _upsert(self._dialect)(table)
        if not keys:
            return insert.on_conflict_do_nothing()  # type: ignore[no-any-return]
        values = {c.name: insert.excluded[c.name] for c in table.c if c.name not in keys}
        return insert.on_conflict_do_update(index_elements=list(keys), set_=values)  # type: ignore[no-any-return]


Put = Callable[..., sa.ClauseElement]
_task, _wait, _command = schema.tasks, schema.waits, schema.commands
_MAKERS: Mapping[Op, Callable[[Put], sa.ClauseElement]] = {
    Op.PUT_TASK: lambda put: put(_task, "name"),
    Op.ADVANCE: lambda put: (
        _task.update()
        .where(_task.c.name == bindparam("task"), _task.c.next_at == bindparam("was"))
        .values(next_at=bindparam("to"))
    ),
    Op.DROP_TASK: lambda put: _task.delete().where(_task.c.name == bindparam("task")),
    Op.PUT_META: lambda put: put(schema.meta, "key"),
    Op.INSERT_FIRE: lambda put: put(schema.fires),
    Op.PUT_DETAILS: lambda put: put(schema.details, "run"),
    Op.INSERT_WAIT: lambda put: _wait.insert(),
    Op.BIND_WAIT: lambda put: (
        _wait.update()
        .where(_wait.c.run == bindparam("waiter"), _wait.c.parent == bindparam("of"))
        .values(parent_run=bindparam("bound"))
    ),
    Op.END_WAIT: lambda put: (
        _wait.update().where(_wait.c.parent_run == bindparam("bound")).values(ended=bindparam("how_ended"))
    ),
    Op.DROP_WAIT: lambda put: _wait.delete().where(
        _wait.c.run == bindparam("waiter"), _wait.c.parent == bindparam("of")
    ),
    Op.ANSWER: lambda put: (
        _command.update()
        .where(_command.c.id == bindparam("command"))
        .values(done_at=bindparam("done_at"), answer=bindparam("answer"))
    ),
}

"""Steps of the ledger: what one change writes, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from schedkit.core import rows, schema
from schedkit.core.events import Event
from schedkit.core.model import Attempt, Run

__all__ = ["Change", "Op", "statements"]


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
    ANSWER = 12
    INSERT_EVENT = 13


# Of these kinds, order matters among several changes of one group.
ORDERED = frozenset({Op.PUT_TASK, Op.ADVANCE, Op.DROP_TASK})
# What a run's step may change.
MUTABLE = (
    *("state", "due_at", "started_at", "finished_at", "priority", "attempt", "interruptions"),
    *("reason", "error", "result", "waiting_for"),
)
# These change exactly one row, or what they were decided on is no longer so.
GUARDED = frozenset({Op.ADVANCE, Op.UPDATE_RUN})


class Change:
    """One step of the truth, written in one transaction or refused as a whole.

    What `then` was given is called on our loop with None after the commit, or with what refused it.
    `receipt`, if any, is called on the writer's thread before that, so that who waits for durability
    waits no longer.
    """

    __slots__ = ("done", "events", "ops", "receipt")

    def __init__(self) -> None:
        self.ops: list[tuple[Op, dict[str, Any]]] = []
        self.events: list[Event] = []
        self.done: list[Callable[[BaseException | None], object]] = []
        self.receipt: Callable[[BaseException | None], object] | None = None

    def then(self, call: Callable[[BaseException | None], object]) -> None:
        """Have `call` called after the commit."""
        self.done.append(call)

    def insert_run(self, run: Run) -> None:
        """A new run."""
        self.ops.append((Op.INSERT_RUN, rows.run_row(run)))

    def update_run(self, before: Run, after: Run) -> None:
        """A run's next state; refused if it is no longer as it was `before`."""
        row = rows.run_row(after)
        row["was_attempt"] = before.attempt
        row["was_state"] = before.state.value
        self.ops.append((Op.UPDATE_RUN, row))

    def add_attempt(self, run: str, attempt: Attempt) -> None:
        """The record of an attempt that has ended."""
        self.ops.append((Op.INSERT_ATTEMPT, rows.attempt_row(run, attempt)))

    def add(self, op: Op, **row: Any) -> None:
        """A row of another kind."""
        self.ops.append((op, row))

    def tell(self, event: Event) -> None:
        """A fact, to be published after the commit, and logged if its `seq` is set."""
        self.events.append(event)
        if event.seq:
            self.ops.append((Op.INSERT_EVENT, rows.event_row(event)))


def _upsert(dialect: sa.Dialect) -> Any:
    # Each brings its drivers' modules along: only the one that is used.
    if dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert as postgres_insert

    return postgres_insert


def statements(dialect: sa.Dialect) -> Sequence[str]:
    """Return the SQL of each `Op`, with named parameters, for one database."""
    upsert = _upsert(dialect)

    def put(table: sa.Table, *keys: str) -> Any:
        insert = upsert(table)
        values = {c.name: insert.excluded[c.name] for c in table.c if c.name not in keys}
        return insert.on_conflict_do_update(index_elements=list(keys), set_=values)

    run, task, wait = schema.runs, schema.tasks, schema.waits
    made: dict[Op, sa.ClauseElement] = {
        Op.PUT_TASK: put(task, "name"),
        Op.ADVANCE: task.update()
        .where(task.c.name == bindparam("task"), task.c.next_at == bindparam("was"))
        .values(next_at=bindparam("to")),
        Op.DROP_TASK: task.delete().where(task.c.name == bindparam("task")),
        Op.PUT_META: put(schema.meta, "key"),
        Op.INSERT_RUN: run.insert(),
        Op.UPDATE_RUN: run.update()
        .where(
            run.c.id == bindparam("id"),
            run.c.attempt == bindparam("was_attempt"),
            run.c.state == bindparam("was_state"),
        )
        .values({name: bindparam(name) for name in MUTABLE}),
        Op.INSERT_ATTEMPT: schema.attempts.insert(),
        Op.INSERT_FIRE: upsert(schema.fires).on_conflict_do_nothing(),
        Op.PUT_DETAILS: put(schema.details, "run"),
        Op.INSERT_WAIT: wait.insert(),
        Op.BIND_WAIT: wait.update()
        .where(wait.c.run == bindparam("waiter"), wait.c.parent == bindparam("of"))
        .values(parent_run=bindparam("bound")),
        Op.END_WAIT: wait.update()
        .where(wait.c.parent_run == bindparam("bound"))
        .values(ended=bindparam("how_ended")),
        Op.ANSWER: schema.commands.update()
        .where(schema.commands.c.id == bindparam("command"))
        .values(done_at=bindparam("done_at"), answer=bindparam("answer")),
        Op.INSERT_EVENT: schema.events.insert(),
    }
    return [str(made[op].compile(dialect=dialect)) for op in Op]

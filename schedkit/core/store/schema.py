"""The ledger's tables, and how an older ledger becomes today's.

Times are microseconds since 1970 in UTC, as integers: exact, ordered, the same in every database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text

from schedkit.core.run import PRUNED
from schedkit.errors import LedgerError

__all__ = [
    "LIVE_STATES",
    "VERSION",
    "attempts",
    "commands",
    "details",
    "events",
    "fires",
    "has_file",
    "has_result",
    "lease",
    "meta",
    "migrate",
    "runs",
    "tasks",
    "waits",
]

VERSION = 1
LIVE_STATES = ("PENDING", "QUEUED", "RUNNING", "RETRY")

_metadata = MetaData()


def _partial(name: str, table: Table, columns: str, where: str, *, unique: bool = False) -> None:
    """Have an index of some rows made with its table.

    As text, which SQLite and PostgreSQL share: SQLAlchemy's own would load both dialects to check it.
    """
    kind = "UNIQUE INDEX" if unique else "INDEX"
    ddl = sa.DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy does not annotate it
        f"CREATE {kind} {name} ON {table.name} ({columns}) WHERE {where}"
    )
    sa.event.listen(table, "after_create", ddl)


meta = Table(
    "schedkit_meta",
    _metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

lease = Table(
    "schedkit_lease",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row: 1
    Column("epoch", BigInteger, nullable=False),  # grows with every owner: the fence
    Column("batch", BigInteger, nullable=False),  # the owner's last committed batch
    Column("owner", Text, nullable=False),  # empty: nobody
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

tasks = Table(
    "schedkit_tasks",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("trigger", Text),  # JSON; null: no schedule
    Column("words", Text, nullable=False),
    Column("anchor", BigInteger, nullable=False),  # first declared; where an interval counts from
    Column("next_at", BigInteger),
    Column("paused", Boolean, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: description, tags, priority, …
    Column("declared_at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
)

runs = Table(
    "schedkit_runs",
    _metadata,
    Column("id", Text, primary_key=True),  # sorts by time
    Column("task", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("scheduled_at", BigInteger),
    Column("due_at", BigInteger, nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("params", Text),
    Column("reason", Text, nullable=False),
    Column("error", Text),
    Column("result", Text),
    Column("waiting_for", Text),
    Index("schedkit_runs_task", "task", "id"),
    sqlite_with_rowid=False,
)
_partial("schedkit_runs_fire", runs, "task, scheduled_at", "scheduled_at IS NOT NULL", unique=True)
_partial("schedkit_runs_live", runs, "state", "state IN ('PENDING', 'QUEUED', 'RUNNING', 'RETRY')")

attempts = Table(
    "schedkit_attempts",
    _metadata,
    Column("run", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error", Text),
    Column("owner", Text, nullable=False),
    sqlite_with_rowid=False,
)

details = Table(
    "schedkit_details",
    _metadata,
    Column("run", Text, primary_key=True),
    Column("stages", Text, nullable=False),
    Column("log", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("artifacts", Text, nullable=False),
    Column("last_output", Text, nullable=False),  # its number
)

fires = Table(  # due times that made no run
    "schedkit_fires",
    _metadata,
    Column("task", Text, primary_key=True),
    Column("scheduled_at", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("count", BigInteger),  # null: more than are worth counting
    Column("disposition", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

waits = Table(  # which parent's run a run waits for; parent_run null: one that does not exist yet
    "schedkit_waits",
    _metadata,
    Column("run", Text, primary_key=True),
    Column("parent", Text, primary_key=True),
    Column("child", Text, nullable=False),  # the waiting run's task
    Column("parent_run", Text),
    Column("how", Text, nullable=False),  # success, any
    Column("ended", Text),  # the parent run's final state
    Index("schedkit_waits_parent_run", "parent_run"),
)

events = Table(
    "schedkit_events",
    _metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("data", Text, nullable=False),
)
_partial("schedkit_events_run", events, "run", "run <> ''")

commands = Table(
    "schedkit_commands",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("done_at", BigInteger),
    Column("answer", Text),
)
_partial("schedkit_commands_open", commands, "id", "done_at IS NULL")


def has_result(runs: sa.FromClause) -> sa.ColumnElement[bool]:
    """Tell runs that have a result from those that returned None, or whose result was pruned."""
    return runs.c.result.is_not(None) & runs.c.result.not_like(f'{{"kind":"{PRUNED}"%')


def has_file(runs: sa.FromClause) -> sa.ColumnElement[bool]:
    """Tell runs whose result is a file; the value of another may have a path of its own."""
    kinds = ("parquet", "json")
    return sa.or_(*(runs.c.result.like(f'{{"kind":"{kind}","path":%') for kind in kinds))


Step = Callable[[sa.Connection], None]

# From the version in the key to the next one.
STEPS: Mapping[int, Step] = {}


def migrate(
    connection: sa.Connection, where: str, steps: Mapping[int, Step] = STEPS, to: int = VERSION
) -> int:
    """Create or upgrade the tables inside the caller's transaction; return the version found (0: none).

    Raises
    ------
    LedgerError
        If the ledger is newer than this version of schedkit, or is no ledger.
    """
    if not sa.inspect(connection).has_table(meta.name):
        _metadata.create_all(connection)
        connection.execute(meta.insert(), [{"key": "schema", "value": str(to)}])
        return 0
    told = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "schema")) or "0"
    if not told.isdecimal():
        raise LedgerError(f"ledger {where} has schema {told!r}, which is none", hint="name another ledger")
    found = int(told)
    if found > to:
        raise LedgerError(
            f"ledger {where} has schema {found}; this schedkit knows up to {to}",
            hint="upgrade schedkit (pip install -U schedkit), or name another ledger",
        )
    for version in range(found, to):
        if version not in steps:
            raise LedgerError(
                f"ledger {where} has schema {found}, which nothing upgrades", hint="name another ledger"
            )
        steps[version](connection)
    if found < to:
        connection.execute(meta.update().where(meta.c.key == "schema").values(value=str(to)))
    return found

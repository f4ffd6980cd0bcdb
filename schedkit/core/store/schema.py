"""The ledger's tables.

Times are microseconds since 1970 in UTC, as integers: exact, ordered, the same in every database.
"""

from __future__ import annotations

from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text

from schedkit.core.run import PRUNED
from schedkit.core.store.foreign import refuse_foreign_tables
from schedkit.errors import LedgerError

__all__ = [
    "LIVE_STATES",
    "VERSION",
    "attempts",
    "beats",
    "chores",
    "claims",
    "commands",
    "create",
    "deliveries",
    "details",
    "events",
    "fires",
    "has_file",
    "has_result",
    "have",
    "limits",
    "meta",
    "nodes",
    "outbox",
    "runs",
    "tasks",
    "tokens",
    "waits",
]

VERSION = 5
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

nodes = Table(  # one row a life: a process from its start to its end
    "schedkit_nodes",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),  # kernel, background, headless, server, script
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid_space", Text, nullable=False),  # the processes for which the pid means it
    Column("version", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("batch", BigInteger, nullable=False),  # its last committed transaction …
    Column("base", BigInteger, nullable=False),  # … and the number of the event before it
    Column("gone", BigInteger),  # since then nothing that it writes counts: the fence
)
_partial("schedkit_nodes_living", nodes, "id", "gone IS NULL")

beats = Table(  # until when a life counts as alive without another beat; where no lock tells it
    "schedkit_beats",
    _metadata,
    Column("life", Text, primary_key=True),
    Column("expires", BigInteger, nullable=False),
)

have = Table(  # which code a life has
    "schedkit_have",
    _metadata,
    Column("life", Text, primary_key=True),
    Column("handler", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
)

tasks = Table(
    "schedkit_tasks",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("id", Text, nullable=False),
    Column("trigger", Text),  # JSON; null: no schedule
    Column("schedule_text", Text, nullable=False),
    Column("anchor", BigInteger, nullable=False),  # first declared; where an interval counts from
    Column("next_at", BigInteger),
    Column("paused", Boolean, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: description, tags, priority, …
    Column("home", Text, nullable=False),  # the life that keeps its clock and runs it
    Column("home_by", Text, nullable=False),  # declared, inherited, moved
    Column("place", Text, nullable=False),  # the notebook or file that declares it
    Column("followed_seq", BigInteger, nullable=False),  # up to this event it has runs for its parents'
    Column("handler", Text),  # what runs it, for a requested task
    Column("parameters", Text),  # JSON
    Column("owner", Text),  # who requested it
    Column("metadata", Text),  # JSON
    Column("options", Text),  # JSON: those that the request gives
    Column("origin", Text, nullable=False, server_default="declared"),  # or request, once
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
)

runs = Table(
    "schedkit_runs",
    _metadata,
    Column("id", Text, primary_key=True),  # sorts by time
    Column("task", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("scheduled_at", BigInteger),
    Column("due_at", BigInteger, nullable=False),
    Column("queued_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("params", Text),
    Column("retry_of", Text),  # the run that it repeats
    Column("request", Text),  # JSON: the request that it was made by
    Column("reason", Text, nullable=False),
    Column("error", Text),
    Column("result", Text),
    Column("incomplete", Text),  # what a partial result lacks
    Column("waiting_for", Text),
    Column("idempotency_key", Text),
    Index("schedkit_runs_task", "task", "id"),
    sqlite_with_rowid=False,
)
_partial("schedkit_runs_fire", runs, "task, scheduled_at", "scheduled_at IS NOT NULL", unique=True)
_partial("schedkit_runs_key", runs, "idempotency_key", "idempotency_key IS NOT NULL", unique=True)
_partial("schedkit_runs_live", runs, "state", "state IN ('PENDING', 'QUEUED', 'RUNNING', 'RETRY')")

attempts = Table(
    "schedkit_attempts",
    _metadata,
    Column("run", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("life", Text, nullable=False),  # where it runs
    Column("token", Text),  # what a write that it makes elsewhere must show
    Column("worker", Text),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("outcome", Text),  # null: it runs
    Column("error", Text),
    sqlite_with_rowid=False,
)
_partial("schedkit_attempts_open", attempts, "life", "outcome IS NULL")

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
    Column("outcome", Text, nullable=False),
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
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("life", Text, nullable=False),  # who wrote it
    Column("batch", BigInteger, nullable=False),  # in which of its transactions
)
_partial("schedkit_events_run", events, "run", "run <> ''")

commands = Table(
    "schedkit_commands",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("task", Text),  # for whichever life is its home …
    Column("life", Text),  # … or for this life
    Column("done_at", BigInteger),
    Column("answer", Text),
)
_partial("schedkit_commands_open", commands, "id", "done_at IS NULL")

limits = Table(  # how many runs may hold a key at once, in all processes together
    "schedkit_limits",
    _metadata,
    Column("key", Text, primary_key=True),  # tag:…
    Column("most", Integer, nullable=False),
    Column("actor", Text, nullable=False),  # who declared it last
)

claims = Table(  # which runs hold limited keys, and which were refused one and wait for it
    "schedkit_claims",
    _metadata,
    Column("key", Text, primary_key=True),
    Column("run", Text, primary_key=True),
    Column("life", Text, primary_key=True),  # deleted with it
    Column("rank", BigInteger, nullable=False),  # of those that wait, the smallest goes first
    Column("held", Integer, nullable=False),  # 1: it holds the key, 0: it waits
    sqlite_with_rowid=False,
)

deliveries = Table(  # what a run has delivered, so that another attempt does not deliver it again
    "schedkit_deliveries",
    _metadata,
    Column("run", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("what", Text, nullable=False),
    Column("done_at", BigInteger),
)

outbox = Table(  # notifications to be sent
    "schedkit_outbox",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("notification", Text, nullable=False),  # JSON
    Column("tries", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("life", Text),  # who sends it
)

chores = Table(  # work of the whole ledger, which one life does at a time
    "schedkit_chores",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("life", Text),
    Column("next_at", BigInteger, nullable=False),
)

tokens = Table(
    "schedkit_tokens",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)


def has_result(runs: sa.FromClause) -> sa.ColumnElement[bool]:
    """Tell runs that have a result from those that returned None, or whose result was pruned."""
    return runs.c.result.is_not(None) & runs.c.result.not_like(f'{{"kind":"{PRUNED}"%')


def has_file(runs: sa.FromClause) -> sa.ColumnElement[bool]:
    """Tell runs whose result is a file; the value of another may have a path of its own."""
    kinds = ("parquet", "json")
    return sa.or_(*(runs.c.result.like(f'{{"kind":"{kind}","path":%') for kind in kinds))


def create(connection: sa.Connection, where: str) -> None:
    """Create the tables inside the caller's transaction, unless they are there.

    Raises
    ------
    LedgerError
        If the ledger is of another version of schedkit, or is no ledger.
    """
    if not sa.inspect(connection).has_table(meta.name):
        if connection.dialect.name == "sqlite":  # on PostgreSQL others may have tables in the database
            refuse_foreign_tables(sa.inspect(connection).get_table_names(), where)
        _metadata.create_all(connection)
        notes = {"schema": str(VERSION), "ledger": str(uuid4())}
        connection.execute(meta.insert(), [{"key": key, "value": value} for key, value in notes.items()])
        return
    told = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "schema")) or "0"
    if not told.isdecimal():
        raise LedgerError(f"ledger {where} has invalid schema version {told!r}", hint="name another ledger")
    if int(told) < VERSION:
        raise LedgerError(
            f"ledger {where} has schema {told}, of an earlier schedkit; this one uses schema {VERSION}",
            hint="name another ledger, or move this one away: a new one is made",
        )
    if int(told) > VERSION:
        raise LedgerError(
            f"ledger {where} has schema {told}; this schedkit knows up to {VERSION}",
            hint="upgrade schedkit (pip install -U schedkit), or name another ledger",
        )

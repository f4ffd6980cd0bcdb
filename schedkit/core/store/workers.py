"""The workers that the lives of a ledger hear, as each writes down now and then for the other processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from schedkit.core.store.database import Store
from schedkit.core.store.lives import living_in
from schedkit.core.store.schema import meta

__all__ = ["WorkerFacts", "keep_workers", "kept_workers", "newest"]


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A worker of a cluster as it told of itself to a process that hears it.

    Attributes
    ----------
    worker : str
        Its id, new for each process.
    name, pid, host : str, int, str
        Its name and where it runs.
    threads, running : int
        How many runs it carries out at once at most, and now.
    memory : int
        Bytes that it and its child processes use.
    seen : float
        When it was heard last, in seconds since 1970.
    tasks : int
        How many tasks it has.
    problems : list of str
        What it could not declare.
    """

    worker: str
    name: str
    pid: int
    host: str
    threads: int
    running: int
    memory: int
    seen: float
    tasks: int
    problems: list[str]

    @property
    def seen_at(self) -> datetime:
        """When it was heard last (aware, UTC)."""
        return datetime.fromtimestamp(self.seen, UTC)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[WorkerFacts])


def keep_workers(connection: sa.Connection, life: str, workers: Sequence[WorkerFacts]) -> None:
    """Write down which workers a life hears, in place of what it has written before."""
    key = _key(life)
    connection.execute(meta.delete().where(meta.c.key == key))
    if workers:
        connection.execute(meta.insert(), [{"key": key, "value": _encoder.encode(workers).decode()}])


def kept_workers(store: Store) -> dict[str, list[WorkerFacts]]:
    """Return life → the workers that it hears, of the lives that have not died."""
    with store.reading() as connection:
        lives = {_key(node.life): node.life for node in living_in(store, connection) if node.alive}
        rows = connection.execute(sa.select(meta).where(meta.c.key.in_(lives))).all()
    return {lives[row.key]: _decoder.decode(row.value) for row in rows}


def newest(workers: Sequence[WorkerFacts]) -> list[WorkerFacts]:
    """Return each worker once, by name, as it was heard last."""
    last = {row.worker: row for row in sorted(workers, key=lambda row: row.seen)}
    return sorted(last.values(), key=lambda row: (row.name, row.worker))


def _key(life: str) -> str:
    return f"workers {life}"

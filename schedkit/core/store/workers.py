"""The workers that the lives of a ledger hear, as each writes down now and then for the other processes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from schedkit.core.store.database import Store
from schedkit.core.store.lives import living_in
from schedkit.core.store.schema import meta
from schedkit.core.worker_facts import WorkerFacts

__all__ = ["keep_workers", "kept_workers", "newest"]


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

"""What keeps the runs of a ledger's lives from starting, as each writes down for the other processes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from schedkit.core.engine.obstacles import Obstacle
from schedkit.core.store.database import Store
from schedkit.core.store.lives import NodeRow, living_in
from schedkit.core.store.schema import meta

__all__ = ["keep_obstacles", "kept_obstacles"]

_PREFIX = "obstacles "
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Obstacle])


def keep_obstacles(connection: sa.Connection, life: str, obstacles: Sequence[Obstacle]) -> None:
    """Write down what keeps the runs of a life, in place of what it has written before."""
    key = f"{_PREFIX}{life}"
    connection.execute(meta.delete().where(meta.c.key == key))
    if obstacles:
        connection.execute(meta.insert(), [{"key": key, "value": _encoder.encode(obstacles).decode()}])


def kept_obstacles(store: Store) -> list[tuple[NodeRow, list[Obstacle]]]:
    """Return the lives that have not died and have written down anything, each with what it wrote."""
    with store.reading() as connection:
        found = connection.execute(sa.select(meta).where(meta.c.key.startswith(_PREFIX))).all()
        if not found:
            return []
        told = {row.key.removeprefix(_PREFIX): row.value for row in found}
        living = [node for node in living_in(store, connection) if node.alive and node.life in told]
    return [(node, _decoder.decode(told[node.life])) for node in living]

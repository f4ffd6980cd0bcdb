"""Tasks whose home has ended while no other process has their code."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from schedkit.core.store.database import Store
from schedkit.core.store.queries import LIVE
from schedkit.core.store.schema import nodes, runs, tasks

__all__ = ["Homeless", "homeless"]


class Homeless(msgspec.Struct, frozen=True, kw_only=True):
    """A task that waits for its code; its home ended `since` then (microseconds since 1970).

    `name`, `pid` and `host` are of its last home; `name` is empty where nothing is known of it.
    """

    task: str
    name: str = ""
    pid: int = 0
    host: str = ""
    since: int | None = None


def homeless(store: Store, task: str | None = None) -> list[Homeless]:
    """Return the tasks, or the one task, that would run some time and whose home has ended, by name."""
    alive = sa.select(runs.c.task).where(LIVE)
    some_time = (tasks.c.next_at.is_not(None) & ~tasks.c.paused) | tasks.c.name.in_(alive)
    wanted = some_time if task is None else tasks.c.name == task
    query = (
        sa.select(tasks.c.name, nodes.c.name, nodes.c.pid, nodes.c.host, nodes.c.gone)
        .outerjoin(nodes, nodes.c.id == tasks.c.home)
        .where(nodes.c.id.is_(None) | nodes.c.gone.is_not(None), wanted)
        .order_by(tasks.c.name)
    )
    with store.reading() as connection:
        found = connection.execute(query).all()
    return [
        Homeless(task=task, name=name or "", pid=pid or 0, host=host or "", since=gone)
        for task, name, pid, host, gone in found
    ]

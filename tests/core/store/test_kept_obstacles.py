"""What keeps the runs of the lives of a ledger, as other processes read it."""

from __future__ import annotations

from schedkit.core.engine.obstacles import Obstacle
from schedkit.core.store.database import Store
from schedkit.core.store.kept_obstacles import keep_obstacles, kept_obstacles
from schedkit.core.store.lives import Lease
from schedkit.values.instants import from_micros


def test_what_a_life_writes_down_is_read_by_others_until_that_ends(where: str) -> None:
    store = Store(where)
    store.open()
    lease = Lease(store, "home")
    lease.begin()
    hung = Obstacle(kind="hung", text="why", task="a", run="r", since=from_micros(3), wrong=True)
    busy = Obstacle(kind="limit", text="two wait")
    for written in ([hung, busy], [busy], []):
        with store.writing() as connection:
            keep_obstacles(connection, lease.life, written)
        read = [(node.life, obstacles) for node, obstacles in kept_obstacles(store)]
        assert read == ([(lease.life, written)] if written else [])
    with store.writing() as connection:
        keep_obstacles(connection, lease.life, [hung])
    lease.end()
    with store.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM schedkit_meta WHERE key LIKE 'obstacles %%'")
        assert found.scalar() == 0, "its note is deleted with it"
    store.close()


def test_what_a_dead_life_has_written_down_is_not_told(where: str) -> None:
    store = Store(where)
    store.open()
    lease = Lease(store, "home", seconds=0.0)
    lease.begin()
    with store.writing() as connection:
        keep_obstacles(connection, lease.life, [Obstacle(kind="hung", text="why", wrong=True)])
    lease.leave()
    assert kept_obstacles(store) == []
    store.close()

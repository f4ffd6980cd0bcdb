"""Which workers the lives of a ledger hear, as other processes read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease
from schedkit.core.store.workers import keep_workers, kept_workers, newest
from schedkit.core.worker_facts import WorkerFacts


def facts(worker: str, **told: Any) -> WorkerFacts:
    known: dict[str, Any] = {"name": worker, "pid": 1, "host": "h", "threads": 2, "running": 1, "memory": 3}
    return WorkerFacts(worker=worker, **{**known, "seen": 4.0, "tasks": 5, "problems": ["no"], **told})


def test_what_a_life_hears_is_read_by_others_until_that_ends(where: str) -> None:
    store = Store(where)
    store.open()
    lease = Lease(store, "home")
    lease.begin()
    assert kept_workers(store) == {}
    for heard in ([facts("a"), facts("b")], [facts("b", running=2)], []):
        with store.writing() as connection:
            keep_workers(connection, lease.life, heard)
        assert kept_workers(store) == ({lease.life: heard} if heard else {})
    with store.writing() as connection:
        keep_workers(connection, lease.life, [facts("a")])
    lease.end()
    assert kept_workers(store) == {}
    with store.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM schedkit_meta WHERE key LIKE 'workers %%'")
        assert found.scalar() == 0, "its note is deleted with it"
    store.close()


def test_a_worker_that_several_lives_hear_is_as_it_was_heard_last() -> None:
    found = newest([facts("a", name="z", seen=2.0), facts("b"), facts("a", name="z", seen=1.0)])
    assert [(row.name, row.seen) for row in found] == [("b", 4.0), ("z", 2.0)]
    assert found[0].seen_at == datetime(1970, 1, 1, 0, 0, 4, tzinfo=UTC)

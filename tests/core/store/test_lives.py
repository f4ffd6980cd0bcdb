"""Lives of processes: who is alive, who has died, and that the dead write nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import sqlalchemy as sa
from support.waiting import wait_until

from schedkit.core.store import schema
from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease, NodeRow, living, mark_gone
from schedkit.errors import LedgerError, LifeEndedError
from schedkit.values.instants import wall_now

# Seconds of a lease that outlasts a machine which stands still.
LASTING = 600.0
# Begins a life, says so, and goes on until its standard input ends; then it ends its life.
OTHER = """
import sys
from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease
store = Store(sys.argv[1])
store.open()
lease = Lease(store, "other", seconds=float(sys.argv[2]))
lease.begin()
print(lease.life, flush=True)
sys.stdin.read()
lease.end()
"""


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    """A ledger on either database."""
    made = Store(where)
    made.open()
    yield made
    made.close()


@contextmanager
def a_life(store: Store, name: str = "here", *, seconds: float = LASTING, **more: Any) -> Iterator[Lease]:
    lease = Lease(store, name, seconds=seconds, **more)
    lease.begin()
    try:
        yield lease
    finally:
        lease.end()


@contextmanager
def another_process(store: Store, seconds: float = LASTING) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    url = store.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", OTHER, url, str(seconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield read_line(process.stdout), process
    finally:
        process.kill()
        process.communicate()


def read_line(out: IO[bytes] | None) -> str:
    assert out is not None
    return out.readline().decode().strip()


def alive(store: Store) -> dict[str, bool]:
    return {node.life: node.alive for node in living(store)}


def bury(store: Store, life: str) -> bool:
    with store.connect() as connection, connection.begin():
        return mark_gone(store, connection, life)


def test_a_life_of_this_process_is_seen(store: Store) -> None:
    with a_life(store) as lease:
        (node,) = living(store)
        assert (node.life, node.name, node.kind, node.alive) == (lease.life, "here", "script", True)
        assert (node.pid, node.host, node.here) == (os.getpid(), socket.gethostname(), True)
        assert str(node).startswith(f"here (pid {os.getpid()} on {socket.gethostname()}, since ")
    assert living(store) == [], "one that has ended is gone"


def test_each_life_has_an_id_of_its_own(store: Store) -> None:
    with a_life(store, "a") as a, a_life(store, "b") as b:
        assert alive(store) == {a.life: True, b.life: True}
        first = a.life
        a.end()
        a.begin()
        assert a.life != first
        assert alive(store) == {b.life: True, a.life: True}


def test_a_life_of_another_process_ends_with_it(store: Store) -> None:
    with a_life(store) as lease, another_process(store) as (life, process):
        assert alive(store) == {lease.life: True, life: True}
        assert not bury(store, life), "it lives"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        assert alive(store) == {lease.life: True, life: False}
        assert bury(store, life)
        assert not bury(store, life), "it is marked already"
        assert alive(store) == {lease.life: True}


def test_a_process_ends_its_life_itself(store: Store) -> None:
    with another_process(store) as (life, process):
        assert alive(store) == {life: True}
        process.communicate(timeout=60)
        assert alive(store) == {}


def test_a_life_that_is_left_is_found_dead(where: str) -> None:
    store = Store(where)
    store.open()
    lease = Lease(store, "left", seconds=0.01)
    lease.begin()
    lease.leave()
    (node,) = living(store)
    while node.alive:  # on PostgreSQL its beat has to expire, by the store's clock
        (node,) = living(store)
    assert bury(store, lease.life)
    store.close()


def test_a_forked_child_does_not_keep_its_parents_life(tmp_path: Path) -> None:
    """The child has a copy of the open file; the lock must not outlive the parent in it."""
    program = """
import os, sys
from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease
store = Store(sys.argv[1])
store.open()
lease = Lease(store, "parent")
lease.begin()
if os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print(lease.life, flush=True)
os.kill(os.getpid(), 9)
"""
    store = Store(tmp_path / "ledger.db")
    store.open()
    command = [sys.executable, "-c", program, str(store.path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    life = read_line(process.stdout)
    process.wait(60)
    # The child lives on; it closes its copy as soon as it is on the processor.
    wait_until(lambda: alive(store) == {life: False})
    process.communicate(timeout=60)
    store.close()


def test_beats_expire_by_the_clock_of_the_store(new_database: Callable[[], str]) -> None:
    store = Store(new_database())
    store.open()
    with a_life(store, seconds=3600) as lease:

        def expires_in(seconds: float) -> None:
            with store.connect() as connection, connection.begin():
                at = store.now(connection) + int(seconds * 1e6)
                connection.execute(schema.beats.update().values(expires=at))

        assert alive(store) == {lease.life: True}
        expires_in(-1)
        assert alive(store) == {lease.life: False}
        with store.connect() as connection, connection.begin():
            lease.beat(connection)
            left = connection.scalar(sa.select(schema.beats.c.expires)) - store.now(connection)
        assert 3000e6 < left <= 3600e6
        assert alive(store) == {lease.life: True}
        expires_in(-1)
        assert bury(store, lease.life)
        with store.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(schema.beats)) == 0
    store.close()


def test_a_slow_answer_at_birth_sets_no_clock_wrong(new_database: Callable[[], str]) -> None:
    store, slow = Store(new_database()), iter([0, 2_000_000])
    store.open()
    # The first answer seems to take two seconds: half of them are no difference between the clocks.
    with a_life(store, wall=lambda: wall_now() + next(slow, 0)) as lease:
        assert abs(lease.offset) < 500_000
    store.close()


def test_a_slow_answer_to_a_beat_sets_no_clock_wrong(new_database: Callable[[], str]) -> None:
    store, slow = Store(new_database()), list[int]()
    store.open()
    with a_life(store, wall=lambda: wall_now() + (slow.pop() if slow else 0)) as lease:
        measured = lease.offset
        slow += [60_000_000, 0]  # a minute by the time the answer is there
        with store.connect() as connection, connection.begin():
            lease.beat(connection)
        assert lease.offset == measured
    store.close()


def test_a_life_on_another_machine_is_judged_by_its_beat_alone(new_database: Callable[[], str]) -> None:
    store = Store(new_database())
    store.open()
    with another_process(store) as (life, process):
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        assert alive(store) == {life: False}, "its process can be seen to be gone"
        with store.connect() as connection, connection.begin():
            connection.execute(schema.nodes.update().values(pid_space="far away"))
        assert alive(store) == {life: True}
    store.close()


def test_a_life_in_a_container_of_the_same_name_is_judged_by_its_beat(
    new_database: Callable[[], str],
) -> None:
    """Services of Compose with ``network_mode: service:…`` share a name, and see no process of each other."""
    store = Store(new_database())
    store.open()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(60)
    with another_process(store) as (life, _):
        for pid in (ended.pid, os.getpid()):
            there = {"pid": pid, "host": socket.gethostname(), "pid_space": "another container"}
            with store.connect() as connection, connection.begin():
                connection.execute(schema.nodes.update().values(there))
            (node,) = living(store)
            assert (node.life, node.alive) == (life, True), "no process here has its number"
            assert not node.here, "this process has its number"
            assert not bury(store, life)
    store.close()


def test_one_that_is_gone_neither_writes_nor_beats(store: Store) -> None:
    with a_life(store) as lease:
        with store.connect() as connection, connection.begin():
            lease.claim(connection, 1)
            lease.beat(connection)
        with store.connect() as connection, connection.begin():
            assert lease.committed(connection, 1)
            assert not lease.committed(connection, 2)
            connection.execute(schema.nodes.update().values(gone=1))
        for act in (lease.beat, lambda c: lease.claim(c, 2), lambda c: lease.committed(c, 1)):
            with (
                store.connect() as connection,
                pytest.raises(LifeEndedError, match="this process was marked as dead"),
                connection.begin(),
            ):
                act(connection)


def test_one_that_was_never_written_does_not_write(store: Store) -> None:
    lease = Lease(store, "nobody")
    with store.connect() as connection, pytest.raises(LifeEndedError), connection.begin():
        lease.beat(connection)


def test_only_one_of_many_buries_a_life(store: Store) -> None:
    with another_process(store) as (life, process):
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        buried: list[bool] = []
        threads = [threading.Thread(target=lambda: buried.append(bury(store, life))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(buried) == [False] * 4 + [True]


def test_a_life_that_cannot_be_written_gives_its_lock_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.db")
    store.open()
    with store.connect() as connection, connection.begin():
        connection.exec_driver_sql("DROP TABLE schedkit_nodes")
    lease = Lease(store, "here")
    with pytest.raises(LedgerError, match="is it a schedkit ledger"):
        lease.begin()
    store.close()
    (tmp_path / "ledger.db").unlink()
    store.open()
    lease.begin()
    assert alive(store) == {lease.life: True}
    lease.end()
    store.close()


def test_the_end_of_a_life_at_a_store_that_is_away_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "ledger.db")
    store.open()
    lease = Lease(store, "here")
    lease.begin()
    (tmp_path / "ledger.db").rename(tmp_path / "moved.db")
    lease.end()
    assert "was not recorded" in caplog.text
    assert "its file was removed or replaced" in caplog.text
    (tmp_path / "moved.db").rename(tmp_path / "ledger.db")
    assert alive(store) == {lease.life: False}, "its lock is free"
    store.close()


def test_a_node_of_another_process_is_not_here(store: Store) -> None:
    with another_process(store):
        (node,) = living(store)
        assert isinstance(node, NodeRow)
        assert not node.here

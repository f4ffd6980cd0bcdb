"""Wake-ups between processes at one ledger: by datagram, by NOTIFY, and lost ones."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from support.ports import dead_port

from schedkit.core.node.wakeups import Datagrams, Notifications, Wakeups, send_wakeup, wakeups_for
from schedkit.core.store.database import Store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    postgres = request.param == "postgres"
    return Store(request.getfixturevalue("new_database")() if postgres else tmp_path / "ledger.db")


def with_open(store: Store, use: Callable[[Wakeups], object]) -> None:
    async def main() -> None:
        wakeups = wakeups_for(store)
        await wakeups.open()
        try:
            await use(wakeups)
        finally:
            await wakeups.close()

    store.open()
    try:
        anyio.run(main)
    finally:
        store.close()


def test_a_wakeup_ends_the_wait(store: Store) -> None:
    async def use(wakeups: Wakeups) -> None:
        send_wakeup(store, [wakeups.address, wakeups.address])
        assert await wakeups.wait(60)
        send_wakeup(store, [wakeups.address])
        assert await wakeups.wait(60)

    with_open(store, use)


def test_many_at_once_are_one(tmp_path: Path) -> None:
    async def use(wakeups: Wakeups) -> None:
        for _ in range(5):
            send_wakeup(store, [wakeups.address])
        assert await wakeups.wait(60)
        assert not await wakeups.wait(0.01)

    store = Store(tmp_path / "ledger.db")
    with_open(store, use)


def test_a_wakeup_comes_while_one_waits(store: Store) -> None:
    async def use(wakeups: Wakeups) -> None:
        heard: list[bool] = []

        async def wait() -> None:
            heard.append(await wakeups.wait(60))

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.lowlevel.checkpoint()
            await anyio.to_thread.run_sync(send_wakeup, store, [wakeups.address])
        assert heard == [True]

    with_open(store, use)


def test_what_is_for_others_wakes_nobody(store: Store) -> None:
    async def use(wakeups: Wakeups) -> None:
        send_wakeup(store, ["udp:no number", "", "abstract:nobody", "notify:another"])
        assert not await wakeups.wait(0.05)

    with_open(store, use)


def test_a_full_socket_holds_nobody_up(tmp_path: Path) -> None:
    async def use(wakeups: Wakeups) -> None:
        for _ in range(2000):
            send_wakeup(store, [wakeups.address])
        assert await wakeups.wait(60)

    store = Store(tmp_path / "ledger.db")
    with_open(store, use)


def test_after_its_end_nobody_hears(tmp_path: Path) -> None:
    async def main() -> None:
        wakeups = Datagrams()
        await wakeups.open()
        address = wakeups.address
        await wakeups.close()
        send_wakeup(store, [address])
        assert wakeups.address == ""
        assert not await wakeups.wait(0.01)

    store = Store(tmp_path / "ledger.db")
    anyio.run(main)


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_elsewhere_it_is_a_socket_of_another_kind(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Windows and macOS use works here too; only the choice is another."""

    async def use(wakeups: Wakeups) -> None:
        assert wakeups.address.startswith({"win32": "udp:", "darwin": "unix:"}[platform])
        send_wakeup(store, [wakeups.address])
        assert await wakeups.wait(60)

    monkeypatch.setattr(sys, "platform", platform)
    store = Store(tmp_path / "ledger.db")
    with_open(store, use)


def test_without_a_socket_the_wait_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        wakeups = Datagrams()
        await wakeups.open()
        assert wakeups.address == ""
        assert not await wakeups.wait(0.01)
        await wakeups.close()

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    anyio.run(main)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_takes_no_wakeup(tmp_path: Path) -> None:
    async def use(wakeups: Wakeups) -> None:
        child = os.fork()
        if child == 0:
            os._exit(0 if wakeups.address == "" else 1)
        assert os.waitpid(child, 0)[1] == 0
        send_wakeup(store, [wakeups.address])
        assert await wakeups.wait(60)

    store = Store(tmp_path / "ledger.db")
    with_open(store, use)


def test_a_lost_connection_is_made_anew(new_database: Callable[[], str]) -> None:
    store = Store(new_database())

    async def use(wakeups: Wakeups) -> None:
        with store.connect() as connection, connection.begin():
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'"
            )
        assert await wakeups.wait(60), "look: something may have been missed"
        assert not await wakeups.wait(0.01)
        send_wakeup(store, [wakeups.address])
        assert await wakeups.wait(60)

    with_open(store, use)


def test_a_server_that_is_away_is_done_without(new_database: Callable[[], str]) -> None:
    async def open_and_close(store: Store) -> None:
        wakeups = Notifications(store)
        await wakeups.open()
        assert not await wakeups.wait(0.01)
        await wakeups.close()

    with dead_port() as port:
        store = Store(f"postgresql://nobody@127.0.0.1:{port}/nothing")
        anyio.run(open_and_close, store)
        send_wakeup(store, ["notify:somebody"])
        send_wakeup(store, [])

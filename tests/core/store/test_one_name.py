"""Two names of one file are one ledger, or refused: SQLite would write two logs, and damage the file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store import file_systems
from schedkit.core.store.database import Store
from schedkit.core.store.lives import Lease, living
from schedkit.errors import LedgerError

Make = Callable[..., Scheduler]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger."""
    found = tmp_path / "ledger.db"
    store = Store(found)
    store.open()
    store.close()
    return found


@pytest.mark.parametrize("url", [False, True])
def test_a_link_is_its_file(path: Path, tmp_path: Path, url: bool) -> None:
    """As advised where homes lie on NFS: the file on a local disk, and a link to it in the home."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "linked.db").symlink_to(path)
    direct = Store(path)
    linked = Store(f"sqlite:///{home / 'linked.db'}" if url else home / "linked.db")
    one, two = Lease(direct, "one"), Lease(linked, "two")
    for store, lease in ((direct, one), (linked, two)):
        store.open()
        lease.begin()
    for store in (direct, linked):
        assert [(node.name, node.alive) for node in living(store)] == [("one", True), ("two", True)]
        assert store.path == path
    assert [each.name for each in home.iterdir()] == ["linked.db"], "nothing is kept beside the link"
    for store, lease in ((direct, one), (linked, two)):
        lease.end()
        store.close()


def test_a_link_to_a_ledger_that_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "linked.db").symlink_to(tmp_path / "ledger.db")
    store = Store(tmp_path / "linked.db")
    store.open()
    store.close()
    assert (tmp_path / "ledger.db").exists()


def test_a_hard_link_is_refused(path: Path, tmp_path: Path) -> None:
    os.link(path, tmp_path / "other.db")
    for name in ("ledger.db", "other.db"):
        with pytest.raises(LedgerError, match=r"its file has 2 names \(hard links\)") as refused:
            Store(tmp_path / name).open()
        assert "make it a file of its own" in str(refused.value)
    (tmp_path / "other.db").unlink()
    store = Store(path)
    store.open()
    store.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells it in /proc")
@pytest.mark.parametrize("alone", [True, False])
def test_a_file_that_is_mounted_without_its_folder_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """As of ``-v ./ledger.db:/app/ledger.db``; a container whose folder is mounted has the log too."""
    mounts, point = tmp_path / "mountinfo", os.path.realpath(path if alone else tmp_path)
    mounts.write_text(
        f"1 0 0:1 / / rw - overlay overlay rw\n2 1 8:1 /home/me/ledger.db {point} rw - ext4 /dev/sda1 rw\n"
    )
    monkeypatch.setattr(file_systems, "_MOUNTS", mounts)
    store = Store(path)
    if alone:
        with pytest.raises(LedgerError, match="its file is mounted without its folder") as refused:
            store.open()
        assert "mount the folder" in str(refused.value)
    else:
        store.open()
    store.close()


def test_a_scheduler_says_why_it_does_not_start(path: Path, tmp_path: Path) -> None:
    os.link(path, tmp_path / "other.db")
    with pytest.raises(LedgerError, match="hard links"):
        Scheduler(path).start()

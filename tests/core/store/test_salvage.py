"""A damaged ledger is told, and what can be read of it is saved."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.backup import back_up, check_file
from schedkit.core.store.salvage import salvage
from schedkit.errors import LedgerError

RUNS = 60


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger with some history, which nobody uses."""
    folder = tmp_path_factory.mktemp("whole")
    with Scheduler(folder / "live.db", results=folder / "results") as sched:
        add = sched.task(name="add", max_instances=16)(lambda number: number + 1)
        for run in [add.submit(number=number) for number in range(RUNS)]:
            run.result("60s")
        back_up(folder / "live.db", folder / "ledger.db")
    return folder / "ledger.db"


def test_of_a_whole_ledger_all_is_saved(whole: Path, tmp_path: Path) -> None:
    counts = salvage(whole, tmp_path / "new.db")
    told = check_file(tmp_path / "new.db")
    assert {name: counts[name] for name in told} == told == check_file(whole)
    with closing(sqlite3.connect(tmp_path / "new.db")) as new, closing(sqlite3.connect(whole)) as old:
        for query in ("SELECT * FROM schedkit_runs ORDER BY id", "SELECT * FROM schedkit_meta ORDER BY key"):
            assert new.execute(query).fetchall() == old.execute(query).fetchall()
    with Scheduler(tmp_path / "new.db", results=tmp_path) as sched:
        assert len(sched.runs(limit=1000)) == RUNS


def damaged(whole: Path, target: Path, seed: int) -> None:
    """Write a copy of a ledger in which a page, some bits or the end is damaged."""
    rng = random.Random(seed)
    data = bytearray(whole.read_bytes())
    kind = rng.choice(["bits", "page", "zeros", "cut"])
    if kind == "bits":
        for _ in range(rng.choice([1, 50])):
            data[rng.randrange(100, len(data))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[rng.randrange(len(data) // 2, len(data)) :]
    else:
        start = rng.randrange(1, len(data) // 4096) * 4096
        data[start : start + 4096] = bytes(4096) if kind == "zeros" else rng.randbytes(4096)
    target.write_bytes(data)


def refused(function: Callable[..., object], *files: Path) -> LedgerError | None:
    try:
        function(*files)
    except LedgerError as error:
        return error
    return None


@pytest.mark.parametrize("count", [8, pytest.param(50, marks=pytest.mark.thorough)])
def test_random_corruptions(count: int, whole: Path, tmp_path: Path) -> None:
    """Each is told, or harms nothing that is read; what is saved is a ledger that opens."""
    with closing(sqlite3.connect(whole)) as connection, connection:
        known = set(connection.execute("SELECT id, task FROM schedkit_runs"))
    saved = []
    for seed in range(count):
        file, new = tmp_path / f"{seed}.db", tmp_path / f"{seed}.new.db"
        damaged(whole, file, seed)
        before = file.read_bytes()
        hints = [error.hint for error in (refused(check_file, file), refused(salvage, file, new)) if error]
        assert file.read_bytes() == before
        assert all("ledger" in hint for hint in hints)
        if not new.exists():
            continue
        check_file(new)
        with closing(sqlite3.connect(new)) as connection, connection:
            found = {row[0] for row in connection.execute("SELECT id FROM schedkit_runs")}
        saved.append(len(found & {id for id, _ in known}))
        if seed % 10 == 0:
            with Scheduler(new, results=tmp_path) as sched:
                assert len(sched.runs(limit=1000)) == len(found)
    assert len(saved) >= 0.8 * count
    assert sum(saved) >= 0.5 * RUNS * count


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500, "CREATE TABLE other (a)"])
def test_of_what_is_no_ledger_nothing_is_saved(content: bytes | str, tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(content)
    with pytest.raises(LedgerError, match="nothing in it can be read"):
        salvage(file, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_a_file_that_is_cut_short_says_what_is_left(whole: Path, tmp_path: Path) -> None:
    file = shutil.copy(whole, tmp_path / "cut.db")
    with open(file, "r+b") as opened:
        opened.truncate(whole.stat().st_size * 3 // 4)
    with pytest.raises(LedgerError, match=r"malformed|damaged|image") as told:
        check_file(Path(file))
    assert "restore FILE" in told.value.hint

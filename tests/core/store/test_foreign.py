"""A file of another program is refused as a ledger, and stays as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.store.database import Store
from schedkit.core.store.foreign import refuse_foreign_tables
from schedkit.errors import LedgerError


def database(path: Path, mode: str = "delete") -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE people (name TEXT)")
        connection.execute("INSERT INTO people VALUES ('Ann')")
        connection.commit()
    return path


@pytest.mark.parametrize("ask", [Scheduler.start, Scheduler.watch, Scheduler.runs, lambda sched: sched.nodes])
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_programs_database_is_refused_and_not_changed(
    tmp_path: Path, ask: Callable[[Scheduler], object], mode: str
) -> None:
    path = database(tmp_path / "people.db", mode)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"people.db is a database of something else: .*\(people\)"):
        ask(Scheduler(path))
    assert path.read_bytes() == before
    if mode == "delete":
        assert [file.name for file in tmp_path.iterdir()] == ["people.db"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM people").fetchall() == [("Ann",)]


def test_a_file_of_text_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("This is no database.")
    with pytest.raises(LedgerError, match="not a database"):
        Store(path).open()
    assert path.read_text() == "This is no database."


def test_an_empty_file_and_a_ledger_are_taken(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for _ in range(2):
        Store(tmp_path / "empty.db").open()
    with pytest.raises(LedgerError, match=r"\(a, b, c\)"):
        refuse_foreign_tables(["c", "d", "b", "a"], "x.db")

"""Backups of a ledger: taken while it is written to, checked, and put back."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from schedkit.cli import main
from schedkit.core.api.scheduler import Scheduler

Output = pytest.CaptureFixture[str]


def runs_in(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection, connection:
        return [row[0] for row in connection.execute("SELECT id FROM schedkit_runs ORDER BY id")]


def test_a_backup_is_the_ledger_of_a_moment_and_can_be_put_back(
    running: Scheduler, project: Path, capsys: Output
) -> None:
    first = running.submit("add")
    first.wait("60s")
    assert main(["ledger", "backup", "copy.db"]) == 0
    assert runs_in(project / "copy.db") == [first.id]
    assert (project / "copy.db").stat().st_mode & 0o077 == 0
    assert list(project.glob("copy.db-*")) == []
    later = running.submit("add")
    later.wait("60s")
    capsys.readouterr()
    assert main(["ledger", "restore", "copy.db"]) == 2
    assert "runs at the ledger" in capsys.readouterr().err
    running.stop()
    assert main(["ledger", "restore", "copy.db"]) == 0
    kept = project / ".schedkit" / "ledger.db.before-restore-1"
    assert str(kept) in capsys.readouterr().out
    assert runs_in(kept) == [first.id, later.id]
    assert main(["runs", "--json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == [first.id]
    # It is a whole ledger: processes go on with it.
    with running:
        assert running.submit("add").result("60s") == 3


def test_a_damaged_ledger_is_told_and_mended_from_a_backup(
    running: Scheduler, project: Path, capsys: Output
) -> None:
    for _ in range(20):
        running.submit("add").wait("60s")
    running.stop()
    assert main(["ledger", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 20
    assert main(["ledger", "backup", "copy.db"]) == 0
    ledger = project / ".schedkit" / "ledger.db"
    data = bytearray(ledger.read_bytes())
    data[4096 * 2 :] = b"\xff" * (len(data) - 4096 * 2)
    ledger.write_bytes(data)
    capsys.readouterr()
    assert main(["ledger", "check"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "schedkit ledger restore FILE" in line
    assert main(["ledger", "backup", "other.db"]) == 1
    assert not (project / "other.db").exists()
    assert main(["ledger", "restore", "copy.db"]) == 0
    capsys.readouterr()
    assert main(["ledger", "check"]) == 0
    assert "20 runs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file other.db"),
        (b"no database at all" * 99, "file is not a database"),
        ("CREATE TABLE a (b)", "other.db is not a ledger"),
        ("CREATE TABLE schedkit_meta (key, value); CREATE TABLE schedkit_runs (id)", "has schema none"),
    ],
)
def test_what_is_no_backup_is_not_put_back(
    running: Scheduler, project: Path, capsys: Output, content: str | bytes | None, message: str
) -> None:
    running.stop()
    before = (project / ".schedkit" / "ledger.db").read_bytes()
    if isinstance(content, bytes):
        (project / "other.db").write_bytes(content)
    elif content:
        with closing(sqlite3.connect(project / "other.db")) as connection, connection:
            connection.executescript(content)
    assert main(["ledger", "restore", "other.db"]) in (1, 2)
    assert message in capsys.readouterr().err
    assert (project / ".schedkit" / "ledger.db").read_bytes() == before


def test_the_ledger_is_no_backup_of_itself(running: Scheduler, capsys: Output) -> None:
    assert main(["ledger", "backup", ".schedkit/ledger.db"]) == 2
    assert "is the ledger itself" in capsys.readouterr().err


def test_a_server_has_its_own_tools(project: Path, capsys: Output) -> None:
    for command, tool in (("backup", "pg_dump"), ("restore", "pg_restore")):
        assert main(["ledger", command, "x", "--ledger", "postgresql://a@127.0.0.1:9/x"]) == 2
        assert tool in capsys.readouterr().err

"""A cell that reads the ledger's file costs no row, though other processes open and close the ledger."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from schedkit.core.api.scheduler import Scheduler

# Opens and closes a ledger until its standard input ends.
VISITOR = """
import sqlite3, sys, threading
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
print("here", flush=True)
while not over.wait(0.002):
    connection = sqlite3.connect(sys.argv[1], timeout=30)
    connection.execute("SELECT count(*) FROM schedkit_runs").fetchone()
    connection.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there locks belong to the handle")
@pytest.mark.parametrize("endings", [("",), ("", "-wal", "-shm")], ids=["file", "with its log"])
def test_nothing_is_lost_when_a_cell_reads_the_file(tmp_path: Path, endings: tuple[str, ...]) -> None:
    path, over = tmp_path / "a.db", threading.Event()

    def read() -> None:
        while not over.wait(0.005):
            for ending in endings:
                found = path.with_name(path.name + ending)
                if found.exists():
                    found.read_bytes()

    with Scheduler(path, results=tmp_path / "results") as sched:
        double = sched.task(name="double")(lambda n: 2 * n)
        visitor = subprocess.Popen(
            [sys.executable, "-c", VISITOR, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert visitor.stdin is not None
        assert visitor.stdout is not None
        with visitor.stdout, visitor.stdin:
            visitor.stdout.readline()
            reading = threading.Thread(target=read)
            reading.start()
            runs = [double.submit(n=n) for n in range(400)]
            assert [run.result("60s") for run in runs] == [2 * n for n in range(400)]
            over.set()
            reading.join()
        assert visitor.wait(60) == 0
    with closing(sqlite3.connect(path)) as connection:
        kept = {id for (id,) in connection.execute("SELECT id FROM schedkit_runs WHERE state = 'DONE'")}
        assert kept == {run.id for run in runs}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

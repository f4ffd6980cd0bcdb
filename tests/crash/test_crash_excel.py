"""kill -9 at any moment of an overwrite leaves the old workbook or the new one, whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from schedkit import excel

ROWS = 6_000
KILLS = min(int(os.environ.get("SCHEDKIT_KILLS", "10")), 100)

# A process that has everything imported and forks a writer for each line it reads: a kill costs
# milliseconds instead of an interpreter's start. Both write whole lines at once, for they write to one pipe.
NURSERY = """
import os, sys
import pandas as pd
from schedkit import excel

path, rows = sys.argv[1], int(sys.argv[2])
for line in sys.stdin:
    first = int(line)
    pid = os.fork()
    if not pid:
        for generation in range(first, first + 1_000):
            text = f"text of {generation}"
            frame = pd.DataFrame({"n": range(rows), "generation": generation, "text": text})
            os.write(1, b"writing\\n")
            excel.write(frame, path)
        os._exit(0)
    os.write(1, f"{pid}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"ended\\n")
"""


@contextmanager
def nursery(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(path), str(ROWS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Leaving the block closes its input, upon which it ends.
    with process:
        yield process


def kill_a_writer(process: subprocess.Popen[str], generation: int, seconds: float) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    print(generation, file=process.stdin, flush=True)
    told = [process.stdout.readline().strip() for _ in range(2)]
    (pid,) = (int(line) for line in told if line != "writing")
    # The moment of the kill is the one thing here that must be arbitrary.
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    while process.stdout.readline() != "ended\n":
        pass


def kills_leave_a_whole_workbook(path: Path, kills: int) -> None:
    """Kill writers until `kills` of them were in the midst of a file."""
    chance = random.Random(7)
    started = time.perf_counter()
    excel.write(pd.DataFrame({"n": range(ROWS), "generation": 0, "text": "text of 0"}), path)
    lasts = time.perf_counter() - started
    interrupted, leftovers = 0, set[Path]()
    with nursery(path) as process:
        for attempt in range(20 * kills):
            kill_a_writer(process, 1 + 1_000 * attempt, chance.uniform(0, 2 * lasts))
            found = {file for file in path.parent.iterdir() if file != path}
            interrupted += bool(found - leftovers)
            leftovers = found
            rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
            assert len(rows) == ROWS + 1
            assert [row[0] for row in rows[1:]] == list(range(ROWS))
            generations = {(row[1], row[2]) for row in rows[1:]}
            assert len(generations) == 1
            ((generation, text),) = generations
            assert text == f"text of {generation:.0f}"
            if interrupted == kills:
                break
    assert interrupted == kills, "the kills missed the writing"
    excel.write(pd.DataFrame({"n": [1]}), path)
    assert [file.name for file in path.parent.iterdir()] == [path.name], (
        "what killed writers left was not swept"
    )


def test_a_few_kills(tmp_path: Path) -> None:
    kills_leave_a_whole_workbook(tmp_path / "report.xlsx", 10)


@pytest.mark.crash
def test_many_kills(tmp_path: Path) -> None:
    kills_leave_a_whole_workbook(tmp_path / "report.xlsx", KILLS)

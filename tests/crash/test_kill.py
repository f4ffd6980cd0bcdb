"""Kill -9 at random instants, again and again: nothing lost, nothing twice, nothing stuck."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crash.judge import judge

PROGRAM = Path(__file__).with_name("killable.py")


class Program:
    """The killable program's forking parent."""

    def __init__(self, ledger: str, journal: Path) -> None:
        self.journal = journal
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), ledger, str(journal)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, word: str) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return int(self.line())

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ready(self, times: int) -> bool:
        return self.journal.exists() and self.journal.read_bytes().count(b"ready\n") >= times


def kill_often(where: str, journal: Path, times: int, seed: int) -> dict[str, int]:
    chance = random.Random(seed)
    program = Program(where, journal)
    ready = 0
    for number in range(times):
        pid = program.start("go")
        if number % 4:
            ready = journal.read_bytes().count(b"ready\n") if journal.exists() else 0
            give_up = time.monotonic() + 30
            while not program.ready(ready + 1):
                assert time.monotonic() < give_up, "the program does not become ready"
                time.sleep(0.005)
        # Every fourth dies while it starts, the others while they work.
        time.sleep(chance.uniform(0.0, 0.6))
        os.kill(pid, signal.SIGKILL)
        assert program.line() == f"ended {signal.SIGKILL.value}"
    program.start("settle")
    assert program.line() == "ended 0"
    program.close()
    return judge(where, journal)


def check(seen: dict[str, int], times: int) -> None:
    assert seen["due"] > 50 * times * 0.2
    assert seen["run"] > 0
    assert seen["effects"] >= seen["run"] * 0.5
    assert seen["interrupted"] > 0


def test_four_kills(tmp_path: Path) -> None:
    seen = kill_often(str(tmp_path / "ledger.db"), tmp_path / "journal", 4, seed=1)
    check(seen, 4)


@pytest.mark.crash
def test_many_kills(tmp_path: Path) -> None:
    times = int(os.environ.get("SCHEDKIT_KILLS", "20"))
    seen = kill_often(str(tmp_path / "ledger.db"), tmp_path / "journal", times, seed=2)
    print(times, "kills:", seen)
    check(seen, times)

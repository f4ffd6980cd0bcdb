"""Kill -9 at random instants, again and again: nothing lost, nothing twice, nothing stuck.

``SCHEDKIT_KILLS`` is how often (`make crash`), ``SCHEDKIT_SEED`` draws the instants of an earlier run again.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crash.disturb import DISTURBANCES, Disturbed
from crash.judge import judge
from crash.judge_ledger import judge_ledger
from crash.judge_logs import log_for

TESTS = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "crash.killable")  # in that folder: it imports what tests share
KILLS = int(os.environ.get("SCHEDKIT_KILLS", "20"))
# A troubled kill takes longer, and there are several troubles.
TROUBLED_KILLS = max(4, KILLS // 4)


class Program:
    """The killable program's forking parent."""

    def __init__(self, ledger: str, journal: Path) -> None:
        self.journal = journal
        with log_for(journal.parent, "program") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, ledger, str(journal)],
                cwd=TESTS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
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
        assert self.process.wait(60) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ready(self) -> int:
        return self.journal.read_bytes().count(b"ready\n") if self.journal.exists() else 0

    def wait_until_ready(self, times: int) -> None:
        give_up = time.monotonic() + 60
        while self.ready() < times:
            assert time.monotonic() < give_up, "the program does not become ready"
            time.sleep(0.005)


def kill_often(disturbed: Disturbed, journal: Path, times: int, seed: int) -> dict[str, int]:
    """Kill the program `times` times under a disturbance, let it settle, and judge its ledger."""
    chance = random.Random(seed)
    longest = 0.6 if disturbed.trouble is None else 2.0  # seconds
    program = Program(disturbed.ledger, journal)
    in_trouble = 0
    with disturbed.going_on(seed):
        for number in range(times):
            ready = program.ready()
            pid = program.start("go")
            # Every fourth dies while it starts, the others while they work, and of these every third as soon
            # as the store is in trouble.
            if number % 4:
                program.wait_until_ready(ready + 1)
            if number % 4 == 2:
                disturbed.wait()
                time.sleep(chance.uniform(0.0, 0.3))
            else:
                time.sleep(chance.uniform(0.0, longest))
            in_trouble += disturbed.now
            os.kill(pid, signal.SIGKILL)
            assert program.line() == f"ended {signal.SIGKILL.value}"
    program.start("settle")
    assert program.line() == "ended 0"
    program.close()
    seen = judge(disturbed.ledger, journal)
    assert judge_ledger(disturbed.ledger) == seen["runs"]
    refused = journal.read_bytes().count(b"\nrefused ")
    return seen | {"troubles": disturbed.times, "killed in trouble": in_trouble, "refused starts": refused}


def killed(folder: Path, disturbance: str, times: int, seed: int) -> dict[str, int]:
    """Kill often, and make sure that there was something to judge."""
    with DISTURBANCES[disturbance](folder) as disturbed:
        seen = kill_often(disturbed, folder / "journal", times, seed)
    assert seen["due"] > 50 * times * 0.2
    assert seen["run"] > 0
    assert seen["effects"] >= seen["run"] * 0.5
    assert seen["interrupted"] > 0
    return seen


def test_four_kills(tmp_path: Path) -> None:
    killed(tmp_path, "nothing", 4, seed=1)


@pytest.mark.crash
@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_many_kills(tmp_path: Path, disturbance: str, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SCHEDKIT_SEED") or random.randrange(2**32))
    times = KILLS if disturbance == "nothing" else TROUBLED_KILLS
    with capsys.disabled():
        print(f"\n{times} kills, disturbed by {disturbance}, SCHEDKIT_SEED={seed}", end=": ", flush=True)
    seen = killed(tmp_path, disturbance, times, seed)
    with capsys.disabled():
        print(seen)
    assert (seen["killed in trouble"] > 0) == (disturbance != "nothing")

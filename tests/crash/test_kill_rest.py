"""Kill -9 of a server at random instants: what was asked for is neither lost nor done twice.

A fifth of the runs is asked for over REST, by a client that repeats a request without answer with the same
``Idempotency-Key``. ``SCHEDKIT_KILLS`` is
how often (`make crash`), ``SCHEDKIT_SEED`` draws the instants of an earlier run again.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from crash.judge_logs import log_for

TESTS = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "crash.killable_rest")  # in that folder: it imports what tests share
KILLS = int(os.environ.get("SCHEDKIT_KILLS", "20"))


class Asking:
    """A client that asks for numbered runs, and repeats what it has no answer to."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.answered: dict[int, set[str]] = {}
        self.open: list[int] = []
        self._next = 0

    def ask(self, client: httpx.Client, number: int) -> None:
        """Ask for one run."""
        body = {"tags": ["work"], "task_type": "IMMEDIATE", "parameters": {"number": number}}
        answer = client.post("/tasks", json=body, headers={"Idempotency-Key": f"number-{number}"})
        assert answer.status_code == 201, answer.text
        self.answered.setdefault(number, set()).add(answer.json()["task_id"])

    def go_on(self, port: int, until: float, least: int = 0) -> None:
        """Ask until a time and for so many, or until the server does not answer; some are asked for twice."""
        wanted = len(self.answered) + least
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            while time.monotonic() < until or len(self.answered) < wanted:
                if not self.open:
                    self.open.append(self._next)
                    self._next += 1
                try:
                    self.ask(client, self.open[0])
                    if self.chance.random() < 0.1:
                        self.ask(client, self.open[0])
                except httpx.TransportError:
                    return
                del self.open[0]


def ready(journal: Path, times: int) -> int:
    """Return the port of the server that is ready."""
    end = time.monotonic() + 300
    while True:
        lines = journal.read_text().splitlines() if journal.exists() else []
        ports = [int(line.split()[1]) for line in lines if line.startswith("ready ")]
        if len(ports) >= times:
            return ports[-1]
        assert time.monotonic() < end, "the server does not become ready"
        time.sleep(0.005)


def killed(folder: Path, times: int, seed: int) -> dict[str, int]:
    """Kill the server `times` times while it is asked; return what there was to judge."""
    chance, journal, ledger = random.Random(seed), folder / "journal", folder / "ledger.db"
    command = [*PROGRAM, str(ledger), str(journal)]
    pipes = {"cwd": TESTS, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    asking = Asking(chance)
    with log_for(folder, "server") as log, subprocess.Popen(command, stderr=log, **pipes) as program:
        for number in range(times):
            _tell(program, "go")
            pid = int(program.stdout.readline())
            port = ready(journal, number + 1)
            asking.go_on(port, 0.0, least=2)
            killer = subprocess.Popen(["sh", "-c", f"sleep {chance.uniform(0.05, 0.6):.3f}; kill -9 {pid}"])
            asking.go_on(port, time.monotonic() + 30)
            killer.wait(30)
            assert program.stdout.readline().strip() == f"ended {signal.SIGKILL.value}"
        _tell(program, "settle")
        program.stdout.readline()
        port = ready(journal, times + 1)
        asking.go_on(port, time.monotonic() + 0.2, least=1)
        _tell(program, "all is asked for")
        assert program.stdout.readline().strip() == "ended 0"
    return judge(ledger, journal, asking)


def _tell(program: subprocess.Popen[str], word: str) -> None:
    assert program.stdin is not None
    program.stdin.write(word + "\n")
    program.stdin.flush()


def judge(ledger: Path, journal: Path, asking: Asking) -> dict[str, int]:
    """Make sure that each number that was asked for has that run and no other, and that it is DONE."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        rows = connection.execute(
            "SELECT json_extract(params, '$.number'), id, state FROM schedkit_runs"
        ).fetchall()
    connection.close()
    lines = [line.split() for line in journal.read_text().splitlines()]
    asked = {str(number): ids for number, ids in asking.answered.items()}
    asked |= {line[1]: {line[2]} for line in lines if line[0] == "asked"}  # in the process itself
    runs: dict[str, list[tuple[str, str]]] = {}
    for number, id, state in rows:
        runs.setdefault(str(number), []).append((id, state))
    doubled = {number: found for number, found in runs.items() if len(found) > 1}
    assert doubled == {}
    lost = [number for number in asked if number not in runs]
    assert lost == []
    assert {state for found in runs.values() for _, state in found} == {"DONE"}
    for number, ids in asked.items():
        assert ids == {runs[number][0][0]}
    effects = [line[1] for line in lines if line[0] == "effect"]
    assert set(effects) == set(runs)
    assert len(runs) >= 5 * len(asking.answered)
    return {"asked": len(asking.answered), "effects": len(effects), "runs": len(rows)}


def test_four_kills(tmp_path: Path) -> None:
    seen = killed(tmp_path, 4, seed=1)
    assert seen["asked"] > 4


@pytest.mark.crash
def test_many_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SCHEDKIT_SEED") or random.randrange(2**32))
    with capsys.disabled():
        print(f"\n{KILLS} kills of a server, SCHEDKIT_SEED={seed}", end=": ", flush=True)
    seen = killed(tmp_path, KILLS, seed)
    with capsys.disabled():
        print(seen)
    assert seen["asked"] > KILLS

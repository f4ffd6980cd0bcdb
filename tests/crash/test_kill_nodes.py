"""Kill -9 of one, two or all of three nodes at a ledger, and SIGSTOP beyond the lease.

On PostgreSQL its server is killed too. ``SCHEDKIT_KILLS`` is how many processes are killed (`make crash`),
``SCHEDKIT_SEED`` draws the instants of an earlier run again.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from crash.judge_logs import log_for
from crash.judge_nodes import judge_nodes
from crash.killable_nodes import LEASE_SECONDS, NAMES, PERIODS
from support.postgres_server import kill, postgres_server, revive

TESTS = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "crash.killable_nodes")  # in that folder: it imports what tests share
KILLS = int(os.environ.get("SCHEDKIT_KILLS", "20"))
STOPS = max(2, KILLS * 30 // 200)
# The server is killed with so many nodes.
SERVER_EVERY = 7


class Nodes:
    """Three nodes at a ledger, each with a forking parent."""

    def __init__(self, where: str, folder: Path) -> None:
        self.effects = folder / "effects"
        self.killed: dict[int, int] = {}
        self._pids: dict[str, int] = {}
        self._parents: dict[str, subprocess.Popen[str]] = {}
        for name in NAMES:
            with log_for(folder, name) as log:
                self._parents[name] = subprocess.Popen(
                    [*PROGRAM, where, str(folder), name],
                    cwd=TESTS,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )

    def start(self, name: str, word: str = "go") -> None:
        stdin = self._parents[name].stdin
        assert stdin is not None
        stdin.write(f"{word}\n")
        stdin.flush()
        self._pids[name] = int(self._line(name))

    def _line(self, name: str) -> str:
        stdout = self._parents[name].stdout
        assert stdout is not None
        return stdout.readline().strip()

    def send(self, name: str, number: signal.Signals) -> None:
        os.kill(self._pids[name], number)

    def kill(self, name: str) -> None:
        self.killed[self._pids[name]] = time.monotonic_ns()
        self.send(name, signal.SIGKILL)
        assert self._line(name) == f"ended {signal.SIGKILL.value}"

    def settle(self) -> None:
        """Let one node, which has the code of all, bring everything to its end."""
        for name in NAMES:
            self.kill(name)
        self.start(NAMES[0], "settle")
        assert self._line(NAMES[0]) == "ended 0"

    def ready(self) -> int:
        return self.said("ready ")

    def said(self, word: str) -> int:
        """Return how often nodes have left a line that begins so."""
        return self.effects.read_text().count(word) if self.effects.exists() else 0

    def wait_until_ready(self, times: int) -> None:
        self.wait_until_said("ready ", times)

    def wait_until_said(self, word: str, times: int) -> None:
        give_up = time.monotonic() + 120
        while self.said(word) < times:
            assert time.monotonic() < give_up, f"the nodes do not say {word}"
            time.sleep(0.01)

    def close(self) -> None:
        for parent in self._parents.values():
            with parent:
                parent.kill()


@contextmanager
def three(where: str, folder: Path, word: str = "go") -> Iterator[Nodes]:
    """Three nodes that are ready."""
    nodes = Nodes(where, folder)
    try:
        for name in NAMES:
            nodes.start(name, word)
        nodes.wait_until_ready(len(NAMES))
        yield nodes
    finally:
        nodes.close()


def kill_some(nodes: Nodes, times: int, chance: random.Random, server: Any = None) -> None:
    """Kill so many nodes, one, two or all at once, while they work or start; start them again."""
    done = servers = 0
    while done < times:
        ready = nodes.ready()
        victims = chance.sample(NAMES, chance.choices((1, 2, 3), (5, 3, 2))[0])
        for name in victims:
            nodes.kill(name)
        done += len(victims)
        if server is not None and done // SERVER_EVERY > servers:
            servers = done // SERVER_EVERY
            kill(server)
            time.sleep(chance.uniform(0.0, 0.5))
            revive(server)
        for name in victims:
            time.sleep(chance.uniform(0.0, 0.3))
            nodes.start(name)
        if chance.random() < 0.7:  # else some are killed while they start
            nodes.wait_until_ready(ready + len(victims))
        time.sleep(chance.uniform(0.0, 0.6))


def stop_some(nodes: Nodes, times: int, chance: random.Random) -> None:
    """Let nodes stand still for longer than their lease, so many times."""
    for _ in range(times):
        name = chance.choice(NAMES)
        nodes.send(name, signal.SIGSTOP)
        time.sleep(LEASE_SECONDS + chance.uniform(0.2, 1.5))
        nodes.send(name, signal.SIGCONT)
        time.sleep(chance.uniform(0.0, 0.5))


def campaign(
    where: str, folder: Path, kills: int, stops: int, seed: int, server: Any = None
) -> dict[str, int]:
    """Kill and stop nodes, let everything come to its end, and judge what is left."""
    chance = random.Random(seed)
    with three(where, folder) as nodes:
        kill_some(nodes, kills, chance, server)
        stop_some(nodes, stops, chance)
        nodes.settle()
    seen = judge_nodes(where, nodes.effects, PERIODS, nodes.killed, alone=server is None)
    assert seen["runs"] > kills
    assert seen["due"] > 10 * kills
    return seen


def told(capsys: pytest.CaptureFixture[str], what: str) -> int:
    """Print what begins and return its seed."""
    seed = int(os.environ.get("SCHEDKIT_SEED") or random.randrange(2**32))
    with capsys.disabled():
        print(f"\n{KILLS} kills of nodes {what}, {STOPS} stops, SCHEDKIT_SEED={seed}", end=": ", flush=True)
    return seed


def test_a_few_kills_of_nodes(tmp_path: Path) -> None:
    campaign(str(tmp_path / "ledger.db"), tmp_path, 3, 0, seed=1)


def look_from_outside(ledger: Path) -> None:
    """Open and close the ledger as a tool does: the last one to close it removes the log."""
    with closing(sqlite3.connect(ledger, timeout=60)) as connection:
        connection.execute("SELECT count(*) FROM schedkit_runs").fetchone()


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="the locks of other systems are described, not tested")
def test_nodes_that_read_the_files_of_their_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger" / "ledger.db"
    ledger.parent.mkdir()
    with three(str(ledger), tmp_path, "read") as nodes:
        for number in range(KILLS):
            nodes.wait_until_said("read ", nodes.said("read ") + len(NAMES))
            look_from_outside(ledger)
            if number % 5 == 4:
                ready = nodes.ready()
                nodes.kill(NAMES[number % 3])
                nodes.start(NAMES[number % 3], "read")
                nodes.wait_until_ready(ready + 1)
        nodes.settle()
    seen = judge_nodes(str(ledger), nodes.effects, PERIODS, nodes.killed, alone=True)
    reads = nodes.said("read ")
    with capsys.disabled():
        print(f"\n{reads} reads of the ledger's files by three nodes: {seen}")
    assert reads >= KILLS * len(NAMES)
    assert seen["runs"] > 0


@pytest.mark.crash
def test_many_kills_of_nodes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = told(capsys, "on SQLite")
    seen = campaign(str(tmp_path / "ledger.db"), tmp_path, KILLS, STOPS, seed)
    with capsys.disabled():
        print(seen)
    assert seen["interrupted"] > 0


@pytest.mark.crash
def test_many_kills_of_nodes_and_their_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = told(capsys, "on PostgreSQL, and of its server")
    with postgres_server() as server:
        seen = campaign(server.get_uri(), tmp_path, KILLS, STOPS, seed, server)
        with capsys.disabled():
            print(seen)
    assert seen["interrupted"] > 0

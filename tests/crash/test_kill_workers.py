"""Kill -9 of homes and workers of a cluster on PostgreSQL, and SIGSTOP of workers beyond the lease.

``SCHEDKIT_KILLS`` is how many processes are killed at least (`make crash`), ``SCHEDKIT_SEED`` draws the
instants of an earlier run again. ``SCHEDKIT_DUE`` is how many due times there are at least,
``SCHEDKIT_NODES`` how many homes, ``SCHEDKIT_PAUSE`` how many seconds a process is away at most, and
``SCHEDKIT_LEASE`` the lease: three seconds are short where other programs keep the machine busy.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from crash.judge_nodes import judge_nodes
from crash.judge_workers import judge_workers
from crash.killable_workers import LEASE_SECONDS
from crash.worker_effects import NAMES, PERIODS
from support.clusters import dask_scheduler
from support.postgres_server import kill, postgres_server, revive

TESTS = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "crash.killable_workers")
KILLS = int(os.environ.get("SCHEDKIT_KILLS", "20"))
KILLS = KILLS // 2 if KILLS < 100 else KILLS  # those of the short form are to take a minute
STOPS = max(1, KILLS // 20)
DUE = int(os.environ.get("SCHEDKIT_DUE", "0"))
PAUSE = float(os.environ.get("SCHEDKIT_PAUSE", "0.4"))
WORKERS = ("w1", "w2", "w3")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


class Processes:
    """Homes and workers, each with a forking parent."""

    def __init__(self, where: str, folder: Path, dask: str) -> None:
        self.effects = folder / "effects"
        self._pids: dict[str, int] = {}
        self._parents: dict[str, Any] = {}
        for name in (*NAMES, *WORKERS):
            of_kind = ("home", where) if name in NAMES else ("worker",)
            self._parents[name] = subprocess.Popen(
                [*PROGRAM, *of_kind, str(folder), name, dask],
                cwd=TESTS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )

    def start(self, name: str, word: str = "go") -> None:
        stdin = self._parents[name].stdin
        stdin.write(f"{word}\n")
        stdin.flush()
        self._pids[name] = int(self._line(name))

    def _line(self, name: str) -> str:
        return str(self._parents[name].stdout.readline().strip())

    def send(self, name: str, number: signal.Signals) -> None:
        os.kill(self._pids[name], number)

    def kill(self, name: str) -> None:
        os.kill(self._pids.pop(name), signal.SIGKILL)  # its pid may be another's from now on
        assert self._line(name) == f"ended {signal.SIGKILL.value}"

    def settle(self) -> None:
        """Let one home, which has the code of all, bring everything to its end."""
        for name in NAMES:
            self.kill(name)
        self.start(NAMES[0], "settle")
        assert self._line(NAMES[0]) == "ended 0"
        del self._pids[NAMES[0]]

    def wait_for_more(self, attempts: int) -> None:
        """Wait until so many more attempts have begun."""
        begun, until = self.begun(), time.monotonic() + 300
        while self.begun() < begun + attempts:
            assert time.monotonic() < until, "no attempt begins"
            time.sleep(0.02)

    def begun(self) -> int:
        return self.effects.read_text().count("begin ") if self.effects.exists() else 0

    def close(self) -> None:
        for parent in self._parents.values():
            with parent:
                parent.kill()
        for pid in self._pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def running(where: str, folder: Path) -> Iterator[Processes]:
    """Homes and three workers that have carried something out."""
    with dask_scheduler() as cluster:
        processes = Processes(where, folder, cluster.scheduler_address)
        try:
            for name in (*WORKERS, *NAMES):
                processes.start(name)
            processes.wait_for_more(4)
            yield processes
        finally:
            processes.close()


def campaign(where: str, folder: Path, kills: int, stops: int, seed: int, server: Any) -> dict[str, int]:
    """Kill homes and workers, let workers stand still, let everything come to its end, and judge it."""
    chance, done = random.Random(seed), 0
    with running(where, folder) as processes:
        each_second = len(NAMES) * sum(1e6 / period for period in PERIODS.values())
        until = time.monotonic() + DUE / each_second
        restarts = [kills // 3, 2 * kills // 3] if kills >= 40 else []
        while done < kills or time.monotonic() < until:
            name = chance.choice(WORKERS if done % 3 else NAMES)
            processes.kill(name)
            if done in restarts:
                kill(server)
                revive(server)
            time.sleep(chance.uniform(0.0, PAUSE))
            processes.start(name)
            processes.wait_for_more(chance.randint(1, 8))
            done += 1
        for _ in range(stops):
            name = chance.choice(WORKERS)
            processes.send(name, signal.SIGSTOP)
            time.sleep(LEASE_SECONDS + chance.uniform(0.2, 1.0))
            processes.send(name, signal.SIGCONT)
            processes.wait_for_more(2)
        processes.settle()
    seen = judge_nodes(where, processes.effects, PERIODS, {}, alone=False)
    return {"killed": done, **seen, **judge_workers(processes.effects)}


@pytest.mark.crash
def test_kills_of_homes_and_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SCHEDKIT_SEED") or random.randrange(2**32))
    with capsys.disabled():
        print(
            f"\n{KILLS} kills of homes and workers, {STOPS} stops, SCHEDKIT_SEED={seed}", end=": ", flush=True
        )
    with postgres_server() as server:
        seen = campaign(server.get_uri(), tmp_path, KILLS, STOPS, seed, server)
    with capsys.disabled():
        print(seen)
    assert seen["runs"] > 2 * KILLS
    assert seen["due"] >= DUE
    assert KILLS < 40 or seen["interrupted"] > 0

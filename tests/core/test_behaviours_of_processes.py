"""Behaviours 2 and 4 of the ten (see test_behaviours.py), with several real processes at one ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash.judge import judge

from schedkit.core.api.scheduler import Scheduler
from schedkit.core.states import Outcome, State
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger

# Seconds after which a process is killed, so that who waits for its words does not wait for ever.
PATIENCE = 60.0
PROGRAM = Path(__file__).parents[1] / "support" / "owning_process.py"
Begin = Callable[[str], "Process"]


class Process:
    """One of them."""

    def __init__(self, where: str, folder: Path, name: str) -> None:
        self.name = name
        self.popen = subprocess.Popen(
            [sys.executable, str(PROGRAM), where, str(folder / "results"), str(folder / "journal"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._unasked: list[str] = []  # it says its state from another thread: two words may come either way
        self.limit = threading.Timer(PATIENCE, self.popen.kill)
        self.limit.start()

    def tell(self, word: str) -> None:
        assert self.popen.stdin is not None
        assert self.popen.poll() is None, f"{self.name} has ended, or was killed after {PATIENCE:g} s"
        self.popen.stdin.write(f"{word}\n")
        self.popen.stdin.flush()

    def hear(self, word: str) -> None:
        assert self.popen.stdout is not None
        while word not in self._unasked:
            line = self.popen.stdout.readline().strip()
            assert line, f"{self.name} ended without saying {word!r}"
            self._unasked.append(line)
        self._unasked.remove(word)

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def end(self) -> None:
        self.tell("end")
        self.hear("ended")
        assert self.popen.wait(30) == 0


@pytest.fixture
def begin(where: str, tmp_path: Path) -> Iterator[Begin]:
    """Begins processes at the ledger `where`; they are ended with the test."""
    begun: list[Process] = []

    def one(name: str) -> Process:
        begun.append(Process(where, tmp_path, name))
        return begun[-1]

    yield one
    for process in begun:
        process.limit.cancel()
        with process.popen:
            process.popen.kill()


def effects(folder: Path) -> int:
    journal = folder / "journal"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_behaviour_2_processes_that_race_for_a_ledger_run_no_time_twice(
    begin: Begin, where: str, tmp_path: Path
) -> None:
    """Four begin at one instant; whoever owns the ledger is killed, then the next; the last one ends."""
    racing = {name: begin(name) for name in ("a", "b", "c", "d")}
    for process in racing.values():
        process.hear("started")
    store = Store(where)
    ledger = Ledger(store)
    while racing:
        while (owner := ledger.holder()) is None or owner.owner not in racing:
            pass  # the lease of one that was killed runs out
        first = racing.pop(owner.owner)
        first.hear("running")
        seen = effects(tmp_path)
        while effects(tmp_path) < seen + 10:
            assert first.popen.poll() is None
        if racing:
            first.send(signal.SIGKILL)
        else:
            first.end()
    times = [run.scheduled_at for run in ledger.runs(limit=100_000) if run.scheduled_at is not None]
    store.close()
    assert len(set(times)) == len(times), "one time, two runs"
    # Forty effects at least; some are the second of a run whose first owner was killed after its effect.
    assert judge(where, tmp_path / "journal")["run"] >= 30


@pytest.mark.parametrize("where", ["postgres"], indirect=True)
@pytest.mark.parametrize("what", ["process", "loop"])
def test_behaviour_4_a_runner_that_stood_still_past_its_lease_cannot_record_success(
    begin: Begin, where: str, tmp_path: Path, what: str
) -> None:
    """SIGSTOP stops the whole process (a laptop's sleep). Else only our loop stands still, and the thread
    that writes, which could go on renewing the lease, must not."""
    stale = begin("stale")
    stale.hear("running")
    sched = Scheduler(where, results=tmp_path / "results", name="fresh", lease="1s")
    with sched.viewing():
        run = sched.submit("held")
    stale.hear("entered")
    if what == "process":
        stale.send(signal.SIGSTOP)
    else:
        stale.tell("stall")
        stale.hear("standing")
    fresh = begin("fresh")
    fresh.hear("running")  # the store's clock has judged the lease of the other, which is alive, to be over
    fresh.hear("entered")
    # The stale attempt returns while the fresh one still runs: the worst moment.
    stale.tell("release")
    if what == "process":
        stale.send(signal.SIGCONT)
    else:
        stale.tell("wake")
    stale.hear("viewer")
    with sched.viewing():
        assert (run.state, run.run.attempt) == (State.RUNNING, 2)
        assert [attempt.outcome for attempt in run.attempts] == [Outcome.INTERRUPTED]
        fresh.tell("release")
        assert run.result("20s") == "by fresh"
        assert [attempt.outcome for attempt in run.attempts] == [Outcome.INTERRUPTED, Outcome.DONE]
        assert [attempt.owner for attempt in run.attempts] == ["fresh", "fresh"]
    fresh.end()
    stale.hear("running")  # it stands by: the ledger is its own again
    stale.end()
    sched._ledger.store.close()

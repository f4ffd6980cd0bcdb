"""100 runs a second for a while: nothing lost or doubled, and neither memory nor files grow.

``SCHEDKIT_SOAK`` is for how many seconds, such as 1800.
"""

from __future__ import annotations

import functools
import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from operator import and_, or_
from pathlib import Path
from typing import Any

import pytest
from crash.judge_nodes import judge_nodes
from crash.soaking import PERIODS, TASKS

TESTS = Path(__file__).parents[1]
SECONDS = float(os.environ.get("SCHEDKIT_SOAK", "20"))
# Megabytes; megabytes of SQLite's log, which the writer itself moves at 50,000 pages; bytes.
MOST_GROWTH, MOST_LOG, MOST_PER_RUN = 5.0, 220.0, 2000
SIZES = ("megabytes", "log megabytes", "ledger bytes")
# What may be added, by how its name begins, and how many. Files: other connections of the pool of readers,
# each with the ledger and its log; and the ledger as a connection that is closed had it open, which SQLite
# keeps for the next one while others hold locks. Threads: those of AnyIO; and those for tasks, of which there
# are more than runs at once where one has told that its run ended, but not yet that it is idle, when the next
# run begins.
POOLS = {"files": (("ledger.db",), 4), "threads": (("schedkit-task-", "AnyIO worker thread"), 6)}


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_soak_is_flat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = tmp_path / "ledger.db"
    ended = subprocess.run(
        [sys.executable, "-m", "crash.soaking", str(ledger), str(tmp_path), str(SECONDS)],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    samples = [json.loads(line) for line in ended.stdout.splitlines()]
    seen = judge_nodes(str(ledger), tmp_path / "effects", PERIODS, {}, alone=True)
    assert seen["due"] > 0.9 * SECONDS * TASKS * 1e6 / PERIODS["tick"]
    # What is imported and cached in the beginning is no growth.
    part = max(1, len(samples) // 5)
    first, last = samples[part : 2 * part], samples[-part:]
    growth = {name: _median(last, name) - _median(first, name) for name in SIZES}
    with capsys.disabled():
        print(f"\n{SECONDS:.0f} s: {seen}, growth {growth}")
        print(f"in the beginning {first[0]}\nin the end {last[-1]}")
        for name in POOLS:
            print(f"{name} that were not there in the beginning: {_added(first, samples, name)}")
    assert growth["megabytes"] <= MOST_GROWTH
    for name, (pool, most) in POOLS.items():
        added = _added(first, last, name)
        assert all(each.startswith(pool) for each in added), f"{name} that were not there: {added}"
        assert added.total() <= most, f"more {name} than in the beginning: {added}"
    assert max(each["log megabytes"] for each in samples) <= MOST_LOG
    assert ledger.stat().st_size <= MOST_PER_RUN * seen["runs"] + 2**20


def _median(samples: list[dict[str, Any]], name: str) -> float:
    return statistics.median(each[name] for each in samples)


def _added(first: list[dict[str, Any]], last: list[dict[str, Any]], name: str) -> Counter[str]:
    """Return what all of the last samples hold, and none of the first: a leak stays, work comes and goes."""
    before = functools.reduce(or_, (Counter(each[name]) for each in first))
    return functools.reduce(and_, (Counter(each[name]) for each in last)) - before

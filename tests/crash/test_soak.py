"""100 runs a second for a while: nothing lost or doubled, and neither memory nor files grow.

``SCHEDKIT_SOAK`` is for how many seconds, such as 1800.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from crash.judge_nodes import judge_nodes
from crash.soaking import PERIODS, TASKS

TESTS = Path(__file__).parents[1]
SECONDS = float(os.environ.get("SCHEDKIT_SOAK", "20"))
# Megabytes; megabytes of SQLite's log, which the writer itself moves at 50,000 pages; bytes.
MOST_GROWTH, MOST_LOG, MOST_PER_RUN = 5.0, 220.0, 2000
# Threads of a pool, and its connections' files, come and go with the load.
MOST_OF_POOLS = 4


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
    growth = {name: _median(last, name) - _median(first, name) for name in samples[0]}
    with capsys.disabled():
        print(f"\n{SECONDS:.0f} s: {seen}, growth {growth}, in the end {samples[-1]}")
    assert growth["megabytes"] <= MOST_GROWTH
    for name in ("files", "threads"):
        assert growth[name] <= MOST_OF_POOLS, f"more {name} than pools of connections and threads have"
    assert max(each["log megabytes"] for each in samples) <= MOST_LOG
    assert ledger.stat().st_size <= MOST_PER_RUN * seen["runs"] + 2**20


def _median(samples: list[dict[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in samples)

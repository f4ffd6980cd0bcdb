"""`schedkit demo --keep`, killed with -9 and started again, loses no due time."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from schedkit.core.states import State
from schedkit.core.store.database import Store
from schedkit.core.store.reader import Ledger

ROOT = Path(__file__).parents[2]
PERIOD = timedelta(seconds=1)


def start(folder: Path) -> tuple[subprocess.Popen[str], dict[str, object]]:
    command = [sys.executable, "-c", "from schedkit.cli import main; raise SystemExit(main())"]
    child = subprocess.Popen(
        [*command, "demo", "--keep", "--json", "--issues", "200"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert child.stdout is not None
    return child, json.loads(child.stdout.readline())


def scheduled_runs_grow_beyond(ledger: Ledger, count: int) -> None:
    """Return when more than `count` scheduled runs have ended; the ledger tells."""
    pause = threading.Event()
    while len(ended(ledger)) <= count:
        pause.wait(0.05)  # another process writes; only its ledger can tell


def ended(ledger: Ledger) -> list[object]:
    runs = ledger.runs("open-bugs", limit=1000)
    return [run for run in runs if run.cause == "schedule" and run.state.final]


@pytest.mark.crash
def test_no_due_time_is_lost(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    report = (ROOT / "reports" / "demo.yaml").read_text(encoding="utf-8")
    assert "every: 30s" in report
    (tmp_path / "reports" / "demo.yaml").write_text(report.replace("every: 30s", "every: 1s"))
    (tmp_path / "schedkit.yaml").write_text("")
    kills = min(int(os.environ.get("SCHEDKIT_KILLS", "3")), 5)
    for number in range(kills):
        child, facts = start(tmp_path)
        try:
            assert facts["rows"]
            ledger = Ledger(Store(tmp_path / "reports" / "out" / "demo.db"))
            scheduled_runs_grow_beyond(ledger, len(ended(ledger)) + 1)
        finally:
            child.send_signal(signal.SIGKILL if number < kills - 1 else signal.SIGINT)
            child.wait(60)
            assert child.stdout is not None
            child.stdout.close()
    assert child.returncode == 0
    times = sorted(run.scheduled_at for run in ledger.runs("open-bugs", limit=10_000) if run.scheduled_at)
    assert len(times) == len(set(times))
    spans = [(time, time) for time in times]
    spans += [(fire.scheduled_at, fire.until) for fire in ledger.fires("open-bugs", limit=10_000)]
    spans.sort()
    for (_, end), (start_, _) in itertools.pairwise(spans):
        assert start_ - end == PERIOD, "every due time between has exactly one outcome"
    left = [run for run in ledger.runs("open-bugs", limit=10_000) if not run.state.final]
    assert len(left) <= 1
    assert all(run.state is not State.RUNNING for run in left)

"""What must be true of any ledger, whatever its tasks are; shares no code with schedkit."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from crash.judge_nodes import FINAL, rows_of

__all__ = ["judge_ledger", "ledgers_in"]


def ledgers_in(folder: Path) -> list[Path]:
    """Return the SQLite ledgers below a folder."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_ledger(path)]


def _is_ledger(path: Path) -> bool:
    with open(path, "rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            return False
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE name = 'schedkit_runs'").fetchall()
    return bool(names)


def judge_ledger(where: str) -> int:
    """Assert what must be true; return how many runs the ledger has."""
    if "://" not in where:
        with closing(sqlite3.connect(f"file:{where}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    _, runs, attempts, fires = rows_of(where)
    _judge_due_times(runs, fires)
    of_run = defaultdict[str, list[Mapping[str, Any]]](list)
    for row in attempts:
        of_run[row["run"]].append(row)
    for run in runs:
        _judge_run(run, of_run.pop(run["id"], []))
    assert not of_run, f"attempts of no run: {list(of_run)[:5]}"
    return len(runs)


def _judge_due_times(runs: Iterable[Mapping[str, Any]], fires: Iterable[Mapping[str, Any]]) -> None:
    """Assert that no due time has two runs, and none that was passed over has one of the clock's."""
    times = Counter((run["task"], run["scheduled_at"]) for run in runs if run["scheduled_at"] is not None)
    twice = [key for key, number in times.items() if number > 1]
    assert not twice, f"due times with two runs: {twice[:5]}"
    spans = defaultdict[str, list[tuple[int, int]]](list)
    for fire in fires:
        spans[fire["task"]].append((fire["scheduled_at"], fire["until"]))
    for task, found in spans.items():
        found.sort()
        for (_, end), (begin, _) in pairwise(found):
            assert end < begin, f"{task}: due times passed over twice from {begin} to {end}"
    for run in runs:
        at, passed = run["scheduled_at"], spans.get(run["task"])
        if run["cause"] != "schedule" or passed is None:
            continue
        place = bisect_right(passed, (at, 2**63)) - 1
        assert place < 0 or passed[place][1] < at, f"a due time that was passed over has a run: {run}"


def _judge_run(run: Mapping[str, Any], attempts: list[Mapping[str, Any]]) -> None:
    """Assert that the attempts of a run explain its state."""
    numbers = sorted(row["number"] for row in attempts)
    assert numbers == list(range(1, run["attempt"] + 1)), f"{numbers} for {run}"
    outcomes = Counter(row["outcome"] for row in attempts)
    assert run["interruptions"] == outcomes["interrupted"], f"{dict(outcomes)} for {run}"
    assert outcomes["done"] <= 1, f"{dict(outcomes)} for {run}"
    if run["state"] == "DONE":
        assert outcomes["done"] == 1, f"{dict(outcomes)} for {run}"
    if run["state"] in FINAL:
        assert outcomes[None] == 0, f"an attempt is open: {run}"
        assert run["finished_at"] is not None, f"no end: {run}"
    else:
        assert outcomes["done"] == 0, f"{dict(outcomes)} for {run}"
        assert outcomes[None] == (run["state"] == "RUNNING"), f"{dict(outcomes)} for {run}"

"""The weekly pack of 20,000 issues with 400,000 changes; jira-agile-metrics 0.24 where it is installed.

The peer needs Python 3.11 with pandas 1.5.3, so it stands in an environment of its own, whose interpreter
`SCHEDKIT_BENCH_AGILE_METRICS` names; without it only ours is measured. It takes a minute and a half or more
for all issues: `SCHEDKIT_BENCH_FLOW_ISSUES` makes the input smaller for both.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from bench.common import Row, median, seconds
from bench.flow_input import CATEGORIES, STATUSES, frames
from schedkit import flow

ISSUES = int(os.environ.get("SCHEDKIT_BENCH_FLOW_ISSUES", "20000"))
PEER = os.environ.get("SCHEDKIT_BENCH_AGILE_METRICS")
NOW = "2025-10-01"
LIMIT, GROWTH, PICTURE, RATIO = 0.6, 12.0, 0.25, 100.0


def packed(issues: pd.DataFrame, changes: pd.DataFrame, sprints: pd.DataFrame) -> flow.Pack:
    history = flow.History(issues, changes, now=NOW)
    return flow.pack(history, sprints=sprints, waiting=["Review"], points="Story Points")


def rows() -> Iterator[Row]:
    given = frames(ISSUES)
    found = packed(*given)
    assert not found.skipped, found.skipped
    mine = median(seconds(lambda: packed(*given)) for _ in range(5))
    name = f"weekly pack, {ISSUES} issues, {len(given[1])} changes"
    yield Row(f"{name}: {len(found)} figures", mine, LIMIT, "limit", "s", mine / LIMIT, 1.0, "<=")
    found.plot("throughput")  # the import of Matplotlib
    slowest = max(median(seconds(lambda n=n: drawn(found, n)) for _ in range(3)) for n in found)
    yield Row("the slowest of its pictures", slowest, PICTURE, "limit", "s", slowest / PICTURE, 1.0, "<=")
    if ISSUES <= 20_000:
        ten = frames(ISSUES * 10)
        large = seconds(lambda: packed(*ten))
        yield Row(f"{name}: ten times as many", large, mine, "one time", "s", large / mine, GROWTH, "<=")
    if PEER:
        theirs, dates = peer(*given[:2])
        yield Row(f"{name}: all figures", mine, theirs, "jira-agile-metrics", "s", theirs / mine, RATIO)
        shared = median(seconds(lambda: figures_of_both(*given[:2])) for _ in range(5))
        yield Row(f"{name}: those of both", shared, theirs, "jira-agile-metrics", "s", theirs / shared, RATIO)
        # The peer cuts nothing off: until after the last change.
        yield from agreement(flow.cycle_times(*given[:2], until=given[1]["When"].max()), dates)


def figures_of_both(issues: pd.DataFrame, changes: pd.DataFrame) -> None:
    """Make what the peer is asked for: its six tables."""
    history = flow.History(issues, changes, now=NOW)
    finished = flow.cycle_times(history)
    flow.cumulative_flow(history)
    flow.control_chart(history)
    flow.cycle_histogram(history)
    flow.throughput(finished)
    flow.cycle_percentiles(history)


def agreement(mine: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[Row]:
    """Yield on how many issues both have one day for a start and a finish.

    The peer keeps no start of an issue that skipped to done, and after a move back its start is the first day
    in progress since; ours is the last time out of To Do.
    """
    both = mine.set_index("Key").join(theirs.set_index("ID"))
    for ours, name in (("Finished", "Done"), ("Started", "In Progress")):
        days = both[ours].dt.strftime("%Y-%m-%d")
        found = days.notna() & both[name].notna() & both["Done"].notna()
        same = int((days == both[name])[found].sum())
        told = f"{ours.lower()} on the same day, of those that both have"
        yield Row(told, same, int(found.sum()), "jira-agile-metrics", "issues", same / int(found.sum()), 0.99)
        alone = (int((days.notna() & both[name].isna()).sum()), int((days.isna() & both[name].notna()).sum()))
        yield Row(f"{ours.lower()} in one of the two only", *alone, "jira-agile-metrics", "issues", 0, None)


def drawn(found: flow.Pack, name: str) -> None:
    figure: Any = found.plot(name)
    with tempfile.TemporaryFile() as file:
        figure.savefig(file, dpi=150)


def peer(issues: pd.DataFrame, changes: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """Return the seconds that the peer takes for its figures of the same input, and its days by issue."""
    ordered = changes.sort_values("When", kind="stable")
    texts = [ordered[side].astype(object).where(ordered[side].notna(), None) for side in ("From", "To")]
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "input.json"
        told = {
            "statuses": list(zip(STATUSES, CATEGORIES, strict=True)),
            "issues": [[key, at.isoformat(), status] for key, at, status in zip(
                issues["Key"], issues["Created"], issues["Status"], strict=True)],
            "changes": [[key, at.isoformat(), field, was, now] for key, at, field, was, now in zip(
                ordered["Key"], ordered["When"], ordered["Field"], *texts, strict=True)],
        }  # fmt: skip
        given.write_text(json.dumps(told))
        script = Path(__file__).with_name("agile_metrics_side.py")
        # It writes its tables to the working folder.
        command = [str(PEER), str(script), str(given)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return float(done.stdout.split()[-1]), pd.read_csv(Path(folder) / "cycle.csv", dtype="str")

"""The standing page of the latest runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage

from schedkit.confluence import Confluence, Link, Lozenge, latest_runs
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import UsageError

MakePage = Callable[[str], DemoPage]
AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def run(task: str, state: str, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"task": task, "state": state, "finished_at": AT + timedelta(minutes=minute), **more}


def test_one_row_per_task_its_latest_run() -> None:
    rows = [
        run("bugs", "FAILED", 5, seconds=75.2, error={"type": "E", "message": "no <answer>"}),
        run("bugs", "DONE", 3, seconds=2),
        run("bugs", "RUNNING", 9),
        run(
            "audit",
            "DONE",
            1,
            seconds=0.44,
            url="https://x/1",
        ),
        {"task": "new", "state": "QUEUED"},
    ]
    audit = Link("audit", "https://x/1")
    frame = latest_runs(rows, tz="Europe/Berlin", show_zone=False)
    assert frame.to_numpy().tolist() == [
        [audit, Lozenge("done", "Green"), "2026-01-02 04:05", "440ms", "1 of 1 done", ""],
        ["bugs", Lozenge("failed", "Red"), "2026-01-02 04:09", "1m 15s", "1 of 2 done", "no <answer>"],
        ["new", Lozenge("waiting", "Grey"), "", "", "", ""],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (float("nan"), ""),
        (9.96, "10s"),
        (42.4, "42.4s"),
        (60, "1m"),
        (7384, "2h 3m 4s"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert latest_runs([run("t", "DONE", seconds=seconds)])["Duration"][0] == shown


@pytest.mark.parametrize(
    ("finished", "shown"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02 03:04"),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02 03:04"),
        (pd.Timestamp("2026-01-02T03:04:05Z"), "2026-01-02 03:04"),
        (pd.NaT, ""),
        (None, ""),
    ],
)
def test_moments(finished: Any, shown: str) -> None:
    ended = {"task": "t", "state": "DONE", "finished_at": finished}
    assert latest_runs([ended], tz="UTC", show_zone=False)["Finished"][0] == shown
    assert latest_runs([ended], tz="UTC", show_zone=True)["Finished"][0] == (f"{shown} UTC" if shown else "")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"error": {"type": "E"}, "reason": "lost"}, "lost"),
        ({"error": "e", "message": "m"}, "e"),
        ({"message": "m", "reason": "r"}, "m"),
        ({"reason": float("nan")}, ""),
    ],
)
def test_messages(told: dict[str, Any], message: str) -> None:
    assert latest_runs([run("t", "FAILED", **told)])["Message"][0] == message


def test_a_schedulers_history_will_do(tmp_path: Path) -> None:
    with Scheduler(ledger=str(tmp_path / "l.db")) as sched:

        @sched.task(name="counts")
        def counts() -> int:
            return 3

        counts.submit().result(timeout=60)
        counts.submit().result(timeout=60)
        frame = latest_runs(sched.history().to_dict("records"))
    (row,) = frame.to_dict("records")
    assert (row["Task"], row["Result"], row["Lately"]) == ("counts", Lozenge("done", "Green"), "2 of 2 done")
    assert row["Finished"]


def test_rows_that_are_no_runs() -> None:
    with pytest.raises(UsageError, match="without task or state"):
        latest_runs([{"task": "t"}])
    with pytest.raises(UsageError, match="a run of 't' finished at 'soon', which is not a time"):
        latest_runs([run("t", "DONE", finished_at="soon")])
    with pytest.raises(UsageError, match="a run of 't' took 'long', which is not a number of seconds"):
        latest_runs([run("t", "DONE", seconds="long")])
    with pytest.raises(UsageError, match="is not a list of runs"):
        latest_runs({"task": "t", "state": "DONE"})
    assert latest_runs([]).empty


def test_a_page_stands_until_a_run_ends(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page("<h1>Results</h1>")
    table = wiki.page(page.id).table("anchor:task-results")

    def update(*rows: dict[str, Any]) -> bool:
        return table.replace(latest_runs(rows), key="Task", keep=["Note"], create="end").apply().written

    history = [run("bugs", "DONE", 1, seconds=1), run("audit", "FAILED", 2, error="x & y")]
    assert update(*history)
    page.edit("x &amp; y</td><td></td>", "x &amp; y</td><td>Ann looks into it</td>")
    assert not update(*history)
    assert not update(*reversed(history), run("bugs", "RUNNING", 3))
    assert update(*history, run("audit", "DONE", 4))
    assert "Ann looks into it" in page.body
    assert page.puts() == 2

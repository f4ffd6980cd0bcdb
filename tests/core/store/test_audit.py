"""Who did what, from the log of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schedkit.core.api.live_view import LiveView
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.triggers.constructors import every
from schedkit.errors import RunFailedError


def test_what_was_done_newest_first(tmp_path: Path) -> None:
    with Scheduler(str(tmp_path / "ledger.db"), name="ann") as sched:

        @sched.task(every("1h"))
        def hourly() -> None: ...

        hourly.submit().result("60s")
        hourly.pause()
        hourly.resume()
        rows, following = LiveView(sched).audit(limit=100)
        mine = [row.action for row in rows if row.task == "hourly"]
        assert (mine, following) == (["resumed", "paused", "submitted", "declared"], 0)
        assert {row.actor for row in rows} == {"ann"}
        assert LiveView(sched).audit(actor="bob") == ([], 0)


def test_pages(tmp_path: Path) -> None:
    with Scheduler(str(tmp_path / "ledger.db")) as sched:

        @sched.task
        def one() -> None: ...

        for _ in range(4):
            one.pause()
            one.resume()
        view, seen, before = LiveView(sched), [], None
        while True:
            rows, following = view.audit(before=before, limit=3)
            seen += [row.seq for row in rows]
            if not following:
                break
            before = following
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == len(view.audit(limit=1000)[0])


def test_runs_that_failed_and_runs_that_ended(tmp_path: Path) -> None:
    with Scheduler(str(tmp_path / "ledger.db")) as sched:

        @sched.task
        def fails(number: int) -> None:
            raise ValueError(number)

        @sched.task
        def works() -> None: ...

        before = datetime.now(UTC) - timedelta(seconds=1)
        runs = [fails.submit(number=number) for number in range(3)]
        for run in runs:
            with pytest.raises(RunFailedError):
                run.result("60s")
        works.submit().result("60s")
        view = LiveView(sched)
        assert [run.id for run in view.failed_since(before)] == [run.id for run in runs]
        assert len(view.failed_since(before, task="fails", limit=2)) == 2
        assert view.failed_since(before, task="works") == []
        again = sched.retry(runs[0])
        with pytest.raises(RunFailedError):
            again.result("60s")
        assert [run.id for run in view.failed_since(before)] == [*(run.id for run in runs[1:]), again.id]
        assert view.failed_since(datetime.now(UTC) + timedelta(hours=1)) == []
        assert [run.task for run in view.finished_runs(limit=2)] == ["fails", "works"]

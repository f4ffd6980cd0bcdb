"""A report whose run begins again delivers nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from schedkit import excel
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.model import Retry
from schedkit.demo import DemoSite
from schedkit.errors import RetryableError
from schedkit.jira import Jira
from schedkit.report import Report, Tools, run_report
from schedkit.report import deliver as rooms

PROGRAM = Path(__file__).parents[1] / "support" / "killed_report.py"
# Seconds after which a process is given up.
PATIENCE = 60.0


@pytest.fixture
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site


class FailsOnce:
    """A destination that is away when the first attempt comes to it."""

    tried = 0

    def __call__(self, frame: Any, report: Report, tools: Tools) -> Callable[[], None]:
        def apply() -> None:
            FailsOnce.tried += 1
            if FailsOnce.tried == 1:
                raise RetryableError("away")

        return apply


def test_a_retry_after_a_later_destination_failed(
    site: DemoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint(name="fails-once", value=f"{__name__}:FailsOnce", group=rooms.ENTRY_POINTS)
    monkeypatch.setattr(rooms, "entry_points", lambda group: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda self: FailsOnce)
    monkeypatch.setattr(FailsOnce, "tried", 0)
    cloud = site.jira_cloud
    clients = {"a": Jira(cloud.url, user=cloud.user, token=cloud.token)}
    tools = Tools(site=clients.__getitem__, root=tmp_path, clock=lambda: datetime.now(UTC))
    report = Report.of(
        {
            "name": "weekly",
            "extract": {"site": "a", "jql": "type = Bug", "fields": ["Key", "Summary"]},
            "deliver": [{"excel": {"path": "weekly.xlsx", "mode": "append"}}, {"fails-once": {}}],
        }
    )
    with Scheduler(tmp_path / "ledger.db") as sched:
        weekly = sched.task(name="weekly", retry=Retry(attempts=2, delay=0))(
            lambda: len(run_report(report, tools))
        )
        run = weekly.submit()
        rows = run.result("60s")
        assert run.wait("60s").attempt == 2
        told = sched.run(run.id)
        assert "excel: delivered by an earlier attempt of this run" in str(told.log)
        assert [Path(each["path"]).name for each in told.artifacts] == ["weekly.xlsx"]
        assert len(excel.read(tmp_path / "weekly.xlsx")) == rows
        weekly.submit().result("60s")
    assert len(excel.read(tmp_path / "weekly.xlsx")) == 2 * rows


def begin(arguments: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), json.dumps(arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


@pytest.mark.crash
def test_a_kill_between_a_workbook_and_a_page(site: DemoSite, tmp_path: Path) -> None:
    cloud, wiki = site.jira_cloud, site.confluence_cloud
    sites = {"a": ["jira", cloud.url, cloud.user, cloud.token]}
    sites["w"] = ["confluence", wiki.url, wiki.user, wiki.token]
    arguments = {"root": str(tmp_path), "sites": sites, "submit": True}
    site.faults = "rate=1,kinds=stall,method=PUT,stall=10s"
    first = begin(arguments)
    with first:
        until = time.monotonic() + PATIENCE
        while not (tmp_path / "weekly.xlsx").exists():
            assert first.poll() is None, "it ended"
            assert time.monotonic() < until, "it wrote no workbook"
        first.kill()
    rows = len(excel.read(tmp_path / "weekly.xlsx"))
    assert rows > 1
    site.faults = ""
    with begin({**arguments, "submit": False}) as second:
        told, _ = second.communicate(timeout=PATIENCE)
    ((state, attempt),) = json.loads(told)
    assert (state, attempt) == ("DONE", 2)
    assert len(excel.read(tmp_path / "weekly.xlsx")) == rows
    assert "mine" in site.wiki.pages["100001"].body

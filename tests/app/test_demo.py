"""The whole job, end to end: what the command prints is what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from schedkit.app import App
from schedkit.cli import main
from schedkit.commands.demo import demo_settings
from schedkit.demo import DemoSite
from schedkit.report import load_reports


def test_the_printed_facts_are_true(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--issues", "300", "--json"]) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert set(facts) == {"rows", "workbook", "page", "page_version", "seconds", "history"}
    sheet = CalamineWorkbook.from_path(facts["workbook"]).get_sheet_by_name("Open bugs").to_python()
    assert len(sheet) == facts["rows"] + 1
    assert facts["page"].endswith("/pages/100001")
    assert facts["page_version"] == 2
    assert [run["state"] for run in facts["history"]] == ["DONE"]
    assert "update page" in err


def test_people_read_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--issues", "300"]) == 0
    assert main(["demo", "--issues", "300"]) == 0
    out = capsys.readouterr().out
    for word in ("rows  ", "workbook  ", "page  ", "(version 2)", "history", "open-bugs", "DONE"):
        assert word in out
    assert "not kept" not in out


def test_the_page_shows_the_rows_and_its_other_bytes_stay(project: Path) -> None:
    with DemoSite(issues=300) as site:
        app = App(demo_settings(site), project)
        (report,) = load_reports("reports/demo.yaml")
        before = _storage(site)
        with app.scheduler() as scheduler:
            app.add_report(scheduler, report, scheduled=False)
            frame = scheduler.submit("open-bugs").result(timeout=60)
            after = _storage(site)
            again = scheduler.submit("open-bugs")
            again.result(timeout=60)
            assert again.facts["page"]["written"] is False
        assert _storage(site) == after
        assert _around(after) == _around(before)
        for key in frame["Key"]:
            assert f">{key}<" in after


def _around(storage: str) -> tuple[str, str]:
    """Everything before and after the managed table."""
    start = storage.index("<table", storage.index(">open-bugs<"))
    end = storage.index("</table>", start)
    return storage[:start], storage[end:]


def _storage(site: DemoSite) -> str:
    return site.wiki.pages["100001"].body


def test_a_demo_of_two_reports_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (project / "reports" / "demo.yaml").read_text()
    (project / "two.yaml").write_text(text + "\n---\n" + text)
    assert main(["demo", "--report", "two.yaml"]) == 2
    assert "two.yaml contains 2 reports" in capsys.readouterr().err

"""The weekly pack by one step of a report: a workbook, a page, or both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import SettingsError, UsageError
from schedkit.report import Report, Tools, run_report


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=80) as site:
        yield site


def run(tools: Tools, **options: Any) -> None:
    extract = {"issues": {"site": "jira", "jql": "project = DEMO"}, "history": {"changelog": "issues"}}
    deliver = {"metrics": {"frame": "issues", "until": "2026-03-01", "weeks": 20, **options}}
    run_report(Report.of({"name": "team", "extract": extract, "deliver": [deliver]}), tools)


def test_a_workbook_and_a_page(tools: Tools, site: DemoSite) -> None:
    where = {"path": "out/{name}.xlsx", "site": "wiki", "title": "Team metrics", "parent": "100003"}
    run(tools, changes="history", by="Type", waiting="In Review", **where)
    book = openpyxl.load_workbook(tools.root / "out" / "team.xlsx")
    assert {"Throughput", "Cumulative flow", "Control chart"} <= set(book.sheetnames)
    assert book.properties.title.startswith("Team metrics, 2025-10-12 to 2026-03-01")
    (page,) = [each for each in site.wiki.pages.values() if each.title == "Team metrics"]
    assert "throughput.png" in {each.title for each in page.attachments.values()}
    # Sprints were not given: what needs them is said to be missing.
    assert "Velocity is not there: there are no sprints" in page.body


def test_only_a_workbook(tools: Tools) -> None:
    run(tools, changes="history", path="only.xlsx")
    assert (tools.root / "only.xlsx").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"changes": "history"}, "nowhere to deliver to", id="no place"),
        pytest.param({"changes": "history", "site": "wiki"}, "a page needs a title", id="no title"),
        pytest.param({"changes": "history", "path": "a.csv"}, "unsupported file extension", id="suffix"),
        pytest.param({"path": "a.xlsx"}, "changes", id="no changes"),
        pytest.param({"changes": "x", "path": "a.xlsx"}, "changes: there is no frame 'x'", id="no frame"),
        pytest.param(
            {"changes": "history", "sprints": "y", "path": "a.xlsx"},
            "sprints: there is no frame",
            id="sprints",
        ),
    ],
)
def test_what_cannot_be(tools: Tools, options: dict[str, Any], words: str) -> None:
    with pytest.raises((SettingsError, UsageError), match=words):
        run(tools, **options)

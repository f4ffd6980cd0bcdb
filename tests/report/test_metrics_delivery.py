"""The weekly pack by one step of a report: a workbook, a page, or both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest

from schedkit import flow
from schedkit.demo import DemoSite
from schedkit.errors import SettingsError, UsageError
from schedkit.flow import Pack
from schedkit.report import Report, Tools, run_report


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    # The periods below end on a day of the calendar.
    with DemoSite(issues=80, now=datetime(2026, 6, 1, tzinfo=UTC)) as site:
        yield site


def run(tools: Tools, *, schedule: dict[str, Any] | None = None, **options: Any) -> None:
    extract = {"issues": {"site": "jira", "jql": "project = DEMO"}, "history": {"changelog": "issues"}}
    deliver = {"metrics": {"frame": "issues", "until": "2026-03-01", "weeks": 20, **options}}
    facts = {"name": "team", "extract": extract, "deliver": [deliver]}
    run_report(Report.of(facts | ({} if schedule is None else {"schedule": schedule})), tools)


def test_a_workbook_and_a_page(tools: Tools, site: DemoSite) -> None:
    where = {"path": "out/{name}.xlsx", "site": "wiki", "title": "Team metrics", "parent": "100003"}
    run(tools, changes="history", by="Type", waiting="In Review", **where)
    book = openpyxl.load_workbook(tools.root / "out" / "team.xlsx")
    assert {"Throughput", "Cumulative flow", "Control chart"} <= set(book.sheetnames)
    assert book.properties.title.startswith("Team metrics, 2025-10-12 to 2026-03-01")
    (found,) = [each for each in site.wiki.pages.values() if each.title == "Team metrics"]
    assert "throughput.png" in {each.title for each in found.attachments.values()}
    # Sprints were not given: what needs them is said to be missing.
    assert "Velocity is not there: there are no sprints" in found.body
    assert "stale" not in found.body, "it has no schedule"


def test_only_a_workbook(tools: Tools) -> None:
    run(tools, changes="history", path="only.xlsx")
    assert (tools.root / "only.xlsx").is_file()


def page(site: DemoSite, title: str) -> str:
    """Return what a page says."""
    (found,) = [each for each in site.wiki.pages.values() if each.title == title]
    return found.body


def test_a_page_says_that_its_figures_are_old_and_when_they_are_stale(tools: Tools, site: DemoSite) -> None:
    read = pd.Timestamp.now("UTC")
    # A time of the zone whose days count.
    until = f"{read.tz_convert('Europe/Berlin') + pd.Timedelta(days=30, hours=1):%Y-%m-%d %H:%M}"
    where = {"site": "wiki", "parent": "100003", "title": "Weekly", "until": until}
    berlin = replace(tools, tz=ZoneInfo("Europe/Berlin"))
    run(berlin, schedule={"cron": "0 7 * * mon"}, changes="history", **where)
    told = page(site, "Weekly")
    assert "These figures are stale after 2026-03-02 07:00 Europe/Berlin, when the next are due" in told
    assert f"the issues are as of {read:%Y-%m-}" in told
    assert "what happened in the 30 days after that is in no figure" in told


def test_options_of_the_pack_reach_it(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def pack(*frames: pd.DataFrame, **options: Any) -> Pack:
        given.update(options)
        return Pack({}, {}, "no period")  # nothing is drawn

    monkeypatch.setattr(flow, "pack", pack)
    hours = {"start": "08:00", "end": "16:00", "tz": "Europe/Berlin", "holidays": [date(2026, 1, 1)]}
    options = {"n": 7, "seed": 3, "workflow": {"start": "In Review", "begin": "first"}}
    run(tools, changes="history", site="wiki", title="Empty", parent="100003", calendar=hours, **options)
    assert {name: given[name] for name in options} == options
    begin, end = (pd.Timestamp(f"2026-01-0{day}T12:00Z") for day in (1, 2))
    assert given["calendar"].between(begin, end) == pd.Timedelta(hours=5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(
            {"n": 0, "path": "a.xlsx", "changes": "history"},
            "metrics.n: write a number that is at least 1",
            id="n",
        ),
        pytest.param(
            {"calendar": {"days": "mon-frx"}, "path": "a.xlsx", "changes": "history"}, "frx", id="days"
        ),
        pytest.param(
            {"calendar": {"dayz": "mon"}, "path": "a.xlsx", "changes": "history"},
            "did you mean 'days'",
            id="calendar",
        ),
        pytest.param(
            {"workflow": {"strt": "x"}, "path": "a.xlsx", "changes": "history"},
            "did you mean 'start'",
            id="workflow",
        ),
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

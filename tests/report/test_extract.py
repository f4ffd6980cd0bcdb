"""Every source of a report against a real site: several extractions, changes, files, kept stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.errors import FileError, SettingsError, UsageError
from schedkit.jira import Jira
from schedkit.report import Report, Tools
from schedkit.report.extract import extract_all
from schedkit.report.frames import Frames


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site


@pytest.fixture
def tools(site: DemoSite, tmp_path: Path) -> Tools:
    cloud, dc = site.jira_cloud, site.jira_dc
    clients: dict[str, Any] = {
        "cloud": Jira(cloud.url, user=cloud.user, token=cloud.token),
        "dc": Jira(dc.url, token=dc.token),
    }
    return Tools(site=clients.__getitem__, root=tmp_path, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))


def frames(tools: Tools, extract: object) -> Frames:
    report = Report.of({"name": "r", "extract": extract, "deliver": [{"csv": {"path": "r.csv"}}]})
    return extract_all(report.extract, tools, together=report.together)


BUGS = {"site": "cloud", "jql": "type = Bug", "fields": ["Summary", "Priority"]}
STORIES = {"site": "dc", "jql": "type = Story", "fields": ["Summary", "Priority"]}


def test_a_list_is_put_below_each_other(tools: Tools) -> None:
    bugs, stories = frames(tools, BUGS).current, frames(tools, STORIES).current
    both = frames(tools, [BUGS, STORIES])
    assert both.current["Key"].tolist() == [*bugs["Key"], *stories["Key"]]
    assert both.current["Priority"].dtype.ordered
    assert list(both.named) == ["issues_1", "issues_2"]


def test_several_by_name(tools: Tools) -> None:
    found = frames(tools, {"bugs": BUGS, "stories": STORIES})
    assert found.current is found.named["bugs"]
    assert len(found.named["stories"]) > 0


def test_changes_and_work_of_the_issues_above(tools: Tools) -> None:
    found = frames(
        tools,
        {
            "bugs": {**BUGS, "site": ["cloud", "dc"]},
            "history": {"changelog": "bugs", "fields": "Status"},
            "work": {"worklogs": "bugs"},
            "asked": {"site": "cloud", "changelog": "type = Bug"},
        },
    )
    assert set(found.named["history"]["site"]) == {"cloud", "dc"}
    assert set(found.named["history"]["Field"]) == {"status"}
    assert set(found.named["work"]["Key"]) <= set(found.named["bugs"]["Key"])
    assert set(found.named["asked"]["Key"]) <= set(found.named["bugs"]["Key"])
    assert found.changelogs == ("history", "asked")


def test_a_kept_store_and_its_changes(tools: Tools, site: DemoSite) -> None:
    what = {
        "bugs": {"site": "cloud", "sync": "type = Bug", "into": "bugs.parquet", "history": True},
        "history": {"changelog": "bugs"},
    }
    first = frames(tools, what)
    asked = site.requests.count()
    second = frames(tools, what)
    assert first.named["bugs"]["Key"].tolist() == second.named["bugs"]["Key"].tolist()
    assert len(second.named["history"]) > 0
    assert site.requests.count() - asked < 10
    kept = {**what["bugs"], "history": ["Status"], "into": "status.parquet", "full": True}
    assert set(frames(tools, {"bugs": kept, "history": {"changelog": "bugs"}}).named["history"]["Field"]) == {
        "status"
    }


def test_more_sources(tools: Tools) -> None:
    root = frames(tools, BUGS).current["Key"].iloc[0]
    assert root in set(frames(tools, {"site": "cloud", "root": root, "links_depth": 1}).current["Key"])
    raw = frames(tools, {**BUGS, "raw": "Priority", "markup": "markdown"}).current
    assert "Priority (raw)" in raw.columns


def test_files_of_the_project(tools: Tools) -> None:
    teams = pd.DataFrame({"Key": ["A-1"], "Team": ["Ö"]})
    for name in ("teams.csv", "teams.parquet", "teams.xlsx"):
        excel.write(teams, tools.root / name)
        read = frames(tools, {"file": name}).current
        assert read[["Key", "Team"]].to_numpy().tolist() == [["A-1", "Ö"]]
    for name, error, message in [
        ("absent.csv", FileError, r"extract.file: there is no file .*absent.csv"),
        ("teams.txt", UsageError, "unsupported file extension"),
        ("broken.parquet", FileError, "cannot read .*broken.parquet"),
    ]:
        if name != "absent.csv":
            (tools.root / name).write_bytes(b"PAR1 no")
        with pytest.raises(error, match=message):
            frames(tools, {"file": name})


def made(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"Key": [f"A-{n}" for n in range(rows)]})


def nothing() -> None:
    return None


def test_a_function_of_ones_own(tools: Tools) -> None:
    assert len(frames(tools, {"call": f"{__name__}:made", "arguments": {"rows": 3}}).current) == 3
    with pytest.raises(UsageError, match=r"extract.call: .*:nothing returned NoneType"):
        frames(tools, {"call": f"{__name__}:nothing"})


@pytest.mark.parametrize(
    ("extract", "message"),
    [
        ({"jql": "a = b"}, "extract: site is missing"),
        ({"site": "cloud"}, "extract: write exactly one of: jql, project"),
        ({**BUGS, "into": "x.parquet"}, "extract: into belongs to sync, not to jql"),
        ({"site": "cloud", "sync": "a = b"}, "extract: sync needs one site, and into:"),
        ({"site": "cloud", "file": "a.csv"}, "extract: file needs no site"),
        ({"history": {"changelog": "bugs"}}, "there is no extraction 'bugs' above it"),
        (
            {"bugs": BUGS, "history": {"changelog": "bug"}},
            "there is no extraction 'bug' above it .did you mean 'bugs'",
        ),
        ({"my bugs": BUGS}, "the name 'my bugs' of an extraction"),
        ([], "extract: write at least one extraction"),
        ([{**BUGS, "jlq": "x"}], r"extract.0: unknown option 'jlq' .did you mean 'jql'"),
        ({"bugs": {**BUGS, "jlq": "x"}}, r"extract.bugs: unknown option 'jlq' .did you mean 'jql'"),
        ({"a": {"file": "t.csv"}, "b": {"changelog": "a"}}, "the extraction .a. is of no site"),
    ],
)
def test_what_is_no_extraction(extract: object, message: str, tools: Tools) -> None:
    excel.write(made(1), tools.root / "t.csv")
    with pytest.raises(SettingsError, match=message):
        frames(tools, extract)

"""Every source of a report, against a real site; nothing is written unless all can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from openpyxl import load_workbook
from starlette.requests import Request
from starlette.responses import Response

from schedkit import context, excel
from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import CheckError, IncompleteError, ParameterError, RegionError, SettingsError
from schedkit.jira import Jira
from schedkit.report import Report, Tools, load_reports, loads_reports, run_report
from schedkit.report.extract import extract
from schedkit.report.preflight import problems
from schedkit.report.sources import Extract
from schedkit.values.timezones import parse_timezone


class Heard(context.ExecutionContext):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.facts: dict[str, Any] = {}

    def log(self, level: int, message: str) -> None:
        self.lines.append(message)

    def fact(self, kind: str, facts: Mapping[str, Any]) -> None:
        self.facts[kind] = facts


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=200) as site:
        yield site


@pytest.fixture
def tools(site: DemoSite, tmp_path: Path) -> Tools:
    cloud, dc, wiki = site.jira_cloud, site.jira_dc, site.confluence_cloud
    clients: dict[str, Any] = {
        "cloud": Jira(cloud.url, user=cloud.user, token=cloud.token),
        "dc": Jira(dc.url, token=dc.token),
        "down": Jira("http://127.0.0.1:9", token="x", timeout=1, cloud=False),
        "wiki": Confluence(wiki.url, user=wiki.user, token=wiki.token),
    }
    return Tools(site=clients.__getitem__, root=tmp_path, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))


def keys(tools: Tools, **what: Any) -> set[str]:
    return set(extract(Extract(**what), tools)["Key"])


def test_sources_agree(tools: Tools) -> None:
    by_jql = keys(tools, site="cloud", jql="project = DEMO")
    assert by_jql == keys(tools, site="cloud", project="DEMO")
    assert by_jql == keys(tools, site="cloud", keys=sorted(by_jql))
    assert by_jql == keys(tools, site="dc", jql="project = DEMO")
    assert keys(tools, site="cloud", filter=10000) == keys(tools, site="dc", filter=10000)
    root = sorted(by_jql)[0]
    assert root in keys(tools, site="cloud", root=root)
    address = f"{tools.site('cloud').site.url}/issues/?jql=project%20%3D%20DEMO"
    assert by_jql == keys(tools, site="cloud", link=address)


def test_fields_and_limit(tools: Tools) -> None:
    frame = extract(Extract(site="cloud", jql="project = DEMO", fields=["Summary"], limit=5), tools)
    assert len(frame) == 5
    assert list(frame.columns) == ["Key", "Summary"]
    everything = extract(Extract(site="cloud", jql="project = DEMO", fields="*all", limit=2), tools)
    assert len(everything.columns) > 18


def test_several_sites_and_one_down(tools: Tools) -> None:
    frame = extract(Extract(site=["cloud", "dc", "down"], jql="project = DEMO", limit=3), tools)
    assert sorted(frame["site"].unique()) == ["cloud", "dc"]
    assert "down" in frame.attrs["extraction"]["missing_sites"]


def test_a_wiki_is_no_jira(tools: Tools) -> None:
    with pytest.raises(SettingsError, match="'wiki' is not a Jira site"):
        extract(Extract(site="wiki", jql="project = DEMO"), tools)


def report(**changes: Any) -> Report:
    region = changes.pop("region", "anchor:open-bugs")
    return Report.of(
        {
            "name": "r",
            "extract": {"site": "cloud", "jql": "type = Bug"},
            "deliver": [
                {"excel": {"path": "out/r.xlsx"}},
                {"confluence": {"site": "wiki", "page": "100001", "region": region, "cap": 20}},
            ],
            **changes,
        }
    )


def test_a_check_that_fails_delivers_nothing(tools: Tools) -> None:
    with pytest.raises(CheckError, match="at least 1000000"):
        run_report(report(check=[{"min_rows": 1_000_000}]), tools)
    assert not (tools.root / "out").exists()


def test_a_wrong_region_leaves_no_workbook_behind(tools: Tools, site: DemoSite) -> None:
    before = site.wiki.pages["100001"].body
    with pytest.raises(RegionError, match="nowhere"):
        run_report(report(region="anchor:nowhere"), tools)
    assert not (tools.root / "out" / "r.xlsx").exists()
    assert site.wiki.pages["100001"].body == before


def test_a_rerun_writes_no_page(tools: Tools, site: DemoSite) -> None:
    frame = run_report(report(shape=[{"sort": ["Key"]}, {"top": 5}]), tools)
    assert len(frame) == 5
    version = site.wiki.pages["100001"].latest.number
    run_report(report(shape=[{"sort": ["Key"]}, {"top": 5}]), tools)
    assert site.wiki.pages["100001"].latest.number == version


def test_the_workbook_is_attached_and_linked_from_a_capped_table(tools: Tools, site: DemoSite) -> None:
    page = {"site": "wiki", "page": "100001", "region": "anchor:open-bugs", "cap": 3, "attach": True}
    run_report(report(deliver=[{"excel": {"path": "out/r.xlsx"}}, {"confluence": page}]), tools)
    attached = site.wiki.pages["100001"].attachments
    assert "r.xlsx" in {attachment.title for attachment in attached.values()}
    assert 'ri:filename="r.xlsx"' in site.wiki.pages["100001"].body
    (tools.root / "out" / "~$r.xlsx").write_bytes(b"")
    old = (tools.root / "out" / "r.xlsx").read_bytes()
    shorter = report(shape=[{"top": 4}], deliver=[{"excel": {"path": "out/r.xlsx"}}, {"confluence": page}])
    run_report(shorter, tools)
    assert (tools.root / "out" / "r.xlsx").read_bytes() == old
    (latest,) = (each.latest for each in attached.values() if each.title == "r.xlsx")
    assert latest.data == (tools.root / "out" / "r (2).xlsx").read_bytes()
    with pytest.raises(SettingsError, match="no workbook to attach"):
        run_report(report(deliver=[{"confluence": page}]), tools)


def test_an_equal_workbook_is_not_attached_again(tools: Tools, site: DemoSite) -> None:
    page = {"site": "wiki", "page": "100001", "region": "anchor:open-bugs", "cap": 3, "attach": True}
    moments = iter(datetime(2026, 3, 1, 0, 0, second, second, tzinfo=UTC) for second in range(50))
    tools = replace(tools, clock=lambda: next(moments))
    path = "out/{name}-{date:%Y}.xlsx"
    order = report(deliver=[{"excel": {"path": path}}, {"confluence": page}])
    for _ in range(3):
        run_report(order, tools)
    (attached,) = [a for a in site.wiki.pages["100001"].attachments.values() if a.title == "r-2026.xlsx"]
    assert len(attached.versions) == 1


def test_a_file_name_with_the_moment_is_the_same_in_all_stages(tools: Tools, site: DemoSite) -> None:
    page = {"site": "wiki", "page": "100001", "region": "anchor:open-bugs", "cap": 3, "attach": True}
    moments = iter(datetime(2026, 3, 1, 0, 0, second, tzinfo=UTC) for second in range(50))
    tools = replace(tools, clock=lambda: next(moments))
    run_report(report(deliver=[{"excel": {"path": "out/at-{date:%S}.xlsx"}}, {"confluence": page}]), tools)
    titles = {a.title for a in site.wiki.pages["100001"].attachments.values()}
    assert [path.name for path in (tools.root / "out").iterdir()] == sorted(t for t in titles if "at-" in t)


def times_of_workbook(path: Path) -> dict[str, str]:
    return {row[0]: str(row[1])[:16] for row in load_workbook(path).active.iter_rows(2, values_only=True)}


@pytest.mark.parametrize(("project", "page_only"), [("Asia/Shanghai", None), ("America/New_York", "UTC")])
def test_a_workbook_and_a_page_show_the_same_times(
    project: str, page_only: str | None, tools: Tools, site: DemoSite
) -> None:
    zone = parse_timezone(project)
    page = {"site": "wiki", "page": "100003", "region": f"anchor:{zone}", "create": "end", "tz": page_only}
    source = {"site": "cloud", "jql": "project = DEMO", "fields": ["Key", "Created"]}
    made = report(extract=source, deliver=[{"excel": {"path": "dates.xlsx"}}, {"confluence": page}])
    frame = run_report(made, replace(tools, tz=zone))
    local = frame.Created.dt.tz_convert(zone).dt.strftime("%Y-%m-%d %H:%M")
    assert times_of_workbook(tools.root / "dates.xlsx") == dict(zip(frame.Key, local, strict=True))
    assert f"Times in {project}" in load_workbook(tools.root / "dates.xlsx").active["B1"].comment.text
    shown = tools.site("wiki").page("100003").table(f"anchor:{zone}").read().set_index("Key")["Created"]
    expected = frame.Created.dt.tz_convert(parse_timezone(page_only or project)).dt.strftime("%Y-%m-%d %H:%M")
    expected += f" {page_only or project}"
    assert shown.to_dict() == dict(zip(frame.Key, expected, strict=True))


@pytest.mark.parametrize("project", ["Asia/Shanghai", "America/New_York"])
def test_a_page_shows_dates_of_jira_as_they_are_there(project: str, tools: Tools, site: DemoSite) -> None:
    zone = parse_timezone(project)
    page = {"site": "wiki", "page": "100003", "region": f"anchor:due-{zone}", "create": "end"}
    source = {"site": "dc", "jql": "project = DEMO AND due is not EMPTY", "fields": ["Key", "Due", "Updated"]}
    frame = run_report(report(extract=source, deliver=[{"confluence": page}]), replace(tools, tz=zone))
    shown = tools.site("wiki").page("100003").table(f"anchor:due-{zone}").read().set_index("Key")
    due = frame.Due.dt.strftime("%Y-%m-%d")
    assert shown["Due"].to_dict() == dict(zip(frame.Key, due, strict=True))
    updated = frame.Updated.dt.tz_convert(zone).dt.strftime("%Y-%m-%d %H:%M ") + project
    assert shown["Updated"].to_dict() == dict(zip(frame.Key, updated, strict=True))
    assert f'<time datetime="{due[0]}" />' in site.wiki.pages["100003"].body


def test_every_option_of_a_table_can_be_said(tools: Tools, site: DemoSite) -> None:
    page = {
        "site": "wiki", "page": "100002", "region": "anchor:all", "create": "end", "key": ["Key", "Type"],
        "columns": ["Key", "Type", "Summary", "Status", "Created"], "keep": "Comment", "missing": "archive",
        "min_rows": 2, "max_drop": 0.9, "links": {"Summary": "https://x.example/?q={}"},
        "lozenges": {"Type": {"Bug": "Red"}}, "tz": "Europe/Berlin", "dates": "Created",
        "message": "by report",
    }  # fmt: skip
    run_report(report(deliver=[{"confluence": page}]), tools)
    made = site.wiki.pages["100002"]
    assert made.latest.message == "by report"
    assert '<a href="https://x.example/?q=' in made.body
    assert '<ac:parameter ac:name="colour">Red' in made.body
    assert '<time datetime="' in made.body
    with pytest.raises(CheckError, match="at least 500 expected"):
        run_report(report(deliver=[{"confluence": {**page, "min_rows": 500}}]), tools)


def test_a_page_that_cannot_be_read_back_makes_the_result_incomplete(tools: Tools, site: DemoSite) -> None:
    page = {
        "site": "wiki",
        "page": "100001",
        "region": "anchor:open-bugs",
        "max_drop": None,
        "missing": "delete",
    }

    def fail(request: Request) -> Response | None:
        sent = site.requests.count(method="PUT", path="/100001")
        return Response(status_code=401) if request.method == "GET" and sent > before else None

    before = site.requests.count(method="PUT", path="/100001")
    listener = Heard()
    undo = site.before(fail)
    with context.use(listener):
        run_report(
            report(extract={"site": "cloud", "jql": "type = Story"}, deliver=[{"confluence": page}]), tools
        )
    undo()
    reason = listener.facts["incomplete"]["reason"]
    assert "is not confirmed: the site accepted version" in reason
    assert listener.facts["page"]["written"] is False


def from_two_sites(**more: Any) -> Report:
    return report(extract={"site": ["cloud", "down"], "jql": "type = Bug", **more})


def test_a_site_that_is_missing_fails_the_report(tools: Tools, site: DemoSite) -> None:
    before = site.wiki.pages["100001"].body
    with pytest.raises(
        IncompleteError, match=r"'r' was not delivered: site down is missing .*partial: allow"
    ):
        run_report(from_two_sites(), tools)
    assert not (tools.root / "out").exists()
    assert site.wiki.pages["100001"].body == before


def test_a_site_that_may_be_missing_is_named_in_every_output(tools: Tools, site: DemoSite) -> None:
    listener = Heard()
    with context.use(listener):
        frame = run_report(from_two_sites(partial="allow"), tools)
    assert set(frame["site"]) == {"cloud"}
    assert "down" in frame.attrs["extraction"]["missing_sites"]
    assert listener.facts["incomplete"]["reason"].startswith("site down is missing")
    assert any(line.startswith("site down is missing") for line in listener.lines)
    note = openpyxl.load_workbook(tools.root / "out" / "r.xlsx").worksheets[0]["A1"].comment.text
    assert "Incomplete: site down is missing" in note
    assert "site down is missing" in site.wiki.pages["100001"].latest.message


def test_rows_of_a_site_that_is_missing_stay_where_they_are(tools: Tools, site: DemoSite) -> None:
    part = {"jql": "type = Bug AND priority = High", "partial": "allow"}
    workbook = {"path": "out/kept.xlsx", "mode": "upsert", "key": "Key", "missing": "delete", "max_drop": 1.0}
    page = {"site": "wiki", "page": "100003", "region": "anchor:kept", "create": "end", "missing": "delete"}
    deliver = [{"excel": workbook}, {"confluence": {**page, "max_drop": 1.0}}]

    def shown() -> list[set[str]]:
        on_page = tools.site("wiki").page("100003").table("anchor:kept").read()
        return [set(excel.read(tools.root / "out" / "kept.xlsx").Key), set(on_page.Key)]

    before = run_report(report(extract={"site": "cloud", "jql": "type = Bug"}, deliver=deliver), tools)
    after = run_report(report(extract={"site": ["cloud", "down"], **part}, deliver=deliver), tools)
    assert 0 < len(after) < len(before) * 0.5
    assert shown() == [set(before.Key)] * 2
    run_report(report(extract={"site": "cloud", **part}, deliver=deliver), tools)
    assert shown() == [set(after.Key)] * 2


EVERYTHING = """\
name: weekly-{{ project }}
params:
  project: DEMO
extract:
  issues: {site: [cloud, dc], jql: 'project = {{ project }}'}
  history: {changelog: issues, fields: Status}
  work: {worklogs: issues}
  below: {site: cloud, root: '{{ root }}'}
  teams: {file: teams.csv}
  kept: {site: cloud, sync: 'project = {{ project }}', into: kept.parquet}
shape:
  - save: all
  - filter: site == 'cloud'
  - metrics: {cycle_times: {changes: history, until: '2026-06-01'}, add: [Cycle, Lead]}
  - join: {with: teams, on: {Type: Kind}, columns: [Team]}
  - explode: Labels
  - derive: {Late: Due < '2026-03-01'}
  - rename: {Team: Squad}
  - sort: [-Priority, Key]
  - columns: [Key, Type, Squad, Status, Priority, Lead, Late]
  - drop: [Late]
  - call: {function: report.test_pipeline:marked, arguments: {label: x}, frames: [work]}
  - save: bugs
  - pivot: {rows: Type, columns: Status, total: true}
  - save: table
  - use: bugs
  - group: {by: [Type], values: {Key: count, Oldest: {Lead: p85}}}
  - save: types
  - use: all
  - stack: kept
  - count_by: Type
  - top: 3
check:
  - min_rows: 1
  - max_rows: 3
  - max_drop: 50%
  - unique: Type
  - not_null: [Type]
  - complete: true
  - expect: Count > 0
  - {unique: [Key, site], frame: issues}
deliver:
  - excel: {path: 'out/{name}.xlsx', sheets: {Bugs: bugs, Table: table, Types: types}}
  - csv: {path: 'out/{name}.csv', frame: bugs}
  - parquet: {path: 'out/{name}.parquet'}
  - confluence: {site: wiki, page: 100003, region: anchor:types, create: end, key: Type, frame: types}
  - pages:
      {site: wiki, parent: 100003, frame: bugs, title: 'Weekly {{ project }}', template: '<p>{{ count }}</p>'}
  - attachment: {site: wiki, page: 100003, file: 'out/{name}.csv'}
"""


def marked(frame: pd.DataFrame, work: pd.DataFrame, label: str) -> pd.DataFrame:
    return frame.assign(Mark=label, Hours=float(work["Hours"].sum()))


def test_a_report_of_every_kind_of_step(tools: Tools, site: DemoSite) -> None:
    root = tools.site("cloud").search("type = Epic", limit=1)["Key"].iloc[0]
    (tools.root / "teams.csv").write_text("Kind,Team\nBug,Red\nStory,Blue\n", encoding="utf-8")
    (report,) = loads_reports(EVERYTHING.replace("{{ root }}", root), "weekly.yaml")
    assert list(problems(report, tools)) == []
    frame = run_report(report, tools)
    assert list(frame.columns) == ["Type", "Count"]
    assert frame["Count"].sum() <= len(tools.site("cloud").project("DEMO")) * 3
    sheets = excel.read_all(tools.root / "out" / "weekly-DEMO.xlsx")
    assert list(sheets) == ["Bugs", "Table", "Types"]
    assert set(sheets["Bugs"]["Mark"]) == {"x"}
    assert sheets["Table"].iloc[-1, 0] == "Total"
    assert set(sheets["Types"]["Type"]) == set(sheets["Bugs"]["Type"])
    assert (
        pd.read_parquet(tools.root / "out" / "weekly-DEMO.parquet")["Count"].tolist()
        == frame["Count"].tolist()
    )
    attached = {each.title: each.latest.data for each in site.wiki.pages["100003"].attachments.values()}
    assert attached["weekly-DEMO.csv"] == (tools.root / "out" / "weekly-DEMO.csv").read_bytes()
    assert any(page.title == "Weekly DEMO" for page in site.wiki.pages.values())


def test_other_parameters_at_a_run(tools: Tools) -> None:
    (report,) = loads_reports(
        EVERYTHING.split("shape:")[0].replace("root: '{{ root }}'", "jql: 'project = {{ project }}'")
        + "deliver: [{csv: {path: '{name}.csv'}}]"
    )
    listener = Heard()
    (tools.root / "teams.csv").write_text("Kind,Team\n", encoding="utf-8")
    with context.use(listener):
        frame = run_report(report, tools, {"project": "OPS"})
    assert {key.partition("-")[0] for key in frame["Key"]} == {"OPS"}
    assert (tools.root / "weekly-OPS.csv").exists()
    assert listener.facts["report"]["params"] == {"project": "OPS"}
    with pytest.raises(ParameterError, match="unknown parameter 'projct'"):
        run_report(report, tools, {"projct": "OPS"})


def test_fewer_rows_than_the_last_good_run_deliver_nothing(tools: Tools) -> None:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def last(name: str, values: Mapping[str, Any]) -> int:
        asked.append((name, values))
        return 100_000

    with pytest.raises(CheckError, match=r"check.max_drop: \d+ rows, the last good run had 100000"):
        run_report(report(check=[{"max_drop": "50%"}]), replace(tools, last_rows=last))
    assert asked == [("r", {})]
    assert not (tools.root / "out").exists()


def test_the_weekly_pack_of_this_repository(tools: Tools) -> None:
    (report,) = load_reports(Path(__file__).parents[2] / "reports" / "weekly.yaml")
    frame = run_report(report, replace(tools, site=lambda name: tools.site("cloud")))
    sheets = excel.read_all(tools.root / "reports" / "out" / "weekly-DEMO.xlsx")
    assert list(sheets) == ["Open bugs", "Cycle times", "Finished", "All"]
    assert len(sheets["All"]) == len(frame)
    assert set(sheets["Cycle times"]["Type"]) == set(frame["Type"])
    assert sheets["Cycle times"]["Issues"].sum() == len(frame)
    assert sheets["Finished"]["Finished"].sum() == frame["Finished"].notna().sum()

"""Pages of their own: one per value of a column, from one template."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schedkit.confluence import Confluence, Table
from schedkit.demo import DemoSite
from schedkit.errors import FileError, SchedkitError, SettingsError, UnknownFieldError, UsageError
from schedkit.report import Report, Tools, run_report
from schedkit.report.deliver import deliverer
from schedkit.report.page import PageDelivery
from schedkit.report.pages import PagesDelivery

TEMPLATE = (
    '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="jqlQuery">type = {{ value }}'
    "</ac:parameter></ac:structured-macro>"
    "<p>{{ day }}: {{ count }} issues, {{ owner }}.</p><p>{{ table }}</p>"
)


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=120) as site:
        yield site


def report(
    jql: str = "project = DEMO order by key", fields: list[str] | None = None, **options: Any
) -> Report:
    pages = {
        "site": "wiki", "parent": "100003", "title": "Issues of {{ value }}", "template": TEMPLATE,
        "by": "Project", "values": {"owner": "Ann"}, "labels": ["report"], "keep": ["Comment"],
        "columns": ["Key", "Summary", "Status"], **options,
    }  # fmt: skip
    extract = {"site": "jira", "jql": jql, "limit": 60, "fields": fields}
    return Report.of({"name": "r", "extract": extract, "deliver": [{"pages": pages}]})


def made(site: DemoSite, start: str = "Issues of") -> dict[str, Any]:
    return {p.title: p for p in site.wiki.pages.values() if p.title.startswith(start)}


def test_each_value_has_its_page_and_is_found_again(tools: Tools, site: DemoSite) -> None:
    frame = run_report(report(by="Type"), tools)
    pages = made(site)
    assert set(pages) == {f"Issues of {kind}" for kind in frame["Type"].astype(str).unique()}
    page = pages["Issues of Bug"]
    assert "type = Bug<" in page.body
    assert page.labels == ["report"]
    assert page.body.count("<tr>") == 1 + int((frame["Type"].astype(str) == "Bug").sum())
    site.wiki.save(page.id, 2, title="Renamed by people")
    run_report(report(by="Type"), tools)
    assert page.latest.number == 2
    assert "Issues of Bug" not in made(site)


def test_pages_of_two_reports_and_of_two_titles_are_their_own(tools: Tools, site: DemoSite) -> None:
    for kind in ("Bug", "Story"):
        jql = f"project = DEMO and type = {kind} order by key"
        run_report(report(jql, by="Priority", title=f"{kind} of {{{{ value }}}}"), tools)
    pages = made(site, "Bug of") | made(site, "Story of")
    assert {"Bug of High", "Story of High"} <= set(pages)
    assert all(page.latest.number == 1 for page in pages.values())


def test_rows_of_several_values_stand_on_the_page_of_each(
    tools: Tools, site: DemoSite, caplog: pytest.LogCaptureFixture
) -> None:
    where = {"by": "Sprint", "title": "Sprint {{ value }}", "template": "<p>{{ table }}</p>", "values": {}}
    frame = run_report(report("project = DEMO", **where), tools)
    pages = {title.removeprefix("Sprint "): page for title, page in made(site, "Sprint ").items()}
    sprints = frame["Sprint"].explode()
    assert set(pages) == set(sprints.dropna())
    several = frame[frame["Sprint"].map(len) > 1].iloc[0]
    assert all(f">{several['Key']}<" in pages[sprint].body for sprint in several["Sprint"])
    assert f"{sprints.isna().sum()} rows have no Sprint, and no page" in caplog.text
    without = frame[frame["Sprint"].map(len) == 0]["Key"]
    run_report(report(f"key in ({without.iloc[0]}, {several['Key']})", **where), tools)
    assert "1 row has no Sprint, and no page" in caplog.text


def test_a_page_of_a_day_is_called_after_the_day(tools: Tools, site: DemoSite) -> None:
    where = {"by": "Due date", "title": "Due {{ value }}", "template": "<p>{{ table }}</p>", "values": {}}
    frame = run_report(report(fields=["Summary", "Status", "Due date"], **where), tools)
    assert set(made(site, "Due ")) == {f"Due {day:%Y-%m-%d}" for day in frame["Due date"].dropna()}


@pytest.mark.parametrize("how", [None, "mark", "empty"])
def test_pages_whose_value_has_no_rows_any_more(
    tools: Tools, site: DemoSite, caplog: pytest.LogCaptureFixture, how: str | None
) -> None:
    title = f"{how} {{{{ value }}}}"
    where = {
        "by": "Priority",
        "title": title,
        "missing_pages": how,
        "template": "<p>{{ count }}</p>{{ table }}",
    }
    where |= {"values": {}, "chart": None, "max_drop": None}
    run_report(report("project = DEMO order by key", **where), tools)
    before = {name: page.body for name, page in made(site, f"{how} ").items()}
    assert len(before) > 1
    run_report(report("project = DEMO and priority = High order by key", **where), tools)
    after = {name: page.body for name, page in made(site, f"{how} ").items()}
    gone = sorted(set(before) - {f"{how} High"})
    if how is None:
        assert all(after[name] == before[name] for name in gone)
        assert f"{len(gone)} pages have no rows any more and stay as they are" in caplog.text
    else:
        told = "No rows" if how == "mark" else ">0<"
        assert all(told in after[name] for name in gone)
        assert told not in after[f"{how} High"]


def test_pages_of_one_title_are_refused(tools: Tools, site: DemoSite) -> None:
    before = len(site.wiki.pages)
    with pytest.raises(UsageError, match="pages would have the title 'Issues'") as caught:
        run_report(report(by="Priority", title="Issues"), tools)
    assert "{{ value }}" in caught.value.hint
    assert len(site.wiki.pages) == before


def test_the_table_of_a_page_takes_the_options_of_a_table() -> None:
    options = set(PagesDelivery.model_fields)
    lacking = set(inspect.signature(Table.replace).parameters) - options
    # The frame and the place are the template's, the workbook is that of `attach` of one page.
    assert lacking == {"self", "df", "create", "workbook"}
    assert set(inspect.signature(Table.replace).parameters) - set(PageDelivery.model_fields) == {
        "self",
        "df",
        "workbook",
    }


def test_one_page_for_all(tools: Tools, site: DemoSite, tmp_path: Path) -> None:
    (tmp_path / "page.xhtml").write_text("<p>{{ count }} issues</p><p>{{ table }}</p>", encoding="utf-8")
    frame = run_report(report(by=None, title="All of {{ day }}", template="page.xhtml", values={}), tools)
    (page,) = made(site, "All of").values()
    assert page.title == "All of 2026-03-01"
    assert f">{len(frame)}<" in page.body


def test_without_a_parent_a_page_is_below_the_main_page(tools: Tools, site: DemoSite) -> None:
    where = {
        "by": None,
        "title": "Main child",
        "template": "<p>{{ count }}</p>",
        "values": {},
        "parent": None,
    }
    with pytest.raises(UsageError, match="the page 'Main child' has no parent"):
        run_report(report(**where), tools)
    place = site.confluence_cloud
    wiki = Confluence(place.url, user=place.user, token=place.token, main_page_id="100002")
    mine = replace(tools, site=lambda name: wiki if name == "wiki" else tools.site(name))
    run_report(report(**where), mine)
    assert made(site, "Main child")["Main child"].parent == "100002"


@pytest.mark.parametrize("page", ["100001", 100001, {"title": "Open bugs", "space": "DEMO"}])
def test_a_page_is_named_by_its_id_or_its_title(tools: Tools, site: DemoSite, page: object) -> None:
    table = {"site": "wiki", "page": page, "region": "anchor:open-bugs", "max_drop": None}
    extract = {"site": "jira", "jql": "type = Bug order by key", "limit": 3}
    run_report(Report.of({"name": "r", "extract": extract, "deliver": [{"confluence": table}]}), tools)
    assert site.wiki.pages["100001"].body.count(">DEMO-") >= 3


@pytest.mark.parametrize("page", [True, [1], {"title": "Open bugs"}, {"titel": "x", "space": "D"}])
def test_what_names_no_page(page: object) -> None:
    with pytest.raises(SettingsError, match=r"page: write the page's id or URL, or \{title: "):
        deliverer("confluence", {"site": "wiki", "page": page, "region": "nth:1"})


def test_a_page_is_the_template(tools: Tools, site: DemoSite) -> None:
    template = site.wiki.create("Template", "<p>made of {{ count }}</p>")
    run_report(report(by=None, title="By page", template=int(template.id), values={}), tools)
    assert "made of" in made(site, "By page")["By page"].body


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"by": "Typ"}, UnknownFieldError, "the frame has no column 'Typ'"),
        ({"by": "Type", "template": "<p>{{ cont }}</p>"}, SettingsError, "unknown placeholder 'cont'"),
        ({"by": None, "template": "absent.xhtml"}, FileError, "absent.xhtml"),
        ({"by": "Type", "titel": "x"}, SchedkitError, "unknown option 'titel'"),
        ({"by": None, "parent": [1]}, SettingsError, "parent: write text"),
    ],
)
def test_what_does_not_fit(
    tools: Tools, site: DemoSite, options: dict[str, Any], error: type[Exception], problem: str
) -> None:
    before = len(site.wiki.pages)
    with pytest.raises(error, match=problem):
        run_report(report(**options), tools)
    assert len(site.wiki.pages) == before

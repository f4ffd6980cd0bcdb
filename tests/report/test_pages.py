"""Pages of their own: one per value of a column, from one template."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import FileError, SchedkitError, SettingsError, UnknownFieldError, UsageError
from schedkit.jira import Jira
from schedkit.report import Report, Tools, run_report

TEMPLATE = (
    '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="jqlQuery">type = {{ value }}'
    "</ac:parameter></ac:structured-macro>"
    "<p>{{ day }}: {{ count }} issues, {{ owner }}.</p><p>{{ table }}</p>"
)


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=120) as site:
        yield site


@pytest.fixture
def tools(site: DemoSite, tmp_path: Path) -> Tools:
    jira, wiki = site.jira_cloud, site.confluence_cloud
    clients: dict[str, Any] = {
        "jira": Jira(jira.url, user=jira.user, token=jira.token),
        "wiki": Confluence(wiki.url, user=wiki.user, token=wiki.token),
    }
    return Tools(site=clients.__getitem__, root=tmp_path, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))


def report(**options: Any) -> Report:
    pages = {
        "site": "wiki", "parent": "100003", "title": "Issues of {{ value }}", "template": TEMPLATE,
        "by": "Project", "values": {"owner": "Ann"}, "labels": ["report"], "keep": ["Comment"],
        "columns": ["Key", "Summary", "Status"], **options,
    }  # fmt: skip
    extract = {"site": "jira", "jql": "project = DEMO order by key", "limit": 60}
    return Report.model_validate({"name": "r", "extract": extract, "deliver": [{"pages": pages}]})


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


def test_a_page_is_the_template(tools: Tools, site: DemoSite) -> None:
    template = site.wiki.create("Template", "<p>made of {{ count }}</p>")
    run_report(report(by=None, title="By page", template=template.id, values={}), tools)
    assert "made of" in made(site, "By page")["By page"].body


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"by": "Typ"}, UnknownFieldError, "the frame has no column 'Typ'"),
        ({"by": "Type", "template": "<p>{{ cont }}</p>"}, SettingsError, "unknown placeholder 'cont'"),
        ({"by": None, "template": "absent.xhtml"}, FileError, "absent.xhtml"),
        ({"by": "Type", "titel": "x"}, SchedkitError, "unknown option 'titel'"),
    ],
)
def test_what_does_not_fit(
    tools: Tools, site: DemoSite, options: dict[str, Any], error: type[Exception], problem: str
) -> None:
    before = len(site.wiki.pages)
    with pytest.raises(error, match=problem):
        run_report(report(**options), tools)
    assert len(site.wiki.pages) == before

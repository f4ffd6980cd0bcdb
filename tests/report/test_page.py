"""Deliveries to a page that is there: a table from a template page, placeholders, attachments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schedkit.demo import DemoSite
from schedkit.errors import NotFoundError, RegionError, SettingsError
from schedkit.report import Report, Tools, run_report


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site


def run(tools: Tools, *deliver: dict[str, Any]) -> int:
    extract = {"site": "jira", "jql": "type = Bug ORDER BY key", "fields": ["Summary", "Status"]}
    return len(run_report(Report.of({"name": "bugs", "extract": extract, "deliver": list(deliver)}), tools))


def test_placeholders_of_a_page(tools: Tools, site: DemoSite) -> None:
    pages = {"site": "wiki", "parent": "100003", "title": "Weekly", "values": {"words": "first"}}
    template = "<p>{{ words }}</p><p>{{ table }}</p><p>{{ chart }}</p>"
    chart = {"count_by": "Status", "alt": "Bugs by status"}
    run(tools, {"pages": {**pages, "template": template, "chart": chart, "labels": "weekly"}})
    (page,) = [each for each in site.wiki.pages.values() if each.title == "Weekly"]
    values = {"words": "{count} bugs on {day}, {name}"}
    where = {"site": "wiki", "page": {"title": "Weekly", "space": "DEMO"}}
    rows = run(
        tools, {"fill": {**where, "values": values, "table": "table", "chart": chart, "message": "by fill"}}
    )
    body = site.wiki.pages[page.id].body
    assert f"{rows} bugs on 2026-03-01, bugs" in body
    assert body.count("/browse/") == rows
    assert site.wiki.pages[page.id].latest.message == "by fill"
    with pytest.raises(SettingsError, match=r"unknown placeholder \{cuont\}"):
        run(tools, {"fill": {**where, "values": {"words": "{cuont}"}}})
    with pytest.raises(RegionError, match="nothing"):
        run(tools, {"fill": {**where, "values": {"nothing": "x"}}})


def test_attachments_of_a_page(tools: Tools, site: DemoSite) -> None:
    where = {"site": "wiki", "page": "100002"}
    run(
        tools,
        {"attachment": {**where, "message": "weekly"}},
        {"attachment": {**where, "file": "{name}.csv", "name": "rows.csv"}},
        {"excel": {"path": "out/{name}.xlsx"}},
        {"csv": {"path": "{name}.csv"}},
    )
    attached = {each.title: each.latest for each in site.wiki.pages["100002"].attachments.values()}
    # Files are written before pages, in whichever order the report names them.
    assert attached["bugs.xlsx"].data == (tools.root / "out" / "bugs.xlsx").read_bytes()
    assert attached["rows.csv"].data == (tools.root / "bugs.csv").read_bytes()
    with pytest.raises(SettingsError, match=r"deliver.attachment: there is no workbook to attach"):
        run(tools, {"attachment": where})
    with pytest.raises(NotFoundError):
        run(
            tools,
            {"csv": {"path": "late.csv"}},
            {"attachment": {"site": "wiki", "page": {"title": "No", "space": "DEMO"}}},
        )
    assert not (tools.root / "late.csv").exists()


def test_a_table_from_another_page(tools: Tools, site: DemoSite) -> None:
    template = site.wiki.create(
        "Table template",
        '<p>Ours</p><ac:structured-macro ac:name="anchor"><ac:parameter ac:name="">ours</ac:parameter>'
        "</ac:structured-macro><table><tbody><tr><th>Key</th><th>Status</th></tr></tbody></table>",
    )
    table = {
        "site": "wiki",
        "page": "100003",
        "region": "anchor:ours",
        "create": {"page": template.id},
        "cap": None,
    }
    with pytest.raises(SettingsError, match=r"create: unknown option 'pge'.*did you mean 'page'"):
        run(tools, {"confluence": {**table, "create": {"pge": template.id}}})
    rows = run(tools, {"confluence": table})
    body = site.wiki.pages["100003"].body
    assert "<p>Ours</p>" in body
    assert body.count("/browse/") >= rows


def test_rows_without_a_key(tools: Tools, site: DemoSite) -> None:
    table = {"site": "wiki", "page": "100003", "region": "anchor:by-place", "create": "end", "key": None}
    assert run(tools, {"confluence": table}) > 0
    assert len(tools.site("wiki").page("100003").table("anchor:by-place").read()) > 0

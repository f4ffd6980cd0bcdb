"""What is wrong with a report is told when it is declared, with its place, and not at its first run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.ports import dead_port

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import SettingsError
from schedkit.jira import Jira
from schedkit.report import Report, Tools
from schedkit.report.preflight import problems, unreachable


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=20) as site:
        yield site


@pytest.fixture
def tools(site: DemoSite, tmp_path: Path) -> Iterator[Tools]:
    jira, wiki = site.jira_cloud, site.confluence_cloud
    clients: dict[str, Any] = {
        "jira": Jira(jira.url, user=jira.user, token=jira.token),
        "wiki": Confluence(wiki.url, user=wiki.user, token=wiki.token),
    }

    def known(name: str) -> Any:
        if name not in clients:
            raise SettingsError(f"there is no site {name!r}")
        return clients[name]

    with dead_port() as port:
        clients["away"] = Jira(f"http://127.0.0.1:{port}", token="x", cloud=False)
        yield Tools(site=known, root=tmp_path, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))


def report(extract: object = None, **more: Any) -> Report:
    extract = extract or {"site": "jira", "jql": "type = Bug"}
    return Report.of({"name": "r", "extract": extract, "deliver": [{"csv": {"path": "r.csv"}}], **more})


TABLE = {"site": "wiki", "page": 1, "region": "nth:1"}
PAGES = {"site": "wiki", "title": "Bugs", "template": "<p>{{ count }}</p>"}


@pytest.mark.parametrize(
    ("made", "place", "message"),
    [
        (report({"site": "jra", "jql": "a"}), ("extract", "site"), "there is no site 'jra'"),
        (report({"site": "wiki", "jql": "a"}), ("extract", "site"), "site 'wiki' is of kind confluence"),
        (report([{"site": "jra", "jql": "a"}]), ("extract", 0, "site"), "no site 'jra'"),
        (report({"bugs": {"site": "jra", "jql": "a"}}), ("extract", "bugs", "site"), "no site 'jra'"),
        (report([{"file": "absent.csv"}]), ("extract", 0, "file"), "there is no file"),
        (report({"a": {"call": "no.such:thing"}}), ("extract", "a", "call"), "cannot find 'no.such:thing'"),
        (report(shape=[{"call": "no.such:thing"}]), ("shape", 0, "call"), "cannot find"),
        (
            report(deliver=[{"confluence": {**TABLE, "site": "jira"}}]),
            ("deliver", 0, "confluence", "site"),
            "kind jira",
        ),
        (
            report(deliver=[{"excel": {"path": "a.xlsx", "template": "no.xlsx"}}]),
            ("deliver", 0, "excel"),
            "template: there",
        ),
        (
            report(deliver=[{"confluence": {**TABLE, "chart": {"file": "no.png", "alt": "x"}}}]),
            ("deliver", 0, "confluence"),
            "chart.file: there is no file",
        ),
        (
            report(deliver=[{"confluence": {**TABLE, "chart": {"call": "no.such:x", "alt": "x"}}}]),
            ("deliver", 0, "confluence"),
            "cannot find 'no.such:x'",
        ),
        (
            report(deliver=[{"pages": {**PAGES, "template": "no.xhtml"}}]),
            ("deliver", 0, "pages"),
            "template: there is no",
        ),
        (
            report(deliver=[{"pages": {**PAGES, "title": "Bugs {{ prjct }}"}}], params={"project": "A"}),
            ("deliver", 0, "pages"),
            r"unknown placeholder 'prjct' .did you mean 'project'",
        ),
        (
            report(deliver=[{"notify": {"channel": "NO_SUCH_URL"}}]),
            ("deliver", 0, "notify"),
            "NO_SUCH_URL is not set",
        ),
    ],
)
def test_every_problem_has_its_place(tools: Tools, made: Report, place: object, message: str) -> None:
    ((found, error),) = problems(made, tools)
    assert found == place
    with pytest.raises(type(error), match=message):
        raise error


def test_a_good_report_has_none_and_nothing_is_sent(tools: Tools, site: DemoSite) -> None:
    (tools.root / "page.xhtml").write_text("<p>{{ count }} {{ project }}</p>", encoding="utf-8")
    deliver = [{"confluence": TABLE}, {"pages": PAGES}, {"pages": {**PAGES, "template": "page.xhtml"}}]
    before = site.requests.count()
    assert list(problems(report(deliver=deliver, params={"project": "A"}), tools)) == []
    assert site.requests.count() == before


def test_a_site_that_cannot_be_reached_is_a_warning(tools: Tools) -> None:
    made = report(
        [{"site": "away", "jql": "a"}, {"site": ["jira", "away"], "jql": "b"}],
        deliver=[{"confluence": TABLE}],
    )
    found = list(unreachable(made, tools))
    assert [place for place, _ in found] == [("extract", 0, "site"), ("extract", 1, "site")]
    assert found[0][1].startswith("site 'away' cannot be reached: ")


def test_a_site_behind_a_proxy_is_not_asked(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    made = report({"site": "away", "jql": "a"})
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.org:8080")
    monkeypatch.setenv("NO_PROXY", "")
    assert list(unreachable(made, tools)) == []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert len(list(unreachable(made, tools))) == 1
    own = Jira(
        "http://127.0.0.1:9", token="x", cloud=False, proxies={"http": "http://proxy.example.org:8080"}
    )
    assert list(unreachable(made, replace(tools, site=lambda name: own))) == []

"""What clients ask of the demo site besides searches: issues of boards, expansions, screens, properties."""

from __future__ import annotations

import pytest

from schedkit.demo import DemoSite
from schedkit.errors import SiteError
from schedkit.jira import Jira
from tests.jira.conftest import DIALECTS, client


@pytest.fixture(params=DIALECTS)
def jira(request: pytest.FixtureRequest, demo_site: DemoSite) -> Jira:
    return client(demo_site, request.param)


def test_issues_of_boards_and_sprints(jira: Jira, demo_site: DemoSite) -> None:
    page = jira.get("/rest/agile/1.0/board/1/issue", maxResults=3, fields="summary")
    whole = {i.key for i in demo_site.store.visible() if i.project.board == 1}
    assert page["total"] == len(whole)
    assert len(page["issues"]) == 3
    sprint = next(i.sprints[0] for i in demo_site.store.visible() if i.sprints)
    held = jira.get(f"/rest/agile/1.0/sprint/{sprint.id}/issue", jql="project is not EMPTY")
    expected = {i.key for i in demo_site.store.visible() if sprint in i.sprints}
    assert {issue["key"] for issue in held["issues"]} == expected
    with pytest.raises(SiteError, match="99999"):
        jira.get("/rest/agile/1.0/sprint/99999/issue")
    with pytest.raises(SiteError):
        jira.get("/rest/agile/1.0/board/99999/issue")


def test_expansions_of_an_issue(jira: Jira) -> None:
    issue = jira.get(
        "/rest/api/2/issue/DEMO-1", expand="names,schema,renderedFields", fields="summary,description"
    )
    assert issue["names"]["summary"] == "Summary"
    assert issue["schema"]["summary"]["type"] == "string"
    assert issue["renderedFields"]["description"].startswith("<p>")


def test_expansions_of_a_search(jira: Jira) -> None:
    cloud = jira.myself().get("accountId") is not None
    path = "/rest/api/3/search/jql" if cloud else "/rest/api/2/search"
    asked = {"jql": "key = DEMO-1", "fields": ["summary", "description"]}
    page = jira.get(path, **asked, expand="names,schema,renderedFields")
    assert page["names"] == {"summary": "Summary", "description": "Description"}
    assert page["schema"]["summary"]["type"] == "string"
    assert page["issues"][0]["renderedFields"]["description"].startswith("<p>")
    assert "names" not in page["issues"][0], "they are told once for the page"
    assert {"names", "schema"}.isdisjoint(jira.get(path, **asked))


def test_parts_of_a_project(jira: Jira, demo_site: DemoSite) -> None:
    project = demo_site.store.project("DEMO")
    assert project is not None
    parts = jira.get("/rest/api/2/project/DEMO/components")
    assert [part["name"] for part in parts] == [c.name for c in project.components]
    for what in ("components", "versions"):
        with pytest.raises(SiteError, match="No project could be found"):
            jira.get(f"/rest/api/2/project/NOPE/{what}")


def test_the_edit_screen_offers_values(jira: Jira) -> None:
    fields = jira.get("/rest/api/2/issue/DEMO-1/editmeta")["fields"]
    assert fields["summary"]["required"]
    platforms = next(about for about in fields.values() if about["name"] == "Platforms")
    assert "Linux, ARM" in {value["value"] for value in platforms["allowedValues"]}
    causes = next(about for about in fields.values() if about["name"] == "Root Cause")
    assert all("/" not in value["value"] for value in causes["allowedValues"])
    with pytest.raises(SiteError):
        jira.get("/rest/api/2/issue/DEMO-404404/editmeta")


def test_properties_that_are_not_there(jira: Jira) -> None:
    for key in ("DEMO-1", "DEMO-404404"):
        with pytest.raises(SiteError):
            jira.get(f"/rest/api/2/issue/{key}/properties/schedkit.plan")

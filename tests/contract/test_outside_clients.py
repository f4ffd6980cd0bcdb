"""Two clients nobody here wrote read and write the site, unmodified."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from atlassian import Confluence as AtlassianConfluence
from atlassian import Jira as AtlassianJira
from atlassian.confluence import ConfluenceCloud
from jira import JIRA
from jira.exceptions import JIRAError

from schedkit.demo import DemoSite

JQL = "project = DEMO ORDER BY key"


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=120) as site:
        yield site


@pytest.fixture(params=["cloud", "datacenter"])
def pycontribs(request: pytest.FixtureRequest, site: DemoSite) -> Iterator[JIRA]:
    if request.param == "cloud":
        at = site.jira_cloud
        client = JIRA(at.url, basic_auth=(at.user or "", at.token), max_retries=0)
    else:
        client = JIRA(site.jira_dc.url, token_auth=site.jira_dc.token, max_retries=0)
    yield client
    client.close()


@pytest.fixture(params=["cloud", "datacenter"])
def atlassian_jira(request: pytest.FixtureRequest, site: DemoSite) -> Iterator[AtlassianJira]:
    if request.param == "cloud":
        at = site.jira_cloud
        client = AtlassianJira(at.url, username=at.user, password=at.token, cloud=True, api_version="3")
    else:
        client = AtlassianJira(site.jira_dc.url, token=site.jira_dc.token, cloud=False)
    yield client
    client.close()


def _keys(site: DemoSite) -> list[str]:
    found = [issue for issue in site.store.visible() if issue.project.key == "DEMO"]
    return [issue.key for issue in sorted(found, key=lambda issue: issue.number)]


def test_pycontribs_searches_to_the_end(site: DemoSite, pycontribs: JIRA) -> None:
    found = pycontribs.search_issues(JQL, maxResults=False)
    assert [issue.key for issue in found] == _keys(site)
    assert found[0].fields.summary == site.store.get(found[0].key).summary


def test_pycontribs_reads_fields_an_issue_and_its_changelog(site: DemoSite, pycontribs: JIRA) -> None:
    names = {field["name"] for field in pycontribs.fields()}
    assert {"Summary", "Sprint", "Story Points", "Severity"} <= names
    issue = pycontribs.issue("DEMO-1", expand="changelog")
    truth = site.store.get("DEMO-1")
    assert issue.fields.status.name == truth.status.name
    assert len(issue.changelog.histories) == len(site.store.history(truth))


def test_pycontribs_transitions_and_comments(site: DemoSite, pycontribs: JIRA) -> None:
    issue = site.store.create(summary="To be moved")
    pycontribs.transition_issue(issue.key, "Done")
    assert issue.status.name == "Done"
    assert issue.resolution is not None
    # What this client sends as a comment to Cloud's v2, and to Data Center, is plain text.
    pycontribs.add_comment(issue.key, "moved by a client")
    assert site.store.comments(issue)[-1].text == "moved by a client"


def test_pycontribs_is_told_of_bad_jql(pycontribs: JIRA) -> None:
    with pytest.raises(JIRAError, match="Field 'nonsense' does not exist"):
        pycontribs.search_issues("nonsense = 1")


def test_atlassian_python_api_searches(site: DemoSite, atlassian_jira: AtlassianJira) -> None:
    if atlassian_jira.cloud:
        found = atlassian_jira.enhanced_jql(JQL, limit=100)["issues"]
        expected = _keys(site)[:100]
    else:
        found = atlassian_jira.jql(JQL, limit=20)["issues"]
        expected = _keys(site)[:20]
    assert [issue["key"] for issue in found] == expected


def test_atlassian_python_api_reads_an_issue_and_fields(
    site: DemoSite, atlassian_jira: AtlassianJira
) -> None:
    issue = atlassian_jira.issue("DEMO-2")
    assert issue["fields"]["summary"] == site.store.get("DEMO-2").summary
    assert any(field["name"] == "Sprint" for field in atlassian_jira.get_all_fields())
    assert {project["key"] for project in atlassian_jira.projects()} >= {"DEMO", "OPS"}


def test_atlassian_python_api_reads_and_writes_a_page(site: DemoSite) -> None:
    at = site.confluence_dc
    client = AtlassianConfluence(at.url, token=at.token, cloud=False)
    page = client.get_page_by_id("100001", expand="body.storage,version")
    assert page["body"]["storage"]["value"] == site.wiki.pages["100001"].body
    made = client.create_page("DEMO", "By a client", "<p>one</p>", parent_id="100003")
    client.update_page(made["id"], "By a client", "<p>two</p>")
    assert [version.body for version in site.wiki.pages[made["id"]].versions] == ["<p>one</p>", "<p>two</p>"]
    assert client.get_page_id("DEMO", "By a client") == made["id"]
    client.close()
    # Only when told so does it send an attachment's new data to the endpoint for it.
    client = AtlassianConfluence(at.url, token=at.token, cloud=False, api_version="1.0")
    client.attach_content(b"1;2\n", name="data.csv", content_type="text/csv", page_id=made["id"])
    client.attach_content(b"3;4\n", name="data.csv", content_type="text/csv", page_id=made["id"])
    (file,) = site.wiki.pages[made["id"]].attachments.values()
    assert [version.data for version in file.versions] == [b"1;2\n", b"3;4\n"]
    client.close()


def test_atlassian_python_api_reads_a_cloud_page(site: DemoSite) -> None:
    at = site.confluence_cloud
    # As it is told to be used with Cloud until its v2 client reads pages by id.
    client = AtlassianConfluence(at.url, username=at.user, password=at.token, cloud=False)
    page = client.get_page_by_id("100001", expand="body.storage,version")
    assert page["body"]["storage"]["value"] == site.wiki.pages["100001"].body
    client.close()


def test_atlassian_python_api_finds_a_cloud_page_by_title(site: DemoSite) -> None:
    at = site.confluence_cloud
    client = ConfluenceCloud(f"{at.url}/api/v2", username=at.user, password=at.token)
    assert [space["key"] for space in client.get_spaces()["results"]] == ["DEMO"]
    assert client.page_exists("DEMO", "Open bugs")
    assert not client.page_exists("DEMO", "No such page")
    client.close()

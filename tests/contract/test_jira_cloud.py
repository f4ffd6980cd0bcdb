"""Cloud answers hold against Atlassian's own description of Jira Cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from contract.documents import Contract

from schedkit.demo import DemoSite

API = "/rest/api/3"
PATHS = (
    "search",
    "search/jql",
    "search/approximate-count",
    "serverInfo",
    "myself",
    "field",
    "issue/bulkfetch",
    "changelog/bulkfetch",
    "worklog/list",
    "priority",
    "project/search",
    "status",
    "user/search",
    "project/{projectIdOrKey}",
    "filter/{id}",
    "issue/{issueIdOrKey}",
    "issue/{issueIdOrKey}/transitions",
    "issue/{issueIdOrKey}/changelog",
    "issue/{issueIdOrKey}/worklog",
    "issue/{issueIdOrKey}/comment",
    "issue/{issueIdOrKey}/comment/{id}",
    "issue/{issueIdOrKey}/worklog/{id}",
    "issue",
    "issue/{issueIdOrKey}/editmeta",
    "issue/createmeta/{projectIdOrKey}/issuetypes",
    "issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}",
    "user",
    "issue/{issueIdOrKey}/properties/{propertyKey}",
    "issueLinkType",
    "issuetype",
    "project/{projectIdOrKey}/versions",
    "project/{projectIdOrKey}/components",
)
MARK = {"key": "schedkit.plan", "value": {"mark": "x"}}
DOC = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "hi"}]}],
}
CASES: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "/serverInfo", None, 200),
    ("GET", "/myself", None, 200),
    ("GET", "/field", None, 200),
    ("POST", "/search/jql", {"jql": "project = DEMO", "fields": ["*all"], "maxResults": 30}, 200),
    ("POST", "/search/jql", {"jql": "project = DEMO", "maxResults": 5000}, 200),
    ("GET", "/search/jql?jql=project%3DDEMO&fields=key&maxResults=10&expand=changelog", None, 200),
    ("POST", "/search/jql", {"jql": "nonsense = 1"}, 400),
    ("POST", "/search/approximate-count", {"jql": "project = DEMO"}, 200),
    ("POST", "/issue/bulkfetch", {"issueIdsOrKeys": ["DEMO-1", "VAULT-1"], "expand": ["changelog"]}, 200),
    ("POST", "/changelog/bulkfetch", {"issueIdsOrKeys": ["DEMO-1", "DEMO-2"], "maxResults": 3}, 200),
    ("GET", "/issue/{worked}?expand=changelog,names", None, 200),
    ("GET", "/issue/{worked}?fields=created&properties=schedkit.plan", None, 200),
    ("GET", "/issue/NOPE-1", None, 404),
    ("GET", "/issue/{worked}/transitions", None, 200),
    ("GET", "/issue/{worked}/changelog", None, 200),
    ("GET", "/issue/{worked}/worklog", None, 200),
    ("GET", "/issue/{worked}/comment", None, 200),
    ("POST", "/issue/{worked}/comment", {"body": DOC}, 201),
    ("PUT", "/issue/{worked}", {"fields": {"summary": "Renamed", "labels": ["a", "b"]}}, 204),
    ("PUT", "/issue/{worked}", {"fields": {"summary": ""}}, 400),
    ("POST", "/issue/{worked}/transitions", {"transition": {"id": "21"}}, 204),
    ("POST", "/worklog/list", {"ids": ["{worklog}"]}, 200),
    ("GET", "/project/search?maxResults=2", None, 200),
    ("GET", "/project/DEMO", None, 200),
    ("GET", "/filter/10000", None, 200),
    ("GET", "/priority", None, 200),
    ("GET", "/status", None, 200),
    ("GET", "/user/search?query=ada", None, 200),
    ("GET", "/issuetype", None, 200),
    ("GET", "/issue/{worked}/editmeta", None, 200),
    ("GET", "/issue/{worked}/transitions?expand=transitions.fields", None, 200),
    ("GET", "/issue/createmeta/DEMO/issuetypes?maxResults=2", None, 200),
    ("GET", "/issue/createmeta/DEMO/issuetypes/10004?maxResults=200", None, 200),
    ("GET", "/issue/createmeta/DEMO/issuetypes/1", None, 400),
    ("GET", "/user?accountId=5b10a2844c20165700ed0001", None, 200),
    ("GET", "/user?accountId=5b10a2844c20165700ed0fff", None, 404),
    ("GET", "/project/DEMO/versions", None, 200),
    ("GET", "/project/DEMO/components", None, 200),
    ("GET", "/issueLinkType", None, 200),
    ("POST", "/issue", {"fields": {"project": {"key": "DEMO"}, "issuetype": {"name": "Bug"}, "summary": "N"},
                        "properties": [MARK]}, 201),
    ("POST", "/issue", {"fields": {"summary": "No project"}}, 400),
    ("POST", "/issue/{worked}/worklog", {"timeSpentSeconds": 3600, "started": "2026-01-02T03:04:05.000+0000",
                                         "comment": DOC}, 201),
    ("POST", "/issue/{worked}/comment", {"body": DOC, "properties": [MARK]}, 201),
    ("GET", "/issue/{worked}/comment?expand=properties", None, 200),
    ("GET", "/issue/{worked}/worklog?expand=properties", None, 200),
    ("DELETE", "/issue/DEMO-14", None, 204),
    ("DELETE", "/issue/{worked}/comment/1", None, 404),
    ("DELETE", "/issue/{worked}/worklog/{worklog}", None, 204),
    ("GET", "/issue/{worked}/properties/nothing", None, 404),
)  # fmt: skip


@pytest.fixture(scope="module")
def contract(shared_data: Path, site: DemoSite) -> Contract:
    file = shared_data / "openapi" / "jira-cloud-platform-v3.2025-12.json"
    return Contract(file, site.url, [f"{API}/{path}" for path in PATHS])


@pytest.mark.parametrize(("method", "path", "body", "status"), CASES)
def test_an_answer_is_what_the_document_says(
    site: DemoSite, contract: Contract, method: str, path: str, body: Any, status: int
) -> None:
    worked = next(issue for issue in site.store.visible() if issue.spent)
    if body == {"ids": ["{worklog}"]}:
        body = {"ids": [log.id for log in site.store.worklogs(worked)]}
    log = site.store.worklogs(worked)[-1].id
    at = site.jira_cloud
    answer = requests.request(
        method,
        f"{at.url}{API}{path.format(worked=worked.key, worklog=log)}",
        json=body,
        auth=(at.user or "", at.token),
        timeout=60,
    )
    assert answer.status_code == status, answer.text[:300]
    contract.judge(answer)


@pytest.fixture(scope="module")
def agile(shared_data: Path, site: DemoSite) -> Contract:
    file = shared_data / "openapi" / "jira-cloud-software.2022-07.salto.json"
    boards = "/rest/agile/1.0/board"
    paths = (boards, *(f"{boards}/{{boardId}}{part}" for part in ("", "/configuration", "/sprint")))
    return Contract(file, site.url, (*paths, "/rest/agile/1.0/sprint/{sprintId}"))


@pytest.mark.parametrize(
    "path", ["board", "board/1", "board/1/configuration", "board/1/sprint?state=active", "sprint/124"]
)
def test_a_board_is_what_the_document_says(site: DemoSite, agile: Contract, path: str) -> None:
    at = site.jira_cloud
    answer = requests.get(f"{at.url}/rest/agile/1.0/{path}", auth=(at.user or "", at.token), timeout=60)
    assert answer.status_code == 200
    agile.judge(answer)


def test_the_removed_search_says_where_to_go(site: DemoSite) -> None:
    at = site.jira_cloud
    answer = requests.get(
        f"{at.url}{API}/search?jql=project=DEMO", auth=(at.user or "", at.token), timeout=10
    )
    assert answer.status_code == 410
    assert "/rest/api/3/search/jql" in answer.json()["errorMessages"][0]


def test_the_judge_refuses_a_wrong_answer(site: DemoSite, contract: Contract) -> None:
    at = site.jira_cloud
    answer = requests.get(f"{at.url}{API}/myself", auth=(at.user or "", at.token), timeout=60)
    answer._content = answer.content.replace(b'"active":true', b'"active":"yes"')
    with pytest.raises(AssertionError, match="'yes' is not of type 'boolean'"):
        contract.judge(answer)

"""Data Center answers hold against Atlassian's own description of Jira 10.3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from contract.documents import Contract

from schedkit.demo import DemoSite

PATHS = (
    "/api/2/search",
    "/api/2/serverInfo",
    "/api/2/myself",
    "/api/2/field",
    "/api/2/filter/{id}",
    "/api/2/project",
    "/api/2/project/{projectIdOrKey}",
    "/api/2/issue/{issueIdOrKey}",
    "/api/2/issue/{issueIdOrKey}/transitions",
    "/api/2/issue/{issueIdOrKey}/worklog",
    "/api/2/issue/{issueIdOrKey}/comment",
    "/api/2/issue",
    "/api/2/issue/{issueIdOrKey}/editmeta",
    "/api/2/issueLink",
    "/api/2/issueLinkType",
    "/agile/1.0/board",
    "/agile/1.0/board/{boardId}",
    "/agile/1.0/board/{boardId}/configuration",
    "/agile/1.0/board/{boardId}/sprint",
)
CASES: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "/api/2/serverInfo", None, 200),
    ("GET", "/api/2/myself", None, 200),
    ("GET", "/api/2/field", None, 200),
    ("GET", "/api/2/search?jql=project%3DDEMO&maxResults=30&fields=*all&expand=changelog", None, 200),
    ("POST", "/api/2/search", {"jql": "project = DEMO", "startAt": 3, "maxResults": 4}, 200),
    ("POST", "/api/2/search", {"jql": "nonsense = 1"}, 400),
    ("GET", "/api/2/issue/{worked}?expand=changelog", None, 200),
    ("GET", "/api/2/issue/{worked}?fields=created&properties=schedkit.plan", None, 200),
    ("GET", "/api/2/issue/{worked}/transitions", None, 200),
    ("GET", "/api/2/issue/{worked}/worklog", None, 200),
    ("GET", "/api/2/issue/{worked}/comment", None, 200),
    ("POST", "/api/2/issue/{worked}/comment", {"body": "hi"}, 201),
    ("PUT", "/api/2/issue/{worked}", {"fields": {"summary": "Renamed"}}, 204),
    ("POST", "/api/2/issue/{worked}/transitions", {"transition": {"id": "21"}}, 204),
    ("GET", "/api/2/project", None, 200),
    ("GET", "/api/2/project/DEMO", None, 200),
    ("GET", "/api/2/filter/10000", None, 200),
    ("GET", "/api/2/issue/{worked}/editmeta", None, 200),
    ("GET", "/api/2/issue/{worked}/transitions?expand=transitions.fields", None, 200),
    ("GET", "/api/2/issueLinkType", None, 200),
    ("POST", "/api/2/issueLink", {"type": {"name": "Blocks"}, "inwardIssue": {"key": "DEMO-1"},
                                  "outwardIssue": {"key": "DEMO-2"}}, 201),
    ("POST", "/api/2/issue", {"fields": {"project": {"key": "DEMO"}, "issuetype": {"name": "Bug"},
                                         "summary": "New"}}, 201),
    ("POST", "/api/2/issue/{worked}/worklog", {"timeSpentSeconds": 3600,
                                               "started": "2026-01-02T03:04:05.000+0000"}, 201),
    ("DELETE", "/api/2/issue/DEMO-14", None, 204),
    ("GET", "/agile/1.0/board", None, 200),
    ("GET", "/agile/1.0/board/1", None, 200),
    ("GET", "/agile/1.0/board/1/configuration", None, 200),
    ("GET", "/agile/1.0/board/1/sprint?state=active", None, 200),
    ("GET", "/agile/1.0/board/99", None, 404),
)  # fmt: skip


@pytest.fixture(scope="module")
def contract(shared_data: Path, site: DemoSite) -> Contract:
    file = shared_data / "openapi" / "jira-dc-10.3.json"
    return Contract(file, f"{site.jira_dc.url}/rest", PATHS, lists=("/api/2/field", "/api/2/project"))


@pytest.mark.parametrize(("method", "path", "body", "status"), CASES)
def test_an_answer_is_what_the_document_says(
    site: DemoSite, contract: Contract, method: str, path: str, body: Any, status: int
) -> None:
    worked = next(issue for issue in site.store.visible() if issue.spent)
    at = site.jira_dc
    answer = requests.request(
        method,
        f"{at.url}/rest{path.format(worked=worked.key)}",
        json=body,
        headers={"Authorization": f"Bearer {at.token}"},
        timeout=60,
    )
    assert answer.status_code == status, answer.text[:300]
    contract.judge(answer)

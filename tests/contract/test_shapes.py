"""No key is invented: what the site says of a status, a user or a version, real answers say too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from schedkit.demo import DemoSite

NOUNS = (
    "status", "statusCategory", "priority", "issuetype", "project", "assignee", "reporter",
    "creator", "author", "resolution", "components", "fixVersions", "versions", "votes", "watches",
    "progress", "timetracking", "comment", "comments", "worklog", "worklogs", "issuelinks", "type",
    "outwardIssue", "inwardIssue", "parent", "subtasks", "changelog", "histories", "items",
    "schema", "transitions", "avatarUrls",
)  # fmt: skip
# Captured answers name these things elsewhere: a parent is shown as a linked issue is.
ALIKE = {"fixVersions": "versions", "parent": "outwardIssue", "subtasks": "outwardIssue"}
# Told by the servers' own documents, and by no captured answer at hand.
DOCUMENTED = {
    "comment": {"version", "content"},  # the document of a worklog's comment
    "worklogs": {"issueId", "timeSpentSeconds"},
    "versions": {"archived", "id", "name", "released", "releaseDate", "self"},
    "comments": {"jsdPublic"},
    "transitions": {"isGlobal", "isInitial", "isAvailable", "hasScreen"},
    "items": {"fieldId"},
    "schema": {"customId", "custom", "system", "items", "type"},
    "project": {"simplified", "projectTypeKey", "lead", "components", "versions"},
    "issuetype": {"hierarchyLevel"},
    "assignee": {"accountType", "accountId"},
}
DOCUMENTED |= dict.fromkeys(("reporter", "creator", "author"), DOCUMENTED["assignee"])


def keys_by_noun(node: Any, into: dict[str, set[str]], noun: str = "") -> None:
    if isinstance(node, dict):
        if noun in NOUNS:
            into.setdefault(noun, set()).update(node)
        for key, value in node.items():
            keys_by_noun(value, into, key)
    elif isinstance(node, list):
        for value in node:
            keys_by_noun(value, into, noun)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in sorted((shared_data / "jira").rglob("*.json")):
        try:
            keys_by_noun(msgspec.json.decode(file.read_bytes()), found)
        except msgspec.DecodeError:
            continue  # a template with placeholders, or a captured failure
    return found


def answers(site: DemoSite, cloud: bool) -> Iterator[Any]:
    at = site.jira_cloud if cloud else site.jira_dc
    auth = (at.user or "", at.token) if cloud else None
    headers = {} if cloud else {"Authorization": f"Bearer {at.token}"}
    api = f"{at.url}/rest/api/{3 if cloud else 2}"
    for issue in list(site.store.visible())[:150]:
        url = f"{api}/issue/{issue.key}?expand=changelog"
        yield requests.get(url, auth=auth, headers=headers, timeout=60).json()
    for path in ("field", "issue/DEMO-1/transitions", "project/DEMO", "priority", "status"):
        yield requests.get(f"{api}/{path}", auth=auth, headers=headers, timeout=60).json()


@pytest.mark.parametrize("cloud", [True, False], ids=["cloud", "datacenter"])
def test_no_key_is_invented(demo_site: DemoSite, real: dict[str, set[str]], cloud: bool) -> None:
    ours: dict[str, set[str]] = {}
    for answer in answers(demo_site, cloud):
        keys_by_noun(answer, ours)
    assert len(ours) > 25
    invented = {}
    for noun, keys in ours.items():
        other = ALIKE.get(noun, noun)
        known = real.get(noun, set()) | real.get(other, set())
        invented[noun] = keys - known - DOCUMENTED.get(noun, set()) - DOCUMENTED.get(other, set())
    assert {noun: keys for noun, keys in invented.items() if keys} == {}

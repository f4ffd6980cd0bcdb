"""Edits, transitions and comments over the wire: what Jira takes, what it refuses, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.demo_clients import cloud, datacenter

from schedkit.demo import DemoSite

SELECT, CASCADE, BOXES, POINTS = (
    "customfield_10300",
    "customfield_10304",
    "customfield_10303",
    "customfield_10102",
)


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site


@pytest.fixture(scope="module")
def http(site: DemoSite) -> Iterator[httpx.Client]:
    with datacenter(site) as client:
        yield client


GOOD: tuple[tuple[str, Any, Any], ...] = (
    ("summary", "New =words()", "New =words()"),
    ("description", "h1. new", "h1. new"),
    ("description", None, None),
    ("priority", {"name": "Low"}, "Low"),
    ("priority", {"id": "1"}, "Highest"),
    ("assignee", {"name": "user2"}, "Grace Hopper"),
    ("assignee", None, None),
    ("reporter", {"name": "user3"}, "Jürgen Müller-Lüdenscheidt"),
    ("labels", ["b", "a", "b"], ["a", "b"]),
    ("components", [{"name": "API"}], ["API"]),
    ("fixVersions", [{"id": "10001"}], ["demo 8.1"]),
    ("versions", [], []),
    ("duedate", "2026-05-04", "2026-05-04"),
    ("duedate", None, None),
    (POINTS, 3, 3.0),
    (POINTS, None, None),
    (SELECT, {"value": "Minor"}, "Minor"),
    (SELECT, None, None),
    (BOXES, [{"value": "Linux"}, {"value": "iOS"}], ["Linux", "iOS"]),
    (CASCADE, {"value": "Code", "child": {"value": "Logic"}}, "Code"),
    (CASCADE, {"value": "Human"}, "Human"),
    (CASCADE, None, None),
    ("customfield_10301", "ACME", "ACME"),
    ("customfield_10305", {"name": "user4"}, "Zoë Ångström"),
    ("customfield_10306", [{"name": "user4"}, {"name": "user5"}], ["Zoë Ångström", "山田 太郎"]),
    ("customfield_10309", "2026-12-01", "2026-12-01"),
    ("customfield_10312", ["z"], ["z"]),
    ("customfield_10313", "notes", "notes"),
)  # fmt: skip


def shown(value: Any) -> Any:
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return value.get("displayName") or value.get("name") or value.get("value")
    return value


@pytest.mark.parametrize(("field", "value", "expected"), GOOD, ids=[f"{f}={v}" for f, v, _ in GOOD])
def test_an_edit_is_read_back(http: httpx.Client, field: str, value: Any, expected: Any) -> None:
    assert http.put("/rest/api/2/issue/DEMO-1", json={"fields": {field: value}}).status_code == 204
    assert shown(http.get("/rest/api/2/issue/DEMO-1").json()["fields"][field]) == expected


BAD: tuple[tuple[str, Any, str], ...] = (
    ("summary", " ", "You must specify a summary of the issue."),
    ("summary", "a\nb", "newline characters"),
    ("summary", "x" * 256, "can't exceed 255"),
    ("description", 5, "Atlassian Document"),
    ("priority", {"name": "Huge"}, "The priority selected is invalid."),
    ("assignee", {"name": "nobody"}, "User 'nobody' does not exist."),
    ("assignee", {"name": "JIRAUSER10777"}, "does not exist"),
    ("labels", ["two words"], "contains spaces"),
    ("components", [{"name": "Nope"}], "The component selected is invalid."),
    ("timetracking", {"originalEstimate": 7200}, "Specified duration is not valid"),
    ("duedate", "soon", "Error parsing date string: soon"),
    (POINTS, "many", "Operation value must be a number"),
    (POINTS, True, "Operation value must be a number"),
    (SELECT, {"value": "Huge"}, "Option value 'Huge' is not valid"),
    (CASCADE, {"value": "Code", "child": {"value": "Disk"}}, "is not valid"),
    ("customfield_10301", 5, "Operation value must be a string"),
    ("labels", 5, "is not of the type it takes"),
    ("priority", "High", "is not of the type it takes"),
    ("status", {"name": "Done"}, "cannot be set"),
    ("customfield_99999", 1, "cannot be set"),
    ("customfield_10104", "0|x", "cannot be set"),
)  # fmt: skip


@pytest.mark.parametrize(("field", "value", "told"), BAD, ids=[f"{f}={str(v)[:20]}" for f, v, _ in BAD])
def test_a_bad_value_changes_nothing(
    site: DemoSite, http: httpx.Client, field: str, value: Any, told: str
) -> None:
    before = site.store.get("DEMO-2")
    state = (before.summary, before.updated)
    answer = http.put("/rest/api/2/issue/DEMO-2", json={"fields": {"summary": "changed", field: value}})
    assert answer.status_code == 400
    assert told in answer.json()["errors"][field]
    assert (before.summary, before.updated) == state


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ({"originalEstimate": "1d 2h"}, (36_000, 36_000)),
        ({"originalEstimate": "2h", "remainingEstimate": "30m"}, (7_200, 1_800)),
    ],
)
def test_time_tracking_takes_durations(
    http: httpx.Client, value: dict[str, str], seconds: tuple[int, int]
) -> None:
    address = "/rest/api/2/issue/DEMO-4"
    assert http.put(address, json={"fields": {"timetracking": value}}).status_code == 204
    asked = {"fields": "timeoriginalestimate,timeestimate"}
    fields = http.get(address, params=asked).json()["fields"]
    assert (fields["timeoriginalestimate"], fields["timeestimate"]) == seconds


def test_an_edit_enters_the_changelog(http: httpx.Client) -> None:
    http.put("/rest/api/2/issue/DEMO-3", json={"fields": {"summary": "One", "priority": {"name": "Lowest"}}})
    http.put("/rest/api/2/issue/DEMO-3", json={"fields": {"summary": "Two", "assignee": {"name": "user6"}}})
    log = http.get("/rest/api/2/issue/DEMO-3?expand=changelog").json()["changelog"]["histories"]
    changes = {item["field"]: (item["fromString"], item["toString"]) for item in log[-1]["items"]}
    assert changes["summary"] == ("One", "Two")
    assert changes["assignee"][1] == "Анна Каренина"
    assert log[-1]["author"]["name"] == "demo"


def test_labels_are_added_and_taken_away(site: DemoSite, http: httpx.Client) -> None:
    def update(*operations: dict[str, Any]) -> tuple[str, ...]:
        body = {"update": {"labels": list(operations)}}
        assert http.put("/rest/api/2/issue/DEMO-4", json=body).status_code == 204
        return site.store.get("DEMO-4").labels

    assert update({"set": ["a"]}, {"add": "b"}) == ("a", "b")
    assert update({"remove": "a"}, {"remove": "not there"}) == ("b",)
    answer = http.put("/rest/api/2/issue/DEMO-4", json={"update": {"summary": [{"set": "x"}]}})
    assert "cannot be set" in answer.json()["errors"]["summary"]


def test_an_empty_edit_changes_nothing(site: DemoSite, http: httpx.Client) -> None:
    before = site.store.get("DEMO-5").updated
    assert http.put("/rest/api/2/issue/DEMO-5", json={}).status_code == 204
    assert site.store.get("DEMO-5").updated == before


def test_transitions_lead_to_the_other_statuses(site: DemoSite, http: httpx.Client) -> None:
    url = "/rest/api/2/issue/DEMO-6/transitions"
    now = site.store.get("DEMO-6").status.name
    offered = {t["to"]["name"]: t["id"] for t in http.get(url).json()["transitions"]}
    assert now not in offered
    target = next(name for name in offered if name != "Closed")
    assert http.post(url, json={"transition": {"id": offered[target]}}).status_code == 204
    assert site.store.get("DEMO-6").status.name == target
    refused = http.post(url, json={"transition": {"id": offered[target]}})
    assert refused.status_code == 400
    assert "illegal workflow operation" in refused.json()["errorMessages"][0]


def test_comments_are_documents_on_cloud_and_text_on_data_center(site: DemoSite, http: httpx.Client) -> None:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "from cloud *as typed*"}]}
    document = {"type": "doc", "version": 1, "content": [paragraph]}
    with cloud(site) as v3:
        url = "/rest/api/3/issue/DEMO-7/comment"
        made = v3.post(url, json={"body": document})
        assert made.status_code == 201
        assert v3.get(url).json()["comments"][-1]["body"] == document
        for body in ({"body": "text"}, {"body": None}, {}):
            assert v3.post(url, json=body).status_code == 400
    url = "/rest/api/2/issue/DEMO-7/comment"
    assert http.get(url).json()["comments"][-1]["body"] == "from cloud *as typed*"
    assert http.post(url, json={"body": "from here"}).json()["author"]["name"] == "demo"
    assert http.get(url, params={"startAt": 1, "maxResults": 1}).json()["comments"][0]["body"] == "from here"
    assert http.post(url, json={"body": document}).status_code == 400


@pytest.mark.parametrize("path", ["", "/comment", "/worklog", "/transitions"])
def test_nothing_hangs_on_an_issue_that_is_not(http: httpx.Client, path: str) -> None:
    assert http.get(f"/rest/api/2/issue/NOPE-1{path}").status_code == 404


def test_nothing_is_written_to_an_issue_that_is_not(http: httpx.Client) -> None:
    assert http.put("/rest/api/2/issue/NOPE-1", json={"fields": {}}).status_code == 404
    assert http.post("/rest/api/2/issue/NOPE-1/comment", json={"body": "x"}).status_code == 404
    assert http.post("/rest/api/2/issue/NOPE-1/transitions", json={}).status_code == 404
    with_cloud = "/rest/api/3/issue/NOPE-1/changelog"
    assert http.get(with_cloud).status_code == 404

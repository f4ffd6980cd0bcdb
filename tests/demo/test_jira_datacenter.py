"""Data Center's own rules: windows, an administrator's cap, strings for sprints, a CAPTCHA."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest
from support.demo_clients import datacenter

from schedkit.demo import DemoSite

SEARCH = "/rest/api/2/search"


@pytest.fixture
def http(demo_site: DemoSite) -> Iterator[httpx.Client]:
    with datacenter(demo_site) as client:
        yield client


def test_windows_cover_everything_once(demo_site: DemoSite, http: httpx.Client) -> None:
    seen: list[str] = []
    for start in range(0, 300, 70):
        body = {"jql": "ORDER BY key", "startAt": start, "maxResults": 70, "fields": ["summary"]}
        page = http.post(SEARCH, json=body).json()
        assert (page["startAt"], page["total"]) == (start, 300)
        seen += [issue["key"] for issue in page["issues"]]
    assert seen == sorted(seen, key=lambda key: (key.split("-")[0], int(key.split("-")[1])))
    assert len(set(seen)) == 300


def test_the_cap_is_echoed() -> None:
    with DemoSite(issues=30, page_cap=8) as site, datacenter(site) as http:
        page = http.get(SEARCH, params={"jql": "", "maxResults": 1000}).json()
        assert (page["maxResults"], len(page["issues"]), page["total"]) == (8, 8, 30)
        site.page_cap = 4
        assert len(http.get(SEARCH, params={"maxResults": 8}).json()["issues"]) == 4
        site.page_cap = None
        assert len(http.get(SEARCH, params={"maxResults": 999}).json()["issues"]) == 30
        assert http.get(SEARCH, params={"maxResults": 0}).json()["issues"] == []


def test_fifty_by_default(http: httpx.Client) -> None:
    assert len(http.get(SEARCH).json()["issues"]) == 50


def test_sprints_are_strings_with_commas_inside(demo_site: DemoSite, http: httpx.Client) -> None:
    issue = next(i for i in demo_site.store.visible() if any("," in s.name for s in i.sprints))
    told = http.get(f"/rest/api/2/issue/{issue.key}").json()["fields"]["customfield_10101"]
    sprint = next(s for s in issue.sprints if "," in s.name)
    (text,) = [t for t in told if f"[id={sprint.id}," in t]
    assert re.fullmatch(r"com\.atlassian\.greenhopper\.service\.sprint\.Sprint@[0-9a-f]+\[.*\]", text)
    assert f"name={sprint.name},startDate=" in text


def test_the_three_edges_upwards(demo_site: DemoSite, http: httpx.Client) -> None:
    store = demo_site.store

    def fields(level: int) -> tuple[str, dict[str, object]]:
        issue = next(i for i in store.visible() if i.parent and i.type.level == level)
        parent = store.issues[issue.parent or 0].key
        return parent, http.get(f"/rest/api/2/issue/{issue.key}").json()["fields"]

    parent, found = fields(-1)
    assert found["parent"]["key"] == parent
    parent, found = fields(0)
    assert (found["parent"], found["customfield_10100"], found["customfield_10200"]) == (None, parent, None)
    parent, found = fields(1)
    assert (found["parent"], found["customfield_10100"], found["customfield_10200"]) == (None, None, parent)


def test_the_changelog_comes_whole_and_oldest_first(demo_site: DemoSite, http: httpx.Client) -> None:
    store = demo_site.store
    long = next(i for i in store.visible() if len(store.history(i)) > 40)
    page = http.get(SEARCH, params={"jql": f"id = {long.id}", "expand": "changelog"}).json()
    log = page["issues"][0]["changelog"]
    assert [entry["id"] for entry in log["histories"]] == [str(h.id) for h in store.history(long)]
    times = [datetime.fromisoformat(entry["created"]) for entry in log["histories"]]
    assert times == sorted(times)


@pytest.mark.parametrize(("mode", "status"), [("strict", 400), ("true", 400), ("warn", 200), ("false", 200)])
def test_validation_may_be_relaxed(http: httpx.Client, mode: str, status: int) -> None:
    answer = http.get(SEARCH, params={"jql": "key in (DEMO-1, DEMO-99999)", "validateQuery": mode})
    assert answer.status_code == status
    if status == 200:
        assert [issue["key"] for issue in answer.json()["issues"]] == ["DEMO-1"]
        assert ("warningMessages" in answer.json()) is (mode == "warn")


def test_beyond_ten_thousand() -> None:
    with DemoSite(issues=10_010) as site, datacenter(site) as http:
        body = {"jql": "ORDER BY id", "startAt": 10_005, "maxResults": 1, "fields": ["summary"]}
        served = http.post(SEARCH, json=body).json()
        assert (len(served["issues"]), served["total"]) == (1, 10_010)
        site.quirks.beyond_window = "empty"
        assert http.post(SEARCH, json=body).json()["issues"] == []
        site.quirks.beyond_window = "fail"
        assert http.post(SEARCH, json=body).status_code == 500
        assert http.post(SEARCH, json=body | {"startAt": 10_000}).status_code == 200


def test_a_bad_bearer_sees_nothing_and_is_told_elsewhere(demo_site: DemoSite) -> None:
    with httpx.Client(
        base_url=demo_site.jira_dc.url, headers={"Authorization": "Bearer nope"}, timeout=60
    ) as wrong:
        answer = wrong.get(SEARCH, params={"jql": "project = DEMO"})
        assert (answer.status_code, answer.json()["total"]) == (200, 0)
        refused = wrong.get("/rest/api/2/myself")
        assert refused.status_code == 401
        assert "not authenticated" in refused.json()["errorMessages"][0]
        assert wrong.get("/rest/api/2/serverInfo").json()["deploymentType"] == "Server"


def test_repeated_wrong_passwords_ask_a_captcha_of_the_right_one_too() -> None:
    with DemoSite(issues=10) as site:
        right = (site.dc_password[0], site.dc_password[1])

        def myself(auth: tuple[str, str]) -> httpx.Response:
            return httpx.get(f"{site.jira_dc.url}/rest/api/2/myself", auth=auth, timeout=60)

        assert myself(right).json()["name"] == "demo"
        for _ in range(3):
            assert myself(("demo", "wrong")).status_code in (401, 403)
        locked = myself(right)
        assert locked.status_code == 403
        assert locked.headers["x-authentication-denied-reason"].startswith("CAPTCHA_CHALLENGE")
        search = httpx.get(f"{site.jira_dc.url}{SEARCH}", auth=right, timeout=60)
        assert search.status_code == 403
        with datacenter(site) as token:
            assert token.get("/rest/api/2/myself").status_code == 200


def test_times_are_the_readers(demo_site: DemoSite, http: httpx.Client) -> None:
    offsets = set()
    for issue in http.get(SEARCH, params={"maxResults": 300, "fields": "created"}).json()["issues"]:
        told = issue["fields"]["created"]
        assert datetime.fromisoformat(told).timestamp() * 1000 == demo_site.store.get(issue["key"]).created
        offsets.add(told[-5:])
    assert offsets == {"+0100", "+0200"}


def test_boards_sprints_and_filters_of_pasted_links(demo_site: DemoSite, http: httpx.Client) -> None:
    agile = "/rest/agile/1.0"
    board = http.get(f"{agile}/board/2").json()
    assert board["location"]["projectKey"] == "OPS"
    number = http.get(f"{agile}/board/2/configuration").json()["filter"]["id"]
    assert http.get(f"/rest/api/2/filter/{number}").json()["jql"] == "project = OPS ORDER BY Rank ASC"
    (active,) = http.get(f"{agile}/board/2/sprint", params={"state": "active"}).json()["values"]
    assert http.get(f"{agile}/sprint/{active['id']}").json() == active
    assert len(http.get(f"{agile}/board/2/sprint").json()["values"]) == 26
    assert [b["id"] for b in http.get(f"{agile}/board", params={"maxResults": 2}).json()["values"]] == [1, 2]
    for missing in ("board/99", "board/99/configuration", "board/99/sprint", "sprint/9"):
        assert http.get(f"{agile}/{missing}").status_code == 404
    assert http.get("/rest/api/2/filter/7").status_code == 404


def test_the_status_category_is_no_field_here(http: httpx.Client) -> None:
    found = http.get("/rest/api/2/issue/DEMO-1").json()["fields"]
    assert "statusCategory" not in found
    assert found["status"]["statusCategory"]["key"] in ("new", "indeterminate", "done")
    assert "statusCategory" not in {field["id"] for field in http.get("/rest/api/2/field").json()}

"""Cloud's own rules: tokens, limits, bulk fetches, an estimate instead of a total, silent failed logins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.demo_clients import cloud, datacenter

from schedkit.demo import DemoSite

SEARCH = "/rest/api/3/search/jql"


@pytest.fixture
def http(demo_site: DemoSite) -> Iterator[httpx.Client]:
    with cloud(demo_site) as client:
        yield client


def pages(http: httpx.Client, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    while True:
        page = http.post(SEARCH, json=body).json()
        yield page
        if "nextPageToken" not in page:
            return
        body = body | {"nextPageToken": page["nextPageToken"]}


def test_ids_alone_by_default_and_five_thousand_a_page(demo_site: DemoSite, http: httpx.Client) -> None:
    (page,) = pages(http, {"jql": "created > 0", "maxResults": 9999})
    assert page["isLast"] is True
    assert {tuple(issue) for issue in page["issues"]} == {("id",)}
    assert len(page["issues"]) == 300
    (page,) = pages(http, {"jql": "created > 0", "maxResults": 9999, "fields": ["key"]})
    assert {tuple(issue) for issue in page["issues"]} == {("id", "key")}


def test_a_hundred_a_page_with_fields(http: httpx.Client) -> None:
    sizes = [
        len(p["issues"])
        for p in pages(http, {"jql": "created > 0", "maxResults": 5000, "fields": ["summary"]})
    ]
    assert sizes == [100, 100, 100]


def test_fifty_by_default(http: httpx.Client) -> None:
    assert len(http.post(SEARCH, json={"jql": "created > 0"}).json()["issues"]) == 50


def test_tokens_are_opaque_and_url_safe(http: httpx.Client) -> None:
    tokens = [
        p["nextPageToken"] for p in pages(http, {"jql": "created > 0", "maxResults": 60}) if not p["isLast"]
    ]
    assert len(set(tokens)) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{20,}={0,2}", token) for token in tokens)


def test_a_token_of_another_query_is_refused(http: httpx.Client) -> None:
    token = http.post(SEARCH, json={"jql": "project = DEMO", "maxResults": 1}).json()["nextPageToken"]
    for body in (
        {"jql": "project = OPS", "nextPageToken": token},
        {"jql": "project = DEMO", "nextPageToken": "x"},
    ):
        answer = http.post(SEARCH, json=body)
        assert answer.status_code == 400
        assert "token is invalid" in answer.json()["errorMessages"][0]


@pytest.mark.parametrize("jql", ["", "ORDER BY key", "   "])
def test_unbounded_queries_are_refused(http: httpx.Client, jql: str) -> None:
    answer = http.post(SEARCH, json={"jql": jql})
    assert answer.status_code == 400
    assert "Unbounded JQL" in answer.json()["errorMessages"][0]


def test_a_body_that_is_no_object_is_an_empty_query(http: httpx.Client) -> None:
    for content in (b"{broken", b"[1]", b""):
        assert http.post(SEARCH, content=content).status_code == 400


def test_get_and_post_agree(http: httpx.Client) -> None:
    query = {"jql": "project = DEMO ORDER BY key", "maxResults": 7, "fields": "summary,status"}
    got = http.get(SEARCH, params=query).json()["issues"]
    assert got == http.post(SEARCH, json=query | {"fields": ["summary", "status"]}).json()["issues"]
    assert set(got[0]["fields"]) == {"summary", "status"}


def test_fields_may_be_named_starred_and_taken_away(http: httpx.Client) -> None:
    def fields(*wanted: str) -> set[str]:
        body = {"jql": "id = 10001", "fields": list(wanted)}
        return set(http.post(SEARCH, json=body).json()["issues"][0]["fields"])

    everything, seen = fields("*all"), fields("*navigable")
    assert {"comment", "worklog"} <= everything - seen
    assert fields("*navigable", "comment", "-summary") == (seen | {"comment"}) - {"summary"}
    assert fields("summary", "no such field") == {"summary"}
    assert "summary" not in fields("-summary")


def test_text_is_a_document_in_v3_and_markup_in_v2(demo_site: DemoSite, http: httpx.Client) -> None:
    issue = next(i for i in demo_site.store.visible() if demo_site.store.description(i))
    document = http.get(f"/rest/api/3/issue/{issue.key}").json()["fields"]["description"]
    assert (document["type"], document["version"]) == ("doc", 1)
    text = http.get(f"/rest/api/2/issue/{issue.key}").json()["fields"]["description"]
    assert text == demo_site.store.description(issue)


def test_the_old_search_is_gone(http: httpx.Client) -> None:
    assert http.get("/rest/api/3/search", params={"jql": "project = DEMO"}).status_code == 410
    assert http.post("/rest/api/2/search", json={"jql": "project = DEMO"}).status_code == 410


def test_more_than_fifty_ids_to_reconcile_are_refused(http: httpx.Client) -> None:
    body = {"jql": "project = DEMO", "reconcileIssues": list(range(51))}
    assert http.post(SEARCH, json=body).status_code == 400
    assert http.post(SEARCH, json=body | {"reconcileIssues": list(range(50))}).status_code == 200
    ids = ",".join(map(str, range(51)))
    assert http.get(SEARCH, params={"jql": "project = DEMO", "reconcileIssues": ids}).status_code == 400


def test_the_count_is_an_estimate(demo_site: DemoSite, http: httpx.Client) -> None:
    answer = http.post("/rest/api/3/search/approximate-count", json={"jql": "project = DEMO"}).json()
    assert answer == {"count": sum(i.project.key == "DEMO" for i in demo_site.store.visible())}
    assert http.post("/rest/api/3/search/approximate-count", json={"jql": "foo = 1"}).status_code == 400
    with DemoSite(issues=600) as big, cloud(big) as client:
        count = client.post("/rest/api/3/search/approximate-count", json={"jql": "created > 0"}).json()[
            "count"
        ]
    assert count != 600
    assert abs(count - 600) < 30


def test_bulkfetch_sorts_by_id_and_reports_what_it_cannot_show(http: httpx.Client) -> None:
    body = {"issueIdsOrKeys": ["10020", "DEMO-1", "VAULT-1", "NOPE-9", "10002"], "fields": ["summary"]}
    answer = http.post("/rest/api/3/issue/bulkfetch", json=body).json()
    ids = [int(issue["id"]) for issue in answer["issues"]]
    assert ids == sorted(ids)
    assert len(ids) == 3
    assert [error["id"] for error in answer["issueErrors"]] == ["VAULT-1", "NOPE-9"]


def test_bulkfetch_takes_a_hundred(http: httpx.Client) -> None:
    for ids, status in ((range(10001, 10101), 200), (range(10001, 10102), 400), ([], 400)):
        body = {"issueIdsOrKeys": [str(n) for n in ids], "fields": ["summary"]}
        assert http.post("/rest/api/3/issue/bulkfetch", json=body).status_code == status


def test_a_moved_issue_answers_to_its_old_key(demo_site: DemoSite, http: httpx.Client) -> None:
    moved = next(i for i in demo_site.store.visible() if i.moved_from)
    answer = http.post("/rest/api/3/issue/bulkfetch", json={"issueIdsOrKeys": [moved.moved_from]}).json()
    assert [issue["key"] for issue in answer["issues"]] == [moved.key]
    assert http.get(f"/rest/api/3/issue/{moved.moved_from}").json()["key"] == moved.key
    changes = http.get(f"/rest/api/3/issue/{moved.key}/changelog").json()["values"]
    assert moved.moved_from in [item["fromString"] for entry in changes for item in entry["items"]]


def test_changelogs_in_bulk_span_pages_and_filter_by_field(demo_site: DemoSite, http: httpx.Client) -> None:
    keys = [i.key for i in demo_site.store.visible()][:40]
    url, body = "/rest/api/3/changelog/bulkfetch", {"issueIdsOrKeys": keys, "maxResults": 17}
    seen: dict[str, list[str]] = {}
    split = 0
    page = http.post(url, json=body).json()
    while True:
        for log in page["issueChangeLogs"]:
            split += log["issueId"] in seen
            seen.setdefault(log["issueId"], []).extend(entry["id"] for entry in log["changeHistories"])
        if "nextPageToken" not in page:
            break
        page = http.post(url, json=body | {"nextPageToken": page["nextPageToken"]}).json()
    store = demo_site.store
    expected = {str(i.id): [str(h.id) for h in store.history(i)] for i in map(store.get, keys)}
    assert seen == {number: entries for number, entries in expected.items() if entries}
    assert split, "some issue must span two pages"
    only = http.post(url, json={"issueIdsOrKeys": keys, "fieldIds": ["status"]}).json()["issueChangeLogs"]
    assert only
    for log in only:
        for entry in log["changeHistories"]:
            assert "status" in [item["fieldId"] for item in entry["items"]]
    assert http.post(url, json={"issueIdsOrKeys": []}).status_code == 400
    assert http.post(url, json={"issueIdsOrKeys": keys, "fieldIds": list("abcdefghijk")}).status_code == 400


def test_a_long_changelog_is_cut_at_forty_in_search(demo_site: DemoSite, http: httpx.Client) -> None:
    store = demo_site.store
    long = next(i for i in store.visible() if len(store.history(i)) > 40)
    body = {"jql": f"id = {long.id}", "expand": "changelog", "fields": ["summary"]}
    log = http.post(SEARCH, json=body).json()["issues"][0]["changelog"]
    assert (len(log["histories"]), log["total"]) == (40, len(store.history(long)))
    found: list[str] = []
    while True:
        url = f"/rest/api/3/issue/{long.key}/changelog"
        page = http.get(url, params={"startAt": len(found), "maxResults": 25}).json()
        found += [entry["id"] for entry in page["values"]]
        if page["isLast"]:
            break
    assert found == [str(entry.id) for entry in store.history(long)]


def test_worklogs_by_issue_and_by_id(demo_site: DemoSite, http: httpx.Client) -> None:
    store = demo_site.store
    worked = next(i for i in store.visible() if len(store.worklogs(i)) > 20)
    shown = http.get(f"/rest/api/3/issue/{worked.key}").json()["fields"]
    assert len(shown["worklog"]["worklogs"]) == 20
    every = http.get(f"/rest/api/3/issue/{worked.key}/worklog").json()
    assert every["total"] == len(every["worklogs"]) == len(store.worklogs(worked))
    assert sum(log["timeSpentSeconds"] for log in every["worklogs"]) == shown["timespent"]
    ids = [int(log["id"]) for log in every["worklogs"]][:3]
    listed = http.post("/rest/api/3/worklog/list", json={"ids": [*ids, 7]}).json()
    assert [int(log["id"]) for log in listed] == ids
    assert http.post("/rest/api/3/worklog/list", json={"ids": list(range(1001))}).status_code == 400


def test_an_invisible_parent_shows_its_address_only(demo_site: DemoSite, http: httpx.Client) -> None:
    store = demo_site.store
    child = next(i for i in store.visible() if i.parent and store.issues[i.parent].project.hidden)
    parent = http.get(f"/rest/api/3/issue/{child.key}").json()["fields"]["parent"]
    assert set(parent) == {"id", "key", "self"}
    assert parent["key"].startswith("VAULT-")
    assert http.get(f"/rest/api/3/issue/{parent['key']}").status_code == 404


def test_projects_are_searched_and_paged(http: httpx.Client) -> None:
    url = "/rest/api/3/project/search"
    first = http.get(url, params={"maxResults": 2}).json()
    assert (first["total"], first["isLast"], len(first["values"])) == (5, False, 2)
    assert [p["key"] for p in http.get(url, params={"query": "oper"}).json()["values"]] == ["OPS"]
    assert [p["key"] for p in http.get(url, params={"keys": "MOB"}).json()["values"]] == ["MOB"]
    assert http.get("/rest/api/3/project/VAULT").status_code == 404


def test_a_failed_login_looks_like_an_empty_result(demo_site: DemoSite) -> None:
    with httpx.Client(base_url=demo_site.url, auth=("demo@example.com", "wrong"), timeout=60) as wrong:
        answer = wrong.post(SEARCH, json={"jql": "project = DEMO"})
        assert (answer.status_code, answer.json()["issues"]) == (200, [])
        assert answer.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
        count = wrong.post("/rest/api/3/search/approximate-count", json={"jql": "project = DEMO"})
        assert count.json() == {"count": 0}
        for path in ("/rest/api/3/myself", "/rest/api/3/field", "/rest/api/3/issue/DEMO-1"):
            refused = wrong.get(path)
            assert refused.status_code == 401
            assert refused.headers["content-type"].startswith("text/plain")
        assert wrong.get("/rest/api/3/serverInfo").json()["deploymentType"] == "Cloud"
    with httpx.Client(base_url=demo_site.url, headers={"Authorization": "Basic !!!"}, timeout=60) as broken:
        assert broken.get("/rest/api/3/myself").status_code == 401


def test_site_orders_are_told(http: httpx.Client) -> None:
    assert [p["name"] for p in http.get("/rest/api/3/priority").json()][:2] == ["Highest", "High"]
    categories = {s["name"]: s["statusCategory"]["key"] for s in http.get("/rest/api/3/status").json()}
    assert categories["Erledigt"] == "done"


def test_people_are_searched(demo_site: DemoSite, http: httpx.Client) -> None:
    def names(**query: str) -> list[str]:
        return [user["displayName"] for user in http.get("/rest/api/3/user/search", params=query).json()]

    assert names(query="ada") == ["Ada Lovelace"]
    assert names(query="MÜLLER-L") == ["Jürgen Müller-Lüdenscheidt"]
    assert names(query="user2@") == ["Grace Hopper"]
    assert names(query="Former") == []
    assert http.get("/rest/api/3/user/search").status_code == 400
    with datacenter(demo_site) as dc:
        found = dc.get("/rest/api/2/user/search", params={"username": "user17", "maxResults": 5}).json()
        assert [user["name"] for user in found] == ["user17"]


def test_an_unknown_path_is_not_found(http: httpx.Client) -> None:
    assert http.get("/rest/api/3/nothing").status_code == 404
    assert http.get("/browse/NOPE-1").status_code == 404
    assert "DEMO-1" in http.get("/browse/DEMO-1").text
    assert http.get("/rest/api/3/filter/7").status_code == 400


# What a page is when issues come and go between pages ---------------------------------


def ids_of(http: httpx.Client, body: dict[str, Any], between: Any) -> list[str]:
    seen: list[str] = []
    for n, page in enumerate(pages(http, body)):
        seen += [issue["id"] for issue in page["issues"]]
        if n == 0:
            between(seen)
    return seen


def test_no_issue_is_lost_when_earlier_ones_are_deleted() -> None:
    with DemoSite(issues=60) as site, cloud(site) as http:
        before = {str(i.id) for i in site.store.visible()}
        gone: list[str] = []

        def between(seen: list[str]) -> None:
            for number in (seen[0], seen[-1], seen[3]):
                site.store.delete(number)
                gone.append(number)

        seen = ids_of(http, {"jql": "created > 0 ORDER BY id", "maxResults": 10}, between)
        assert len(seen) == len(set(seen))
        assert set(seen) >= before - set(gone)


def test_the_next_page_begins_where_it_was_when_all_shown_is_gone() -> None:
    with DemoSite(issues=60) as site, cloud(site) as http:
        before = {str(i.id) for i in site.store.visible()}
        gone: list[str] = []

        def between(seen: list[str]) -> None:
            for number in seen:
                site.store.delete(number)
                gone.append(number)

        seen = ids_of(http, {"jql": "created > 0 ORDER BY id", "maxResults": 10}, between)
        assert sorted(seen) == sorted(before)
        assert len(gone) == 10


def test_an_issue_created_meanwhile_comes_at_most_once() -> None:
    with DemoSite(issues=60) as site, cloud(site) as http:
        made: list[str] = []
        body = {"jql": "created > 0 ORDER BY id", "maxResults": 10}
        seen = ids_of(http, body, lambda _: made.append(str(site.store.create().id)))
        assert len(seen) == len(set(seen)) == 61
        assert made[0] in seen


def test_an_empty_result_is_one_last_page(http: httpx.Client) -> None:
    (page,) = pages(http, {"jql": "created > now()"})
    assert page == {"issues": [], "isLast": True}

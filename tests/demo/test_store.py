"""Every way to change an issue shows on both dialects at once, and moves `updated` on."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from support.demo_clients import cloud, datacenter

from schedkit.demo import DemoSite
from schedkit.demo.world.catalog import DONE, PROGRESS


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site


@pytest.fixture(scope="module")
def http(site: DemoSite) -> Iterator[httpx.Client]:
    with datacenter(site) as client:
        yield client


def fields(http: httpx.Client, key: str) -> dict[str, object]:
    found: dict[str, object] = http.get(f"/rest/api/2/issue/{key}").json()["fields"]
    return found


def test_created(site: DemoSite, http: httpx.Client) -> None:
    issue = site.store.create("OPS", "New here", labels=("x",))
    assert fields(http, issue.key)["summary"] == "New here"
    found = http.get("/rest/api/2/search", params={"jql": "labels = x"}).json()["issues"]
    assert [i["key"] for i in found] == [issue.key]
    assert issue.number == max(i.number for i in site.store.visible() if i.project.key == "OPS")


def test_edited(site: DemoSite, http: httpx.Client) -> None:
    before = site.store.get("DEMO-1").updated
    every = http.get("/rest/api/2/search", params={"jql": "key = DEMO-1", "fields": "summary"}).json()
    site.store.edit("DEMO-1", summary="Renamed", custom={"points": 21.0})
    again = http.get("/rest/api/2/search", params={"jql": "key = DEMO-1", "fields": "summary"}).json()
    assert every["issues"][0]["fields"] != again["issues"][0]["fields"] == {"summary": "Renamed"}
    assert fields(http, "DEMO-1")["customfield_10102"] == 21.0
    assert site.store.get("DEMO-1").updated > before


def test_moved_to_another_status(site: DemoSite, http: httpx.Client) -> None:
    issue = site.store.create(summary="Flow")
    site.store.transition(issue.key, PROGRESS)
    site.store.transition(issue.key, DONE)
    found = fields(http, issue.key)
    assert found["resolution"]["name"] == "Done"
    assert found["resolutiondate"] == found["updated"]
    site.store.transition(issue.key, PROGRESS)
    assert fields(http, issue.key)["resolution"] is None
    log = http.get(f"/rest/api/2/issue/{issue.key}?expand=changelog").json()["changelog"]["histories"]
    steps = [(c["fromString"], c["toString"]) for e in log for c in e["items"] if c["field"] == "status"]
    assert steps == [("Backlog", "In Progress"), ("In Progress", "Done"), ("Done", "In Progress")]


def test_moved_to_another_project(site: DemoSite, http: httpx.Client) -> None:
    issue = site.store.create(summary="Goes away")
    old = issue.key
    site.store.move(old, "MOB")
    assert issue.key.startswith("MOB-")
    assert http.get(f"/rest/api/2/issue/{old}").json()["key"] == issue.key
    with pytest.raises(KeyError, match="no project NOPE"):
        site.store.move(issue.key, "NOPE")


def test_given_another_parent(site: DemoSite, http: httpx.Client) -> None:
    store = site.store
    epics = [i for i in store.visible() if i.type.name == "Epic"]
    child = store.create(type=next(i.type for i in store.visible() if i.type.level == 0), parent=epics[0].id)
    assert fields(http, child.key)["customfield_10100"] == epics[0].key
    store.edit(child.key, parent=epics[1].id)
    assert fields(http, child.key)["customfield_10100"] == epics[1].key
    store.edit(child.key, parent=None)
    assert fields(http, child.key)["customfield_10100"] is None


def test_a_parents_face_follows_the_parent(site: DemoSite) -> None:
    store = site.store
    child = next(i for i in store.visible() if i.parent and not store.issues[i.parent].project.hidden)
    parent = store.issues[child.parent or 0]
    with cloud(site) as http:
        body = {"jql": f"id = {child.id}", "fields": ["parent"]}

        def shown() -> str:
            found = http.post("/rest/api/3/search/jql", json=body).json()["issues"][0]
            return str(found["fields"]["parent"]["fields"]["summary"])

        assert shown() == parent.summary
        store.edit(parent.key, summary="Seen from below")
        assert shown() == "Seen from below"


def test_linked(site: DemoSite, http: httpx.Client) -> None:
    one, two = site.store.create().key, site.store.create().key
    site.store.link(one, two, "Duplicate")
    (link,) = fields(http, one)["issuelinks"]
    assert (link["type"]["outward"], link["outwardIssue"]["key"]) == ("duplicates", two)
    (link,) = fields(http, two)["issuelinks"]
    assert link["inwardIssue"]["key"] == one


def test_deleted(site: DemoSite, http: httpx.Client) -> None:
    store = site.store
    parent = store.create(type=next(i.type for i in store.visible() if i.type.name == "Epic"))
    child = store.create(parent=parent.id)
    other = store.create()
    store.link(parent.key, other.key)
    assert fields(http, other.key)["issuelinks"]
    count = len(store)
    store.delete(child.key)
    child = store.create(parent=parent.id)
    store.delete(parent.key)
    assert len(store) == count - 1
    assert http.get(f"/rest/api/2/issue/{parent.key}").status_code == 404
    assert child.parent is None
    assert fields(http, other.key)["issuelinks"] == []
    with pytest.raises(KeyError, match="no issue"):
        store.get(parent.key)


def test_a_write_does_not_change_the_past(site: DemoSite) -> None:
    store = site.store
    issue = next(
        i for i in store.visible()
        if i.resolved and i.past is None and store.history(i) and store.comments(i) and store.worklogs(i)
    )  # fmt: skip
    before = (store.history(issue), store.comments(issue), store.worklogs(issue))
    store.transition(issue.key, PROGRESS)
    store.comment(issue.key, "reopened")
    store.edit(issue.key, assignee=None, spent=None)
    history, comments = store.history(issue), store.comments(issue)
    assert (history[: len(before[0])], comments[:-1], store.worklogs(issue)) == before
    assert history[-1].changes[0].now_text == "In Progress"


def test_a_new_issue_has_no_past(site: DemoSite, http: httpx.Client) -> None:
    issue = site.store.create("LAB", "Fresh")
    found = fields(http, issue.key)
    assert (found["description"], found["assignee"], found["labels"]) == (None, None, [])
    assert found["issuetype"]["name"] == "Task"
    assert found["comment"]["total"] == found["worklog"]["total"] == 0
    log = http.get(f"/rest/api/2/issue/{issue.key}?expand=changelog").json()["changelog"]
    assert log["histories"] == []
    with pytest.raises(KeyError, match="no project NOPE"):
        site.store.create("NOPE")


def test_changes_move_updated_on_even_within_a_millisecond(site: DemoSite) -> None:
    times = [site.store.edit("DEMO-2", labels=(f"l{n}",)).updated for n in range(50)]
    assert len(set(times)) == 50
    assert times == sorted(times)


def statuses(http: httpx.Client) -> dict[str, tuple[str, str]]:
    rows = http.get("/rest/api/2/status").json()
    return {row["id"]: (row["name"], row["statusCategory"]["key"]) for row in rows}


def items(http: httpx.Client, key: str) -> list[dict[str, object]]:
    log = http.get(f"/rest/api/2/issue/{key}?expand=changelog").json()["changelog"]["histories"]
    return [item for entry in log for item in entry["items"]]


def test_a_renamed_status_keeps_its_id_and_histories_its_old_name() -> None:
    with DemoSite(issues=60) as site, cloud(site) as on_cloud, datacenter(site) as on_dc:
        issue = site.store.create(summary="Flow")
        site.store.transition(issue.key, PROGRESS)
        seeded = next(i for i in site.store.visible() if i.status.name == "In Progress" and i is not issue)
        logs, before = {i.key: items(on_dc, i.key) for i in (issue, seeded)}, issue.updated
        site.store.rename_status("In Progress", "Doing")
        assert issue.updated == before
        for http in (on_cloud, on_dc):
            assert statuses(http)["3"] == ("Doing", "indeterminate")
            for each in (issue, seeded):
                shown = http.get(f"/rest/api/2/issue/{each.key}").json()["fields"]["status"]
                assert (shown["id"], shown["name"]) == ("3", "Doing")
        assert {i.key: items(on_dc, i.key) for i in (issue, seeded)} == logs
        found = on_dc.get("/rest/api/2/search", params={"jql": "status = Doing ORDER BY status"}).json()
        assert found["total"] >= 2
        gone = on_dc.get("/rest/api/2/search", params={"jql": 'status = "In Progress"'})
        assert gone.status_code == 400


def test_a_project_with_statuses_of_its_own() -> None:
    with DemoSite(issues=120) as site, datacenter(site) as http:
        site.store.own_statuses("OPS", {"In Review": "done"})
        named = {id: about for id, about in statuses(http).items() if about[0] == "In Review"}
        assert sorted(key for _, key in named.values()) == ["done", "indeterminate"]
        own = {str(status.id) for status in site.store.project("OPS").statuses}
        assert not own & {"3", "6"}
        for issue in site.store.visible():
            ids = {i["to"] for i in items(http, issue.key) if i["field"] == "status"}
            assert ids <= own if issue.project.key == "OPS" else not ids & own
        with pytest.raises(KeyError, match="no project NOPE"):
            site.store.own_statuses("NOPE")


def test_a_move_between_projects_is_in_the_history() -> None:
    with DemoSite(issues=60) as site, cloud(site) as http:
        issue = site.store.create(summary="Flow")
        old = issue.key
        site.store.move(old, "GRE")
        moved = {str(item["field"]): item for item in items(http, issue.key)}
        assert "fieldId" not in moved["Key"]
        assert (moved["Key"]["fromString"], moved["Key"]["toString"]) == (old, issue.key)
        assert moved["project"]["fieldId"] == "project"
        assert (moved["status"]["fromString"], moved["status"]["toString"]) == ("Backlog", "Offen")
        site.store.move(issue.key, "OPS")
        assert issue.status.name == "Backlog"

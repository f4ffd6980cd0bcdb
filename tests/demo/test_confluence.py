"""Pages, versions, attachments and properties in both dialects, over the same state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.demo_clients import client

from schedkit.demo import DemoSite

V2, V1 = "/api/v2/pages", "/rest/api/content"
PAGE = "100001"


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=40) as site:
        yield site


@pytest.fixture(scope="module")
def cloud(site: DemoSite) -> Iterator[httpx.Client]:
    with client(site.confluence_cloud) as http:
        yield http


@pytest.fixture(scope="module")
def dc(site: DemoSite) -> Iterator[httpx.Client]:
    with client(site.confluence_dc) as http:
        yield http


def v2_body(page: dict[str, Any], value: str, number: int) -> dict[str, Any]:
    body = {"representation": "storage", "value": value}
    return {
        "id": page["id"],
        "status": "current",
        "title": page["title"],
        "body": body,
        "version": {"number": number, "message": "by test"},
    }


def v1_body(page: dict[str, Any], value: str, number: int) -> dict[str, Any]:
    storage = {"representation": "storage", "value": value}
    return {
        "id": page["id"],
        "type": "page",
        "title": page["title"],
        "body": {"storage": storage},
        "version": {"number": number},
    }


def test_both_dialects_show_the_same_bytes(site: DemoSite, cloud: httpx.Client, dc: httpx.Client) -> None:
    body = site.wiki.pages[PAGE].body
    assert (
        cloud.get(f"{V2}/{PAGE}", params={"body-format": "storage"}).json()["body"]["storage"]["value"]
        == body
    )
    assert (
        dc.get(f"{V1}/{PAGE}", params={"expand": "body.storage"}).json()["body"]["storage"]["value"] == body
    )
    assert cloud.get(f"{V2}/{PAGE}").json()["body"] == {}
    assert "body" not in dc.get(f"{V1}/{PAGE}").json()


def test_the_seeded_page_has_what_a_report_meets(site: DemoSite) -> None:
    body = site.wiki.pages[PAGE].body
    anchor = body.index('ac:name="anchor"')
    assert "open-bugs" in body[anchor : anchor + 120]
    assert body.index("<table", anchor) < body.index("On call")
    for part in (
        "toc",
        "info",
        "<ac:layout>",
        "<![CDATA[<table>",
        "inline-comment-marker",
        "&ouml;",
    ):
        assert part in body
    assert body.count("<th") - body.count("<thead") >= 7 + 2


def test_a_save_needs_the_next_number(site: DemoSite, cloud: httpx.Client, dc: httpx.Client) -> None:
    page = site.wiki.create("Locked", "<p>1</p>")
    shown = cloud.get(f"{V2}/{page.id}").json()
    saved = cloud.put(f"{V2}/{page.id}", json=v2_body(shown, "<p>2</p>", 2))
    assert saved.status_code == 200
    assert saved.json()["version"]["number"] == 2
    stale = cloud.put(f"{V2}/{page.id}", json=v2_body(shown, "<p>x</p>", 2))
    assert stale.status_code == 409
    (error,) = stale.json()["errors"]
    assert (error["status"], error["code"]) == (409, "CONFLICT")
    assert "Current Version: [2]. Provided version: [2]" in error["title"]
    stale = dc.put(f"{V1}/{page.id}", json=v1_body(shown, "<p>x</p>", 9))
    assert stale.status_code == 409
    assert stale.json()["message"] == "Version must be incremented on update. Current version is: 2"
    site.dc_wiki.lock_failures = True
    stale = dc.put(f"{V1}/{page.id}", json=v1_body(shown, "<p>x</p>", 2))
    site.dc_wiki.lock_failures = False
    assert stale.status_code == 409
    assert "OptimisticLockException" in stale.json()["message"]
    assert dc.put(f"{V1}/{page.id}", json=v1_body(shown, "<p>3</p>", 3)).status_code == 200
    assert [v.body for v in page.versions] == ["<p>1</p>", "<p>2</p>", "<p>3</p>"]


def test_old_versions_are_kept(site: DemoSite, cloud: httpx.Client, dc: httpx.Client) -> None:
    page = site.wiki.create("Old", "<p>1</p>")
    site.wiki.edit_by_hand(page.id, lambda body: body.replace("1", "2"))
    assert page.latest.author == "colleague"
    old = cloud.get(f"{V2}/{page.id}", params={"version": 1, "body-format": "storage"}).json()
    assert (old["version"]["number"], old["body"]["storage"]["value"]) == (1, "<p>1</p>")
    query = {"status": "historical", "version": 1, "expand": "body.storage,version"}
    old = dc.get(f"{V1}/{page.id}", params=query).json()
    assert (old["version"]["number"], old["body"]["storage"]["value"]) == (1, "<p>1</p>")
    assert old["status"] == "historical"
    assert cloud.get(f"{V2}/{page.id}", params={"version": 9}).status_code == 404
    assert dc.get(f"{V1}/{page.id}", params=query | {"version": 9}).status_code == 404
    assert dc.get(f"{V1}/{page.id}/history").json()["lastUpdated"]["number"] == 2


def test_an_inline_comment_changes_the_body_without_a_version(site: DemoSite) -> None:
    page = site.wiki.create("Commented", "<p>1</p>")
    site.wiki.touch(page.id, "<p><ac:inline-comment-marker ac:ref='x'>1</ac:inline-comment-marker></p>")
    assert page.latest.number == 1
    assert "inline-comment" in page.body


@pytest.mark.parametrize(
    "body", ["<p>", "<p>&nope;</p>", "<p>a & b</p>", "</p>", '<p a="1" a="2"/>', "<p>\x01</p>"]
)
def test_a_malformed_body_is_refused(
    site: DemoSite, cloud: httpx.Client, dc: httpx.Client, body: str
) -> None:
    page = site.wiki.pages["100003"]
    shown, number = {"id": page.id, "title": page.title}, page.latest.number + 1
    answer = cloud.put(f"{V2}/{page.id}", json=v2_body(shown, body, number))
    assert answer.status_code == 400
    assert "Error parsing xhtml" in answer.json()["errors"][0]["title"]
    answer = dc.put(f"{V1}/{page.id}", json=v1_body(shown, body, number))
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Error parsing xhtml")
    assert page.latest.number == number - 1


@pytest.mark.parametrize("name", ["status", "title", "body", "version", "id"])
def test_v2_wants_every_part(cloud: httpx.Client, name: str) -> None:
    body = v2_body({"id": "100003", "title": "Results"}, "<p>x</p>", 2)
    del body[name]
    answer = cloud.put(f"{V2}/100003", json=body)
    assert answer.status_code == 400
    assert f"'{name}'" in answer.json()["errors"][0]["title"]


def test_other_representations_are_not_spoken(cloud: httpx.Client, dc: httpx.Client) -> None:
    body = v2_body({"id": "100003", "title": "Results"}, "{}", 2)
    body["body"] = {"representation": "atlas_doc_format", "value": "{}"}
    assert cloud.put(f"{V2}/100003", json=body).status_code == 400
    assert dc.put(f"{V1}/100003", json={"type": "page", "title": "x"}).status_code == 400


def test_pages_are_created_below_a_parent_and_found(
    site: DemoSite, cloud: httpx.Client, dc: httpx.Client
) -> None:
    storage = {"representation": "storage", "value": "<p>new</p>"}
    new = {"spaceId": "65537", "status": "current", "title": "Child A", "parentId": "100003", "body": storage}
    made = cloud.post(V2, json=new).json()
    assert (made["parentId"], made["version"]["number"]) == ("100003", 1)
    twice = cloud.post(V2, json=new)
    assert twice.status_code == 400
    assert "already exists" in twice.json()["errors"][0]["title"]
    assert cloud.post(V2, json=new | {"spaceId": "1"}).status_code == 404
    assert cloud.post(V2, json=new | {"title": "B", "parentId": "1"}).status_code == 404
    body = {"storage": storage}
    other = {
        "type": "page",
        "title": "Child B",
        "space": {"key": "DEMO"},
        "ancestors": [{"id": "100003"}],
        "body": body,
    }
    made1 = dc.post(V1, json=other).json()
    assert [a["id"] for a in made1["ancestors"]] == ["100000", "100003"]
    assert dc.post(V1, json=other).status_code == 400
    assert dc.post(V1, json=other | {"space": {"key": "X"}}).status_code == 404
    assert dc.post(V1, json=other | {"title": "C", "ancestors": [{"id": "1"}]}).status_code == 404
    assert dc.post(V1, json=other | {"title": "", "ancestors": []}).status_code == 400
    children = [child["title"] for child in cloud.get(f"{V2}/100003/children").json()["results"]]
    assert children == ["Child A", "Child B"]
    assert [c["title"] for c in dc.get(f"{V1}/100003/child/page").json()["results"]] == children
    found = cloud.get(V2, params={"title": "Child B", "space-id": "65537"}).json()["results"]
    assert [page["id"] for page in found] == [made1["id"]]
    assert cloud.get(V2, params={"title": "Child B", "space-id": "1"}).json()["results"] == []
    found = dc.get(V1, params={"title": "Child A", "spaceKey": "DEMO", "expand": "version"}).json()["results"]
    assert [page["id"] for page in found] == [made["id"]]
    assert cloud.get(V2, params={"id": f"{made['id']},100001"}).json()["results"][0]["id"] == "100001"
    site.wiki.delete(made["id"])
    assert cloud.get(f"{V2}/{made['id']}").json()["status"] == "trashed"
    assert dc.get(f"{V1}/{made['id']}").status_code == 404
    assert dc.get(f"{V1}/{made['id']}", params={"status": "trashed"}).json()["status"] == "trashed"


def test_a_page_may_move_and_be_renamed(site: DemoSite, cloud: httpx.Client, dc: httpx.Client) -> None:
    page = site.wiki.create("Moves", "<p>x</p>")
    body = v2_body({"id": page.id, "title": "Moved"}, "<p>x</p>", 2) | {"parentId": "100002"}
    assert cloud.put(f"{V2}/{page.id}", json=body).json()["parentId"] == "100002"
    body = v1_body({"id": page.id, "title": "Moved"}, "<p>x</p>", 3) | {"ancestors": [{"id": "100003"}]}
    assert dc.put(f"{V1}/{page.id}", json=body).json()["ancestors"][-1]["id"] == "100003"
    body = v1_body({"id": page.id, "title": "Open bugs"}, "<p>x</p>", 4)
    assert "already exists" in dc.put(f"{V1}/{page.id}", json=body).json()["message"]


def test_lists_are_paged(cloud: httpx.Client, dc: httpx.Client) -> None:
    ids: list[str] = []
    url = f"{V2}?limit=2"
    while True:
        page = cloud.get(url).json()
        ids += [found["id"] for found in page["results"]]
        if "next" not in page["_links"]:
            break
        url = page["_links"]["next"].removeprefix("/wiki")
    assert len(ids) == len(set(ids)) >= 4
    first = dc.get(f"{V1}/100002/child/attachment").json()
    assert (first["size"], first["limit"]) == (25, 25)
    rest = dc.get(first["_links"]["next"].removeprefix("/confluence")).json()
    assert rest["size"] == 5
    assert "next" not in rest["_links"]


def upload(
    http: httpx.Client, path: str, data: bytes, method: str = "POST", **headers: str
) -> httpx.Response:
    files = {"file": ("book.xlsx", data, "application/vnd.ms-excel")}
    token = {"X-Atlassian-Token": "no-check"} | headers
    return http.request(method, path, files=files, data={"comment": "nightly"}, headers=token)


def test_attachments_have_versions(site: DemoSite, cloud: httpx.Client, dc: httpx.Client) -> None:
    page = site.wiki.create("Files", "<p>x</p>")
    path = f"{V1}/{page.id}/child/attachment"
    made = upload(dc, path, b"one").json()["results"][0]
    assert (made["title"], made["version"]["number"], made["extensions"]["fileSize"]) == ("book.xlsx", 1, 3)
    twice = upload(dc, path, b"two")
    assert twice.status_code == 400
    assert "same file name" in twice.json()["message"]
    assert upload(dc, f"{path}/{made['id']}/data", b"two").json()["version"]["number"] == 2
    assert upload(dc, f"{path}/att1/data", b"two").status_code == 404
    assert upload(cloud, path, b"three", "PUT").json()["results"][0]["version"]["number"] == 3
    assert upload(dc, path, b"four", "PUT").status_code == 405
    found = dc.get(path, params={"filename": "book.xlsx"}).json()["results"]
    assert [file["id"] for file in found] == [made["id"]]
    assert dc.get(path, params={"filename": "other"}).json()["results"] == []
    download = found[0]["_links"]["download"]
    assert dc.get(download).content == b"three"
    assert dc.get(download.replace("version=3", "version=1")).content == b"one"
    assert dc.get(f"/download/attachments/{page.id}/other").status_code == 404
    assert page.latest.number == 1


def test_uploads_need_the_header_and_the_part(dc: httpx.Client) -> None:
    path = f"{V1}/100003/child/attachment"
    assert upload(dc, path, b"x", **{"X-Atlassian-Token": "x"}).status_code == 403
    answer = dc.post(
        path, data={"comment": "x"}, files={"other": b"x"}, headers={"X-Atlassian-Token": "nocheck"}
    )
    assert answer.status_code == 400
    assert upload(dc, f"{path}/att1/data", b"x", **{"X-Atlassian-Token": "x"}).status_code == 403


def test_properties_are_versioned_and_small(cloud: httpx.Client, dc: httpx.Client) -> None:
    path = f"{V1}/100003/property"
    assert dc.post(path, json={"key": "run", "value": {"rows": 1}}).json()["version"]["number"] == 1
    assert dc.post(path, json={"key": "run", "value": 2}).status_code == 409
    assert dc.get(f"{path}/run").json()["value"] == {"rows": 1}
    assert dc.put(f"{path}/run", json={"value": 2, "version": {"number": 2}}).json()["value"] == 2
    assert dc.put(f"{path}/run", json={"value": 3, "version": {"number": 2}}).status_code == 409
    assert cloud.put(f"{path}/fresh", json={"value": 1}).status_code == 200
    assert {p["key"] for p in dc.get(path).json()["results"]} >= {"run", "fresh"}
    assert dc.post(path, json={"key": "big", "value": "x" * 32_767}).status_code == 400
    assert dc.post(path, json={"key": "none"}).status_code == 400
    assert dc.get(f"{path}/nothing").status_code == 404


def test_v2_shows_what_hangs_on_a_page(site: DemoSite, cloud: httpx.Client) -> None:
    files = cloud.get(f"{V2}/100002/attachments", params={"filename": "scan-07.txt"}).json()["results"]
    assert [(file["title"], file["version"]["number"]) for file in files] == [("scan-07.txt", 1)]
    assert cloud.get(files[0]["downloadLink"]).content == b"page 7"
    assert len(cloud.get(f"{V2}/100002/attachments").json()["results"]) == 25
    assert [label["name"] for label in cloud.get(f"{V2}/{PAGE}/labels").json()["results"]][:1] == ["report"]
    site.wiki.edit_by_hand("100003", lambda body: body + "<p>v</p>")
    versions = [v["number"] for v in cloud.get(f"{V2}/100003/versions").json()["results"]]
    assert versions == sorted(versions, reverse=True)
    assert len(versions) >= 2


def test_v2_writes_properties(cloud: httpx.Client) -> None:
    path = f"{V2}/100002/properties"
    made = cloud.post(path, json={"key": "state", "value": {"rows": 1}}).json()
    assert (made["key"], made["version"]["number"]) == ("state", 1)
    assert cloud.post(path, json={"key": "state", "value": 2}).status_code == 409
    assert cloud.post(path, json={"key": "state"}).status_code == 400
    next_one = {"key": "state", "value": {"rows": 2}, "version": {"number": 2}}
    assert cloud.put(f"{path}/{made['id']}", json=next_one).json()["value"] == {"rows": 2}
    stale = cloud.put(f"{path}/{made['id']}", json=next_one)
    assert stale.status_code == 409
    assert "Current Version: [2]" in stale.json()["errors"][0]["title"]
    assert cloud.put(f"{path}/1", json=next_one).status_code == 404
    found = cloud.get(path, params={"key": "state"}).json()["results"]
    assert [one["value"] for one in found] == [{"rows": 2}]


@pytest.mark.parametrize("part", ["attachments", "labels", "versions", "properties"])
def test_v2_finds_nothing_on_a_page_that_is_not(cloud: httpx.Client, part: str) -> None:
    assert cloud.get(f"{V2}/1/{part}").status_code == 404
    assert cloud.post(f"{V2}/1/properties", json={"key": "a", "value": 1}).status_code == 404


def test_a_save_leaves_labels_restrictions_and_properties_alone(site: DemoSite, dc: httpx.Client) -> None:
    page = site.wiki.pages[PAGE]
    kept = (list(page.labels), dict(page.restrictions), dict(page.properties))
    site.wiki.edit_by_hand(PAGE, lambda body: body + "<p>more</p>")
    assert (page.labels, page.restrictions, page.properties) == kept
    labels = [label["name"] for label in dc.get(f"{V1}/{PAGE}/label").json()["results"]]
    assert labels == ["report", "team-demo"]
    expanded = dc.get(f"{V1}/{PAGE}", params={"expand": "metadata.labels,space,ancestors,version"}).json()
    assert [label["name"] for label in expanded["metadata"]["labels"]["results"]] == labels


@pytest.mark.parametrize(
    "path", [f"{V1}/1", f"{V1}/1/child/page", f"{V1}/1/child/attachment", f"{V1}/1/label", f"{V1}/1/property",
             f"{V1}/1/property/x", f"{V1}/1/history", "/download/attachments/1/x", "/rest/api/space/NOPE"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(dc: httpx.Client, path: str) -> None:
    assert dc.get(path).status_code == 404


def test_nothing_is_written_to_a_page_that_is_not(cloud: httpx.Client, dc: httpx.Client) -> None:
    assert cloud.put(f"{V2}/1", json={}).status_code == 404
    assert cloud.get(f"{V2}/1/children").status_code == 404
    assert dc.put(f"{V1}/1", json={}).status_code == 404
    assert upload(dc, f"{V1}/1/child/attachment", b"x").status_code == 404
    assert upload(dc, f"{V1}/1/child/attachment/att1/data", b"x").status_code == 404
    assert dc.post(f"{V1}/1/property", json={"key": "a", "value": 1}).status_code == 404


def test_who_am_i_and_which_space(cloud: httpx.Client, dc: httpx.Client) -> None:
    assert dc.get("/rest/api/user/current").json()["username"] == "demo"
    assert dc.get("/rest/api/space/DEMO").json()["key"] == "DEMO"
    assert [s["key"] for s in cloud.get("/api/v2/spaces", params={"keys": "DEMO"}).json()["results"]] == [
        "DEMO"
    ]
    assert cloud.get("/api/v2/spaces", params={"keys": "X"}).json()["results"] == []
    assert dc.get("/api/v2/spaces").status_code == 404


def test_strangers_are_refused(site: DemoSite) -> None:
    assert httpx.get(f"{site.confluence_cloud.url}{V2}/{PAGE}", timeout=60).status_code == 401
    assert httpx.get(f"{site.confluence_dc.url}{V1}/{PAGE}", timeout=60).status_code == 401


def test_a_colleague_may_save_between_read_and_write(site: DemoSite, cloud: httpx.Client) -> None:
    page = site.wiki.create("Contested", "<p>1</p>")

    def interfere(request: Any) -> None:
        if request.method == "PUT":
            site.wiki.edit_by_hand(page.id, lambda body: body + "<p>mine</p>")

    remove = site.before(interfere)
    answer = cloud.put(f"{V2}/{page.id}", json=v2_body({"id": page.id, "title": "Contested"}, "<p>2</p>", 2))
    remove()
    assert answer.status_code == 409
    assert page.body == "<p>1</p><p>mine</p>"

"""Confluence answers hold against Atlassian's own descriptions of Cloud v2 and Data Center 10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from contract.documents import Contract

from schedkit.demo import DemoSite

CLOUD_PATHS = (
    "/pages",
    "/pages/{id}",
    "/pages/{id}/attachments",
    "/pages/{id}/children",
    "/pages/{id}/labels",
    "/pages/{id}/versions",
    "/pages/{page-id}/properties",
    "/pages/{page-id}/properties/{property-id}",
    "/spaces",
    "/folders/{id}",
    "/folders/{id}/properties",
    "/folders/{folder-id}/properties/{property-id}",
)
DC_PATHS = (
    "/rest/api/content",
    "/rest/api/content/{id}",
    "/rest/api/content/{contentId}",
    "/rest/api/content/{id}/label",
    "/rest/api/content/{id}/property",
    "/rest/api/content/{id}/property/{key}",
)


BODY = {"representation": "storage", "value": "<p>x</p>"}
NEW = {"status": "current", "title": "New", "body": BODY}
NEW1 = {"type": "page", "title": "Results", "body": {"storage": BODY}}
CLOUD: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "/pages/100001?body-format=storage", None, 200),
    ("GET", "/pages/100001?version=1", None, 200),
    ("GET", "/pages/1", None, 404),
    ("GET", "/pages?title=Open%20bugs&space-id=65537", None, 200),
    ("GET", "/pages?limit=2", None, 200),
    ("GET", "/pages/100000/children", None, 200),
    ("GET", "/spaces?keys=DEMO", None, 200),
    ("GET", "/pages/100002/attachments?limit=3", None, 200),
    ("GET", "/pages/100001/labels", None, 200),
    ("GET", "/pages/100001/versions", None, 200),
    ("GET", "/pages/100001/properties", None, 200),
    ("POST", "/pages/100001/properties", {"key": "contract", "value": {"a": 1}}, 200),
    ("POST", "/pages", NEW | {"spaceId": "65537", "parentId": "100003"}, 200),
    ("PUT", "/pages/100002", NEW | {"id": "100002", "title": "Handbook", "version": {"number": 2}}, 200),
    ("PUT", "/pages/100001", NEW | {"id": "100001"}, 400),
)  # fmt: skip
DC: tuple[tuple[str, str, Any, int], ...] = (
    ("GET", "/content/100001?expand=body.storage,version,space,ancestors,metadata.labels", None, 200),
    ("GET", "/content/1", None, 404),
    ("GET", "/content?title=Open%20bugs&spaceKey=DEMO", None, 200),
    ("GET", "/content/100001/label", None, 200),
    ("GET", "/content/100001/property", None, 200),
    ("GET", "/content/100001/property/content-appearance-published", None, 200),
    ("PUT", "/content/100003", NEW1 | {"id": "100003", "version": {"number": 2}}, 200),
    ("POST", "/content", NEW1 | {"title": "Another", "space": {"key": "DEMO"}}, 200),
)  # fmt: skip


@pytest.fixture(scope="module")
def cloud(shared_data: Path, site: DemoSite) -> Contract:
    file = shared_data / "openapi" / "confluence-cloud-v2.2025-01.json"
    return Contract(file, f"{site.confluence_cloud.url}/api/v2", CLOUD_PATHS)


@pytest.fixture(scope="module")
def datacenter(shared_data: Path, site: DemoSite) -> Contract:
    return Contract(shared_data / "openapi" / "confluence-dc-10.0.3.json", site.confluence_dc.url, DC_PATHS)


@pytest.mark.parametrize(("method", "path", "body", "status"), CLOUD)
def test_a_cloud_answer_is_what_the_document_says(
    site: DemoSite, cloud: Contract, method: str, path: str, body: Any, status: int
) -> None:
    at = site.confluence_cloud
    answer = requests.request(
        method, f"{at.url}/api/v2{path}", json=body, auth=(at.user or "", at.token), timeout=10
    )
    assert answer.status_code == status, answer.text[:300]
    cloud.judge(answer)


def test_a_folder_is_what_the_document_says(site: DemoSite, cloud: Contract) -> None:
    at = site.confluence_cloud
    folder = site.wiki.create_folder("Reports", parent="100000")
    inner = site.wiki.create_folder("Inner", parent=folder.id)

    def ask(method: str, path: str, status: int, body: Any = None) -> Any:
        url, auth = f"{at.url}/api/v2/folders/{path}", (at.user or "", at.token)
        answer = requests.request(method, url, json=body, auth=auth, timeout=60)
        assert answer.status_code == status, answer.text[:300]
        cloud.judge(answer)
        return answer.json()

    assert ask("GET", folder.id, 200)["parentType"] == "page"
    assert ask("GET", inner.id, 200)["parentType"] == "folder"
    ask("GET", "1", 404)
    ask("GET", "100001", 404)
    made = ask("POST", f"{folder.id}/properties", 200, {"key": "contract", "value": {"a": 1}})
    assert ask("GET", f"{folder.id}/properties?key=contract", 200)["results"][0]["value"] == {"a": 1}
    changed = {"key": "contract", "value": 2, "version": {"number": 2}}
    assert ask("PUT", f"{folder.id}/properties/{made['id']}", 200, changed)["value"] == 2


@pytest.mark.parametrize(("method", "path", "body", "status"), DC)
def test_a_data_center_answer_is_what_the_document_says(
    site: DemoSite, datacenter: Contract, method: str, path: str, body: Any, status: int
) -> None:
    at = site.confluence_dc
    answer = requests.request(
        method,
        f"{at.url}/rest/api{path}",
        json=body,
        headers={"Authorization": f"Bearer {at.token}"},
        timeout=60,
    )
    assert answer.status_code == status, answer.text[:300]
    datacenter.judge(answer)

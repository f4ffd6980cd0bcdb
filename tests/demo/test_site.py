"""The site answers over HTTP in four dialects, and says where."""

from __future__ import annotations

import httpx

from schedkit.demo import DemoSite


def test_cloud_pages_by_token(demo_site: DemoSite) -> None:
    at = demo_site.jira_cloud
    with httpx.Client(base_url=at.url, auth=(at.user or "", at.token), timeout=60) as client:
        seen: list[str] = []
        body: dict[str, object] = {"jql": "project = DEMO ORDER BY key", "maxResults": 40}
        while True:
            page = client.post("/rest/api/3/search/jql", json=body).json()
            seen += [issue["id"] for issue in page["issues"]]
            if "nextPageToken" not in page:
                break
            body["nextPageToken"] = page["nextPageToken"]
    expected = [str(i.id) for i in demo_site.store.visible() if i.project.key == "DEMO"]
    assert sorted(seen) == sorted(expected)
    assert len(seen) > 80


def test_data_center_windows(demo_site: DemoSite) -> None:
    at = demo_site.jira_dc
    with httpx.Client(base_url=at.url, headers={"Authorization": f"Bearer {at.token}"}, timeout=60) as client:
        answer = client.get("/rest/api/2/search", params={"jql": "ORDER BY id", "maxResults": 5000}).json()
    assert answer["total"] == 300
    assert answer["maxResults"] == 1000
    assert len(answer["issues"]) == 300

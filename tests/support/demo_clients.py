"""Bare HTTP clients of a demo site, one per product and dialect."""

from __future__ import annotations

import httpx

from schedkit.demo import DemoSite, Endpoint


def client(at: Endpoint, **headers: str) -> httpx.Client:
    """A signed-in client whose paths begin at the endpoint's URL."""
    if at.user is not None:
        return httpx.Client(base_url=at.url, auth=(at.user, at.token), headers=headers, timeout=60)
    return httpx.Client(
        base_url=at.url, headers={"Authorization": f"Bearer {at.token}", **headers}, timeout=60
    )


def cloud(site: DemoSite, **headers: str) -> httpx.Client:
    return client(site.jira_cloud, **headers)


def datacenter(site: DemoSite, **headers: str) -> httpx.Client:
    return client(site.jira_dc, **headers)

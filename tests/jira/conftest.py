"""Both dialects of the demo site, for tests that read."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.demo import DemoSite
from schedkit.jira import Jira

DIALECTS = ("cloud", "dc")


def client(site: DemoSite, dialect: str, **options: Any) -> Jira:
    """A client for one dialect of a demo site; it does not wait long when the site fails on purpose."""
    endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
    options.setdefault("backoff", 0.01)
    return Jira(endpoint.url, user=endpoint.user, token=endpoint.token, **options)


@pytest.fixture(scope="session", params=DIALECTS)
def jira(request: pytest.FixtureRequest, demo_site: DemoSite) -> Jira:
    return client(demo_site, request.param)


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)

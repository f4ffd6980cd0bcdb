"""Both dialects of the demo site, for tests that read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from schedkit.atlassian import Clock
from schedkit.demo import DemoSite
from schedkit.jira import Jira


class Hurried(Clock):
    """A clock that a site's wishes to wait move on, almost without waiting."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)

    async def sleep(self, seconds: float) -> None:
        self.ahead += seconds
        await super().sleep(0.001)


DIALECTS = ("cloud", "dc")


def client(site: DemoSite, dialect: str, **options: Any) -> Jira:
    """A client for one dialect of a demo site; it does not wait long when the site fails on purpose."""
    endpoint = site.jira_cloud if dialect == "cloud" else site.jira_dc
    options.setdefault("clock", Hurried())
    return Jira(endpoint.url, user=endpoint.user, token=endpoint.token, **options)


@pytest.fixture(scope="session", params=DIALECTS)
def jira(request: pytest.FixtureRequest, demo_site: DemoSite) -> Jira:
    return client(demo_site, request.param)


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)

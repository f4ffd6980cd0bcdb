"""A site to write to, and its client in each dialect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schedkit.demo import DemoSite
from schedkit.jira import Jira
from tests.jira.conftest import client


@pytest.fixture
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=50) as made:
        yield made


@pytest.fixture
def jira(site: DemoSite, dialect: str) -> Jira:
    return client(site, dialect)

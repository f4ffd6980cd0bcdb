"""The demo site whose answers the documents judge, one for each file of tests, as they change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schedkit.demo import DemoSite


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as site:
        yield site

"""Fixtures every room shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schedkit.demo import DemoSite


@pytest.fixture(scope="session")
def demo_site() -> Iterator[DemoSite]:
    """One site of 300 issues for a whole test session: read it, do not change it.

    A test that writes, plans faults or counts requests starts its own: ``with DemoSite(issues=50) as site``
    takes a tenth of a second.
    """
    with DemoSite(issues=300) as site:
        yield site

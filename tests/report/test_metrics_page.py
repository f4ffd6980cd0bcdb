"""The weekly pack as a page: a picture and a table for each figure, in one version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.flow_example import SPRINTS, UNTIL, in_sprint, read_example

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.flow import Pack, pack
from schedkit.report import publish_pack


@pytest.fixture(scope="module")
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=20) as site:
        yield site


@pytest.fixture(scope="module")
def weekly(shared_data: Path) -> Pack:
    return pack(*in_sprint(read_example(shared_data)), weeks=3, until=UNTIL, sprints=SPRINTS, by="Type")


def test_a_page_of_the_figures(weekly: Pack, site: DemoSite) -> None:
    server = site.confluence_cloud
    wiki = Confluence(server.url, user=server.user, token=server.token)
    publish_pack(weekly, wiki, "Metrics", parent="100003", labels=["weekly"]).apply()
    (page,) = [each for each in site.wiki.pages.values() if each.title == "Metrics"]
    shown = [name for name in weekly if len(weekly[name])]
    attached = {each.title for each in page.attachments.values()}
    assert attached == {f"{name}.png" for name in shown}
    places = [page.body.index(f'ri:filename="{name}.png"') for name in shown]
    assert places == sorted(places), "in the order of the pack"
    assert page.body.count("<table") == len(shown)
    assert "2026-02-22 to 2026-03-15" in page.body
    assert "Flow efficiency is not there" in page.body
    # The same figures again change nothing; people's words stay.
    version = page.latest.number
    publish_pack(weekly, wiki, "Metrics", parent="100003", labels=["weekly"]).apply()
    assert site.wiki.pages[page.id].latest.number == version

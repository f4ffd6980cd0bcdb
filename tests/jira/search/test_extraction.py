"""What the proof of an extraction rests on, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedkit.demo import DemoSite
from schedkit.demo.jql.evaluate import Found
from schedkit.jira.local_store.store import read_store
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def edit_in_looks(site: DemoSite, dialect: str, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Edit an issue each time somebody asks what was updated, so many times; returns the summaries."""
    searcher = (site.cloud if dialect == "cloud" else site.dc).searcher
    search, edits = searcher.search, list[str]()

    def searching(jql: str, strict: bool = True, unseen: bool = False) -> Found:
        if "updated >=" in jql and len(edits) < times:
            edits.append(f"edit {len(edits)}")
            site.store.edit("DEMO-1", summary=edits[-1])
        return search(jql, strict, unseen)

    monkeypatch.setattr(searcher, "search", searching)
    return edits


def test_a_site_that_comes_to_rest_in_the_third_look_is_exact(
    dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DemoSite(issues=110, page_cap=50) as site:
        edits = edit_in_looks(site, dialect, monkeypatch, 3)
        df = client(site, dialect).search(ALL)
        assert len(edits) == 3
        assert df.attrs["extraction"]["exact"]
        assert df.set_index("Key")["Summary"]["DEMO-1"] == "edit 2"


def test_what_the_index_was_late_to_show_is_found_by_the_next_sync(dialect: str, tmp_path: Path) -> None:
    """Its time of update lies minutes before the newest that the last sync saw."""
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        jira = client(site, dialect)
        newest = site.store.edit("DEMO-2", summary="Seen").updated
        jira.sync(ALL, into=path)
        assert read_store(path).attrs["sync"]["watermark"] > newest - 120_000
        site.store.edit("DEMO-1", summary="Late", updated=newest - 8 * 60_000)
        assert jira.sync(ALL, into=path).attrs["sync"]["changed"] == ["DEMO-1"]


def test_links_are_followed_once(dialect: str) -> None:
    """Each issue is asked for when it is first seen, however many links lead to it, and back."""
    with DemoSite(issues=30) as site:
        store, jira = site.store, client(site, dialect)
        jira.fields()
        one, two, three = (store.create("DEMO", f"Linked {number}").key for number in range(3))
        for source, target in ((one, two), (two, three), (three, one)):
            store.link(source, target)
        depths = [jira.root(one, links_depth=depth) for depth in (0, 1, 2, 30)]
        assert [len(df) for df in depths] == [1, 3, 3, 3]
        asked = [df.attrs["extraction"]["requests"] for df in depths]
        assert asked[1] == asked[2] == asked[3] == asked[0] + 1
        alone, *linked = [df.attrs["extraction"]["duplicates"] for df in depths]
        assert linked == [alone] * 3

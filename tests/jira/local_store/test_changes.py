"""The changelog beside a store: what is kept equals what a fresh changelog gives, and little is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.flow import time_in_status
from schedkit.jira import Jira, read_changelog, read_parquet
from schedkit.jira.local_store.changes import changes_file
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"
LATER = datetime.now(UTC) + timedelta(days=1)


def same(held: pd.DataFrame, fresh: pd.DataFrame) -> None:
    order = ["When", "Key", "Entry", "Field", "To"]
    frames = [
        frame.astype({"Field": "str", "Field Id": "str"}).sort_values(order, ignore_index=True)
        for frame in (held, fresh)
    ]
    pd.testing.assert_frame_equal(*frames)


def test_a_changelog_that_is_kept_up_to_date(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "issues.parquet"
    with DemoSite(issues=150, now=LATER) as site:
        jira, store = client(site, dialect), site.store
        first = jira.sync(ALL, path, history=True)
        assert first.attrs["sync"]["history"] == {"asked": 150, "missing": {}}
        same(read_changelog(path), jira.changelog(ALL))
        assert list(tmp_path.iterdir()) != [path]

        shown = [issue for issue in store.visible() if issue.project.key == "OPS"]
        victim = next(issue.key for issue in shown if not store.children.get(issue.id))
        store.delete(victim)
        for issue in list(store.visible())[:3]:
            store.transition(issue.key, next(s for s in issue.project.statuses if s is not issue.status))
        moved = store.move("DEMO-7", "OPS").key
        born = store.create("DEMO", "Born since").key
        second = jira.sync(ALL, path, history=True)
        kept, fresh = read_changelog(path), jira.changelog(ALL)
        same(kept, fresh)
        assert victim not in set(kept["Key"])
        assert moved in set(kept["Key"])
        assert second.attrs["sync"]["history"]["asked"] < 20, born
        assert list(kept) == list(fresh)
        assert kept.dtypes.astype(str).tolist() == fresh.dtypes.astype(str).tolist()
        assert kept["When"].is_monotonic_increasing
        assert jira.sync(ALL, path, history=True, full=True).attrs["sync"]["history"]["asked"] == 150
        same(read_changelog(path), fresh)


def test_frames_of_stores_go_into_flow(tmp_path: Path) -> None:
    path = tmp_path / "issues.parquet"
    with DemoSite(issues=100, now=LATER) as site:
        jira = client(site, "dc")
        jira.sync(ALL, path, history=["Status"])
        issues, changes = read_parquet(path), read_changelog(path)
        assert set(changes["Field"]) == {"status"}
        until = pd.Timestamp(LATER)
        spent = time_in_status(issues, changes, until=until)
        pd.testing.assert_frame_equal(
            spent, time_in_status(jira.search(ALL), jira.changelog(ALL), until=until)
        )
        assert issues.attrs["statuses"] == changes.attrs["statuses"] == jira.search(ALL).attrs["statuses"]
        streamed = tmp_path / "streamed.parquet"
        jira.to_parquet(ALL, streamed)
        assert read_parquet(streamed).attrs["statuses"] == issues.attrs["statuses"]


def test_a_crash_between_the_two_files_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "issues.parquet"
    with DemoSite(issues=60, now=LATER) as site:
        jira = client(site, "cloud")
        jira.sync(ALL, path, history=True)
        issue = site.store.get("DEMO-1")
        site.store.transition(issue.key, next(s for s in issue.project.statuses if s is not issue.status))
        jira.sync(ALL, path)  # as if it had ended there
        jira.sync(ALL, path, history=True)
        same(read_changelog(path), jira.changelog(ALL))


def test_histories_that_cannot_be_read_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "issues.parquet"
    with DemoSite(issues=60, now=LATER) as site:
        jira = client(site, "cloud")
        jira.sync("key in (DEMO-1, DEMO-2)", path, history=True)
        before = read_changelog(path)
        for key in ("DEMO-1", "DEMO-2"):
            issue = site.store.get(key)
            site.store.transition(key, next(s for s in issue.project.statuses if s is not issue.status))
        blind = False

        def hook(request):
            path = request.url.path
            if blind and path.endswith("/issue/bulkfetch"):
                found = [{"id": str(site.store.get("DEMO-1").id), "key": "DEMO-1", "fields": {}}]
                return JSONResponse({"issues": found, "issueErrors": []})
            return JSONResponse({"errorMessages": ["hidden"]}, 404) if blind and "DEMO-2" in path else None

        site.before(hook)
        jira.sync("key in (DEMO-1, DEMO-2)", path)
        blind = True
        again = jira.sync("key in (DEMO-1, DEMO-2)", path, history=True)
        assert again.attrs["sync"]["history"]["missing"] == {"DEMO-2": "not found"}
        kept = read_changelog(path)
        assert (kept["Key"] == "DEMO-1").sum() > (before["Key"] == "DEMO-1").sum()
        assert (kept["Key"] == "DEMO-2").sum() == (before["Key"] == "DEMO-2").sum(), "the old ones stay"
        blind = False
        jira.sync("key in (DEMO-1, DEMO-2)", path, history=True)
        same(read_changelog(path), jira.changelog("key in (DEMO-1, DEMO-2)"))


def test_no_issues_and_no_changes(tmp_path: Path) -> None:
    path = tmp_path / "issues.parquet"
    with DemoSite(issues=20, now=LATER) as site:
        jira = client(site, "dc")
        key = site.store.create("DEMO", "Alone").key
        for jql in ("summary ~ nothing", f"key = {key}"):
            path.unlink(missing_ok=True)
            changes_file(path).unlink(missing_ok=True)
            for _ in range(2):
                jira.sync(jql, path, history=True)
                assert read_changelog(path).empty
        site.store.edit(key, summary="Edited")
        assert jira.sync(f"key = {key}", path, history=True).attrs["sync"]["history"]["asked"] == 1


def test_files_that_hold_something_else(jira: Jira, tmp_path: Path) -> None:
    path = tmp_path / "issues.parquet"
    jira.sync("key = DEMO-1", path, history="Status")
    with pytest.raises(UsageError, match=r"holds fields \['status'\], not None"):
        jira.sync("key = DEMO-1", path, history=True)
    with pytest.raises(UsageError, match="there is no changelog beside"):
        read_changelog(tmp_path / "other.parquet")
    read_parquet(path).to_parquet(changes_file(path))
    with pytest.raises(UsageError, match=r"issues\.changes\.parquet was not written by schedkit"):
        read_changelog(path)
    changes_file(path).write_bytes(b"junk")
    with pytest.raises(UsageError):
        read_changelog(path)

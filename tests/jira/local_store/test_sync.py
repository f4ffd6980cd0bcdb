"""Stores that follow a site: only what changed is asked, nothing is lost, a crash leaves the old file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import JqlError, UnavailableError, UsageError
from schedkit.jira import Jira, diff, read_parquet
from schedkit.jira.local_store.store import read_store
from schedkit.jira.local_store.stream import Spool
from schedkit.jira.table.batch import Batch
from schedkit.jira.table.columns import Column
from schedkit.jira.table.kinds import KEY, Kind
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def fresh(site: DemoSite, dialect: str) -> pd.DataFrame:
    return client(site, dialect).search(ALL)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other)


def bulk(site: DemoSite) -> int:
    return sum(entry.size for entry in site.requests)


def test_following_a_site(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.parquet"
    with DemoSite(issues=150) as site:
        store, jira = site.store, client(site, dialect)
        first = jira.sync(ALL, into=path)
        same(first, fresh(site, dialect))
        assert len(first.attrs["sync"]["added"]) == 150
        site.requests.clear()

        victim = next(
            i.key for i in store.visible() if i.key.startswith("OPS-") and not store.children.get(i.id)
        )
        store.delete(victim)
        store.edit("DEMO-1", summary="Edited since")
        born = store.create("DEMO", "Born since").key
        moved = store.move("DEMO-7", "OPS").key
        second = jira.sync(ALL, into=path)
        assert bulk(site) < 100_000, "only what changed was fetched"
        same(second, fresh(site, dialect))
        told = second.attrs["sync"]
        assert told["added"] == [born]
        assert told["removed"] == [victim]
        assert {"DEMO-1", moved} <= set(told["changed"])
        same(read_parquet(path), second)
        facts = second.attrs["extraction"]
        assert facts["complete"]
        assert facts["returned"] == 150


def test_a_rerun_changes_nothing(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        jira = client(site, dialect)
        jira.sync(ALL, into=path)
        before = path.read_bytes()
        again = jira.sync(ALL, into=path)
        assert path.read_bytes() == before
        assert again.attrs["sync"] == {"added": [], "changed": [], "removed": [], "reasons": {}}
        assert again.attrs["extraction"]["exact"]


def test_what_counts_as_no_update_is_seen_by_a_full_pass(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        jira = client(site, dialect)
        jira.sync(ALL, into=path)
        issue = site.store.get("DEMO-4")
        site.store.edit("DEMO-4", summary="Renamed behind its back", updated=issue.updated)
        assert jira.sync(ALL, into=path).attrs["sync"]["changed"] == []
        seen = jira.sync(ALL, into=path, full=True)
        assert seen.attrs["sync"] == {"added": [], "changed": ["DEMO-4"], "removed": [], "reasons": {}}
        same(seen, fresh(site, dialect))
        same(read_parquet(path), seen)
        before = path.read_bytes()
        assert jira.sync(ALL, into=path, full=True).attrs["sync"]["changed"] == []
        assert path.read_bytes() == before


def test_leaving_the_query_without_an_edit_shows_in_the_ids(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=80) as site:
        jira = client(site, dialect)
        jql = "project = DEMO ORDER BY key"
        held = jira.sync(jql, into=path)
        site.store.move("DEMO-3", "OPS")
        after = jira.sync(jql, into=path)
        assert after.attrs["sync"]["removed"] == ["DEMO-3"]
        assert set(held["Key"]) - set(after["Key"]) == {"DEMO-3"}


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-29T00:59:59.999+00:00",  # a second before summer time in Europe
        "2026-03-29T01:00:00+00:00",
        "2026-10-25T00:30:00.500+00:00",  # the hour that comes twice
        "2026-01-01T00:00:00+00:00",
    ],
)
def test_time_zones_and_boundaries_at_the_watermark(dialect: str, tmp_path: Path, at: str) -> None:
    """The user's zone, summer time and the minute: an edit directly after the watermark is found."""
    path = tmp_path / "store.parquet"
    with DemoSite(issues=50, now=datetime.fromisoformat(at)) as site:
        jira = client(site, dialect)
        jira.sync(ALL, into=path)
        site.store.edit("DEMO-1", summary="Within the same second")
        after = jira.sync(ALL, into=path)
        assert after.attrs["sync"]["changed"] == ["DEMO-1"]
        same(after, fresh(site, dialect))


def test_a_failing_sync_leaves_the_store_alone(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        jira = client(site, dialect, retries=1)
        jira.sync(ALL, into=path)
        before = path.read_bytes()
        site.store.edit("DEMO-1", summary="Edited")
        site.faults = "rate=1,kinds=503,path=/search"
        with pytest.raises(UnavailableError):
            jira.sync(ALL, into=path)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["store.parquet"]
        site.faults = None
        assert jira.sync(ALL, into=path).attrs["sync"]["changed"] == ["DEMO-1"]


def test_what_could_not_be_fetched_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        jira = client(site, "cloud")
        jira.sync(ALL, into=path)
        before = read_store(path).attrs["sync"]["watermark"]
        site.store.edit("DEMO-1", summary="New words")
        site.store.edit("DEMO-2", summary="More new words")
        site.quirks.bulk_errors = {"DEMO-1"}
        stale = jira.sync(ALL, into=path)
        assert list(stale.attrs["extraction"]["missing"]) == [str(site.store.get("DEMO-1").id)]
        assert not stale.attrs["extraction"]["complete"]
        assert stale.attrs["sync"]["changed"] == ["DEMO-2"]
        # However long it takes until the next time.
        assert read_store(path).attrs["sync"]["watermark"] == before
        site.quirks.bulk_errors = set()
        assert jira.sync(ALL, into=path).attrs["sync"]["changed"] == ["DEMO-1"]


def test_a_store_serves_one_query(jira: Jira, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    jira.sync("project = OPS", into=path)
    with pytest.raises(UsageError, match="holds jql 'project = OPS"):
        jira.sync("project = DEMO", into=path)
    with pytest.raises(UsageError, match="holds requested"):
        jira.sync("project = OPS", into=path, fields=["Summary"])
    other = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(other)
    with pytest.raises(UsageError, match="not written by schedkit"):
        jira.sync("project = OPS", into=other)
    other.write_bytes(b"no parquet")
    with pytest.raises(UsageError, match=r"cannot read .*delete it to start over"):
        read_parquet(other)
    with pytest.raises(UsageError, match="there is no file"):
        read_parquet(tmp_path / "none.parquet")


def test_every_field_survives_the_store(jira: Jira, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    held = jira.sync("project = DEMO ORDER BY key", into=path, fields="*all")
    same(read_parquet(path), held)
    same(held, jira.search("project = DEMO ORDER BY key", fields="*all"))


def test_streaming_gives_the_same_issues(jira: Jira, tmp_path: Path) -> None:
    for fields in (None, "*all"):
        path = tmp_path / "stream.parquet"
        facts = jira.to_parquet(ALL, path, fields=fields)
        df = jira.search(ALL, fields=fields)
        streamed = read_parquet(path).set_index("Key").loc[df["Key"]].reset_index()
        same(streamed[list(df)], df)
        assert facts["exact"]
        assert facts["returned"] == len(df)
        assert list(streamed.attrs["fields"]) != []
        assert [p.name for p in tmp_path.iterdir()] == ["stream.parquet"]
    assert pq.read_table(path).num_rows == len(df)


def test_streaming_nothing(jira: Jira, tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    assert jira.to_parquet('summary ~ "zxcvbnm"', path)["returned"] == 0
    df = read_parquet(path)
    assert len(df) == 0
    assert str(df["Created"].dtype) == "datetime64[us, UTC]"


def test_streaming_drops_old_copies(dialect: str, tmp_path: Path) -> None:
    with DemoSite(issues=120, page_cap=20) as site:
        seen = iter(range(10**6))

        def hook(request) -> None:
            if "/search" in request.url.path and next(seen) == 3:
                site.store.edit("DEMO-1", summary="Edited meanwhile")
                site.store.delete("DEMO-4")

        site.before(hook)
        path = tmp_path / "stream.parquet"
        client(site, dialect).to_parquet(ALL, path)
        df = read_parquet(path)
        assert df["Key"].is_unique
        assert set(df["Key"]) == {i.key for i in site.store.visible()}
        assert "Edited meanwhile" in set(df["Summary"])


def test_differences() -> None:
    old = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3", "A-4"],
            "Id": ["1", "2", "3", "4"],
            "Status": pd.Categorical(["Open", "Open", None, "Open"]),
            "Labels": [("x",), (), (), ()],
            "Points": [1.0, float("nan"), 3.0, 4.0],
            "Updated": pd.to_datetime([1, 2, 3, 4], utc=True),
        }
    )
    new = pd.DataFrame(
        {
            "Key": ["B-9", "A-2", "A-5", "A-1"],
            "Id": ["3", "2", "5", "1"],
            "Status": pd.Categorical(["Done", "Open", "Open", "Open"]),
            "Labels": [(), ("y", "z"), (), ("x",)],
            "Points": [3.0, float("nan"), 5.0, 2.0],
            "Updated": pd.to_datetime([9, 9, 9, 9], utc=True),
        }
    )
    told = diff(old, new)
    rows = [tuple(None if cell is pd.NA else cell for cell in row) for row in told.itertuples(index=False)]
    assert rows == [
        ("B-9", "changed", "Key", "A-3", "B-9"),
        ("B-9", "changed", "Status", None, "Done"),
        ("A-2", "changed", "Labels", (), ("y", "z")),
        ("A-5", "added", None, None, None),
        ("A-1", "changed", "Points", 1.0, 2.0),
        ("A-4", "removed", None, None, None),
    ]
    assert len(diff(old, old)) == 0
    # What comes back from a workbook or a Parquet file has lists.
    assert len(diff(old.assign(Labels=old["Labels"].map(list)), old)) == 0
    assert "Updated" in set(diff(old, new, ignore=())["Field"])


def test_differences_tell_where_and_what_the_issues_are() -> None:
    old = pd.DataFrame({"Key": ["A-1", "A-2"], "Summary": ["Login", "Export"]})
    new = pd.DataFrame({"Key": ["A-1", "A-3"], "Summary": ["Sign in", None]})
    new.attrs["site"] = "https://jira.example.org"
    told = diff(old, new)
    assert told.attrs == {
        "site": "https://jira.example.org",
        "summaries": {"A-1": "Sign in", "A-2": "Export"},
    }
    assert diff(old[["Key"]], new).attrs == {"site": "https://jira.example.org"}


def test_differences_need_keys() -> None:
    frame = pd.DataFrame({"Key": ["A-1", "A-1"]})
    with pytest.raises(UsageError, match="holds A-1 twice"):
        diff(frame, frame)
    with pytest.raises(UsageError, match="new frame has no column 'Key'"):
        diff(frame.drop_duplicates(), pd.DataFrame({"Summary": []}))


def test_what_the_spool_cannot_write_is_raised(tmp_path: Path) -> None:
    import numpy as np
    import pyarrow as pa

    folder = tmp_path / "spool"
    folder.mkdir()
    spool = Spool(folder)
    keys = pa.array([f"A-{n}" for n in range(6000)], pa.large_string())
    batch = Batch(np.arange(6000), np.zeros(6000, np.int64), {"Key": keys})
    folder.rmdir()
    spool.add(batch)
    with pytest.raises(OSError):
        spool.close()


def test_a_column_that_changes_its_type_midway_is_text(tmp_path: Path) -> None:
    import numpy as np
    import pyarrow as pa

    spool = Spool(tmp_path)
    points = Column("Points", Kind("number", float, "float"))
    labels = Column("Labels", Kind("list", list, "list"))
    columns = [Column("Key", KEY), points, labels]
    for number, values in enumerate(([1.5, None], ["many", "2"], [3.0, 4.0])):
        made = {"Key": pa.array(["A", "B"], pa.large_string()), "Points": pa.array(values)}
        if number == 1:
            made["Points"] = made["Points"].cast(pa.large_string())
            made["Labels"] = [("x",), ()]
        ids = np.array([2 * number, 2 * number + 1])
        spool.add(Batch(ids, np.zeros(2, np.int64), made))
    spool.close()
    path = tmp_path / "out.parquet"
    assert spool.finish(path, columns, np.array([0, 1, 2, 3, 5]), {}, {}) == 5
    df = read_parquet(path)
    assert df["Points"].astype(object).where(df["Points"].notna(), None).tolist() == [
        "1.5",
        None,
        "many",
        "2",
        "4",
    ]
    assert df["Labels"].tolist() == [(), (), ("x",), (), ()]


def test_a_saved_filter_that_is_changed_between_two_syncs(dialect: str, tmp_path: Path) -> None:
    """Its number stays the query; what the new text finds is older than what the watermark asks for."""
    path = tmp_path / "store.parquet"
    with DemoSite(issues=120) as site:
        store, jira = site.store, client(site, dialect)
        store.share("10000", "project = DEMO AND issuetype = Bug")
        first = jira.sync("filter = 10000", into=path, max_drop=1)
        for jql in ("project in (DEMO, OPS) ORDER BY updated", "issuetype = Story", "project = DEMO"):
            store.share("10000", jql)
            held = jira.sync("filter = 10000", into=path, max_drop=1)
            same(held, jira.search("filter = 10000"))
            assert held.attrs["extraction"]["exact"]
            assert held.attrs["sync"]["added"], "issues whose last update is long ago"
        before = path.read_bytes()
        store.share("10000", None)
        with pytest.raises(JqlError, match="The value '10000' does not exist"):
            jira.sync("filter = 10000", into=path, max_drop=1)
        assert path.read_bytes() == before
        store.share("10000", "project = DEMO AND issuetype = Bug")
        same(jira.sync("filter = 10000", into=path, max_drop=1), first)
        # While it finds others, one that is held is edited, and the clock of another runs ahead.
        store.share("10000", "project = OPS")
        store.edit(first["Key"][0], summary="Edited meanwhile")
        store.edit("OPS-1", updated=store.now() + 86_400_000)
        jira.sync("filter = 10000", into=path, max_drop=1)
        store.share("10000", "project = DEMO AND issuetype = Bug")
        again = jira.sync("filter = 10000", into=path, max_drop=1)
        same(again, jira.search("filter = 10000"))
        assert "Edited meanwhile" in set(again["Summary"])


def test_an_update_that_lies_in_the_future_hides_no_later_ones(dialect: str, tmp_path: Path) -> None:
    """A server's clock that was wrong for a while, or an import: the watermark is no later than the sync."""
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        store, jira = site.store, client(site, dialect)
        store.edit("DEMO-2", updated=store.now() + 86_400_000)
        jira.sync(ALL, into=path)
        store.edit("DEMO-3", summary="Edited today")
        assert "DEMO-3" in jira.sync(ALL, into=path).attrs["sync"]["changed"]


def test_the_watermark_of_an_inexact_sync_is_when_it_began(dialect: str, tmp_path: Path) -> None:
    """What was edited after it had been fetched is older than the newest update that was seen."""
    path = tmp_path / "store.parquet"
    with DemoSite(issues=110, page_cap=50) as site:
        number = iter(range(10**6))
        site.before(lambda request: site.store.edit("DEMO-1", summary=f"edit {next(number)}") and None)
        facts = client(site, dialect).sync(ALL, into=path).attrs["extraction"]
        assert not facts["exact"]
        began = datetime.fromisoformat(facts["as_of"][0]).timestamp() * 1000
        assert read_store(path).attrs["sync"]["watermark"] <= began

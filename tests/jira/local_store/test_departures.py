"""A store never empties in silence: what leaves is told apart, and a great fall stops."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from schedkit import context
from schedkit.demo import DemoSite
from schedkit.errors import IncompleteError
from schedkit.jira import read_parquet
from tests.jira.conftest import client

ALL = "project is not EMPTY ORDER BY key"


def leaf(site: DemoSite, project: str, skip: int = 0) -> str:
    keys = [
        i.key for i in site.store.visible() if i.project.key == project and not site.store.children.get(i.id)
    ]
    return keys[skip]


def test_what_leaves_is_told_apart(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=150) as site:
        jira = client(site, dialect)
        jql = "project in (DEMO, OPS, MOB) ORDER BY key"
        jira.sync(jql, into=path)
        deleted, secret = leaf(site, "DEMO"), leaf(site, "DEMO", 1)
        moved = leaf(site, "OPS")
        site.store.delete(deleted)
        site.store.conceal(secret)
        new = site.store.move(moved, "LAB").key
        after = jira.sync(jql, into=path)
        unclear = "deleted or no longer visible"
        assert after.attrs["sync"]["reasons"] == {
            deleted: unclear if dialect == "cloud" else "deleted",
            secret: unclear if dialect == "cloud" else "no longer visible",
            moved: "no longer in the query",
        }
        assert new not in set(after["Key"])
        facts = after.attrs["extraction"]
        assert facts["complete"] is (dialect == "cloud")


class Listener(context.ExecutionContext):
    """Takes the lines that a run would log."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, level: int, message: str) -> None:
        assert level >= logging.WARNING
        self.lines.append(message)


def test_losing_a_project_is_no_deletion(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=150) as site:
        jira = client(site, dialect)
        held = jira.sync(ALL, into=path)
        theirs = set(held.loc[held["Key"].str.startswith("OPS-"), "Key"])
        site.store.close("OPS")
        with context.use(listener := Listener()):
            after = jira.sync(ALL, into=path)
        assert set(after.attrs["sync"]["reasons"].values()) == {"no longer visible"}
        assert set(after.attrs["extraction"]["missing"]) == theirs
        assert not after.attrs["extraction"]["complete"]
        assert any(f"{len(theirs)} issues are no longer visible" in line for line in listener.lines)
        site.store.close("OPS", closed=False)
        back = jira.sync(ALL, into=path)
        assert set(back.attrs["sync"]["added"]) == theirs
        assert back.attrs["extraction"]["complete"]


def test_a_great_fall_stops_unless_told_to_go_on(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=150) as site:
        jira = client(site, dialect)
        held = jira.sync(ALL, into=path)
        before = path.read_bytes()
        for project in ("DEMO", "OPS", "MOB"):
            site.store.close(project)
        jql = held.attrs["jql"]
        for full in (False, True):
            with pytest.raises(IncompleteError, match=r"holds 150 issues.*no longer visible.*max_drop=1"):
                jira.sync(jql, into=path, full=full)
            assert path.read_bytes() == before
        after = jira.sync(jql, into=path, max_drop=1)
        assert 0 < len(after) < 75
        assert len(read_parquet(path)) == len(after)


def test_a_small_store_is_not_emptied(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        jira = client(site, dialect)
        jql = "labels = urgent-now"
        assert len(jira.sync(jql, into=path)) == 0, "what held nothing may stay empty"
        site.store.edit("DEMO-1", labels=("urgent-now",))
        assert len(jira.sync(jql, into=path)) == 1
        site.store.edit("DEMO-1", labels=())
        with pytest.raises(IncompleteError, match="1 no longer in the query"):
            jira.sync(jql, into=path)
        assert len(jira.sync(jql, into=path, min_rows=0)) == 0


def test_a_restored_backup_is_seen(dialect: str, tmp_path: Path) -> None:
    """`updated` went back: a full pass takes the site's values, and so does any that fetches the issue."""
    path = tmp_path / "store.parquet"
    with DemoSite(issues=60) as site:
        jira = client(site, dialect)
        old = site.store.get("DEMO-2")
        was, summary = old.updated, old.summary
        site.store.edit("DEMO-2", summary="After the backup")
        jira.sync(ALL, into=path)
        site.store.edit("DEMO-2", summary=summary, updated=was)
        after = jira.sync(ALL, into=path, full=True)
        assert after.set_index("Key")["Summary"]["DEMO-2"] == summary
        assert after.attrs["sync"]["changed"] == ["DEMO-2"]
        assert read_parquet(path).equals(after)


def test_a_full_pass_keeps_what_it_could_not_fetch(tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=110) as site:
        jira = client(site, "cloud")
        jira.sync(ALL, into=path)
        site.quirks.bulk_errors = {"DEMO-1"}
        after = jira.sync(ALL, into=path, full=True)
        assert "DEMO-1" in set(after["Key"])
        assert after.attrs["sync"]["removed"] == []
        assert not after.attrs["extraction"]["complete"]


def test_warnings_of_the_site_are_warnings_of_ours() -> None:
    with DemoSite(issues=60) as site:
        jira = client(site, "dc")

        def warn(request):
            from starlette.responses import JSONResponse

            if request.method == "POST" and request.url.path.endswith("/search"):
                told = ["The value 'GONE' does not exist for the field 'project'."]
                return JSONResponse(
                    {"startAt": 0, "maxResults": 50, "total": 0, "issues": [], "warningMessages": told}
                )
            return None

        site.before(warn)
        with context.use(listener := Listener()):
            df = jira.search("project = GONE")
        assert df.attrs["extraction"]["warnings"]
        assert any("The value 'GONE' does not exist" in line for line in listener.lines)

"""Somebody who may see a part of a site: what they get is all they may see, or it says what is missing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from schedkit.demo import DemoSite
from schedkit.errors import AuthError, BadAnswerError, JqlError, NotFoundError
from tests.jira.conftest import DIALECTS, client
from tests.jira.search.test_query import act

ALL = "project is not EMPTY ORDER BY key"


@pytest.fixture
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=200, page_cap=20) as made:
        keys = sorted(i.key for i in made.store.visible() if i.number % 4 == 1 or i.project.key == "MOB")
        made.store.conceal(*keys, "OPS-3", "OPS-4")
        yield made


def seen(site: DemoSite) -> list[str]:
    issues = sorted(site.store.visible(), key=lambda issue: (issue.project.key, issue.number))
    return [issue.key for issue in issues]


def test_what_may_be_seen_is_all_there(site: DemoSite, dialect: str) -> None:
    jira = client(site, dialect)
    df = jira.search(ALL)
    facts = df.attrs["extraction"]
    assert list(df["Key"]) == seen(site)
    assert facts["exact"]
    assert facts["requested"] == facts["returned"] == len(seen(site)) < 150
    assert list(jira.search(ALL, limit=25)["Key"]) == seen(site)[:25]


def test_pages_that_are_filtered_late_lose_nothing(site: DemoSite, dialect: str) -> None:
    """Twelve pages in a row hold nothing that may be seen; Data Center counts what it does not show."""
    site.store.conceal(*seen(site)[:60])
    site.page_cap = 5
    site.quirks.filtered_late = True
    jira = client(site, dialect)
    if dialect == "dc":
        with pytest.raises(BadAnswerError, match=r"is empty although the site counts .* may not see"):
            jira.search(ALL)
        return
    df = jira.search(ALL)
    assert list(df["Key"]) == seen(site)
    assert df.attrs["extraction"]["exact"]


def test_single_issues_that_may_not_be_seen(site: DemoSite, dialect: str) -> None:
    jira = client(site, dialect)
    df = jira.keys(["DEMO-2", "OPS-3", "DEMO-99999"])
    facts = df.attrs["extraction"]
    assert list(df["Key"]) == ["DEMO-2"]
    assert set(facts["missing"]) == {"OPS-3", "DEMO-99999"}
    assert "permission to see" in facts["missing"]["OPS-3"]
    assert not facts["complete"]
    assert not facts["exact"]
    with pytest.raises(NotFoundError, match=r"has no issue OPS-3: .*permission to see"):
        jira.root("OPS-3")
    site.store.share("10001", None)
    with pytest.raises(NotFoundError, match="no filter 10001, or you may not see it"):
        jira.filter(10001)


@pytest.mark.parametrize("what", ["changelog", "worklogs"])
def test_histories_say_whose_are_missing(site: DemoSite, dialect: str, what: str) -> None:
    store, jira = site.store, client(site, dialect)
    issues = jira.search(ALL)
    read = getattr(jira, what)
    whole = read(issues)
    assert whole.attrs["extraction"] == {
        "complete": True,
        "requested": len(issues),
        "missing": {},
        "warnings": [],
    }
    moved = store.move("DEMO-2", "OPS").key
    store.conceal("DEMO-6", "OPS-6")
    store.delete("DEMO-7")
    frame = read(issues)
    facts = frame.attrs["extraction"]
    assert set(facts["missing"]) == {"DEMO-6", "OPS-6", "DEMO-7"}
    assert not facts["complete"]
    assert facts["requested"] == len(issues)
    left = whole[~whole["Key"].isin({"DEMO-6", "OPS-6", "DEMO-7", "DEMO-2"})]
    same = frame[frame["Key"] != moved]
    pd.testing.assert_frame_equal(left.reset_index(drop=True), same.reset_index(drop=True))
    assert read(["OPS-6"]).attrs["extraction"]["missing"].keys() == {"OPS-6"}
    assert read(["DEMO-2"]).attrs["extraction"]["complete"], "found under its former key"


def test_moved_issues_that_a_search_does_not_find_by_their_former_keys(dialect: str) -> None:
    with DemoSite(issues=60) as site:
        moved = site.store.move("DEMO-2", "OPS")
        whole = client(site, dialect).changelog([moved.key])
        forgotten = site.store.keys.pop("DEMO-2")

        def remember(request: Request) -> None:
            if request.url.path.endswith("/issue/DEMO-2"):
                site.store.keys["DEMO-2"] = forgotten

        site.before(remember)
        pd.testing.assert_frame_equal(client(site, dialect).changelog(["DEMO-2"]), whole)


def test_what_a_query_could_not_fetch_is_missing_of_its_histories() -> None:
    with DemoSite(issues=60) as site:
        site.quirks.bulk_errors = {"DEMO-3"}
        frame = client(site, "cloud").changelog("project = DEMO")
        assert list(frame.attrs["extraction"]["missing"]) == [str(site.store.get("DEMO-3").id)]


def test_parents_and_links_that_may_not_be_seen(dialect: str) -> None:
    with DemoSite(issues=200) as site:
        store, jira = site.store, client(site, dialect)
        epic = next(i for i in store.visible() if i.type.level == 1 and store.children.get(i.id))
        child = store.issues[store.children[epic.id][0]]
        link = store.link(child.key, "DEMO-1")
        store.conceal(epic.key)
        df = jira.search(f"key = {child.key}", fields=["Parent", "Linked Issues"])
        assert df["Parent"].tolist() == [epic.key], "its address is no secret"
        told = df.loc[0, "Linked Issues"]
        assert any(text.endswith(" DEMO-1") for text in told)
        store.conceal("DEMO-1")
        tree = jira.root(child.key, links_depth=1)
        assert "DEMO-1" not in set(tree["Key"])
        assert tree.attrs["extraction"]["exact"]
        store.conceal("DEMO-1", secret=False)
        assert link.target == store.get("DEMO-1").id
        # Linked to when the tree was read, concealed when the links are followed.
        hidden: list[str] = []

        def hide(request: Request) -> None:
            if len(site.requests) > before + 2 and not hidden:
                hidden.append("DEMO-1")
                store.conceal("DEMO-1")

        before = len(site.requests)
        site.before(hide)
        tree = jira.root(child.key, links_depth=1)
        assert hidden
        assert tree.attrs["extraction"]["missing"].keys() <= {"DEMO-1"}
        assert tree.attrs["extraction"]["exact"] == (not tree.attrs["extraction"]["missing"])


def test_a_tree_of_which_a_branch_is_concealed_while_it_is_walked(dialect: str) -> None:
    with DemoSite(issues=200) as site:
        store, jira = site.store, client(site, dialect)
        jira.fields()
        roots = [i for i in store.visible() if i.type.level == 2 and store.children.get(i.id)]
        root = max(roots, key=lambda issue: len(store.children[issue.id]))
        epic = next(
            store.issues[n] for n in store.children[root.id] if store.may_see(store.issues[n])
        )  # fmt: skip
        for when in range(6):
            count = iter(range(10**6))

            def hide(request: Request, count: Iterator[int] = count, when: int = when) -> None:
                if "/search" in request.url.path and next(count) == when:
                    store.conceal(epic.key)

            undo = site.before(hide)
            df = jira.root(root.key)
            undo()
            facts = df.attrs["extraction"]
            if epic.id in store.secret:
                assert epic.key not in set(df["Key"])
                assert facts["exact"]
                store.conceal(epic.key, secret=False)
        assert jira.root(root.key).attrs["extraction"]["exact"]


def test_plans_refuse_what_may_not_be_seen(site: DemoSite, dialect: str) -> None:
    jira = client(site, dialect)
    frame = pd.DataFrame({"Key": ["DEMO-2", "OPS-3"], "Summary": ["New words", "Not for us"]})
    outcome = jira.edit(frame).apply()
    assert outcome.set_index("Key")["Outcome"].to_dict() == {"DEMO-2": "done", "OPS-3": "failed"}
    assert site.store.get("OPS-3").summary != "Not for us"


def test_issues_by_id_or_key_though_pages_are_short(dialect: str) -> None:
    """An administrator's cap is below what one query may name: they come in pages, not one by one."""
    with DemoSite(issues=200, page_cap=20) as site:
        jira = client(site, dialect)
        jira.fields()
        before = len(site.requests)
        df = jira.keys(seen(site))
        assert list(df["Key"]) == seen(site)
        assert df.attrs["extraction"]["complete"]
        assert len(site.requests) - before <= 10
        site.store.conceal("DEMO-3")
        before = len(site.requests)
        assert jira.keys(["DEMO-2", "DEMO-3", "DEMO-4"]).attrs["extraction"]["missing"].keys() == {"DEMO-3"}
        assert len(site.requests) - before == 2


# Kept up to date


def test_a_sync_follows_what_may_be_seen(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=120) as site:
        store, jira = site.store, client(site, dialect)
        store.conceal("DEMO-5", "OPS-2")
        jira.sync(ALL, into=path)
        store.conceal("DEMO-1")
        store.conceal("OPS-2", secret=False)
        told = jira.sync(ALL, into=path)
        assert set(told.attrs["sync"]["added"]) >= {"OPS-2"}
        assert told.attrs["sync"]["removed"] == ["DEMO-1"]
        assert told.attrs["extraction"]["exact"]
        # Edited while it was away; other issues have moved the watermark on since.
        store.edit("DEMO-1", summary="Not seen")
        store.edit("DEMO-2", updated=store.now() + 86_400_000)
        jira.sync(ALL, into=path)
        store.conceal("DEMO-1", secret=False)
        again = jira.sync(ALL, into=path)
        assert again.attrs["sync"]["added"] == ["DEMO-1"]
        pd.testing.assert_frame_equal(again, client(site, dialect).search(ALL))
        store.close("OPS")
        gone = jira.sync(ALL, into=path)
        assert set(gone.attrs["sync"]["removed"]) == {key for key in again["Key"] if key.startswith("OPS-")}
        pd.testing.assert_frame_equal(gone, client(site, dialect).search(ALL))


def test_a_project_that_is_closed_leaves_the_store_alone(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "store.parquet"
    with DemoSite(issues=120) as site:
        jira = client(site, dialect)
        jira.sync("project = OPS", into=path)
        before = path.read_bytes()
        site.store.close("OPS")
        with pytest.raises(JqlError, match="'OPS' does not exist"):
            jira.sync("project = OPS", into=path)
        assert path.read_bytes() == before


@pytest.mark.parametrize("midway", [False, True])
def test_a_token_that_runs_out_is_no_empty_site(dialect: str, tmp_path: Path, midway: bool) -> None:
    """Data Center answers 200 and nothing: then nobody is logged in, and a store would be emptied."""
    path = tmp_path / "store.parquet"
    with DemoSite(issues=120, page_cap=20) as site:
        jira = client(site, dialect)
        jira.sync(ALL, into=path)
        before = path.read_bytes()
        door = site.cloud_door if dialect == "cloud" else site.dc_door
        good, bad, count = door.account, replace(door.account, token="another"), iter(range(10**6))

        def revoke(request: Request) -> None:
            if ("/search" in request.url.path and next(count) == 1) or not midway:
                door.account = bad

        site.before(revoke)
        for extract in (lambda: jira.sync(ALL, into=path), lambda: jira.search(ALL)):
            door.account, count = good, iter(range(10**6))
            with pytest.raises(AuthError):
                extract()
        assert path.read_bytes() == before


DEEDS = ["edit", "create", "delete", "move away", "move in", "transition", "conceal", "edit, reveal", "close"]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=500 if os.environ.get("SCHEDKIT_THOROUGH") else 12)
@given(
    rounds=st.lists(
        st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 99)), max_size=6), min_size=1, max_size=4
    )
)
def test_whatever_happens_between_two_syncs(dialect: str, rounds: list[list[tuple[str, int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder, DemoSite(issues=100, page_cap=40) as site:
        jira, path = client(site, dialect), Path(folder) / "store.parquet"
        for deeds in [[], *rounds]:
            for what, which in deeds:
                if what == "close":
                    site.store.close("MOB", closed=which % 2 == 0)
                else:
                    act(site, what, which)
            # Without the parent: that it was deleted does not count as an update of those below it.
            fields = ["Id", "Summary", "Status", "Updated"]
            held = jira.sync(ALL, into=path, fields=fields)
            assert held.attrs["extraction"]["exact"]
            pd.testing.assert_frame_equal(held, jira.search(ALL, fields=fields))

"""What a site cuts inside an issue is read whole, or the report says of which issues it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
from schedkit.demo.world.model import Worklog
from schedkit.jira import Jira, read_parquet
from schedkit.jira.search.lists import PartialLists
from schedkit.jira.table.batch import Batch
from tests.jira.conftest import client

FIELDS = ["Comment", "Log Work"]
JQL = "key in (DEMO-1, DEMO-2, DEMO-3) ORDER BY key"


@pytest.fixture
def site():
    with DemoSite(issues=60) as made:
        for number in range(45):
            made.store.comment("DEMO-2", f"comment {number}")
        issue = made.store.edit("DEMO-3")
        assert issue.past is not None
        me = made.store.catalog.me
        logs = tuple(Worklog(issue.id * 100 + n, me, issue.created + n, 3600, "") for n in range(31))
        made.store.edit("DEMO-3", past=replace(issue.past, worklogs=logs))
        yield made


@pytest.fixture
def jira(site: DemoSite, dialect: str) -> Jira:
    return client(site, dialect)


def counts(site: DemoSite) -> tuple[int, int]:
    store = site.store
    return len(store.comments(store.get("DEMO-2"))), len(store.worklogs(store.get("DEMO-3")))


def test_cut_lists_are_read_whole(site: DemoSite, jira: Jira) -> None:
    comments, logs = counts(site)
    assert comments >= 45
    assert logs == 31
    for df in (jira.search(JQL, fields=FIELDS), jira.keys(["DEMO-1", "DEMO-2", "DEMO-3"], fields=FIELDS)):
        assert len(df["Comment"][1]) == comments
        assert df["Comment"][1][-1].endswith("comment 44")
        assert len(df["Log Work"][2]) == logs
        assert df.attrs["extraction"]["complete"]
        assert df.attrs["extraction"]["cut"] == {}


def test_lists_of_a_tree_and_a_store_are_whole(site: DemoSite, jira: Jira, tmp_path: Path) -> None:
    comments, logs = counts(site)
    for df in (jira.root("DEMO-2", fields=FIELDS), jira.sync(JQL, tmp_path / "x.parquet", fields=FIELDS)):
        held = df.set_index("Key")
        assert len(held["Comment"]["DEMO-2"]) == comments
    assert len(held["Log Work"]["DEMO-3"]) == logs
    assert len(read_parquet(tmp_path / "x.parquet")["Log Work"][2]) == logs


def test_a_stream_is_whole_too(site: DemoSite, jira: Jira, tmp_path: Path) -> None:
    facts = jira.to_parquet(JQL, tmp_path / "x.parquet", fields=FIELDS)
    held = read_parquet(tmp_path / "x.parquet").set_index("Key")
    assert (len(held["Comment"]["DEMO-2"]), len(held["Log Work"]["DEMO-3"])) == counts(site)
    assert facts["complete"]


def test_a_list_that_changes_meanwhile_is_read_again(site: DemoSite, jira: Jira, dialect: str) -> None:
    asked: list[str] = []

    def change(request: Request) -> JSONResponse | None:
        if request.url.path.endswith("/worklog"):
            asked.append(request.url.path)
            past = site.store.get("DEMO-3").past
            if len(asked) == 1 and past is not None:
                late = replace(past.worklogs[-1], id=past.worklogs[-1].id + 1, seconds=7200)
                site.store.edit("DEMO-3", past=replace(past, worklogs=(*past.worklogs, late)))
        return None

    site.before(change)
    df = jira.search("project = DEMO ORDER BY key", fields=FIELDS)
    assert len(df.set_index("Key")["Log Work"]["DEMO-3"]) == counts(site)[1] == 32
    # The one page of a Data Center is a snapshot, to which nothing that came later belongs.
    assert len(asked) == (2 if dialect == "cloud" else 1)
    assert df.attrs["extraction"]["changed"] == len(asked) - 1
    assert df.attrs["extraction"]["exact"]


def copies(cut: list[int], **updated: int) -> Batch:
    """A page with copies of the issues 1, 2, …: when each was updated, and in which rows the list is cut."""
    ids = np.array([int(name[1:]) for name in updated], np.int64)
    return Batch(ids, np.array([*updated.values()], np.int64), {}, {"Comment": cut})


def test_only_the_newest_copy_of_an_issue_says_what_is_to_be_read() -> None:
    lists = PartialLists()
    assert lists.add(copies([], i1=5, i2=5)) == []
    assert lists.add(copies([0], i1=5, i2=5)) == [("Comment", 1)]
    assert lists.add(copies([0], i1=5)) == [], "the same copy"
    assert lists.add(copies([0], i1=4)) == [], "an older one"
    assert lists.unread({1, 2}) == [("Comment", 1)]
    assert lists.unread({2}) == []
    lists.whole["Comment"] = {1: ("read",)}
    assert lists.unread({1}) == []
    assert lists.add(copies([0, 1], i1=6, i2=6)) == [("Comment", 1), ("Comment", 2)]
    assert lists.whole == {"Comment": {}}
    lists.failures["Comment"] = {2: "not for you"}
    assert lists.unread({1, 2}) == [("Comment", 1)]
    assert lists.add(copies([], i1=7, i2=7)) == [], "they are whole now"
    assert lists.unread({1, 2}) == []
    assert lists.failures == {"Comment": {}}


def test_what_cannot_be_read_whole_is_told(site: DemoSite, jira: Jira) -> None:
    def deny(request: Request) -> JSONResponse | None:
        if request.url.path.endswith("/worklog"):
            return JSONResponse({"errorMessages": ["not for you"]}, 403)
        return None

    site.before(deny)
    df = jira.search(JQL, fields=FIELDS)
    facts = df.attrs["extraction"]
    assert not facts["complete"]
    assert "not for you" in facts["cut"]["Log Work"][str(site.store.get("DEMO-3").id)]
    assert any("only a part of Log Work of 1 issues" in told for told in facts["warnings"])
    assert len(df["Log Work"][2]) == 20


@pytest.mark.parametrize(
    ("answer", "words"),
    [({"worklogs": [], "total": 99}, "gave 0 of 99"), ({"surprise": 1}, "did not return a list")],
)
def test_a_page_that_does_not_go_on(site: DemoSite, jira: Jira, answer: dict, words: str) -> None:
    site.before(lambda request: JSONResponse(answer) if request.url.path.endswith("/worklog") else None)
    facts = jira.search(JQL, fields=FIELDS).attrs["extraction"]
    assert words in next(iter(facts["cut"]["Log Work"].values()))


def test_an_oddly_shaped_list_is_noticed_too(site: DemoSite, jira: Jira) -> None:
    """One answer of another shape makes the column be decoded loosely; what is cut shows all the same."""

    def odd(request: Request) -> JSONResponse | None:
        if request.url.path.endswith("/worklog"):
            return JSONResponse({"worklogs": [{"timeSpent": "1h"}] * 31, "total": 31})
        return None

    site.before(odd)
    df = jira.search(JQL, fields=["*all"])
    assert len(df.set_index("Key")["Log Work"]["DEMO-3"]) == 31

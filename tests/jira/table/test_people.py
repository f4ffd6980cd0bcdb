"""Two people of one name are two in every column that shows people."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from support.namesakes import namesakes

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change, User
from schedkit.jira import Jira, read_changelog, read_parquet, to_changelog, to_frame
from schedkit.jira.table.fields import Field
from schedkit.jira.table.kinds import STATUS_CATEGORY, kind_of
from schedkit.jira.table.people import PeopleNames, relabelled, shared_names, unlabelled
from schedkit.jira.table.shapes import User as Shown
from tests.jira.conftest import client

KEYS = "key in (DEMO-1, DEMO-2, DEMO-3) ORDER BY key"
LABELS = ["Ada Lovelace (user1@example.com)", "Ada Lovelace (user2@example.com)"]


@pytest.fixture
def site() -> Iterator[DemoSite]:
    with DemoSite(issues=60) as made:
        yield made


@pytest.fixture
def jira(site: DemoSite, dialect: str) -> Jira:
    return client(site, dialect)


def assign(site: DemoSite, key: str, user: User) -> None:
    """Give an issue to somebody who does all there is to do on it."""
    was = site.store.get(key).assignee
    change = Change(
        "assignee", "assignee",
        was and was.account_id, was and was.display, user.account_id, user.display,
    )  # fmt: skip
    site.store.edit(
        key, change, author=user, assignee=user, reporter=user, custom={"owner": user, "reviewers": (user,)}
    )
    site.store.comment(key, f"By {user.name}", author=user)
    site.store.log_work(key, 3600, site.store.now(), "Done", author=user)


@pytest.fixture
def two(site: DemoSite) -> tuple[User, User]:
    one, other = namesakes(site)
    assign(site, "DEMO-1", one)
    assign(site, "DEMO-2", other)
    return one, other


FIELDS = ["Assignee", "Reporter", "Creator", "Team Lead", "Reviewers", "Comment", "Log Work"]


def test_every_column_of_people_tells_them_apart(jira: Jira, two: Any) -> None:
    df = jira.search(KEYS, fields=FIELDS, raw=["Assignee"])
    for column in ("Assignee", "Reporter", "Creator", "Team Lead"):
        assert df[column].tolist()[:2] == LABELS, column
        assert df.groupby(column).size()[LABELS].tolist() == [1, 1]
    assert df["Reviewers"].tolist()[:2] == [(LABELS[0],), (LABELS[1],)]
    assert [cell[-1] for cell in df["Comment"][:2]] == [f"{LABELS[0]}: By user1", f"{LABELS[1]}: By user2"]
    assert [cell[-1] for cell in df["Log Work"][:2]] == [f"{LABELS[0]}: 1h", f"{LABELS[1]}: 1h"]
    assert [cell["displayName"] for cell in df["Assignee (raw)"][:2]] == ["Ada Lovelace"] * 2
    (warning,) = df.attrs["extraction"]["warnings"]
    assert warning == (
        "one name is shared by several people; each is shown with an address or account, "
        "e.g. 'Ada Lovelace (user1@example.com)'"
    )


def test_where_one_of_them_is_alone_the_name_is_enough(jira: Jira, two: Any) -> None:
    df = jira.search("key = DEMO-2", fields=FIELDS)
    assert df["Assignee"][0] == "Ada Lovelace"
    assert df.attrs["extraction"]["warnings"] == []


def test_without_an_address_the_account_tells_them_apart(site: DemoSite, jira: Jira, dialect: str) -> None:
    one, other = namesakes(site, email=False)
    for key, user in (("DEMO-1", one), ("DEMO-2", other)):
        assign(site, key, user)
    ids = [user.account_id if dialect == "cloud" else user.name for user in (one, other)]
    shown = [f"Ada Lovelace ({id})" for id in ids]
    df = jira.search(KEYS, fields=["Assignee"])
    assert df["Assignee"].tolist()[:2] == shown
    plan = jira.edit(pd.DataFrame({"Key": ["DEMO-3"], "Assignee": [shown[1]]}))
    assert list(plan.apply()["Outcome"]) == ["done"]
    assert site.store.get("DEMO-3").assignee is other


def test_pages_in_any_order(site: DemoSite, jira: Jira, two: Any) -> None:
    site.page_cap = 1
    df = jira.search(KEYS, fields=["Assignee", "Comment"])
    assert df["Assignee"].tolist()[:2] == LABELS
    assert [cell[-1].rpartition(":")[0] for cell in df["Comment"][:2]] == LABELS


def test_a_list_that_the_site_cuts_tells_them_apart(site: DemoSite, jira: Jira, two: Any) -> None:
    for number in range(25):
        site.store.comment("DEMO-1", f"No. {number}", author=two[number % 2])
    df = jira.search("key = DEMO-1", fields=["Comment"])
    assert [cell.rpartition(":")[0] for cell in df["Comment"][0][-25:]] == [LABELS[n % 2] for n in range(25)]


def test_histories_and_worklogs_tell_them_apart(jira: Jira, two: Any) -> None:
    changes = jira.changelog(["DEMO-1", "DEMO-2"])
    given = changes[changes["Field"] == "assignee"].groupby("Key").tail(1).set_index("Key")
    assert given.loc[["DEMO-1", "DEMO-2"], "To"].tolist() == LABELS
    assert given.loc[["DEMO-1", "DEMO-2"], "Author"].tolist() == LABELS
    assert "shared by several people" in changes.attrs["extraction"]["warnings"][0]
    work = jira.worklogs(["DEMO-1", "DEMO-2"]).groupby("Key").tail(1).set_index("Key")
    assert work.loc[["DEMO-1", "DEMO-2"], "Author"].tolist() == LABELS
    alone = jira.changelog(["DEMO-1"], fields=["Assignee"])
    assert alone["To"].iloc[-1] == "Ada Lovelace"
    assert alone.attrs["extraction"]["warnings"] == []


def test_a_history_shows_addresses_that_a_search_has_told(site: DemoSite, jira: Jira, dialect: str) -> None:
    """Histories tell names and ids only; whoever never changed anything himself is known by a search."""
    both = namesakes(site)
    for number, user in enumerate(both, 1):
        change = Change("assignee", "assignee", None, None, user.account_id, user.display)
        site.store.edit(f"DEMO-{number}", change, assignee=user)

    def given(to: Jira) -> list[str]:
        changes = to.changelog(["DEMO-1", "DEMO-2"], fields=["Assignee"])
        return changes.groupby("Key").tail(1).set_index("Key").loc[["DEMO-1", "DEMO-2"], "To"].tolist()

    jira.search(KEYS, fields=["Assignee"])
    assert given(jira) == LABELS
    ids = [u.account_id if dialect == "cloud" else f"JIRAUSER{10100 + u.number}" for u in both]
    assert given(client(site, dialect)) == [f"Ada Lovelace ({id})" for id in ids]


def test_a_store_tells_them_apart_whoever_comes_first(site: DemoSite, jira: Jira, tmp_path: Path) -> None:
    one, other = namesakes(site)
    path = tmp_path / "issues.parquet"
    assign(site, "DEMO-1", one)

    def sync() -> dict[str, str]:
        df = jira.sync("project = DEMO", path, fields=["Assignee", "Comment"], history=True)
        pd.testing.assert_frame_equal(read_parquet(path), df)
        held = df.set_index("Key")["Assignee"]
        return {key: held[key] for key in ("DEMO-1", "DEMO-2", "DEMO-3")}

    assert sync()["DEMO-1"] == "Ada Lovelace"
    assign(site, "DEMO-2", other)
    assert [sync()[key] for key in ("DEMO-1", "DEMO-2")] == LABELS
    assign(site, "DEMO-3", one)
    assert [sync()[key] for key in ("DEMO-1", "DEMO-2", "DEMO-3")] == [*LABELS, LABELS[0]]
    changes = read_changelog(path)
    given = changes[changes["Field"] == "assignee"].groupby("Key").tail(1).set_index("Key")["To"]
    assert [given[key] for key in ("DEMO-1", "DEMO-2", "DEMO-3")] == [*LABELS, LABELS[0]]


def test_a_stream_tells_them_apart(site: DemoSite, jira: Jira, two: Any, tmp_path: Path) -> None:
    site.page_cap = 1
    jira.to_parquet(KEYS, tmp_path / "x.parquet", fields=["Assignee", "Reviewers", "Comment"])
    df = read_parquet(tmp_path / "x.parquet").sort_values("Key", ignore_index=True)
    assert df["Assignee"].tolist()[:2] == LABELS
    assert df["Reviewers"].tolist()[:2] == [(LABELS[0],), (LABELS[1],)]
    assert [cell[-1].rpartition(":")[0] for cell in df["Comment"][:2]] == LABELS


def test_a_round_trip_writes_nothing_and_what_is_changed_reaches_the_right_one(
    site: DemoSite, jira: Jira, two: Any, tmp_path: Path
) -> None:
    one, other = two
    df = jira.search(KEYS, fields=["Assignee", "Reporter", "Team Lead", "Reviewers", "Updated"])
    back = excel.read(excel.write(df, tmp_path / "x.xlsx").path)
    for frame in (df, back, df.head(1), back.tail(2).reset_index(drop=True)):
        plan = jira.edit(frame)
        assert (len(plan), list(plan.aio.refused), list(plan.aio.conflicts)) == (0, [], [])
    plan = jira.edit(back.assign(Assignee=[LABELS[1], LABELS[1], LABELS[0]]))
    assert plan.frame["Key"].tolist() == ["DEMO-1", "DEMO-3"]
    assert list(plan.apply()["Outcome"]) == ["done"] * 2
    assert [site.store.get(f"DEMO-{n}").assignee for n in (1, 2, 3)] == [other, other, one]
    row = {"Project": "DEMO", "Type": "Bug", "Summary": "New", "Assignee": LABELS[1],
           "Reviewers": ", ".join(LABELS)}  # fmt: skip
    key = jira.create(pd.DataFrame([row])).apply()["Key"][0]
    assert site.store.get(key).assignee is other
    assert site.store.get(key).custom["reviewers"] == (one, other)


def test_what_a_colleague_changed_between_them_is_no_edit(site: DemoSite, jira: Jira, dialect: str) -> None:
    one, other = namesakes(site)
    for key, user in (("DEMO-1", one), ("DEMO-2", other)):
        site.store.edit(key, assignee=user, updated=site.store.now() - 600_000)
    df = jira.search(KEYS, fields=["Assignee", "Updated"])
    assign(site, "DEMO-1", other)
    fresh = client(site, dialect)
    plan = fresh.edit(df)
    assert (len(plan), list(plan.aio.conflicts)) == (0, [])
    assert any(note.startswith("Assignee was changed on the site since") for note in plan.aio.notes)
    mine = df.assign(Assignee=[LABELS[1], "Grace Hopper", df["Assignee"][2]])
    assign(site, "DEMO-2", one)
    plan = fresh.edit(mine)
    assert [outcome.key for outcome in plan.aio.conflicts] == ["DEMO-2"]


def test_an_edit_sees_who_was_assigned_meanwhile(site: DemoSite, jira: Jira, two: Any) -> None:
    """Between plan and apply the other one of that name was assigned."""
    one, other = two
    df = jira.keys(["DEMO-1"], fields=["Assignee"])
    plan = jira.edit(df.assign(Assignee="Demo Analyst"))
    site.store.edit("DEMO-1", assignee=other)
    assert list(plan.apply()["Outcome"]) == ["changed meanwhile"]
    assert site.store.get("DEMO-1").assignee is other
    assert one is not other


def test_a_name_that_several_bear_is_refused(site: DemoSite, jira: Jira, two: Any) -> None:
    plan = jira.edit(pd.DataFrame({"Key": ["DEMO-3"], "Assignee": ["Ada Lovelace"]}))
    assert "2 users are called 'Ada Lovelace'" in repr(plan)
    plan = jira.edit(pd.DataFrame({"Key": ["DEMO-3"], "Assignee": ["Ada Lovelace (nobody@example.com)"]}))
    assert "no user is called" in repr(plan)


def saved(*people: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"id": str(n), "key": f"A-{n}", "fields": {"assignee": user},
         "changelog": {"histories": [{"id": "1", "created": "2026-03-02T10:00:00.000+0000", "author": user,
                                      "items": [{"field": "assignee", "fieldtype": "jira",
                                                 "to": user.get("key") or user.get("name"),
                                                 "toString": user["displayName"]}]}]}}
        for n, user in enumerate(people)
    ]  # fmt: skip


def test_saved_answers_tell_them_apart() -> None:
    answers = saved(
        {"displayName": "Ann", "key": "JIRAUSER1", "name": "ann"}, {"displayName": "Ann", "name": "lee"}
    )
    assert to_frame(answers)["Assignee"].tolist() == ["Ann (ann)", "Ann (lee)"]
    assert to_changelog(answers)["To"].tolist() == ["Ann (ann)", "Ann (lee)"]
    assert to_frame(answers[:1])["Assignee"].tolist() == ["Ann"]


def test_names_are_told_apart_by_the_best_that_is_known() -> None:
    known: dict[str, str] = {"4": "four@example.com"}
    names = PeopleNames(known)
    assert names.cell(Shown("Ann", accountId="1", emailAddress="ann@example.com")) == "Ann"
    assert names.cell(Shown("Ann", accountId="2", emailAddress="ann@example.com")) == "Ann (2)"
    assert names.cell(Shown("Ann", key="K3", name="lee")) == "Ann (lee)"
    assert names.called("Ann", "lee") == "Ann (lee)", "a login name for a key"
    assert names.called("Ann", "4") == "Ann (four@example.com)"
    assert names.cell(Shown("Ann")) == "Ann", "of nobody more is known"
    assert names.cell(Shown(None, accountId="5")) == "5"
    assert names.shared() == {"Ann": "Ann (ann@example.com)"}
    assert known == {"1": "ann@example.com", "2": "ann@example.com", "K3": "lee", "4": "four@example.com"}
    assert "2 names are shared" in shared_names({"A": "A (1)", "B": "B (2)"})


def test_names_may_come_from_many_threads() -> None:
    names = PeopleNames()
    cells: list[str | None] = []

    def add(number: int) -> None:
        for turn in range(200):
            cells.append(names.cell(Shown(f"P{turn}", accountId=f"{turn}-{number}")))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for turn in range(200):
        mine = [cell for cell in cells if cell and cell.split(" ")[0] == f"P{turn}"]
        assert len(set(mine)) == 4
        assert mine.count(f"P{turn}") == 1
        assert names.shared()[f"P{turn}"] not in mine


def test_columns_in_every_form_are_relabelled() -> None:
    shared = {"Ann": "Ann (1)"}
    user = kind_of(Field("assignee", "Assignee", "user"), "adf")
    users = kind_of(Field("x", "Reviewers", "array", "user"), "adf")
    talk = kind_of(Field("comment", "Comment", "comments-page"), "adf")
    texts = pa.array(["Ann", None, "Ann (2)", "Bob"])
    assert relabelled(texts, user, shared).to_pylist() == ["Ann (1)", None, "Ann (2)", "Bob"]
    assert relabelled([("Ann", "Bob"), ()], users, shared) == [("Ann (1)", "Bob"), ()]
    lists = pa.array([["Ann: hello: Ann", "Anna: hi"], None])
    assert relabelled(lists, talk, shared).to_pylist() == [["Ann (1): hello: Ann", "Anna: hi"], []]
    assert relabelled(texts, STATUS_CATEGORY, shared) is texts
    assert relabelled(texts, user, {}) is texts


def test_a_name_without_its_address() -> None:
    assert unlabelled("Ann Lee (x) (y)") == "Ann Lee (x)"
    assert unlabelled("Ann (Lee)") == "Ann"
    assert unlabelled("Ann Lee") == "Ann Lee"

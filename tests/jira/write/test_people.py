"""Users by the texts of cells: names, addresses, accounts, and several in one text."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from support.namesakes import namesakes

from schedkit.demo import DemoSite
from schedkit.errors import SiteError, UsageError
from schedkit.jira import Jira
from schedkit.jira.write.people import People, shows
from schedkit.loop import service


@pytest.fixture
def people(jira: Jira) -> People:
    return People(service().call(jira.aio.session))


def account(site: DemoSite, number: int, dialect: str) -> dict[str, str]:
    user = site.store.catalog.users[number]
    return {"accountId": user.account_id} if dialect == "cloud" else {"name": user.name}


def test_a_person_has_many_names(site: DemoSite, people: People, dialect: str) -> None:
    wanted = account(site, 1, dialect)
    key = "5b10a2844c20165700ed0001" if dialect == "cloud" else "JIRAUSER10101"
    for text in ("Ada Lovelace", "ADA lovelace", "user1@example.com", key, *wanted.values()):
        assert service().call(people.find, text) == wanted, text
    asked = site.requests.count(path="/user")
    assert service().call(people.find, "Ada Lovelace") == wanted
    assert site.requests.count(path="/user") == asked, "each name is asked for once"


@pytest.mark.parametrize("text", ["Ada Lovelac", "5b10a2844c20165700ed0fff", "Ada Lovelace (Grace Hopper)"])
def test_nobody_is_found_by_half_a_name(people: People, text: str) -> None:
    with pytest.raises(UsageError, match="no user is called"):
        service().call(people.find, text)
    assert service().call(people.ids, text) == frozenset()


@pytest.mark.parametrize(("status", "error"), [(403, UsageError), (418, SiteError)])
def test_a_site_that_shows_no_single_users(
    site: DemoSite, people: People, status: int, error: type[Exception]
) -> None:
    def deny(request: Request) -> JSONResponse | None:
        return JSONResponse({}, status) if request.url.path.endswith("/user") else None

    site.before(deny)
    with pytest.raises(error):
        service().call(people.find, "Nobody")


def test_near_names_are_told(people: People) -> None:
    with pytest.raises(UsageError) as told:
        service().call(people.find, "Ada")
    assert told.value.hint == "similar users: Ada Lovelace"


def test_one_of_two_by_the_address_behind_the_name(site: DemoSite, people: People, dialect: str) -> None:
    namesakes(site)
    for number in (1, 2):
        text = f"Ada Lovelace (user{number}@example.com)"
        assert service().call(people.find, text) == account(site, number, dialect)
        assert f"user{number}@example.com" in service().call(people.ids, text)
    with pytest.raises(UsageError, match="2 users are called 'Ada Lovelace'"):
        service().call(people.find, "Ada Lovelace")


def test_names_in_one_text(site: DemoSite, people: People) -> None:
    split = people.split
    text = "O'Brien, Seán, Ada Lovelace, Nobody, , Sam"
    names = ("O'Brien, Seán", "Ada Lovelace", "Nobody", "Sam")
    assert service().call(split, text, ()) == names
    asked = site.requests.count(path="/user/search")
    assert service().call(split, "One, two, three, Ada Lovelace", ["One, two, three"]) == (
        "One, two, three", "Ada Lovelace",
    )  # fmt: skip
    assert site.requests.count(path="/user/search") > asked
    assert service().call(split, "", ()) == ()


ANN = {"displayName": "Ann Lee", "emailAddress": "ann@example.org", "accountId": "1"}
OTHER = {"displayName": "Ann Lee", "accountId": "2"}
ODD = {"displayName": "Lee, Bob"}


@pytest.mark.parametrize(
    ("cell", "held", "store", "same"),
    [
        ("Ann Lee", [ANN], "text", True),
        ("Ann Lee (ann@example.org)", [ANN], "text", True),
        ("Ann  Lee (1)", [ANN], "text", True),
        ("Ann Lee (2)", [ANN], "text", False),
        ("Ann Lee", [], "text", False),
        (None, [], "text", True),
        ("", [], "text", True),
        (None, [ANN], "text", False),
        ("bob", ["bob"], "text", True),
        ("jlee", [{"name": "jlee", "displayName": None}], "text", True),
        ("Ann Lee (2), Ann Lee", [ANN, OTHER], "list", True),
        ("Ann Lee, Ann Lee (2)", [OTHER, ANN], "list", True),
        ("Ann Lee (2), Ann Lee (2)", [ANN, OTHER], "list", False),
        ("Ann Lee, Lee, Bob", [ODD, ANN], "list", True),
        (("Lee, Bob", "Ann Lee"), [ANN, ODD], "list", True),
        (("Ann Lee",), [ANN, ODD], "list", False),
        ((), [], "list", True),
    ],
)
def test_whether_a_cell_shows_people(cell: Any, held: list[Any], store: str, same: bool) -> None:
    assert shows(cell, held, store) is same

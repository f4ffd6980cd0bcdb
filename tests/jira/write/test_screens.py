"""What a site's screens offer, in the forms of Cloud, of Data Center and of older Jiras."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira
from schedkit.jira.write.screens import Screen, Screens
from schedkit.loop import service


def screens(jira: Jira) -> Screens:
    return Screens(service().call(jira.aio.session))


def field(jira: Jira, name: str) -> str:
    fields = jira.fields()
    return str(fields.loc[fields["name"] == name, "id"].iloc[0])


def test_a_screen_names_values_and_cascades() -> None:
    screen = Screen(
        {
            "a": {"allowedValues": [{"value": "x, y"}, {"name": "z"}, "odd", {"id": "7"}]},
            "b": {"allowedValues": [{"value": "p / q", "children": [{"value": "r"}]}, {"value": "s"}]},
            "c": {"allowedValues": None},
            "d": "odd",
        }
    )
    assert [screen.names(id) for id in "acdx"] == [["x, y", "z"], [], [], []]
    assert screen.cascades("b") == {
        "p / q": {"value": "p / q"},
        "p / q / r": {"value": "p / q", "child": {"value": "r"}},
        "s": {"value": "s"},
    }


def test_the_screen_on_which_issues_are_created(site: DemoSite, jira: Jira) -> None:
    ask = screens(jira)
    for _ in range(2):
        screen = service().call(ask.create, "DEMO", "Bug")
        assert screen.names("components") == ["API", "Web UI", "Billing, Tax & Co", "Search"]
        assert "Linux, ARM" in screen.names(field(jira, "Platforms"))
        assert "Code / Logic" in screen.cascades(field(jira, "Root Cause"))
    assert site.requests.count(path="/createmeta/") == 2, "each screen is asked for once"
    assert service().call(ask.create, "DEMO", "Saga").fields == {}
    assert service().call(ask.create, "NOPE", "Bug").fields == {}


def test_the_pages_of_a_screen_are_joined(site: DemoSite, jira: Jira) -> None:
    def small(request: Request) -> None:
        start = request.query_params.get("startAt", "0")
        if "/createmeta/" in request.url.path:
            request.scope["query_string"] = f"startAt={start}&maxResults=7".encode()

    whole = service().call(screens(jira).create, "DEMO", "Bug")
    undo = site.before(small)
    paged = service().call(screens(jira).create, "DEMO", "Bug")
    undo()
    assert len(whole.fields) > 7
    assert paged.fields == whole.fields


def test_jiras_before_8_4_have_one_endpoint_for_all(site: DemoSite, jira: Jira) -> None:
    asked: list[dict[str, str]] = []

    def old(request: Request) -> JSONResponse | None:
        if "/createmeta/" in request.url.path:
            return JSONResponse({"errorMessages": []}, 404)
        if request.url.path.endswith("/createmeta"):
            asked.append(dict(request.query_params))
            bug = {"name": "Bug", "fields": {"x": {"allowedValues": [{"value": "a, b"}]}}}
            kinds = [{"name": "Epic", "fields": {"y": {}}}, bug]
            return JSONResponse({"projects": [{"key": "DEMO", "issuetypes": kinds}]})
        return None

    site.before(old)
    assert service().call(screens(jira).create, "DEMO", "Bug").names("x") == ["a, b"]
    assert asked == [{"projectKeys": "DEMO", "issuetypeNames": "Bug", "expand": "projects.issuetypes.fields"}]


def test_what_the_account_may_not_see_is_empty(site: DemoSite, jira: Jira) -> None:
    def deny(request: Request) -> JSONResponse | None:
        path = request.url.path
        return JSONResponse({}, 403) if "createmeta" in path or path.endswith("/editmeta") else None

    ask = screens(jira)
    site.before(deny)
    assert service().call(ask.create, "DEMO", "Bug") == Screen()
    assert service().call(ask.edit, "DEMO-1") == Screen()
    with pytest.raises(UsageError, match="DEMO-1 can be edited in 0 of the fields a, b"):
        service().call(ask.one_of, "DEMO-1", ["a", "b"])

"""Which Confluence it is, behind whatever stands before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import AuthError, SiteError

PROBE = "/wiki/api/v2/spaces"


def at_probe(demo: DemoSite, answer: Callable[[], Response], path: str = PROBE) -> Callable[[], None]:
    return demo.before(lambda request: answer() if request.url.path.endswith(path) else None)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: JSONResponse({"message": "no"}, 403),
        lambda: HTMLResponse("<html><title>Company portal</title></html>"),
        lambda: HTMLResponse("<html>please log in</html>"),
        lambda: JSONResponse(["not", "a", "confluence"]),
    ],
    ids=["403", "page", "login", "list"],
)
def test_a_data_center_behind_a_proxy_is_found_out(demo: DemoSite, answer: Callable[[], Response]) -> None:
    place = demo.confluence_dc
    undo = at_probe(demo, answer)
    wiki = Confluence(place.url, None, place.token, backoff=0.01)
    assert wiki.page("100001").source() == demo.wiki.pages["100001"].body
    undo()


def test_what_cannot_be_found_out_names_the_option(demo: DemoSite) -> None:
    place = demo.confluence_dc
    undo = demo.before(lambda request: JSONResponse({"message": "scope does not match"}, 403))
    wiki = Confluence(place.url, None, place.token, backoff=0.01)
    with pytest.raises(SiteError, match="scope does not match") as caught:
        wiki.page("100001").source()
    assert "cloud=True or cloud=False" in caught.value.hint
    undo()
    assert Confluence(place.url, None, place.token, cloud=False).page("100001").source()


def test_a_wrong_login_is_a_login_error(demo: DemoSite) -> None:
    place = demo.confluence_dc
    with pytest.raises(AuthError):
        Confluence(place.url, None, "wrong-secret", backoff=0.01).page("100001").source()


def test_a_data_center_at_wiki(demo: DemoSite) -> None:
    """The demo's Data Center is asked below ``/wiki``, where this one says it lives."""
    place = demo.confluence_dc
    paths: list[str] = []

    def below_wiki(request: Request) -> Response | None:
        paths.append(request.url.path)
        if request.url.path.endswith(PROBE):
            return JSONResponse({"message": "Not Found"}, 404)
        page = demo.wiki.pages["100001"]
        body = {"storage": {"value": page.body}}
        return JSONResponse({"id": "100001", "title": "t", "version": {"number": 1}, "body": body})

    undo = demo.before(below_wiki)
    wiki = Confluence(f"{place.url.removesuffix('/confluence')}/wiki", None, place.token)
    assert wiki.page("100001").source() == demo.wiki.pages["100001"].body
    undo()
    assert paths == [PROBE, "/wiki/rest/api/content/100001"]


def test_a_data_center_at_wiki_is_found_without_it_in_the_address(demo: DemoSite) -> None:
    """The demo's Data Center answers as if its context were ``/confluence/wiki``."""
    place = demo.confluence_dc

    def moved(request: Request) -> Response | None:
        path = request.url.path
        if path.endswith("/wiki/rest/api/content"):
            return JSONResponse({"results": []})
        if path.endswith("/wiki/rest/api/content/100001"):
            body = {"storage": {"value": "<p>here</p>"}}
            return JSONResponse({"id": "100001", "title": "t", "version": {"number": 1}, "body": body})
        return JSONResponse({"message": "Not Found"}, 404)

    undo = demo.before(moved)
    assert Confluence(place.url, None, place.token).page("100001").source() == "<p>here</p>"
    undo()
    # Elsewhere it is looked for once.
    wiki = Confluence(place.url, None, place.token)
    before = demo.requests.count(path="/wiki/rest/api/content")
    assert wiki.page("100001").source() == wiki.page("100001").source()
    assert demo.requests.count(path="/wiki/rest/api/content") == before + 1


@pytest.mark.parametrize(
    ("url", "cloud"),
    [("https://x.atlassian.net/wiki", True), ("https://api.atlassian.com/ex/confluence/1-2", True)],
)
def test_addresses_of_clouds_are_not_asked(url: str, cloud: bool) -> None:
    server = Confluence(url, "ann@example.org", "s3cret").aio.server
    assert server.base.endswith("/wiki") is cloud

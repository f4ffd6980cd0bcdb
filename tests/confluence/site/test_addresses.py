"""What names a page, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from confluence.conftest import DemoPage

from schedkit.confluence import Confluence
from schedkit.confluence.site.addresses import PageAddress, page_address, parent_address
from schedkit.errors import NotFoundError, UsageError

MakePage = Callable[[str], DemoPage]
SITE = "https://wiki.example.org/confluence"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (100001, PageAddress("100001")),
        (" 42 ", PageAddress("42")),
        ("https://wiki.example.org/spaces/D/pages/123/Title?x=1", PageAddress("123")),
        ("http://wiki.example.org/wiki/spaces/D/pages/edit-v2/124?draft=1", PageAddress("124")),
        ("https://wiki.example.org/pages/viewpage.action?x=1&pageId=55", PageAddress("55")),
        ("https://wiki.example.org/pages/resumedraft.action?draftId=56", PageAddress("56")),
        ("https://wiki.example.org/wiki/spaces/D/overview?homepageId=57", PageAddress("57")),
        ("https://wiki.example.org/x/oYYB", PageAddress("100001")),
        ("https://wiki.example.org/wiki/x/AQAAAAE", PageAddress("4294967297")),
        (
            "https://wiki.example.org/display/DEMO/Open+bugs%21",
            PageAddress(title="Open bugs!", space="DEMO"),
        ),
        (
            "https://wiki.example.org/pages/viewpage.action?spaceKey=DEMO&title=Open+bugs%21%20&focusedId=1",
            PageAddress(title="Open bugs!", space="DEMO"),
        ),
        ("/wiki/pages/viewpage.action?title=A%26B&spaceKey=~ann", PageAddress(title="A&B", space="~ann")),
        ("/display/~ann/Notes", PageAddress(title="Notes", space="~ann")),
    ],
)
def test_every_address_of_a_page(given: object, address: PageAddress) -> None:
    assert page_address(given, SITE) == address


def test_a_page_by_title_and_space() -> None:
    address = page_address(title=" Open  bugs ", space="DEMO")
    assert address == PageAddress(title="Open bugs", space="DEMO")
    assert str(address) == "'Open bugs' in space DEMO"


@pytest.mark.parametrize(
    "given",
    ["", "Open bugs", "https://wiki.example.org/spaces/DEMO", "12a", -1, None, True, 1.5, ["1"],
     "/pages/viewpage.action?spaceKey=DEMO&title=", "/pages/viewpage.action?title=Open+bugs",
     "//[/?spaceKey=D&title=x", "https://wiki.example.org/x/!!", "https://wiki.example.org/x/AA"],
)  # fmt: skip
def test_what_names_no_page(given: object) -> None:
    with pytest.raises(UsageError, match="invalid page id"):
        page_address(given, SITE)


@pytest.mark.parametrize(
    "options", [{"title": "x"}, {"space": "x"}, {"title": " ", "space": "D"}, {"title": 5, "space": "D"}]
)
def test_half_an_address(options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="by its id, or by title and space"):
        page_address(**options)
    with pytest.raises(UsageError, match="by its id, or by title and space"):
        page_address("1", title="x", space="D")


@pytest.mark.parametrize(
    ("page", "site", "host"),
    [
        ("https://other.example.org/pages/5", SITE, "other.example.org"),
        ("https://wiki.example.org:8443/pages/5", SITE, "wiki.example.org"),
        ("https://x.atlassian.net/wiki/spaces/K/pages/5/t", "https://y.atlassian.net", "x.atlassian.net"),
        ("https://wiki.example.org@evil.example/pages/5", SITE, "evil.example"),
    ],
)
def test_a_page_of_another_site_is_refused(page: str, site: str, host: str) -> None:
    with pytest.raises(UsageError, match=f"the page is of {host}"):
        page_address(page, site)
    with pytest.raises(UsageError, match=f"the page is of {host}"):
        parent_address(page.replace("/pages/", "/folder/"), site)


def test_a_url_that_is_none() -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        page_address("https://wiki.example.org:port/pages/5", SITE)


@pytest.mark.parametrize("path", ["spaces/DEMO", "blog/2026/01/02/x", "folder/5", ":port/pages/5"])
def test_no_refusal_shows_a_password(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        page_address(f"https://ann:s3cret@wiki.example.org/{path}".replace("/:", ":"), SITE)
    assert "s3cret" not in str(caught.value)


def test_the_gateway_takes_pages_of_its_sites() -> None:
    url = "https://x.atlassian.net/wiki/spaces/K/pages/5/t"
    assert page_address(url, "https://api.atlassian.com/ex/confluence/1-2") == PageAddress("5")


def test_a_parent_may_be_a_folder() -> None:
    url = "https://wiki.example.org/spaces/K/folder/123"
    assert parent_address(url, SITE) == PageAddress("123", space="K", folder=True)
    assert parent_address("/folder/123", SITE) == PageAddress("123", folder=True)
    assert parent_address(7, SITE) == PageAddress("7")


@pytest.mark.parametrize(
    "url",
    [
        "https://wiki.example.org/spaces/D/blog/2026/01/02/777/News",
        "https://wiki.example.org/wiki/spaces/~ann/blog/777",
        "https://wiki.example.org/display/DEMO/2026/01/02/News+of+the+week",
    ],
)
def test_blog_posts_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="is a blog post; only pages are read and written"):
        page_address(url, SITE)
    with pytest.raises(UsageError, match="is a blog post"):
        parent_address(url, SITE)


def test_a_title_of_digits_is_no_blog_post() -> None:
    assert page_address("/display/DEMO/2026", SITE) == PageAddress(title="2026", space="DEMO")


def test_a_folder_is_no_page() -> None:
    with pytest.raises(UsageError, match="is a folder, not a page"):
        page_address("https://wiki.example.org/wiki/spaces/K/folder/123?x=1", SITE)


def test_a_page_is_found_by_its_title(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page("<table><tbody><tr><th>A</th></tr><tr><td>x</td></tr></tbody></table>")
    found = wiki.page(title=f"Page {page.id}", space="DEMO")
    assert repr(found) == f"Page(\"'Page {page.id}' in space DEMO\")"
    assert found.id == page.id
    assert found.table("nth:1").read()["A"].tolist() == ["x"]
    frame = pd.DataFrame({"A": ["y"]})
    assert found.table("nth:1").replace(frame).apply().page_id == page.id
    assert wiki.page(f"{wiki.aio.server.base}/display/DEMO/Page+{page.id}").source() == page.body


@pytest.mark.parametrize(("title", "space"), [("No such page", "DEMO"), ("Open bugs", "NONE")])
def test_a_title_that_is_not_there(wiki: Confluence, title: str, space: str) -> None:
    with pytest.raises(NotFoundError, match=space):
        wiki.page(title=title, space=space).source()

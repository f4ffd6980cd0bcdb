"""A page and its tables: what names them, and what is refused before anything is asked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from confluence.test_client import BODY, MakePage, frame, plan_of
from support.confluence_pages import anchor

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite
from schedkit.errors import (
    MalformedPageError,
    NotFoundError,
    RegionError,
    UnknownFieldError,
    UsageError,
)


def test_a_region_can_be_created(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page("<p>only prose</p>")
    managed = wiki.page(page.id).table("anchor:new")
    applied = managed.replace(frame(("K-1", "one")), key="Key", keep=["Comment"], create="end").apply()
    assert applied.rows_added == 1
    assert page.body.startswith("<p>only prose</p>")
    assert not managed.replace(frame(("K-1", "one")), key="Key", keep=["Comment"]).changed


def test_a_region_that_is_not_there_is_refused(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)
    with pytest.raises(RegionError, match="anchor:nowhere") as caught:
        wiki.page(page.id).table("anchor:nowhere").replace(frame(("K-1", "x")))
    assert "nth:1 (anchor:t)" in caught.value.hint
    assert f"page {page.id}" in caught.value.message


def test_a_region_lost_after_the_plan_is_refused(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"))
    page.edit(anchor("t"), "")
    with pytest.raises(RegionError):
        plan.apply()
    assert page.puts() == 0


def test_a_malformed_page_is_refused(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    demo.wiki.touch(page.id, page.body + "<p>")
    with pytest.raises(MalformedPageError, match=f"page {page.id} .* is not well-formed"):
        plan_of(wiki, page, ("K-1", "ONE"))


def test_a_page_that_is_not_there(wiki: Confluence) -> None:
    with pytest.raises(NotFoundError, match="not found"):
        wiki.page(7).table("nth:1").replace(frame(("K-1", "x")))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (100001, "100001"),
        (" 42 ", "42"),
        ("https://wiki.example.org/spaces/D/pages/123/Title?x=1", "123"),
        ("https://WIKI.example.org:443/pages/77", "77"),
        ("/pages/viewpage.action?pageId=55&x=1", "55"),
    ],
)
def test_pages_by_number_or_address(given: str | int, found: str) -> None:
    wiki = Confluence("https://wiki.example.org", token="s")
    assert wiki.page(given).id == found
    assert repr(wiki.page(given)) == f"Page('{found}')"


@pytest.mark.parametrize("given", ["", "Open bugs", "https://wiki.example.org/spaces/DEMO", "12a", -1])
def test_what_is_no_page(given: str | int) -> None:
    with pytest.raises(UsageError, match="invalid page id"):
        Confluence("https://wiki.example.org", token="s").page(given)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"missing": "burn"}, "unknown missing='burn'"),
        ({"missing": "arcive"}, "did you mean 'archive'"),
        ({"cap": -1}, "cap=-1 is not a whole number of at least 0"),
        ({"cap": "10"}, "cap='10' is not a whole number"),
        ({"max_chars": 0}, "max_chars=0 is not a whole number of at least 1"),
        ({"min_rows": True}, "min_rows=True is not a whole number"),
        ({"max_drop": 2}, r"max_drop=2 \(a share, e.g. 50% or 0.5\)"),
        ({"keep": 2.5}, "keep=2.5 is not a list of columns"),
        ({"drop": {"A": 1}}, "drop={'A': 1} is not a list of columns"),
        ({"columns": "Coment", "key": None}, "Coment"),
        ({"columns": 2.5}, "columns=2.5 is not a list of columns"),
        ({"key": 3.5}, "key=3.5 is not a list of columns"),
        ({"key": []}, r"key=\[\] names no column"),
        ({"workbook": 3}, "workbook=3 is not a text"),
        ({"create": ["end"]}, r"create=\['end'\] is not a text"),
        ({"create": "middle"}, "create='middle' names no place"),
        ({"message": 5}, "message=5 is not a text"),
        ({"links": "https://x/{}"}, "links='https://x/{}' is not a mapping"),
        ({"links": {"Key": 5}}, "links={'Key': 5} is not a mapping"),
        ({"lozenges": ["Status"]}, r"lozenges=\['Status'\] is not a mapping"),
        ({"mentions": "Owner"}, "mentions='Owner' is not a mapping"),
        ({"dates": 2.5}, "dates=2.5 is not a list of columns"),
        ({"show_zone": "yes"}, "show_zone='yes' is not True or False"),
        ({"missing": "commented"}, "unknown missing='commented'"),
        ({"tz": "Europe"}, "unknown time zone 'Europe'"),
        ({"tz": 5}, "invalid time zone 5"),
        ({"key": "Key", "drop": ["Key"]}, "the key column 'Key' cannot be dropped"),
        ({"key": "Key", "keep": ["Key"]}, "the key column 'Key' cannot be kept"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], problem: str) -> None:
    wiki = Confluence("https://wiki.example.org", token="s", cloud=False)
    with pytest.raises(UsageError, match=problem):
        wiki.page(1).table("nth:1").replace(frame(("K-1", "x")), **options)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"links": {"Summry": "https://x.example/{}"}}, "links= names 'Summry'"),
        ({"lozenges": {"Summry": {"x": "Red"}}}, "lozenges= names 'Summry'"),
        ({"mentions": {"Summry": "Key"}}, "mentions= names 'Summry'"),
    ],
)
def test_options_for_a_column_that_is_not_there_name_the_nearest(
    options: dict[str, Any], problem: str
) -> None:
    wiki = Confluence("https://wiki.example.org", token="s", cloud=False)
    with pytest.raises(UnknownFieldError, match=problem) as caught:
        wiki.page(1).table("nth:1").replace(frame(("K-1", "x")), **options)
    assert caught.value.hint == "did you mean 'Summary'?"


@pytest.mark.parametrize("stranger", ["x", None, [1], pd.Series([1])])
def test_what_is_no_frame_is_no_table(wiki: Confluence, make_page: MakePage, stranger: Any) -> None:
    page = make_page(BODY)
    with pytest.raises(UsageError, match=f"expected a DataFrame, got {type(stranger).__name__}"):
        wiki.page(page.id).table("anchor:t").replace(stranger, key="Key")

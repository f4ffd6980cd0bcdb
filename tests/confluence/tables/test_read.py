"""Reading a page: which tables it has, and what people wrote there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluence.conftest import DemoPage
from support.confluence_pages import anchor, table

from schedkit.confluence import Confluence
from schedkit.confluence.source.regions import Nth, region
from schedkit.confluence.tables.read import list_tables, read_table
from schedkit.errors import MalformedPageError, RegionError

MakePage = Callable[[str], DemoPage]
ROWS = [
    ['<a href="https://j/browse/AB-1">https://j/browse/AB-1</a>', "<p>mine &amp; yours</p>"],
    ["AB-2", ""],
]
MANAGED = table(["Key", "Comment"], ROWS, '<table ac:local-id="l1">')
PAGE = (
    f"<h2>Bugs</h2>{anchor('bugs')}{MANAGED}"
    f"<h2>More</h2>{table(['A'], [])}{table(['B'], [['1']])}<h2>Same</h2><table><tr><td>x</td></tr></table>"
    "<h2>Same</h2><table><tr><td colspan='2'>x</td></tr></table>"
)


def test_tables_are_listed_with_their_names() -> None:
    listed = list_tables(PAGE, "page 7")
    assert listed.to_numpy().tolist() == [
        ["nth:1", "local-id:l1, anchor:bugs, heading:Bugs", "Key, Comment", 2, ""],
        ["nth:2", "heading:More/1", "A", 0, ""],
        ["nth:3", "heading:More/2", "B", 1, ""],
        ["nth:4", "", "", 1, "no header row"],
        ["nth:5", "", "", 1, "no header row"],
    ]
    for names in listed["Also"][:3]:
        for name in filter(None, names.split(", ")):
            assert not read_table(PAGE, region(name), "page").columns.empty


def test_a_table_is_read_as_text() -> None:
    read = read_table(PAGE, region("anchor:bugs"), "page 7")
    assert read.to_dict("list") == {"Key": ["AB-1", "AB-2"], "Comment": ["mine & yours", ""]}
    assert read_table(PAGE, Nth(4), "page 7").to_dict("list") == {"1": ["x"]}
    assert read_table("<table />", Nth(1), "page 7").empty
    numbered = '<table><tr><th class="numberingColumn"/><th>K</th></tr><tr><td>1</td><td>a</td></tr></table>'
    assert read_table(numbered, Nth(1), "page 7").to_dict("list") == {"K": ["a"]}


def test_pages_that_cannot_be_read() -> None:
    with pytest.raises(MalformedPageError):
        list_tables("<p>", "page 7")
    with pytest.raises(RegionError):
        read_table(PAGE, Nth(9), "page 7")


def test_over_http(wiki: Confluence, make_page: MakePage) -> None:
    page = wiki.page(make_page(PAGE).id)
    assert page.tables()["Region"].tolist() == ["nth:1", "nth:2", "nth:3", "nth:4", "nth:5"]
    assert page.table("heading:Bugs").read()["Key"].tolist() == ["AB-1", "AB-2"]


def test_our_own_rows_are_no_data() -> None:
    more = "<em>… and 1,042 more</em>"
    body = [*ROWS, [more, ""], ["<strong>Archived</strong>", ""], ["AB-9", "old words"]]
    read = read_table(table(["Key", "Comment"], body), Nth(1), "page 7")
    assert read["Key"].tolist() == ["AB-1", "AB-2", "AB-9"]
    assert read.attrs["archived"] == 1
    assert read_table(MANAGED, Nth(1), "page 7").attrs["archived"] == 0

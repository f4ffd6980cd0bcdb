"""Exactly one region, or a refusal that lists what is there."""

from __future__ import annotations

import pytest
from support.confluence_pages import anchor, table

from schedkit.confluence.source.locate import PageIndex, locate
from schedkit.confluence.source.regions import Heading, Region, region
from schedkit.errors import RegionError


def named(name: str, opening: str = "<table>") -> str:
    return table([name], [["x"]], opening)


def found(source: str, spelled: str | Region) -> str:
    element = locate(PageIndex(source), region(spelled), "page 7")
    inside = source[element.start : element.end]
    return inside.partition("<th>")[2].partition("</th>")[0]


def wrapper(name: str, content: str, **parameters: str) -> str:
    given = "".join(f'<ac:parameter ac:name="{k}">{v}</ac:parameter>' for k, v in parameters.items())
    return (
        f'<ac:structured-macro ac:name="{name}" ac:local-id="m-{name}">{given}'
        f"<ac:rich-text-body>{content}</ac:rich-text-body></ac:structured-macro>"
    )


PAGE = (
    f"<h1>Status</h1>{named('A')}"
    f"<h2>Open <em>bugs</em></h2><p>{anchor('open')}</p><p>prose</p>{named('B')}{named('C')}"
    f"<p>{anchor('lost')}</p><h2>Twice</h2>{anchor('bound')}"
    f"<h2>Twice</h2>{wrapper('expand', named('D'), title='More &amp; more')}"
    f"<h3>Deep</h3><table ac:local-id='t-1'><tr><th>E</th></tr>"
    f"<tr><td>{named('E1')}<h2>In a cell</h2></td></tr></table>"
    f"{named('F')}"
    f"{wrapper('panel', named('G') + named('H'))}"
    f"<p>{anchor('dup')}{anchor('dup')}</p>"
)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("nth:1", "A"),
        ("nth:3", "C"),
        ("nth:5", "E"),
        ("anchor:open", "B"),
        ("local-id:t-1", "E"),
        ("local-id:m-expand", "D"),
        ("macro:expand", "D"),
        ("macro:expand/More & more", "D"),
        ("heading:Status", "A"),
        ("heading:Open bugs/2", "C"),
        ("heading:Open  bugs/1", "B"),
        ("heading:Deep/2", "F"),
        (Heading("Deep", 1), "E"),
    ],
)
def test_a_region_means_one_table(spelled: str | Region, name: str) -> None:
    assert found(PAGE, spelled) == name


@pytest.mark.parametrize(
    ("spelled", "problem"),
    [
        ("nth:9", "there are 8 tables"),
        ("anchor:nowhere", "there is no such anchor"),
        ("anchor:dup", "there are 2 anchors of this name"),
        ("anchor:lost", "there is no table between"),
        ("local-id:none", "0 elements have this local id"),
        ("macro:none", "there is no such macro"),
        ("macro:expand/Other", "there is no such macro"),
        ("macro:panel", "it means 2 tables"),
        ("heading:Twice", "there are 2 such headings"),
        ("heading:open bugs", "there is no such heading"),
        ("heading:Open bugs", "it means 2 tables"),
        ("heading:Open bugs/3", "this section has 2 tables"),
    ],
)
def test_none_or_several_are_refused_with_a_list(spelled: str, problem: str) -> None:
    with pytest.raises(RegionError, match=problem) as caught:
        found(PAGE, spelled)
    assert f"page 7 has no single table at {spelled}" in caught.value.message
    assert "nth:2 (anchor:open, heading:Open bugs/1)" in caught.value.hint
    assert "nth:5 (local-id:t-1, heading:Deep/1)" in caught.value.hint


def test_two_anchors_of_a_name_do_not_hide_each_others_table() -> None:
    source = f"{anchor('a')}{anchor('a')}{named('X')}"
    with pytest.raises(RegionError, match="2 anchors"):
        found(source, "anchor:a")


def test_a_page_without_tables_says_how_to_get_one() -> None:
    with pytest.raises(RegionError) as caught:
        found("<p>nothing</p>", "anchor:a")
    assert "create=" in caught.value.hint
    with pytest.raises(RegionError) as caught:
        found("<h2>A</h2><p>nothing</p>", "heading:A")
    assert "create=" in caught.value.hint
    with pytest.raises(RegionError) as caught:
        found("<p>nothing</p>", "nth:1")
    assert caught.value.hint == "the page has no table"


def test_a_long_list_is_cut() -> None:
    with pytest.raises(RegionError) as caught:
        found(named("A") * 20, "nth:21")
    assert caught.value.hint.endswith("nth:12 and 8 more")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        # An anchor above its heading, inside it, or in the same layout cell as the table.
        (f"{anchor('a')}<h2>Bugs</h2><p>text</p>{named('X')}", "X"),
        (f"<h2>{anchor('a')}Bugs</h2>{named('X')}", "X"),
        (f"<p>{anchor('a')}</p><!-- c --><![CDATA[ ]]><p><br /></p><h2>Bugs</h2>{named('X')}", "X"),
        (
            f"<ac:layout><ac:layout-section><ac:layout-cell>{named('L')}{anchor('a')}<p>p</p>{named('X')}"
            f"</ac:layout-cell></ac:layout-section></ac:layout>",
            "X",
        ),
        (f"{anchor('a')}{wrapper('expand', '<h3>t</h3>' + named('X'))}", "X"),
        (f"<table><tr><td>{anchor('a')}{named('X')}</td></tr></table>", "X"),
    ],
)
def test_where_anchors_are_put(source: str, name: str) -> None:
    assert found(source, "anchor:a") == name


@pytest.mark.parametrize(
    "source",
    [
        f"{anchor('a')}<p>text</p><h2>Other</h2>{named('X')}",
        f"{anchor('a')}<![CDATA[x]]><h2>Other</h2>{named('X')}",
        f"{anchor('a')}<p><ac:image /></p><h2>Other</h2>{named('X')}",
        f"<h2>{anchor('a')}</h2><h2>Other</h2>{named('X')}",
        f"{anchor('a')}{anchor('b')}{named('X')}",
        f"<ac:layout-cell>{anchor('a')}</ac:layout-cell><ac:layout-cell>{named('X')}</ac:layout-cell>",
        f"{wrapper('info', anchor('a'))}{named('X')}",
        f"<ac:adf-content>{anchor('a')}</ac:adf-content>{named('X')}",
    ],
)
def test_an_anchor_does_not_reach_into_another_section_or_container(source: str) -> None:
    with pytest.raises(RegionError, match="there is no table between"):
        found(source, "anchor:a")


def test_a_heading_in_a_cell_ends_no_section_but_its_own() -> None:
    source = f"<h2>Top</h2><table><tr><td><h2>In</h2>{named('X')}</td></tr></table>{named('Y')}"
    assert found(source, "heading:Top/2") == "Y"
    assert found(source, "heading:In") == "X"


def test_a_fallback_nobody_sees_does_not_count() -> None:
    content = f"<h2>Bugs</h2>{named('SEEN')}<ac:adf-fallback />"
    source = (
        f"<ac:adf-extension><ac:adf-node><ac:adf-content>{content}</ac:adf-content></ac:adf-node>"
        f"<ac:adf-fallback><div>{content}</div></ac:adf-fallback></ac:adf-extension>{named('NEXT')}"
    )
    assert found(source, "heading:Bugs/1") == "SEEN"
    assert found(source, "nth:2") == "NEXT"


@pytest.mark.parametrize(
    "parameters",
    [
        "<ac:parameter>a</ac:parameter>",
        '<ac:parameter ac:name="0">a</ac:parameter>',
        '<ac:parameter ac:name="legacyAnchorId">L</ac:parameter><ac:parameter ac:name="">a</ac:parameter>',
    ],
)
def test_anchors_as_others_write_them(parameters: str) -> None:
    source = f'<ac:structured-macro ac:name="anchor">{parameters}</ac:structured-macro>{named("X")}'
    assert found(source, "anchor:a") == "X"


@pytest.mark.parametrize("hidden", ["<![CDATA[{}]]>", "<!-- {} -->"])
def test_markup_that_is_text_is_not_found(hidden: str) -> None:
    source = f"<h2>Bugs</h2><pre>{hidden.format(named('NO'))}</pre>{named('YES')}<table />"
    assert found(source, "heading:Bugs/1") == "YES"
    assert found(source, "nth:1") == "YES"

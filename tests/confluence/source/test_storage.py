"""Scanning by offsets: nothing but what is markup counts as markup."""

from __future__ import annotations

from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.confluence_pages import anchor, hostile_pages, real_pages

from schedkit.confluence.source.reading import own_parameters
from schedkit.confluence.source.storage import attributes, check, elements, splice, tokens
from schedkit.errors import MalformedPageError


def test_elements_have_their_places() -> None:
    source = "<h2>One</h2><table class='x'><tbody><tr><td><table/></td></tr></tbody></table>"
    heading, outer, inner = elements(source)
    assert source[heading.inner : heading.outer] == "One"
    assert source[outer.start : outer.inner] == "<table class='x'>"
    assert source[outer.outer : outer.end] == "</table>"
    assert source[inner.start : inner.end] == "<table/>"
    assert (heading.parent, outer.parent, inner.parent) == (-1, -1, 1)


@pytest.mark.parametrize(
    "hidden",
    [
        "<![CDATA[<table><tr>]]>",
        "<![CDATA[a]]]]><![CDATA[><table>]]>",
        "<!-- <table> -->",
        "<?php <table> ?>",
        '<p title="a > b">c</p>',
        "<tables></tables>",
        "<td>&lt;table&gt;</td>",
    ],
)
def test_what_only_looks_like_a_table_is_none(hidden: str) -> None:
    source = f"<div>{hidden}<table><tr /></table></div>"
    check(source)
    (table,) = elements(source)
    assert source[table.start : table.end] == "<table><tr /></table>"


def test_attributes_are_decoded() -> None:
    assert attributes(""" a="1 &gt; 0" ac:name='it"s' b = "" /""") == {
        "a": "1 > 0",
        "ac:name": 'it"s',
        "b": "",
    }


def test_parameters_of_a_macro_are_its_own() -> None:
    source = (
        '<ac:structured-macro ac:name="expand"><ac:parameter ac:name="title">Mine</ac:parameter>'
        '<ac:parameter ac:name="empty" /><ac:rich-text-body>'
        f"{anchor('inner')}<!-- <ac:parameter> --></ac:rich-text-body></ac:structured-macro>"
    )
    assert own_parameters(source, elements(source)[0]) == {"title": "Mine", "empty": ""}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<p>open", "mismatched tag at line 1, column 10"),
        ("ok\n<p></q>", "mismatched tag at line 2, column 6"),
        ("a & b", "not well-formed"),
        ("<p a=1></p>", "not well-formed"),
        ("]]>", "not well-formed"),
        ("nul \x00", "not well-formed"),
        ("<p>\x0b</p>", "not well-formed"),
        ("half \ud800", "invalid Unicode characters"),
        ("<p a='1' a='2' />", "duplicate attribute"),
        ("<!DOCTYPE x>", "not well-formed"),
        ("</schedkit-page><schedkit-page>", "junk after document element"),
    ],
)
def test_malformed_pages_are_refused(source: str, reason: str) -> None:
    with pytest.raises(MalformedPageError, match=reason) as caught:
        check(source, "page 7")
    assert caught.value.message.startswith("page 7 is not well-formed")
    assert "editor" in caught.value.hint


def test_a_gate_knows_entities_and_prefixes_nobody_declares() -> None:
    check('&nbsp;&rarr;<ac:link ac:x="&eacute;"><ri:page /></ac:link><at:var at:name="x" />')


def test_splices_are_exact() -> None:
    assert splice("0123456789", [(5, 5, "+"), (2, 4, "")]) == "014+56789"


@given(hostile_pages)
def test_generated_pages_scan_and_splice_to_themselves(source: str) -> None:
    check(source)
    for element in elements(source):
        assert source.startswith(f"<{element.name}", element.start)
        assert element.inner <= element.outer <= element.end
        if element.inner != element.end:
            assert source[element.outer : element.end] == f"</{element.name}>"
        check(source[element.start : element.end])
    assert splice(source, []) == source


LANDMARKS = ("table", "h1", "h2", "h3", "h4", "h5", "h6")
LANDMARKS += ("ac:structured-macro", "ac:macro", "ac:rich-text-body", "ac:layout-cell", "ac:adf-content")


@given(hostile_pages)
def test_landmarks_are_where_expat_finds_them(source: str) -> None:
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)
    starts: list[tuple[str, int]] = []
    ends: list[tuple[str, int]] = []

    def begin(name: str, attrs: dict[str, str]) -> None:
        if name in LANDMARKS:
            starts.append((name, parser.CurrentByteIndex - len("<x>")))

    def end(name: str) -> None:
        if name in LANDMARKS:
            ends.append((name, parser.CurrentByteIndex - len("<x>")))

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.Parse(f"<x>{source}</x>".encode(), True)

    def at(offset: int) -> int:
        return len(source[:offset].encode())

    found = elements(source)
    assert [(e.name, at(e.start)) for e in found] == starts
    closed = [(e.name, at(e.outer)) for e in found]
    assert sorted(closed) == sorted(ends)


@given(hostile_pages, st.data())
def test_damaged_pages_are_refused_or_scanned(source: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(source)))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(st.sampled_from(["", "<", ">", "&", '"', "</table>", "<table>", "]]>", "<!--", "\x00"]))
    damaged = source[:at] + put + source[at + cut :]
    try:
        check(damaged)
    except MalformedPageError:
        return
    for element in elements(damaged):
        assert damaged.startswith(f"<{element.name}", element.start)
        check(damaged[element.start : element.end])


@given(hostile_pages, st.data())
def test_tokens_cover_every_character(source: str, data: st.DataObject) -> None:
    assert "".join(token[0] for token in tokens(source)) == source


@pytest.mark.parametrize("path", real_pages() or [None], ids=lambda p: p.name if p else "absent")
def test_real_pages_scan_and_splice_to_themselves(path: object) -> None:
    if path is None:
        pytest.skip("../shared/data/confluence is not here")
    source = path.read_bytes().decode()
    check(source)
    assert "".join(token[0] for token in tokens(source)) == source
    for element in elements(source):
        check(source[element.start : element.end])

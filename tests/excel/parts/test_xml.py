"""Changes are spliced into a part; every other byte stays."""

from __future__ import annotations

import pytest

from schedkit.errors import WorkbookError
from schedkit.excel.parts.xml import Document, plain, utf8

XML = (
    b"<?xml version='1.0'?>\n<r xmlns='urn:r' xmlns:o='urn:o'>\n <!-- a > b -->"
    b"<one a = '1'  o:b=\"2\">text &amp; x</one>"
    b"<two/><o:three c='>'><deep><two /></deep></o:three></r>"
)


def test_elements_know_their_place() -> None:
    document = Document(XML, "part.xml")
    one, two, three = document.root.children
    assert (one.name, one.space, one.text) == ("one", "urn:r", "text & x")
    assert one.attributes == {"a": "1", "urn:o b": "2"}
    assert XML[one.start : one.end] == b"<one a = '1'  o:b=\"2\">text &amp; x</one>"
    assert XML[two.start : two.end] == b"<two/>"
    assert two.closed
    assert (three.space, document.prefix(three), document.tag(three)) == ("urn:o", "o:", "o:three")
    assert [each.name for each in document.root.all("two", "deep")] == ["two", "deep", "two"]
    assert not document.changed
    assert document.result() == XML


def test_changes_touch_nothing_else() -> None:
    document = Document(XML, "part.xml")
    one, two, three = document.root.children
    document.set_text(one, "a < b")
    document.set_attributes(one, a="9", new='"quoted"')
    document.append(two, b"<x/>")
    document.remove(three.children[0])
    after = XML.replace(b"text &amp; x", b"a &lt; b").replace(b" a = '1'", b' a="9"')
    after = after.replace(b'o:b="2"', b'o:b="2" new=\'"quoted"\'').replace(b"<two/>", b"<two><x/></two>", 1)
    assert document.result() == after.replace(b"<deep><two /></deep>", b"")
    assert document.changed


def test_attributes_are_taken_away_and_copied_with_others() -> None:
    document = Document(XML, "part.xml")
    one = document.root.children[0]
    copy = document.copied(one, a="7", z="8")
    assert copy == b'<one a="7"  o:b="2" z="8">text &amp; x</one>'
    assert not document.changed
    document.set_attributes(one, a=None, absent=None)
    assert b"<one  o:b" in document.result()
    document = Document(XML, "part.xml")
    document.set_attributes(document.root.children[0], a="1")
    document.set_text(document.root.children[0], "text & x")
    assert not document.changed


def test_what_is_within_a_removed_element_goes_with_it() -> None:
    document = Document(XML, "part.xml")
    three = document.root.children[2]
    document.set_attributes(three.children[0].children[0], a="1")
    document.remove(three)
    assert document.result().endswith(b"<two/></r>")


@pytest.mark.parametrize(
    ("inner", "after"),
    [
        (b"<a/><d/>", b"<a/><c/><d/>"),
        (b"<a/><b/>", b"<a/><b/><c/>"),
        (b"", b"<c/>"),
        (b"<a/><x:W xmlns:x='y'><x:V><d/></x:V></x:W>", b"<a/><c/><x:W xmlns:x='y'><x:V><d/></x:V></x:W>"),
        (b"<unknown/><d/>", b"<unknown/><c/><d/>"),
    ],
)
def test_elements_are_put_where_the_schema_wants_them(inner: bytes, after: bytes) -> None:
    document = Document(b"<r>" + inner + b"</r>", "part.xml")
    place = document.place(document.root, "c", ("a", "b", "c", "d"))
    document.splice(place, place, b"<c/>")
    assert document.result() == b"<r>" + after + b"</r>"


def test_the_result_may_be_asked_for_in_parts() -> None:
    document = Document(b"<r><a/><b/><c/></r>", "part.xml")
    a, b, c = document.root.children
    document.remove(a)
    document.set_attributes(b, x="1")
    document.remove(c)
    assert document.result(0, b.start) + b"|" + document.result(b.start) == b'<r>|<b x="1"/></r>'


@pytest.mark.parametrize(
    ("xml", "after"),
    [
        (b"<a>x</a>", b"<a>x</a>"),
        (b"<?xml version='1.0'?><a><!-- <b> -->x<?p <c> ?></a>", b"<?xml version='1.0'?><a>x</a>"),
        (b"<a><![CDATA[1 < 2]]> &amp; 3</a>", b"<a>1 &lt; 2 &amp; 3</a>"),
        (b"<a><![CDATA[]]></a>", b"<a></a>"),
        (b"<a><![CDATA[a]]><![CDATA[b]]></a>", b"<a>ab</a>"),
    ],
)
def test_comments_and_sections_become_plain(xml: bytes, after: bytes) -> None:
    assert plain(xml, "part.xml") == after


@pytest.mark.parametrize(
    "xml",
    [
        "<a>\u00e4</a>".encode(),
        b"\xef\xbb\xbf" + "<a>\u00e4</a>".encode(),
        "<?xml version='1.0' encoding='utf-16'?><a>\u00e4</a>".encode("utf-16"),
        "<?xml version='1.0' encoding='iso-8859-1'?><a>\u00e4</a>".encode("latin-1"),
        "<?xml version='1.0' encoding='UTF-8'?><a>\u00e4</a>".encode(),
    ],
)
def test_every_encoding_is_read(xml: bytes) -> None:
    assert utf8(xml, "part.xml").endswith("<a>\u00e4</a>".encode())
    assert Document(xml, "part.xml").root.text == "\u00e4"


@pytest.mark.parametrize(
    "xml", [b"", b"<a>", b"<a></b>", b"\xff\xfe<", b"<?xml version='1.0' encoding='utf-8'?><a>\xff</a>"]
)
def test_damage_is_told_in_one_line(xml: bytes) -> None:
    with pytest.raises(WorkbookError, match=r"cannot read the part part\.xml: its (XML|text) is") as caught:
        Document(xml, "part.xml")
    assert "\n" not in str(caught.value)


def test_depth_is_bounded() -> None:
    with pytest.raises(WorkbookError, match="it is nested too deeply"):
        Document(b"<a>" * 10_000 + b"</a>" * 10_000, "part.xml")

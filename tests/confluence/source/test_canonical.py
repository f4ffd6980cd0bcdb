"""Two cells say the same, or they do not."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.confluence_pages import hostile_pages

from schedkit.confluence.markup import Image, Link, Lozenge, Mention, attachment_link, time_tag
from schedkit.confluence.source.canonical import blank, canonical, digest, form, same
from schedkit.demo.confluence.storage import normalise

STATUS = Lozenge("Open", "Blue").storage
REWRITTEN_STATUS = (
    '<ac:structured-macro ac:schema-version="1" ac:macro-id="9a" ac:local-id="7" ac:name="status">\n'
    '<ac:parameter ac:name="colour">blue</ac:parameter><ac:parameter ac:name="title">Open</ac:parameter>'
    "</ac:structured-macro>"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<p>text</p>", "text"),
        ('<p local-id="3" style="text-align: right;">5</p>', "5"),
        ("&nbsp;&eacute;&#233;&quot;", "\u00a0éé&#34;"),
        ("a<br/>b", "<p>a<br />b</p>"),
        ("\n  <p>a\n   b</p>\n", "a b"),
        (REWRITTEN_STATUS, STATUS),
        (
            Lozenge("Open").storage.replace('<ac:parameter ac:name="colour">Grey</ac:parameter>', ""),
            Lozenge("Open").storage,
        ),
        (
            '<a rel="nofollow" class="external-link" href="https://x/?a=1&#38;b=2">t</a>',
            Link("t", "https://x/?a=1&b=2").storage,
        ),
        ('<a href="u" data-card-appearance="inline">t</a>', '<a href="u">t</a>'),
        ('<time datetime="2026-01-02"></time>', time_tag("2026-01-02")),
        ('<ac:inline-comment-marker ac:ref="1">some</ac:inline-comment-marker> text', "some text"),
        ("<!-- note -->x", "x"),
        ('<span style="color: red;  top:1px">x</span>', '<span style="top: 1px; color:red">x</span>'),
        ("<p></p>", ""),
        ("<p><br /></p>", ""),
        ("<br />", ""),
        ("<p>a<br /></p><p>b</p>", "<p>a</p><p>b</p>"),
        ("<p>a</p>\n<p />\n<p>b</p> ", "<p>a</p><p>b</p>"),
        ("<p> </p>a", "a"),
        ("a<br></br>b", "a<br />b"),
        ("<ul>\n<li><p>a</p></li> <li>b<br/></li></ul><p>c</p>", "<ul><li>a</li><li><p>b</p></li></ul>c"),
        (
            "<table><tbody><tr><td><br /></td></tr></tbody></table>",
            "<table><tbody><tr><td><p /></td></tr></tbody></table>",
        ),
        ("<![CDATA[x]]> ", "<![CDATA[x]]>"),
        ("<p><em>a</em> </p>", "<em>a</em>"),
        ("<em>a</em> <br />", "<em>a</em>"),
        ('<td colspan="1">a</td>', "<td>a</td>"),
        (
            '<ac:link ac:card-appearance="inline">'
            '<ri:attachment ri:filename="a.xlsx" ri:version-at-save="3" />'
            "<ac:link-body>the &amp; file</ac:link-body></ac:link>",
            attachment_link("a.xlsx", "the & file"),
        ),
        (
            '<ac:link><ri:attachment ri:filename="a.xlsx" ri:version-at-save="1" /></ac:link>',
            attachment_link("a.xlsx", "a.xlsx"),
        ),
        (
            '<ac:image ac:align="center" ac:width="200" ac:custom-width="true" ac:original-height="9">'
            '<ri:attachment ri:filename="c.png" ri:version-at-save="1" /></ac:image>',
            Image("c.png", width=200).storage,
        ),
        (
            '<ac:link><ri:user ri:account-id="u1" ri:local-id="x" /></ac:link>',
            Mention("u1").storage,
        ),
        (
            '<ac:link><ri:page ri:space-key="K" ri:content-title="T" /></ac:link>',
            '<ac:link><ri:page ri:content-title="T" /></ac:link>',
        ),
        (
            '<a href="https://j/browse/A-1" data-card-appearance="inline">https://j/browse/A-1</a>',
            '<a href="https://j/browse/A-1">A-1</a>',
        ),
        (
            '<ac:structured-macro ac:name="code"><ac:plain-text-body>a &lt; b</ac:plain-text-body>'
            "</ac:structured-macro>",
            '<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[a < b]]></ac:plain-text-body>'
            "</ac:structured-macro>",
        ),
        (
            "<ac:plain-text-body><![CDATA[a]]]]><![CDATA[>b]]></ac:plain-text-body>",
            "<ac:plain-text-body>a]]&gt;b</ac:plain-text-body>",
        ),
        ("<ac:plain-text-body />", "<ac:plain-text-body></ac:plain-text-body>"),
    ],
)
def test_what_the_site_adds_to_what_was_sent_is_no_change(old: str, new: str) -> None:
    assert same(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<p>text</p>", "text"),
    ],
)
def test_what_the_site_rewrites_is_no_change(old: str, new: str) -> None:
    assert same(old, new)
    assert same(new, old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("open", "OPEN"),
        ("a b", "ab"),
        ("a\u00a0b", "a b"),
        ("<p>a</p><p>b</p>", "<p>ab</p>"),
        ("a<br />b", "a b"),
        ("<ul><li>a</li></ul>", "<ol><li>a</li></ol>"),
        ("<ul><li>a b</li></ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<b>a</b>", "a"),
        (Lozenge("Open", "Blue").storage, Lozenge("Open", "Green").storage),
        (Lozenge("Open", "Blue").storage, Lozenge("open", "Blue").storage),
        (Lozenge("Open", "Blue").storage, "Open"),
        ('<a href="u">t</a>', '<a href="v">t</a>'),
        (time_tag("2026-01-02"), time_tag("2026-01-03")),
        ("<![CDATA[a  b]]>", "<![CDATA[a b]]>"),
        ("<em>a</em> b", "<em>a</em>b"),
        ("&lt;b&gt;", "<b></b>"),
        (Image("c.png", width=200).storage, Image("c.png", width=300).storage),
        (Image("c.png").storage, Image("d.png").storage),
        (Image("c.png").storage, Image("c.png", alt="a chart").storage),
        (Mention("u1").storage, Mention("u2").storage),
        (attachment_link("a.xlsx", "one"), attachment_link("a.xlsx", "two")),
        ('<a href="https://j/browse/A-1">https://j/browse/A-1</a>', '<a href="https://j/browse/A-1">A-1</a>'),
        ("<ac:plain-text-body>a  b</ac:plain-text-body>", "<ac:plain-text-body>a b</ac:plain-text-body>"),
    ],
)
def test_what_people_would_see_is_a_change(old: str, new: str) -> None:
    assert not same(old, new)


@pytest.mark.parametrize("markup", ["", " ", "<p />", "<p>&nbsp;</p>", "<br/>", "<!-- x -->", "\n<p> </p>\n"])
def test_blank_cells(markup: str) -> None:
    assert blank(markup)


@pytest.mark.parametrize(
    "markup", ["x", "<p>0</p>", '<ac:image><ri:attachment ri:filename="a" /></ac:image>', STATUS]
)
def test_cells_with_words_in_them(markup: str) -> None:
    assert not blank(markup)


@given(hostile_pages)
def test_every_markup_has_a_form_and_wrapping_changes_nothing(markup: str) -> None:
    assert form(markup) == canonical(markup)
    if "<" not in markup:
        assert same(markup, f"<p>{markup}</p>")


@given(hostile_pages, st.integers(0, 9), st.booleans())
def test_what_the_demo_server_makes_of_a_page_says_the_same(page: str, seed: int, cloud: bool) -> None:
    # Its author knows the editors, and nothing of the canonical form.
    assert same(normalise(page, Random(seed), cloud=cloud), page)


def test_a_digest_is_the_same_for_every_spelling() -> None:
    assert digest("<p>a &amp; b</p>") == digest("a & b") != digest("a b")

"""What a save makes of a body, and what a person sees of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from html import escape
from random import Random
from xml.parsers import expat

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.demo import DemoSite
from schedkit.demo.confluence import storage
from schedkit.demo.confluence.view import render

MACRO = '<ac:structured-macro ac:name="{}"><ac:rich-text-body>{}</ac:rich-text-body></ac:structured-macro>'


Show = Callable[[str], str]
# XML takes no control characters, surrogates or non-characters.
LEGAL = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")


def normal(body: str) -> str:
    return storage.normalise(body, Random(1))


def test_a_save_adds_ids_orders_attributes_and_spells_entities() -> None:
    body = '<table data-layout="wide" class="x"><tbody><tr><td>a&nbsp;b</td></tr></tbody></table><p>c</p>'
    made = normal(body + '<ac:structured-macro ac:name="toc"/>')
    assert re.search(r'<table ac:local-id="[0-9a-f-]{36}" class="x" data-layout="wide">', made)
    assert re.search(r'<p local-id="[0-9a-f-]{36}">c</p>', made)
    assert re.search(r"<td><p local-id=[^>]+>a&#160;b</p></td>", made)
    assert re.search(r'<ac:structured-macro ac:name="toc" ac:macro-id="[0-9a-f-]{36}"/>', made)
    again = normal(made)
    assert again == made


@pytest.mark.parametrize(
    "body",
    ["<ac:plain-text-body><![CDATA[<p>&nbsp;</p>]]></ac:plain-text-body>", "<!-- <p>&nbsp;</p> -->", "a > b"],
)
def test_a_save_leaves_what_is_no_markup_alone(body: str) -> None:
    assert normal(body) == body


def seen(body: str) -> list[object]:
    """What a parser sees of a body: all but ids, and paragraphs, which a save may add."""
    events: list[object] = []
    ids = {"local-id", "ac:local-id", "ac:macro-id"}
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)
    parser.buffer_text = True
    parser.SkippedEntityHandler = lambda name, _: parser.CharacterDataHandler(html.unescape(f"&{name};"))

    def text(data: str) -> None:
        if events and isinstance(events[-1], str):
            events[-1] += data
        else:
            events.append(data)

    def start(name: str, attributes: dict[str, str]) -> None:
        if name != "p":
            events.append((name, {k: v for k, v in attributes.items() if k not in ids}))

    parser.CharacterDataHandler = text
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: None if name == "p" else events.append(("/", name))
    parser.Parse(storage.WRAP.format(body), True)
    return events


VALUES = st.text(st.sampled_from("ab <>'&é\u00a0"), max_size=5).map(
    lambda text: escape(text).replace("&gt;", ">")
)
TEXTS = st.sampled_from(["", "x", "a &amp; b", "&nbsp;", "é 🚀", "1 > 0", "<br />", "<!-- <td>c</td> -->",
                         "<![CDATA[<p>&nbsp;</p>]]>"])  # fmt: skip
NAMES = ("p", "td", "th", "tr", "table", "li", "h2", "strong", "ac:structured-macro", "ac:link")
ELEMENTS = st.recursive(
    TEXTS,
    lambda inner: st.builds(
        lambda name, value, quote, parts: f"<{name} class={quote}{value}{quote}>{''.join(parts)}</{name}>",
        st.sampled_from(NAMES),
        VALUES,
        st.sampled_from("\"'"),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(body=ELEMENTS)
def test_a_save_changes_bytes_and_no_meaning(body: str) -> None:
    assert storage.fault(body) is None
    made = normal(body)
    assert storage.fault(made) is None
    assert seen(made) == seen(body)
    assert normal(made) == made


def test_normalising_is_a_switch() -> None:
    with DemoSite(issues=5) as site:
        body = site.wiki.pages["100001"].body
        site.wiki.normalise = True
        page = site.wiki.edit_by_hand("100001", lambda old: old)
        assert page.body != body
        assert storage.fault(page.body) is None
        assert render_text(page.body) == render_text(body)


def render_text(body: str) -> str:
    with DemoSite(issues=5) as site:
        page = site.wiki.create("x", body)
        return re.sub(r"<[^>]+>", "", render(page))


@pytest.mark.parametrize("body", ["", "plain", "<p>&nbsp;&auml;&#8212;</p>", "<br />", "<ac:x ri:y='z'/>"])
def test_well_formed(body: str) -> None:
    assert storage.fault(body) is None


@pytest.mark.parametrize("body", ["<p>", "<x:p/>", "&nope;", "a ]]> b", "<p>&lt;</q>"])
def test_malformed(body: str) -> None:
    assert str(storage.fault(body)).startswith("Error parsing xhtml")


@pytest.fixture(scope="module")
def show() -> Iterator[Show]:
    with DemoSite(issues=5) as site:
        count = iter(range(10_000))

        def shown(body: str) -> str:
            return render(site.wiki.create(f"Page {next(count)}", body))

        yield shown


def test_tables_lozenges_panels_dates_links_and_users(show: Show) -> None:
    status = (
        '<ac:structured-macro ac:name="status"><ac:parameter ac:name="title">Done</ac:parameter>'
        '<ac:parameter ac:name="colour">Green</ac:parameter></ac:structured-macro>'
    )
    made = show(
        '<table><colgroup><col style="width: 110.0px;" /><col /></colgroup>'
        '<tbody><tr><td colspan="2" style="text-align: right;">'
        f"{status}</td>"
        '<td><time datetime="2026-01-02" /></td></tr></tbody></table>'
        '<p><a href="https://x.example/?a=1&amp;b=2">link</a> '
        '<ac:link><ri:user ri:account-id="abc" /></ac:link>'
        '<ac:link><ri:page ri:content-title="Other" /></ac:link>'
        '<ac:image><ri:attachment ri:filename="a.png" /></ac:image>&uuml;</p>'
        + MACRO.format("warning", "<p>careful</p>")
        + MACRO.format("expand", "<p>inside</p>")
        + '<ac:structured-macro ac:name="panel"><ac:parameter ac:name="title">T</ac:parameter>'
        "<ac:rich-text-body><p>b</p></ac:rich-text-body></ac:structured-macro>"
        '<ac:structured-macro ac:name="anchor"><ac:parameter ac:name="">here</ac:parameter>'
        "</ac:structured-macro>"
        '<ac:structured-macro ac:name="toc" /><ac:unknown>kept text</ac:unknown>'
        "<ac:rich-text-body>of no macro</ac:rich-text-body>"
    )
    for part in (
        '<colgroup><col width="110"><col></colgroup>',
        '<td colspan="2" style="text-align:right">',
        '<span class="lozenge" style="background:#e3fcef">Done</span></td>',
        '<span class="date">2026-01-02</span>',
        '<a href="https://x.example/?a=1&amp;b=2" rel="noopener">link</a>',
        "@abc",
        "<em>Other</em>",
        "a.png",
        "ü",
        "careful",
        "inside",
        "<strong>T</strong>",
        '<a id="here"></a>',
        "[table of contents]",
        "kept text",
    ):
        assert part in made


def test_nothing_on_a_page_can_run(show: Show) -> None:
    made = show(
        "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p><script>alert(2)</script>"
        '<p onclick="alert(3)"><a href="javascript:alert(4)">x</a></p><iframe src="https://evil.example" />'
        '<ac:structured-macro ac:name="html"><ac:plain-text-body><![CDATA[<script>alert(5)</script>]]>'
        "</ac:plain-text-body></ac:structured-macro>"
    )
    assert "<script" not in made
    assert "onclick" not in made
    assert "javascript:" not in made
    assert "<iframe" not in made
    assert "&lt;script&gt;alert(5)" in made


def test_the_view_shows_attached_images_and_loads_none(demo_site: DemoSite) -> None:
    image = '<ac:image ac:width="40" ac:alt="a &lt;b&gt;"><ri:attachment ri:filename="c.png" /></ac:image>'
    page = demo_site.wiki.create("With an image", f"<p>{image}</p><p>{image.replace('c.png', 'd.png')}</p>")
    demo_site.wiki.attach(page.id, "c.png", b"PNG", "image/png")
    shown = render(page)
    assert '<img alt="a &lt;b&gt;" width="40" src="data:image/png;base64,UE5H">' in shown
    assert "d.png: a &lt;b&gt;</span>" in shown


def test_the_view_needs_no_login_and_forbids_scripts(demo_site: DemoSite) -> None:
    for path in ("/wiki/pages/100001", "/wiki/spaces/DEMO/pages/100001",
                 "/wiki/spaces/DEMO/pages/100001/Open+bugs",
                 "/confluence/pages/100001", "/confluence/pages/viewpage.action?pageId=100001"):  # fmt: skip
        answer = httpx.get(demo_site.url + path, timeout=60)
        assert answer.status_code == 200
        assert "<h1>Open bugs</h1>" in answer.text
        assert "Version 1" in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "scan-29.txt" in httpx.get(f"{demo_site.url}/wiki/pages/100002", timeout=60).text
    assert httpx.get(f"{demo_site.url}/wiki/pages/7", timeout=60).status_code == 404


@settings(max_examples=60)
@given(text=st.text(LEGAL, max_size=40))
def test_any_text_is_shown_as_it_is(show: Show, text: str) -> None:
    assert escape(text) in show(f"<p>{escape(text, quote=False)}</p>")

"""What a person sees of storage format."""

from __future__ import annotations

import pytest

from schedkit.confluence.source.reading import card_name, key_text, lines, shows_the_same, text


def task(state: str, words: str, number: int = 7) -> str:
    return (
        f"<ac:task><ac:task-id>{number}</ac:task-id><ac:task-uuid>u-{number}</ac:task-uuid>"
        f"<ac:task-status>{state}</ac:task-status><ac:task-body><span>{words}</span></ac:task-body></ac:task>"
    )


DECISION = (
    '<ac:adf-extension><ac:adf-node type="decision-list"><ac:adf-attribute key="id">x</ac:adf-attribute>'
    '<ac:adf-node type="decision-item"><ac:adf-attribute key="local-id">y</ac:adf-attribute>'
    '<ac:adf-attribute key="state">DECIDED</ac:adf-attribute><ac:adf-content>go</ac:adf-content>'
    "</ac:adf-node>"
    "</ac:adf-node><ac:adf-fallback><ul><li>go</li></ul></ac:adf-fallback></ac:adf-extension>"
)
ISSUE = (
    '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="server">S</ac:parameter>'
    '<ac:parameter ac:name="key">AB-1</ac:parameter></ac:structured-macro>'
)


def card(url: str) -> str:
    return f'<a href="{url}" data-card-appearance="inline">{url}</a>'


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("a &amp; b", "a & b"),
        ("<p>one</p><p>two<br />three</p>", "one two three"),
        ("<strong>bold</strong>ly", "boldly"),
        ("<![CDATA[<b>]]>", "<b>"),
        ('<time datetime="2026-01-02" />', "2026-01-02"),
        (
            '<ac:structured-macro ac:name="status"><ac:parameter ac:name="title">Done</ac:parameter>'
            '<ac:parameter ac:name="colour">Green</ac:parameter></ac:structured-macro>',
            "Done",
        ),
        ('<ac:structured-macro ac:name="x"><ac:parameter ac:name="y" />z</ac:structured-macro>', "z"),
        ("<!-- no -->yes", "yes"),
        (
            "<ac:adf-content>1</ac:adf-content><ac:adf-fallback>1</ac:adf-fallback>, <ac:adf-fallback />x",
            "1, x",
        ),
        (
            f"<ac:task-list>{task('incomplete', 'call')}{task('complete', 'write')}</ac:task-list>",
            "[ ] call [x] write",
        ),
        (DECISION, "go"),
        ('<ac:emoticon ac:name="tick" />', "✔"),
        ('<ac:emoticon ac:name="cross"></ac:emoticon>', "✖"),
        ('<ac:emoticon ac:name="tick" ac:emoji-fallback="✅" />', "✅"),
        ('<ac:emoticon ac:name="blue-star" ac:emoji-fallback=":custom:" />', ":custom:"),
        ('<ac:emoticon ac:name="odd" ac:emoji-fallback=":custom:" />', ":custom:"),
        ('<ac:emoticon ac:name="odd" />', ":odd:"),
        ("<ac:emoticon />", ""),
        ('<ac:link><ri:page ri:content-title="Apollo &amp; 11" /></ac:link>', "Apollo & 11"),
        ('<ac:link><ri:page ri:content-title="Apollo" /><ac:link-body> it </ac:link-body></ac:link>', "it"),
        (
            '<ac:link><ri:attachment ri:filename="a.pdf" /><ac:plain-text-link-body><![CDATA[]]>'
            "</ac:plain-text-link-body></ac:link>",
            "a.pdf",
        ),
        ('<ac:link ac:anchor="top"></ac:link>', "top"),
        ('<ac:link ac:anchor="top"><ri:page ri:content-title="Plan" /></ac:link>', "Plan"),
        ('<ac:link><ri:space ri:space-key="DEV" /></ac:link>', "DEV"),
        ('<ac:link><ri:user ri:account-id="u1" /></ac:link>', "@u1"),
        ('<ac:link><ri:user ri:userkey="k" /></ac:link>', "@k"),
        ('<ac:link><ri:user ri:username="ann" /></ac:link>', "@ann"),
        ('<ri:user ri:userkey="k" />', "@k"),
        ("<ac:link><ri:unknown /></ac:link>", ""),
        ('<ac:image><ri:attachment ri:filename="c.png" /></ac:image>', "c.png"),
        ('<ac:image ac:alt="a chart"><ri:attachment ri:filename="c.png" /></ac:image>', "a chart"),
        ('<ac:image><ri:url ri:value="https://x/pics/a%20b.png" /></ac:image>', "a b.png"),
        (card("https://j/browse/AB-1?x=1"), "AB-1"),
        (card("https://x/wiki/spaces/K/pages/5/Apollo+Two"), "Apollo Two"),
        (card("https://x/other"), "https://x/other"),
        ('<a href="https://j/browse/AB-1" data-card-appearance="block">see this</a>', "see this"),
        (
            '<ac:structured-macro ac:name="profile"><ac:parameter ac:name="user"><ri:user ri:userkey="k" />'
            "</ac:parameter></ac:structured-macro>",
            "",
        ),
        ("<ac:placeholder>type here</ac:placeholder>x", "x"),
        (
            '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sql</ac:parameter>'
            "<ac:plain-text-body><![CDATA[a < b]]></ac:plain-text-body></ac:structured-macro>",
            "a < b",
        ),
        (ISSUE, "AB-1"),
    ],
)
def test_text_is_what_a_reader_sees(markup: str, seen: str) -> None:
    assert text(markup) == seen


def test_lines_are_kept_apart() -> None:
    assert lines("<p>a\n b</p><ul><li>c</li><li><p>d</p></li></ul>e<br />f") == ["a b", "c", "d", "e", "f"]


@pytest.mark.parametrize(
    "markup",
    [
        "AB-1",
        '<p><s>AB-1</s> <ac:emoticon ac:name="tick" /></p>',
        "<strong>AB-1</strong>",
        '<a href="https://j/browse/AB-1">https://j/browse/AB-1</a>',
        card("https://j/browse/AB-1"),
        ISSUE,
        '<ac:link><ri:page ri:content-title="AB-1" /></ac:link>',
        '<ac:inline-comment-marker ac:ref="1">AB-1</ac:inline-comment-marker>',
    ],
)
def test_a_key_is_known_however_it_is_written(markup: str) -> None:
    assert key_text(markup) == "AB-1"


def test_a_key_may_be_an_emoticon_or_a_page() -> None:
    assert key_text('<ac:emoticon ac:name="tick" />') == "✔"
    assert key_text("https://x/wiki/display/K/Apollo+Two") == "Apollo Two"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://j/browse/AB-1#c", "AB-1"),
        ("https://x/pages/5/A%20b", "A b"),
        ("https://x/", ""),
        ("AB-1", ""),
    ],
)
def test_what_a_card_shows(url: str, name: str) -> None:
    assert card_name(url) == name


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<p><strong>a</strong>&nbsp;b</p>", "a b"),
        ("<ul><li>a</li><li>b</li></ul>", "a b"),
        ("<p>a</p><p>b</p>", "a<br />b"),
        (ISSUE, "AB-1"),
        ("<p>5</p>", '<p style="text-align: right;">5</p>'),
        ("2026-01-02", '<time datetime="2026-01-02" />'),
    ],
)
def test_plain_values_that_a_cell_shows_already(old: str, new: str) -> None:
    assert shows_the_same(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [("a", "A"), ("a b", "a<br />b"), ("ab", "a b"), ("<p>a</p><p>b</p>", "a<br />c"), ("a", "")],
)
def test_plain_values_that_a_cell_does_not_show(old: str, new: str) -> None:
    assert not shows_the_same(old, new)

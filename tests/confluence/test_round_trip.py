"""A frame that was read from a table says what the table shows: laid over it, it writes nothing.

The constructs are those of 47 stored pages of public repositories, in bodies of our own.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from support.confluence_pages import anchor, table

from schedkit.confluence import Confluence, Image, Link, Lozenge, Markup
from schedkit.confluence.plans.edit import TableEdit
from schedkit.confluence.source.reading import text
from schedkit.confluence.source.regions import Nth
from schedkit.confluence.tables.read import read_table
from schedkit.confluence.tables.render import render
from schedkit.confluence.tables.rules import Rules
from schedkit.demo import DemoSite

MakePage = Callable[[str], DemoPage]

STATUS = Lozenge("In review", "Blue").storage
TASKS = (
    "<ac:task-list><ac:task><ac:task-id>3</ac:task-id><ac:task-status>incomplete</ac:task-status>"
    '<ac:task-body><span class="placeholder-inline-tasks">call</span></ac:task-body></ac:task></ac:task-list>'
)
CONSTRUCTS = {
    "text": "plain &amp; simple",
    "paragraphs": '<p style="margin-left: 30.0px;">one</p><p local-id="a1">two</p>',
    "break": "one<br />two",
    "bold": "<p><strong>bold</strong> and <em>slanted</em></p>",
    "struck": "<p><s>done</s></p>",
    "colour": '<p><span style="color: rgb(255,0,0);">red</span></p>',
    "code": "<p><code>SELECT 1</code></p>",
    "code block": (
        '<ac:structured-macro ac:name="code" ac:schema-version="1"><ac:parameter ac:name="language">sql'
        "</ac:parameter><ac:plain-text-body><![CDATA[SELECT a\nFROM b < c]]></ac:plain-text-body>"
        "</ac:structured-macro>"
    ),
    "list": "<ul><li><p>first</p></li><li>then<ul><li>nested</li></ul></li></ul>",
    "numbered list": '<ol start="2"><li><p>first</p></li></ol>',
    "link": '<p><a href="https://x.example/?a=1&amp;b=2" rel="nofollow">words</a></p>',
    "old link": '<a href="/wiki/x" data-linked-resource-id="1" data-linked-resource-type="page">words</a>',
    "smart link": '<a href="https://j/browse/B-2" data-card-appearance="inline">https://j/browse/B-2</a>',
    "page link": '<ac:link><ri:page ri:content-title="Plan" ri:version-at-save="2" /></ac:link>',
    "page link with words": (
        '<ac:link ac:card-appearance="inline"><ri:page ri:content-title="Plan" />'
        "<ac:link-body>the plan</ac:link-body></ac:link>"
    ),
    "section link": '<ac:link ac:anchor="top"><ac:link-body>up</ac:link-body></ac:link>',
    "attachment": (
        '<ac:link><ri:attachment ri:filename="a.pdf" /><ac:plain-text-link-body><![CDATA[a <b>]]>'
        "</ac:plain-text-link-body></ac:link>"
    ),
    "mention": '<p><ac:link><ri:user ri:userkey="8a7f" /></ac:link>&nbsp;</p>',
    "status": f"<p>{STATUS}</p>",
    "two statuses": f"<p>{STATUS} {Lozenge('Late', 'Red').storage}</p>",
    "date": '<p><time datetime="2026-03-02" /> </p>',
    "tasks": TASKS,
    "emoticon": '<p><ac:emoticon ac:name="tick" ac:emoji-fallback=":check_mark:" /></p>',
    "image": (
        '<ac:image ac:align="center" ac:original-width="9" ac:width="5"><ri:attachment ri:filename="c.png" '
        'ri:version-at-save="1" /></ac:image>'
    ),
    "picture of another site": '<ac:image><ri:url ri:value="https://x.example/a.png" /></ac:image>',
    "jira": (
        '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="server">S</ac:parameter>'
        '<ac:parameter ac:name="key">B-7</ac:parameter></ac:structured-macro>'
    ),
    "expand": (
        '<ac:structured-macro ac:name="expand"><ac:parameter ac:name="title">more</ac:parameter>'
        "<ac:rich-text-body><p>hidden words</p></ac:rich-text-body></ac:structured-macro>"
    ),
    "macro without text": '<ac:structured-macro ac:name="toc" ac:schema-version="1" />',
    "inline comment": '<ac:inline-comment-marker ac:ref="9d">why?</ac:inline-comment-marker>',
    "fragment mark": (
        "<ac:adf-fragment-mark><ac:adf-fragment-mark-detail local-id='1' name='n' /></ac:adf-fragment-mark>x"
    ),
    "wrapper": '<div class="content-wrapper"><p>inside</p></div>',
    "placeholder": "<ac:placeholder>type here</ac:placeholder>",
    "nested table": "<table><tbody><tr><td>in</td><td>side</td></tr></tbody></table>",
    "blank": "<p />",
}


def page_of(cell: str, key: str = "K-1") -> str:
    return anchor("t") + table(["Key", "Cell", "Comment"], [[key, cell, "mine"], ["K-2", "plain", ""]])


# A cell without text is no key.
PLACES = [("Cell", name) for name in CONSTRUCTS] + [
    ("Key", name) for name in CONSTRUCTS if text(CONSTRUCTS[name])
]


@pytest.mark.parametrize(("column", "construct"), PLACES)
@pytest.mark.parametrize("keyed", [True, False])
def test_every_construct_is_kept(construct: str, column: str, keyed: bool) -> None:
    cell = CONSTRUCTS[construct]
    source = page_of(cell) if column == "Cell" else page_of("x", cell)
    read = read_table(source, Nth(1), "page")
    key = "Key" if keyed else None
    draft = TableEdit(Nth(1), render(read, key=key), Rules(key))(source, "page")
    assert (draft.changed, draft.report.changes, draft.report.notes) == (False, [], [])


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_another_text_is_written(construct: str) -> None:
    source = page_of(CONSTRUCTS[construct])
    read = read_table(source, Nth(1), "page").assign(Cell=["something else", "plain"])
    draft = TableEdit(Nth(1), render(read, key="Key"), Rules("Key"))(source, "page")
    assert "<td>something else</td><td>mine</td>" in draft.new


def everything() -> str:
    rows = [[f"K-{n}", cell, "words"] for n, cell in enumerate(CONSTRUCTS.values())]
    return f"<p>before</p>{anchor('t')}{table(['Key', 'Cell', 'Comment'], rows)}<p>after</p>"


@pytest.mark.parametrize("rewriting", [False, True])
def test_two_hundred_reruns_of_every_kind_of_cell_put_nothing(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, rewriting: bool
) -> None:
    demo.wiki.normalise = rewriting
    page = make_page(everything())
    page.edit("<p>before</p>", "<p>begin</p>")
    region = wiki.page(page.id).table("anchor:t")
    plan = region.replace(region.read(), key="Key")
    assert not any(plan.apply().written for _ in range(200))
    assert not plan.changed
    assert page.puts() == 0


def rich_frame() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "Key": ["K-1", "K-2", "K-3", "K-4"],
            "Status": ["Open", "Closed", "Open", None],
            "Status Category": ["To Do", "Done", "To Do", "To Do"],
            "Owner": ["Ann", "Bo", None, "Ann"],
            "Owner Id": ["u-1", "u-2", None, "u-1"],
            "Chart": [Image("c.png", alt="a chart", width=200), None, Image("d.png"), None],
            "More": [
                Link("docs", "https://x.example/?a=1&b=2"),
                Lozenge("new"),
                "text\nin lines",
                ["a", "b"],
            ],
            "Note": [Markup("<p>a</p><ul><li>b</li></ul>"), 5, True, pd.Timestamp("2026-01-02")],
        }
    )
    frame.attrs["site"] = "https://jira.example.org"
    return frame


def test_reruns_of_every_kind_of_value_put_once(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    demo.wiki.normalise = True
    page = make_page("<p>here</p>")
    columns = ["Key", "Status", "Owner", "Chart", "More", "Note"]

    def plan() -> bool:
        made = (
            wiki.page(page.id)
            .table("anchor:all")
            .replace(
                rich_frame(), key="Key", columns=columns, create="end", cap=3, workbook="all.xlsx",
                mentions={"Owner": "Owner Id"},
                links={"Key": "https://jira.example.org/browse/{}"},
            )
        )  # fmt: skip
        return made.apply().written

    assert [plan() for _ in range(4)] == [True, False, False, False]
    assert page.puts() == 1
    assert "ri:version-at-save" in page.body

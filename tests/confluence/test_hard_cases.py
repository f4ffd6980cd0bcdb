"""Twelve situations in which tools of this kind lose somebody's words; each over HTTP, on both dialects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from starlette.requests import Request
from starlette.responses import Response
from support.confluence_pages import anchor, table

from schedkit.confluence import Applied, Confluence, Plan
from schedkit.demo import DemoSite, Faults
from schedkit.errors import MalformedPageError, RegionError

MakePage = Callable[[str], DemoPage]
NAMES = ["Key", "Summary", "Comment"]
ROWS = [["K-1", "one", "mine"], ["K-2", "two", ""]]


def managed(
    wiki: Confluence, page: DemoPage, summaries: dict[str, str], region: str = "anchor:t", **more: Any
) -> Plan:
    frame = pd.DataFrame({"Key": list(summaries), "Summary": list(summaries.values())}, dtype=object)
    return wiki.page(page.id).table(region).replace(frame, key="Key", keep=["Comment"], **more)


def only_one_becomes(page: DemoPage, before: str, applied: Applied, new: str) -> None:
    assert page.body == before.replace("<td>one</td>", f"<td>{new}</td>", 1)
    assert (applied.written, applied.outside, page.puts()) == (True, "identical", 1)


@pytest.mark.parametrize(
    "decoy",
    [
        "<pre><![CDATA[<table><tbody><tr><th>Key</th></tr></tbody></table>]]></pre>",
        "<ac:plain-text-body><![CDATA[]]]]><![CDATA[><table>]]></ac:plain-text-body>",
        "<!-- <h2>Bugs</h2><table> -->",
    ],
)
def test_01_a_table_that_is_text(wiki: Confluence, make_page: MakePage, decoy: str) -> None:
    body = f"<h2>Bugs</h2>{decoy}{table(NAMES, ROWS)}"
    page = make_page(body)
    applied = managed(wiki, page, {"K-1": "1", "K-2": "two"}, "heading:Bugs").apply()
    only_one_becomes(page, body, applied, "1")


def test_02_odd_bytes_around_it(wiki: Confluence, make_page: MakePage) -> None:
    opening = """<table data-x='say ">"' data-y="it's >">"""
    astral = "\U0001f469\U0001f3fd\u200d\U0001f4bb e\u0301"
    body = (
        f"<p title='a > b'>{astral} &nbsp;&#x1F600;</p>\r\n\r\n"
        f"{anchor('t')}\r\n{table(NAMES, ROWS, opening)}\r\n<p>\t \u2028 end\u00a0</p>\n"
    )
    page = make_page(body)
    only_one_becomes(page, body, managed(wiki, page, {"K-1": astral, "K-2": "two"}).apply(), astral)


LAYOUT = "<ac:layout><ac:layout-section><ac:layout-cell>{}</ac:layout-cell></ac:layout-section></ac:layout>"
EXPAND = (
    '<ac:structured-macro ac:name="expand"><ac:rich-text-body>{}</ac:rich-text-body></ac:structured-macro>'
)


@pytest.mark.parametrize(
    ("around", "region"),
    [
        (LAYOUT, "nth:1"),
        (EXPAND, "macro:expand"),
        ("<table><tbody><tr><td><h3>In</h3>{}</td></tr></tbody></table>", "heading:In"),
        ("<table /><table></table>{}", "nth:3"),
    ],
)  # fmt: skip
def test_03_tables_in_other_things(wiki: Confluence, make_page: MakePage, around: str, region: str) -> None:
    inner = [["K-1", "one", "<table><tbody><tr><td>in</td></tr></tbody></table><table />"]]
    body = f"<p>x</p>{around.format(table(NAMES, inner))}<p>y</p>"
    page = make_page(body)
    only_one_becomes(page, body, managed(wiki, page, {"K-1": "1"}, region).apply(), "1")


@pytest.mark.parametrize("copies", [0, 2])
def test_04_none_or_two_of_it(wiki: Confluence, make_page: MakePage, copies: int) -> None:
    page = make_page("<p>x</p>" + f"{anchor('t')}{table(NAMES, ROWS)}" * copies)
    with pytest.raises(RegionError, match=f"page {page.id} .* has no single table at anchor:t"):
        managed(wiki, page, {"K-1": "1"})
    assert page.puts() == 0


def test_05_only_the_case_differs(wiki: Confluence, make_page: MakePage) -> None:
    body = f"{anchor('t')}{table(NAMES, ROWS)}"
    page = make_page(body)
    only_one_becomes(page, body, managed(wiki, page, {"K-1": "ONE", "K-2": "two"}).apply(), "ONE")


def before_put(demo: DemoSite, page: DemoPage, *acts: Callable[[], object]) -> None:
    todo = list(acts)

    def hook(request: Request) -> Response | None:
        if request.method == "PUT" and request.url.path.endswith(f"/{page.id}") and todo:
            todo.pop(0)()
        return None

    demo.before(hook)


def test_06_refused_twice_by_edits_outside_and_inside(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    body = f"<p>prose</p>{anchor('t')}{table(NAMES, ROWS)}"
    page = make_page(body)
    before_put(demo, page, lambda: page.edit("prose", "their prose"), lambda: page.edit("mine", "their word"))
    applied = managed(wiki, page, {"K-1": "1", "K-2": "two"}).apply()
    assert (applied.conflicts, page.puts(409), page.puts(200)) == (2, 2, 1)
    expected = body.replace("prose", "their prose").replace("mine", "their word")
    assert page.body == expected.replace("<td>one</td>", "<td>1</td>")


def test_07_the_answer_is_lost(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(f"{anchor('t')}{table(NAMES, ROWS)}")
    plan = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    demo.faults = Faults(rate=1, kinds=("lost",), method="PUT", path=page.id, times=1)
    applied = plan.apply()
    assert (applied.written, applied.version, page.version, page.puts()) == (True, 2, 2, 1)


def test_08_an_inline_comment_comes_in_between(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    marked = '<ac:inline-comment-marker ac:ref="8">two</ac:inline-comment-marker>'
    page = make_page(f"{anchor('t')}{table(NAMES, ROWS)}")
    plan = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    before_put(demo, page, lambda: demo.wiki.touch(page.id, page.body.replace("two", marked)))
    assert plan.apply().written
    assert f"<td>{marked}</td>" in page.body
    assert "<td>1</td>" in page.body


def marked(words: str, ref: str = "8") -> str:
    return f'<ac:inline-comment-marker ac:ref="{ref}">{words}</ac:inline-comment-marker>'


def test_08_an_inline_comment_leaves_in_between(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(f"{anchor('t')}{table(NAMES, ROWS)}".replace("two", marked("two")))
    plan = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    before_put(demo, page, lambda: demo.wiki.touch(page.id, page.body.replace(marked("two"), "two")))
    assert plan.apply().written
    assert page.body == f"{anchor('t')}{table(NAMES, ROWS)}".replace("one", "1")


def test_08_a_second_writer_saves_while_a_comment_is_restored(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    body = f"<p>prose</p>{anchor('t')}{table(NAMES, ROWS)}{anchor('u')}{table(NAMES, ROWS)}"
    page = make_page(body)
    other = Confluence(site=wiki.aio.server.site, cloud=wiki.aio.server.site.credentials.user is not None)
    first = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    second = managed(other, page, {"K-1": "one", "K-2": "zwei"}, "anchor:u")

    def comment() -> None:
        demo.wiki.touch(
            page.id, page.body.replace("prose", marked("prose")).replace("mine", marked("mine", "9"), 1)
        )

    # The first writer's page has lost the marks when the second one, or a person, saves it.
    before_put(
        demo,
        page,
        comment,
        lambda: page.edit("<td>two</td>", "<td>TWO</td>"),
        lambda: page.edit("TWO", "two"),
    )
    done = first.apply()
    assert (done.written, done.puts, page.puts(409)) == (True, 4, 2)
    assert second.apply().written
    expected = body.replace("prose", marked("prose")).replace("mine", marked("mine", "9"), 1)
    expected = expected.replace("<td>one</td>", "<td>1</td>", 1)
    assert page.body == "<td>zwei</td>".join(expected.rsplit("<td>two</td>", 1))


def test_08_comments_on_words_that_are_replaced_are_told(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, caplog: pytest.LogCaptureFixture
) -> None:
    page = make_page(f"{anchor('t')}{table(NAMES, ROWS)}")
    plan = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    before_put(
        demo, page, lambda: demo.wiki.touch(page.id, page.body.replace("<td>one", f"<td>{marked('one')}"))
    )
    assert (plan.apply().puts, page.version) == (1, 2)
    assert "inline comments on cells that changed were lost" in caplog.text


def mark_prose(demo: DemoSite, page: DemoPage) -> Callable[[], object]:
    """Return what puts an inline comment on the page's prose when it is called."""
    return lambda: demo.wiki.touch(page.id, page.body.replace("prose", marked("prose")))


def test_08_a_mark_whose_words_a_person_replaced_meanwhile(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, caplog: pytest.LogCaptureFixture
) -> None:
    page = make_page(f"<p>some prose</p>{anchor('t')}{table(NAMES, ROWS)}")
    plan = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    before_put(
        demo,
        page,
        mark_prose(demo, page),
        lambda: page.edit("some prose", "something new"),
    )
    assert plan.apply().written
    assert page.body.startswith("<p>something new</p>")
    assert "the marks of inline comments were lost: 'prose'" in caplog.text


def test_08_a_person_who_saves_with_the_mark_needs_no_restoring(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(f"<p>prose</p>{anchor('t')}{table(NAMES, ROWS)}")
    plan = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    before_put(
        demo,
        page,
        mark_prose(demo, page),
        lambda: page.edit("prose", marked("prose")),
    )
    assert (plan.apply().written, page.version, page.puts(200)) == (True, 3, 1)
    assert page.body.count(marked("prose")) == 1


def test_08_others_who_keep_saving_end_the_restoring_at_the_deadline(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, caplog: pytest.LogCaptureFixture
) -> None:
    page = make_page(f"<p>prose</p>{anchor('t')}{table(NAMES, ROWS)}")
    plan = managed(wiki, page, {"K-1": "1", "K-2": "two"})
    before_put(
        demo,
        page,
        mark_prose(demo, page),
        lambda: page.edit("prose", "their prose"),
    )
    assert plan.apply(deadline=0).written
    assert "the marks of inline comments were lost" in caplog.text
    assert "<td>1</td>" in page.body


def test_09_the_server_rewrites(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    demo.wiki.normalise = True
    page = make_page(f"<p>&nbsp;</p>{anchor('t')}{table(NAMES, ROWS)}")
    summaries = {"K-1": "<1>&\xa0\n2", "K-2": "two", "K-3": '"three"'}
    assert managed(wiki, page, summaries).apply().written
    put = page.puts()
    assert [managed(wiki, page, summaries).apply().written for _ in range(3)] == [False] * 3
    assert page.puts() == put == 1


def test_10_a_column_of_peoples_words(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(f"{anchor('t')}{table(NAMES, ROWS)}")
    words = "<td>mine</td>"
    assert managed(wiki, page, {"K-2": "two"}).apply().rows_archived == 1
    assert words in page.body
    assert managed(wiki, page, {"K-1": "one", "K-2": "two"}).apply().rows_archived == 0
    page.edit("<td>K-1</td>", '<td><p><a href="https://j/browse/K-1"><strong>K-1</strong></a></p></td>')
    managed(wiki, page, {"K-1": "eins", "K-2": "two"}).apply()
    assert f"<td>eins</td>{words}" in page.body
    page.edit("<th>Comment</th>", "<th>Our words</th>")
    managed(wiki, page, {"K-1": "one", "K-2": "two"}).apply()
    assert f"<td>one</td>{words}" in page.body
    assert "<th>Comment</th>" not in page.body
    moved = table(["Our words", "Summary", "Key"], [["mine", "one", "K-1"], ["", "two", "K-2"]])
    page.edit(page.body.partition("<table")[1] + page.body.partition("<table")[2], moved)
    managed(wiki, page, {"K-2": "zwei", "K-1": "eins"}).apply()
    second = "<tr><td>mine</td><td>eins</td><td>K-1</td></tr>"
    assert page.body.endswith(f"<td>zwei</td><td>K-2</td></tr>{second}</tbody></table>")
    twice = make_page(f"{anchor('t')}{table(NAMES, [ROWS[0], ROWS[0]])}")
    with pytest.raises(RegionError, match="has Key 'K-1' in two rows"):
        managed(wiki, twice, {"K-1": "1"})


def test_11_numbers_spans_and_column_counts(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    head = '<tr><th class="numberingColumn" /><th>Key</th><th>Summary</th></tr>'
    row = '<tr><td class="numberingColumn">1</td><td colspan="1">K-1</td><td>one</td></tr>'
    cols = '<colgroup><col style="width: 9px;" /><col /><col style="width: 99px;" /></colgroup>'
    page = make_page(f'{anchor("t")}<table data-table-width="760">{cols}<tbody>{head}{row}</tbody></table>')
    demo.wiki.set_property(page.id, "content-appearance-published", "full-width", None)
    managed(wiki, page, {"K-0": "zero", "K-1": "one"}).apply()
    assert '<td class="numberingColumn">2</td><td colspan="1">K-1</td><td>one</td><td></td>' in page.body
    assert '<col style="width: 99px;" /><col /></colgroup>' in page.body
    assert '<table data-table-width="760">' in page.body
    assert demo.wiki.pages[page.id].properties["content-appearance-published"].version == 1
    for span in ('colspan="2"', "rowspan='2'"):
        merged = make_page(f"{anchor('t')}{table(NAMES, ROWS)}".replace("<td>one", f"<td {span}>one"))
        with pytest.raises(RegionError, match="merged cell"):
            managed(wiki, merged, {"K-1": "1"})


def test_12_hostile_cells_many_rows_and_a_broken_page(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, tmp_path: Path
) -> None:
    page = make_page(f"{anchor('t')}{table(NAMES, ROWS)}<p>after</p>")
    nasty = "]]> & <script>alert(1)</script> \x00\x1b[31m\ud800 </td></tr></table> <!-- <![CDATA["
    managed(wiki, page, {"K-1": nasty, "K-2": "two"}).apply()
    read = wiki.page(page.id).table("anchor:t").read()
    assert read["Summary"][0] == "]]> & <script>alert(1)</script> [31m </td></tr></table> <!-- <![CDATA["
    many = {f"K-{n}": f"summary {n}" for n in range(10_000)}
    applied = managed(wiki, page, many, cap=None).apply()
    assert applied.rows_added == 9998
    assert not managed(wiki, page, many, cap=None).changed
    assert page.body.endswith("</table><p>after</p>")
    for n in range(30):
        demo.wiki.attach(page.id, f"{n}.txt", b"", "text/plain")
    file = tmp_path / "29.txt"
    file.write_text("new")
    assert wiki.page(page.id).attach(file).version == 2
    demo.wiki.touch(page.id, page.body + "<p>")
    with pytest.raises(MalformedPageError, match="mismatched tag"):
        managed(wiki, page, many)

"""Inline comments that come or go while a page is written."""

from __future__ import annotations

from confluence.test_client import BODY, MakePage, before_put, plan_of

from schedkit.confluence import Confluence
from schedkit.demo import DemoSite


def mark(words: str) -> str:
    return f'<ac:inline-comment-marker ac:ref="1">{words}</ac:inline-comment-marker>'


def test_an_inline_comment_made_after_the_plan_survives(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    marked = mark("two")
    demo.wiki.touch(page.id, page.body.replace("two", marked))
    assert page.version == 1
    assert plan.apply().version == 2
    assert marked in page.body


def test_an_inline_comment_between_reading_and_writing_is_restored(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    marked = mark("two")
    undo = before_put(demo, page, lambda: demo.wiki.touch(page.id, page.body.replace("two", marked)))
    applied = plan.apply()
    undo()
    assert (applied.puts, applied.version, applied.outside) == (2, 3, "identical")
    assert page.body == BODY.replace("<td>one</td>", "<td>ONE</td>").replace("two", marked)
    assert not plan.apply().written


def test_an_editor_who_comes_while_a_comment_is_restored(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    undo = before_put(
        demo, page,
        lambda: demo.wiki.touch(page.id, page.body.replace("two", mark("two"))),
        lambda: page.edit("before", "someone's"),
    )  # fmt: skip
    applied = plan.apply()
    undo()
    assert (applied.written, applied.puts) == (True, 3)
    assert "someone's" in page.body
    assert "<td>ONE</td>" in page.body
    assert mark("two") in page.body


def test_an_old_version_told_in_other_bytes_restores_nothing(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    undo = before_put(demo, page, lambda: demo.wiki.touch(page.id, page.body.replace("&nbsp;", "&#160;")))
    assert plan.apply().puts == 1
    undo()

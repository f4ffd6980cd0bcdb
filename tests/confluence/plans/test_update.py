"""What is called written: only what the site then shows, and nothing where nothing may be."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from starlette.responses import JSONResponse, RedirectResponse, Response
from support.confluence_pages import anchor, table

from schedkit.confluence import Confluence, Plan
from schedkit.demo import DemoSite
from schedkit.errors import BadAnswerError, ForbiddenError, SiteError

MakePage = Callable[[str], DemoPage]
TABLE = table(["Key", "Summary", "Comment"], [["K-1", "one", "mine"], ["K-2", "two", ""]])
BODY = f"<p>before</p>{anchor('t')}{TABLE}"


def plan_of(wiki: Confluence, page: DemoPage, first: object = "ONE") -> Plan:
    frame = pd.DataFrame({"Key": ["K-1", "K-2"], "Summary": pd.Series([first, "two"], dtype=object)})
    return wiki.page(page.id).table("anchor:t").replace(frame, key="Key", keep=["Comment"])


def at_put(demo: DemoSite, page: DemoPage, answer: Callable[[], Response | None]) -> Callable[[], None]:
    """Let `answer` take the place of each PUT of the page; None lets it through."""
    return demo.before(
        lambda request: answer() if request.method == "PUT" and request.url.path.endswith(page.id) else None
    )


# Pages that may not be written ------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("trashed", "is in the trash"),
        ("archived", "is archived"),
        ("draft", "is a draft that was never published"),
        ("odd", "has the status 'odd'"),
    ],
)
def test_a_page_that_is_not_published_is_refused(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, status: str, words: str
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    demo.wiki.pages[page.id].status = status
    for act in (plan.apply, lambda: plan_of(wiki, page), lambda: wiki.page(page.id).fill({"a": 1})):
        with pytest.raises(ForbiddenError, match=f"page {page.id} .*{words}; nothing was written"):
            act()
    assert page.puts() == 0
    assert demo.wiki.pages[page.id].status == status


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
def test_a_live_document_is_refused(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    demo.wiki.pages[page.id].live = True
    with pytest.raises(ForbiddenError, match="is a live document"):
        plan_of(wiki, page)


def test_a_page_that_others_may_edit_is_refused(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    demo.wiki.pages[page.id].restrictions["update"] = ["somebody"]
    with pytest.raises(ForbiddenError, match="may be read by this login but not edited") as caught:
        plan_of(wiki, page)
    assert "restrictions" in caught.value.hint
    assert wiki.page(page.id).table("anchor:t").read()["Key"].tolist() == ["K-1", "K-2"]


def test_a_page_that_is_there_and_cannot_be_put(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    undo = at_put(demo, page, lambda: JSONResponse({"message": "no such page for you"}, 404))
    with pytest.raises(ForbiddenError, match=r"can be read but not written: .*no such page for you"):
        plan.apply()
    undo()
    assert page.puts() == 1


# Success that is none ----------------------------------------------------------------


def test_a_put_that_changes_nothing_is_an_error(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    old = {"id": page.id, "title": "x", "version": {"number": 1}, "body": {"storage": {"value": BODY}}}
    undo = at_put(demo, page, lambda: JSONResponse(old))
    with pytest.raises(BadAnswerError, match="PUT of version 2 with success, and still shows version 1"):
        plan.apply()
    undo()
    assert page.body == BODY


def test_a_version_without_the_change_is_an_error(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    undo = demo.after(lambda entry: entry.method == "PUT" and demo.wiki.touch(page.id, BODY))
    with pytest.raises(BadAnswerError, match="stored version 2 without the change that was sent"):
        plan.apply()
    undo()


def test_rows_that_the_site_drops_are_an_error(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    frame = pd.DataFrame({"Key": ["K-1", "K-2", "K-3"], "Summary": ["ONE", "two", "three"]})
    plan = wiki.page(page.id).table("anchor:t").replace(frame, key="Key")
    row = "<tr><td>K-3</td><td>three</td><td></td></tr>"
    undo = demo.after(
        lambda entry: entry.method == "PUT" and demo.wiki.touch(page.id, page.body.replace(row, ""))
    )
    with pytest.raises(BadAnswerError, match="with other rows or columns than were sent"):
        plan.apply()
    undo()


def test_a_redirect_is_told_at_once(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    undo = at_put(demo, page, lambda: RedirectResponse("https://wiki.example.org/x", 301))
    started = time.monotonic()
    with pytest.raises(SiteError, match="a redirect to https://wiki") as caught:
        plan.apply()
    undo()
    assert page.puts() == 1
    assert time.monotonic() - started < 50, "its deadline is a minute"
    assert "address it points to" in caught.value.hint


def test_the_sites_own_reason_is_told(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    reason = "Error parsing xhtml: Unexpected close tag </p>; expected </td> at line 7"
    undo = at_put(demo, page, lambda: JSONResponse({"message": reason}, 400))
    with pytest.raises(SiteError, match=r"Unexpected close tag .* at line 7"):
        plan.apply()
    undo()


# What the site makes of contents ------------------------------------------------------

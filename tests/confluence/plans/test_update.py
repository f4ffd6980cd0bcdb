"""What is called written: only what the site then shows, and nothing where nothing may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from support.confluence_pages import anchor, table

from schedkit import context
from schedkit.confluence import Confluence, Markup, Plan
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


@pytest.mark.parametrize("wiki", ["cloud"], indirect=True)
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
    assert time.monotonic() - started < 10
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


SENT = '<p>ok</p><iframe src="https://x.example"></iframe>'


def test_what_a_site_drops_is_told_and_not_sent_again(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    demo.wiki.normalise = True
    page = make_page(BODY)
    heard: list[str] = []

    class Listener(context.Surroundings):
        def log(self, level: int, message: str) -> None:
            heard.append(message)

    with context.use(Listener()):
        applied = plan_of(wiki, page, Markup(SENT)).apply()
    assert applied.written
    assert applied.altered == ("K-1 Summary",)
    assert any("the site changed what was sent: K-1 Summary" in line for line in heard)
    assert "iframe" not in page.body
    again = plan_of(wiki, page, Markup(SENT))
    assert not again.changed
    assert not again.apply().written
    assert page.puts() == 1
    other = plan_of(wiki, page, Markup(SENT + "<p>more</p>")).apply()
    assert (other.written, other.altered) == (True, ("K-1 Summary",))
    page.edit("more", "someone's")
    assert plan_of(wiki, page, Markup(SENT + "<p>more</p>")).apply().written


def drop_words(demo: DemoSite, page: DemoPage, word: str, instead: str = "") -> Callable[[], None]:
    """Let the site store each version of the page without a word, under the version's own number."""

    def drop(entry: Any) -> None:
        if entry.method == "PUT" and entry.path.endswith(page.id):
            demo.wiki.touch(page.id, page.body.replace(word, instead))

    return demo.after(drop)


def refuse_properties(demo: DemoSite) -> Callable[[], None]:
    return demo.before(
        lambda request: JSONResponse({"message": "no"}, 403) if "propert" in request.url.path else None
    )


@pytest.mark.parametrize("properties", [True, False])
def test_words_that_the_site_drops_are_an_error_once_and_told_as_long_as_they_lack(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, properties: bool
) -> None:
    page = make_page(BODY)
    undo = [drop_words(demo, page, "ONE")] + ([] if properties else [refuse_properties(demo)])
    with pytest.raises(BadAnswerError, match=r"version 2 and shows '' instead of 'ONE' in K-1 Summary"):
        plan_of(wiki, page, "ONE").apply()
    for _ in range(3):
        again = plan_of(wiki, page, "ONE")
        assert again.notes[0] == "the site shows '' instead of 'ONE' in K-1 Summary; not sent again"
        assert again.notes[0] in repr(again)
        assert "in K-1 Summary; not sent again" in again._repr_html_()
        assert not again.apply().written
    assert page.puts() == 1
    assert plan_of(wiki, page, "other").apply().written
    for each in undo:
        each()


def test_a_site_that_takes_a_change_back_is_asked_twice(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    undo = drop_words(demo, page, "ONE", "one")
    for _ in range(2):
        with pytest.raises(BadAnswerError, match="without the change that was sent"):
            plan_of(wiki, page, "ONE").apply()
    assert [plan_of(wiki, page, "ONE").apply().written for _ in range(3)] == [False] * 3
    assert page.version == 3
    undo()


def test_what_the_site_made_of_one_cell_says_nothing_about_another(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    undo = drop_words(demo, page, "ONE")
    with pytest.raises(BadAnswerError, match="K-1 Summary"):
        plan_of(wiki, page, "ONE").apply()
    undo()
    page.edit("two", "")
    frame = pd.DataFrame({"Key": ["K-1", "K-2"], "Summary": ["ONE", "ONE"]})
    plan = wiki.page(page.id).table("anchor:t").replace(frame, key="Key")
    assert [(change.key, change.after) for change in plan.changes] == [("K-2", "ONE")]


def test_a_site_that_keeps_no_properties_is_written_all_the_same(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    demo.wiki.normalise = True
    page = make_page(BODY)
    undo = refuse_properties(demo)
    applied = plan_of(wiki, page, Markup(SENT)).apply()
    undo()
    assert (applied.written, applied.altered) == (True, ("K-1 Summary",))


def test_two_writers_remember_what_the_site_made(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    demo.wiki.normalise = True
    page = make_page(BODY)
    name = "schedkit-stored-forms"
    refused: list[Any] = []

    def somebody_first(request: Request) -> Response | None:
        if "propert" in request.url.path and request.method in ("POST", "PUT") and not refused:
            refused.append(demo.wiki.set_property(page.id, name, {"pairs": [["a", "b"]]}, None))
        return None

    undo = demo.before(somebody_first)
    plan_of(wiki, page, Markup(SENT)).apply()
    undo()
    pairs = demo.wiki.pages[page.id].properties[name].value["pairs"]
    assert pairs[0] == ["a", "b"]
    assert len(pairs) == 2
    assert not plan_of(wiki, page, Markup(SENT)).changed

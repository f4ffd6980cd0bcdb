"""What a site makes of what is sent: remembered, and not sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from confluence.plans.test_update import BODY, MakePage, plan_of
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schedkit import context
from schedkit.confluence import Confluence, Markup
from schedkit.demo import DemoSite
from schedkit.errors import BadAnswerError

SENT = '<p>ok</p><iframe src="https://x.example"></iframe>'


def test_what_a_site_drops_is_told_and_not_sent_again(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    demo.wiki.normalise = True
    page = make_page(BODY)
    heard: list[str] = []

    class Listener(context.ExecutionContext):
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

"""Writes that something else answers: told at once, looked up on the site, and never sent twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from support.confluence_pages import anchor, table
from support.confluence_templates import fresh_title

from schedkit.confluence import Confluence, Plan
from schedkit.demo import DemoSite, Faults
from schedkit.errors import AuthError, BadAnswerError, SiteError

MakePage = Callable[[str], DemoPage]
BODY = f"{anchor('t')}{table(['Key', 'Summary'], [['K-1', 'one']])}"
PORTAL = "<html><title>Company portal</title></html>"
LOGIN = "<html><title>Log in - Single Sign-On</title></html>"
MOVED = "https://elsewhere.example.org/x"

# What stands between a client and a site, by what it answers to a write.
ANSWERS: dict[str, tuple[Callable[[], Response], type[SiteError], str]] = {
    "portal": (lambda: HTMLResponse(PORTAL), BadAnswerError, "a web page instead of data: Company portal"),
    "login page": (lambda: HTMLResponse(LOGIN), AuthError, "answered with a login page"),
    "redirect": (
        lambda: RedirectResponse(MOVED, 302),
        BadAnswerError,
        "answered 302, a redirect to https://e",
    ),
    "login redirect": (lambda: RedirectResponse("/login?a", 302), AuthError, "redirected to a login page"),
}


class Proxy:
    """Answers every write for the site, after `does` has carried it out; counts them."""

    def __init__(self, answer: Callable[[], Response]) -> None:
        self.answer = answer
        self.does: Callable[[], object] = lambda: None
        self.writes = 0
        self.reads: Callable[[], Response] | None = None

    def __call__(self, request: Request) -> Response | None:
        if request.method == "GET":
            return self.reads() if self.writes and self.reads is not None else None
        self.writes += 1
        self.does()
        return self.answer()


@pytest.fixture(params=ANSWERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def proxy(demo: DemoSite, kind: str) -> Iterator[Proxy]:
    made = Proxy(ANSWERS[kind][0])
    yield made
    demo.faults = None


def refused(
    demo: DemoSite, proxy: Proxy, kind: str, act: Callable[[], object], end: str = "nothing was written"
) -> None:
    """Check that a write ends at once, with one sentence, and was sent once."""
    undo, started = demo.before(proxy), time.monotonic()
    with pytest.raises(ANSWERS[kind][1], match=ANSWERS[kind][2]) as caught:
        act()
    undo()
    assert time.monotonic() - started < 50, "its deadline is a minute"
    assert caught.value.message.endswith(end)
    assert not caught.value.maybe_done
    assert proxy.writes == 1


def plan_of(wiki: Confluence, page: DemoPage) -> Plan:
    frame = pd.DataFrame({"Key": ["K-1"], "Summary": ["ONE"]})
    return wiki.page(page.id).table("anchor:t").replace(frame, key="Key")


def test_an_update(wiki: Confluence, make_page: MakePage, demo: DemoSite, proxy: Proxy, kind: str) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    refused(demo, proxy, kind, plan.apply)
    assert page.version == 1
    assert plan.apply().written


def test_an_update_that_was_carried_out_all_the_same(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, proxy: Proxy
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    proxy.does = lambda: page.edit("one", "ONE")
    undo = demo.before(proxy)
    done = plan.apply()
    undo()
    assert (done.written, done.version, done.puts, proxy.writes) == (True, 2, 1, 1)


def test_a_page_that_is_created(wiki: Confluence, demo: DemoSite, proxy: Proxy, kind: str) -> None:
    title = fresh_title(demo)
    plan = wiki.publish(title, parent=100003, template="<p>{{ n }}</p>", values={"n": 1})
    refused(demo, proxy, kind, plan.apply)
    proxy.does = lambda: demo.wiki.create(title, plan.source)
    undo = demo.before(proxy)
    done = plan.apply()
    undo()
    assert (done.written, done.version, done.title) == (True, 1, title)


def test_an_attachment(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, proxy: Proxy, kind: str, tmp_path: Path
) -> None:
    page, file = make_page("<p />"), tmp_path / "a.txt"
    file.write_text("x")
    refused(demo, proxy, kind, lambda: wiki.page(page.id).attach(file))
    assert not demo.wiki.pages[page.id].attachments
    assert wiki.page(page.id).attach(file).written


def test_labels(wiki: Confluence, demo: DemoSite, proxy: Proxy, kind: str) -> None:
    given = {"title": fresh_title(demo), "parent": 100003, "template": "<p>{{ n }}</p>", "values": {"n": 1}}
    made = wiki.publish(**given).apply()
    plan = wiki.publish(**given, labels=["report"])
    end = f"its labels were not set; page {made.page_id} ({made.title!r}) itself is as planned"
    refused(demo, proxy, kind, plan.apply, end)
    page = demo.wiki.pages[made.page_id]
    assert page.labels == []
    proxy.writes, proxy.does = 0, lambda: page.labels.append("report")
    undo = demo.before(proxy)
    plan.apply()
    undo()
    assert (page.labels, proxy.writes) == (["report"], 1)


def test_properties_are_not_insisted_on(wiki: Confluence, demo: DemoSite, proxy: Proxy) -> None:
    parent = demo.wiki.create(fresh_title(demo), "<p />").id
    given = {"title": fresh_title(demo), "parent": parent, "template": "<p>{{ n }}</p>", "values": {"n": 1}}
    made = wiki.publish(**given).apply()
    plan = wiki.publish(**given, key="week")
    undo, started = demo.before(proxy), time.monotonic()
    assert plan.apply().page_id == made.page_id
    undo()
    assert proxy.writes <= 4
    assert time.monotonic() - started < 50


@pytest.mark.parametrize("kind", ["portal"], indirect=True)
def test_a_proxy_that_answers_reads_too_leaves_the_outcome_unknown(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, proxy: Proxy
) -> None:
    plan = plan_of(wiki, make_page(BODY))
    proxy.reads = lambda: HTMLResponse(PORTAL)
    undo, started = demo.before(proxy), time.monotonic()
    with pytest.raises(BadAnswerError, match=r"whether it was written is unknown: GET .*portal") as caught:
        plan.apply()
    undo()
    assert caught.value.maybe_done
    assert caught.value.message.startswith("PUT ")
    assert (proxy.writes, time.monotonic() - started < 50) == (1, True)


def test_a_lost_answer_and_no_look_is_told_as_unknown(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page)
    demo.faults = Faults(rate=1, kinds=("lost",), method="PUT", path=page.id, times=1)
    undo = demo.before(
        lambda request: Response(status_code=401) if request.method == "GET" and page.puts() else None
    )
    with pytest.raises(
        SiteError, match=r"PUT .* got no answer.*written is unknown: GET .* refused"
    ) as caught:
        plan.apply()
    undo()
    assert caught.value.maybe_done
    assert not plan.apply().written, "it had arrived, and nothing is written twice"


@pytest.mark.parametrize("answer", [{}, {"results": []}, [], "ok"])
def test_an_answer_that_is_no_page_or_file(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, tmp_path: Path, answer: object
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x")
    page = make_page("<p />")
    plan = wiki.publish(fresh_title(demo), parent=100003, template="<p>{{ n }}</p>", values={"n": 1})
    undo = demo.before(lambda request: JSONResponse(answer) if request.method != "GET" else None)
    with pytest.raises(BadAnswerError, match="without a page; nothing was written"):
        plan.apply()
    with pytest.raises(BadAnswerError, match="not an attachment; nothing was written"):
        wiki.page(page.id).attach(file)
    undo()

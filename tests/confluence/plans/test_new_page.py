"""A page is created once, and found again by its key."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from support.confluence_pages import anchor
from support.confluence_templates import fresh_title

from schedkit.confluence import Applied, Confluence, Plan
from schedkit.demo import DemoSite, Faults
from schedkit.errors import (
    BadAnswerError,
    NotFoundError,
    SiteError,
    UnavailableError,
    UsageError,
)


def test_a_lost_answer_makes_no_second_page(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    plan = wiki.publish(title, parent=100003, template="<p>{{ n }}</p>", values={"n": 1})
    demo.faults = Faults(rate=1, kinds=("lost",), method="POST", times=1)
    done = plan.apply()
    assert (done.written, done.version) == (True, 1)
    assert sum(page.title == title for page in demo.wiki.pages.values()) == 1


def test_a_page_that_cannot_be_read_after_its_creation_is_not_confirmed(
    wiki: Confluence, demo: DemoSite
) -> None:
    title = fresh_title(demo)
    given = {"parent": 100003, "template": "<p>{{ n }}</p>", "values": {"n": 1}, "labels": ["report"]}
    plan = wiki.publish(title, **given)

    def fail(request: Request) -> Response | None:
        made = demo.wiki.by_title(title)
        return Response(status_code=401) if made is not None and made.id in request.url.path else None

    undo = demo.before(fail)
    done = plan.apply()
    undo()
    page = demo.wiki.by_title(title)
    assert page is not None
    assert (done.written, done.version, done.page_id, done.outside) == (False, 1, page.id, "unread")
    assert done.unconfirmed.startswith("the site accepted version 1, which could not be read back: GET ")
    assert page.id in done.url
    again = wiki.publish(title, **given).apply()
    assert (again.written, again.page_id, page.labels, page.latest.number) == (False, page.id, ["report"], 1)


def test_a_twin_that_creates_the_page_meanwhile(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    plan = wiki.publish(title, parent=100003, template="<p>{{ n }}</p>", values={"n": 1})
    todo = [1]

    def hook(request: Request) -> Response | None:
        if request.method == "POST" and todo:
            todo.pop()
            demo.wiki.create(title, f"<p>{anchor('n')}0{anchor('n-end')}</p>")
        return None

    undo = demo.before(hook)
    done = plan.apply()
    undo()
    assert (done.written, done.version) == (True, 2)


def test_a_refusal_to_create_stays_one(wiki: Confluence, demo: DemoSite) -> None:
    plan = wiki.publish(fresh_title(demo), parent=100003, template="<p>{{ n }}</p>", values={"n": 1})
    undo = demo.before(lambda r: JSONResponse({"message": "no"}, 400) if r.method == "POST" else None)
    with pytest.raises(SiteError, match="no"):
        plan.apply()
    undo()
    demo.faults = Faults(rate=1, kinds=("reset",), method="POST")
    with pytest.raises(UnavailableError):
        plan.apply(deadline=0.2)


def test_a_parent_that_is_not_there(wiki: Confluence, demo: DemoSite) -> None:
    with pytest.raises(NotFoundError):
        wiki.publish("X", parent=1, template="<p>{{ n }}</p>", values={"n": 1})
    with pytest.raises(UsageError, match="needs a title"):
        wiki.publish(" ", parent=1, template="", values={})
    undo = demo.before(lambda r: JSONResponse({"id": "100003"}) if r.url.path.endswith("/100003") else None)
    with pytest.raises(BadAnswerError, match="contains no space"):
        wiki.publish("X", parent=100003, template="<p>{{ n }}</p>", values={"n": 1})
    undo()


def test_a_page_per_key_is_found_whatever_its_title_becomes(wiki: Confluence, demo: DemoSite) -> None:
    title, parent = fresh_title(demo), demo.wiki.create(fresh_title(demo), "<p />").id

    def publish(key: str, n: int) -> Applied:
        return wiki.publish(
            f"{title} {key}", parent=parent, key=key, labels=["report", "weekly"], template="<p>{{ n }}</p>",
            values={"n": n},
        ).apply()  # fmt: skip

    made = {key: publish(key, 1).page_id for key in ("APOLLO", "GEMINI")}
    assert len(set(made.values())) == 2
    page = demo.wiki.pages[made["APOLLO"]]
    assert page.labels == ["report", "weekly"]
    demo.wiki.save(page.id, 2, title=f"{title} renamed")
    again = publish("APOLLO", 2)
    assert (again.page_id, again.version, again.title) == (page.id, 3, f"{title} renamed")
    assert not publish("APOLLO", 2).written
    assert demo.requests.count(method="POST", path=f"/{page.id}/label") == 1
    demo.wiki.delete(page.id)
    assert publish("APOLLO", 3).page_id not in made.values()


def test_two_keys_never_share_a_page(wiki: Confluence, demo: DemoSite) -> None:
    title, parent = fresh_title(demo), demo.wiki.create(fresh_title(demo), "<p />").id

    def plan(key: str) -> Plan:
        return wiki.publish(title, parent=parent, key=key, template="<p>{{ k }}</p>", values={"k": key})

    first, second = plan("APOLLO"), plan("GEMINI")
    page = demo.wiki.pages[first.apply().page_id]
    for act in (second.apply, lambda: plan("GEMINI")):
        with pytest.raises(UsageError, match="was made for the key 'APOLLO', not for 'GEMINI'"):
            act()
    assert (page.latest.number, plan("APOLLO").changed) == (1, False)


def test_a_key_whose_page_is_nowhere_makes_a_new_one(wiki: Confluence, demo: DemoSite) -> None:
    title, parent = fresh_title(demo), demo.wiki.create(fresh_title(demo), "<p />").id
    demo.wiki.set_property(parent, "schedkit-pages", {"A": "77", "B": 5}, None)
    for key in ("A", "B"):
        plan = wiki.publish(f"{title} {key}", parent=parent, key=key, template="<p>x</p>", values={})
        assert plan.creates
        plan.apply()
    known = demo.wiki.pages[parent].properties["schedkit-pages"].value
    assert set(known) == {"A", "B"}
    assert known["A"] in demo.wiki.pages


def test_a_site_that_lists_no_properties_is_published_to(wiki: Confluence, demo: DemoSite) -> None:
    undo = demo.before(
        lambda request: JSONResponse({"message": "no"}, 403) if "propert" in request.url.path else None
    )
    done = wiki.publish(fresh_title(demo), parent=100003, template="<p>{{ n }}</p>", values={"n": 1}).apply()
    undo()
    assert done.written

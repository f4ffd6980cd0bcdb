"""The client against a Confluence over HTTP, both dialects: what is written, when, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from support.confluence_pages import anchor, table

from schedkit import context
from schedkit.atlassian import Request as SiteRequest
from schedkit.atlassian import Site
from schedkit.confluence import Confluence, Plan
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server
from schedkit.demo import DemoSite, Faults
from schedkit.errors import (
    AuthError,
    BadAnswerError,
    BlockingCallError,
    ConflictError,
    NotFoundError,
    SiteError,
    UnavailableError,
    UsageError,
)

MakePage = Callable[[str], DemoPage]
NAMES = ["Key", "Summary", "Comment"]
ROWS = [["K-1", "one", "<p>mine</p>"], ["K-2", "two", ""]]
TABLE = table(NAMES, ROWS, '<table class="x">')
BODY = f"<p>before &nbsp;</p>\r\n{anchor('t')}{TABLE}<p>after 😀</p>"


def frame(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["Key", "Summary"])


def plan_of(wiki: Confluence, page: DemoPage, *rows: tuple[str, str], **options: Any) -> Plan:
    return wiki.page(page.id).table("anchor:t").replace(frame(*rows), key="Key", keep=["Comment"], **options)


def test_one_table_is_replaced_and_nothing_else(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    assert (plan.page_id, plan.title, plan.version, plan.region) == (
        page.id,
        f"Page {page.id}",
        1,
        "anchor:t",
    )
    assert plan.changed
    assert plan.changed_cells == 1
    assert (plan.added, plan.removed, plan.archived, plan.carried, plan.hidden) == (
        [],
        [],
        [],
        ["Comment"],
        0,
    )
    assert [change.key for change in plan.changes] == ["K-1"]
    assert plan.notes == []
    assert "one → ONE" in repr(plan)
    assert "one → ONE" in plan._repr_html_()
    assert page.puts() == 0
    applied = plan.apply()
    assert page.body == BODY.replace("<td>one</td>", "<td>ONE</td>") == plan.source
    assert (applied.version, applied.written, applied.puts, applied.conflicts) == (2, True, 1, 0)
    assert (applied.changed_cells, applied.outside, applied.title) == (1, "identical", f"Page {page.id}")
    assert applied.url.startswith("http://127.0.0.1:")
    latest = page.demo.wiki.pages[page.id].latest
    assert latest.message == "Update anchor:t"


def test_nothing_changed_nothing_put(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "one"), ("K-2", "two"))
    assert not plan.changed
    applied = plan.apply()
    assert (applied.written, applied.version, applied.puts) == (False, 1, 0)
    assert page.puts() == 0


def reruns_put_nothing(wiki: Confluence, page: DemoPage, times: int) -> None:
    plan = plan_of(wiki, page, ("K-1", "one"), ("K-2", "TWO"))
    assert plan.apply().written
    assert not any(plan.apply().written for _ in range(times))
    assert page.puts() == 1


def test_reruns_put_nothing(wiki: Confluence, make_page: MakePage) -> None:
    reruns_put_nothing(wiki, make_page(BODY), 50)


@pytest.mark.thorough
def test_a_thousand_reruns_put_nothing(wiki: Confluence, make_page: MakePage) -> None:
    reruns_put_nothing(wiki, make_page(BODY), 1000)


def test_a_case_only_change_writes(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)
    assert plan_of(wiki, page, ("K-1", "One"), ("K-2", "two")).apply().written


def test_apply_works_on_the_page_as_it_is_then(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    page.edit("<p>mine</p>", "<p>rewritten meanwhile</p>")
    page.edit("after", "behind")
    applied = plan.apply()
    assert applied.version == 4
    expected = BODY.replace("<td>one</td>", "<td>ONE</td>").replace("mine", "rewritten meanwhile")
    assert page.body == expected.replace("after", "behind")


def before_put(demo: DemoSite, page: DemoPage, *acts: Callable[[], object]) -> Callable[[], None]:
    """Do the acts one by one, each at the moment a PUT of the page arrives."""
    todo = list(acts)

    def hook(request: Request) -> Response | None:
        if request.method == "PUT" and request.url.path.endswith(page.id) and todo:
            todo.pop(0)()
        return None

    return demo.before(hook)


def test_409_twice_with_edits_outside_and_inside(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"), ("K-3", "three"))
    undo = before_put(
        demo, page,
        lambda: page.edit("before", "saved by a colleague"),
        lambda: page.edit("<p>mine</p>", "<p>theirs</p>"),
    )  # fmt: skip
    applied = plan.apply()
    undo()
    assert (applied.puts, applied.conflicts, applied.version) == (3, 2, 4)
    assert page.puts(409) == 2
    assert "saved by a colleague &nbsp;" in page.body
    assert "<td>ONE</td><td><p>theirs</p></td>" in page.body
    assert applied.outside == "identical"


def test_a_lock_failure_is_a_conflict_too(demo: DemoSite, make_page: MakePage) -> None:
    place = demo.confluence_dc
    page = make_page(BODY)
    plan = plan_of(Confluence(place.url, None, place.token), page, ("K-1", "ONE"))
    undo = before_put(demo, page, lambda: page.edit("before", "other"))
    demo.dc_wiki.lock_failures = True
    try:
        assert plan.apply().conflicts == 1
    finally:
        demo.dc_wiki.lock_failures = False
        undo()


def test_patience_with_conflicts_ends_at_the_deadline(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    saves = [lambda: page.edit("after", "after and")] * 50
    undo = before_put(demo, page, *saves)
    with pytest.raises(ConflictError, match="gave up after") as caught:
        plan.apply(deadline=0.3)
    undo()
    assert caught.value.status == 409
    assert "<td>one</td>" in page.body


def test_a_lost_answer_is_looked_up_not_repeated(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    demo.faults = Faults(rate=1, kinds=("lost",), method="PUT", path=page.id, times=1)
    applied = plan.apply()
    assert (applied.written, applied.version, applied.puts) == (True, 2, 1)
    assert applied.outside == "identical"
    assert page.version == 2
    assert page.puts() == 1


@pytest.mark.parametrize("kind", ["reset", "503", "truncate"])
def test_a_failed_put_is_tried_again(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, kind: str
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    demo.faults = Faults(rate=1, kinds=(kind,), method="PUT", path=page.id, times=1)
    applied = plan.apply()
    assert applied.written
    assert page.version == 2
    assert "<td>ONE</td>" in page.body


def test_a_site_that_never_answers_a_put(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    demo.faults = Faults(rate=1, kinds=("reset",), method="PUT", path=page.id)
    with pytest.raises(UnavailableError, match="gave up after"):
        plan.apply(deadline=0.3)
    assert page.version == 1


def test_a_refused_put_is_not_repeated(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    demo.faults = Faults(rate=1, kinds=("401",), method="PUT", path=page.id)
    with pytest.raises(AuthError):
        plan.apply()
    assert page.puts() == 1


def test_a_page_that_cannot_be_read_back_is_not_said_to_be_written(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, caplog: pytest.LogCaptureFixture
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))

    def fail_after_put(entry: Any) -> None:
        if entry.method == "PUT":
            demo.faults = Faults(rate=1, kinds=("401",), method="GET", path=page.id)

    undo = demo.after(fail_after_put)
    applied = plan.apply()
    undo()
    assert (applied.written, applied.version, applied.outside) == (False, 2, "unread")
    assert applied.unconfirmed.startswith("the site accepted version 2, which could not be read back: GET ")
    assert applied.unconfirmed in caplog.text
    assert applied.url == plan.aio.state.url
    demo.faults = None
    again = plan.apply()
    assert (again.written, again.unconfirmed, again.version, page.puts()) == (False, "", 2, 1)


def test_a_put_that_an_empty_answer_swallows_is_an_error(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    undo = demo.before(lambda request: JSONResponse({}) if request.method == "PUT" else None)
    with pytest.raises(BadAnswerError, match="of version 2 with success, and still shows version 1"):
        plan.apply(deadline=0.3)
    undo()


def test_a_put_whose_answer_is_no_page_and_no_look_at_it_is_an_error(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    sent = []

    def answers(request: Request) -> Response | None:
        if request.method == "PUT":
            sent.append(1)
            return JSONResponse({})
        return Response(status_code=401) if sent else None

    undo = demo.before(answers)
    with pytest.raises(
        BadAnswerError, match="of version 2 does not name it; whether it was written is unk"
    ) as e:
        plan.apply()
    undo()
    assert e.value.maybe_done


def test_old_versions_that_cannot_be_asked_for_leave_the_write_confirmed(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, caplog: pytest.LogCaptureFixture
) -> None:
    page = make_page(BODY)
    undo = demo.before(lambda r: Response(status_code=401) if "version" in r.query_params else None)
    assert plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two")).apply().written
    undo()
    assert "whether inline comments were made meanwhile is unknown" in caplog.text


@pytest.mark.parametrize("old_answers", [4, 10_000])
def test_a_replica_that_lags_behind(
    wiki: Confluence, make_page: MakePage, monkeypatch: pytest.MonkeyPatch, old_answers: int
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    read, lagging = Server.read, iter(range(old_answers))

    async def lag(server: Server, page_id: str, **options: Any) -> PageState:
        return await read(server, page_id, **options) if next(lagging, None) is None else plan.aio.state

    monkeypatch.setattr(Server, "read", lag)
    if old_answers < 10:
        applied = plan.apply()
        assert (applied.written, applied.version, applied.outside) == (True, 2, "identical")
        return
    with pytest.raises(BadAnswerError, match="of version 2 with success, and still shows version 1"):
        plan.apply(deadline=0.3)


def test_a_site_without_old_versions_is_written_all_the_same(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    undo = demo.before(lambda r: Response(status_code=404) if "version" in r.query_params else None)
    assert plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two")).apply().written
    undo()


def test_a_site_that_rewrites_is_written_once(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    demo.wiki.normalise = True
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"), ("K-3", "<3 & \xa0"))
    applied = plan.apply()
    assert applied.written
    assert applied.outside in ("rewritten", "identical")
    assert not plan.apply().written
    assert page.puts() == 1


def test_a_site_that_stores_something_else_is_told(
    wiki: Confluence, make_page: MakePage, demo: DemoSite
) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    undo = demo.after(
        lambda entry: (
            entry.method == "PUT" and demo.wiki.touch(page.id, page.body.replace("before", "mangled"))
        )
    )
    heard: list[str] = []

    class Listener(context.ExecutionContext):
        def log(self, level: int, message: str) -> None:
            heard.append(message)

    with context.use(Listener()):
        applied = plan.apply()
    undo()
    assert applied.outside == "changed"
    assert any("changed content outside the region" in line for line in heard)


def test_someone_who_saves_right_after_us(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    plan = plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two"))
    undo = demo.after(lambda entry: entry.method == "PUT" and page.edit("before", "next"))
    applied = plan.apply()
    undo()
    assert (applied.outside, applied.version) == ("edited since", 3)


def test_the_run_hears_what_happened(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)
    facts: list[tuple[str, Mapping[str, Any]]] = []
    stages: list[tuple[str, float, float | None]] = []

    class Listener(context.ExecutionContext):
        def fact(self, kind: str, facts_: Mapping[str, Any]) -> None:
            facts.append((kind, facts_))

        def progress(self, stage: str, done: float, total: float | None) -> None:
            stages.append((stage, done, total))

    with context.use(Listener()):
        plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two")).apply()
    ((kind, told),) = facts
    assert kind == "page"
    assert (told["page_id"], told["region"], told["version"], told["written"]) == (
        page.id,
        "anchor:t",
        2,
        True,
    )
    assert stages[-1] == ("update page", 1, 1)


def test_only_what_must_be_sent_is_sent(
    wiki: Confluence, make_page: MakePage, demo: DemoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = make_page(BODY)
    bodies: list[dict[str, Any]] = []
    send = Site.send

    async def listen(site: Site, request: SiteRequest) -> Any:
        if request.method == "PUT":
            bodies.append(request.json)
        return await send(site, request)

    monkeypatch.setattr(Site, "send", listen)
    demo.wiki.set_property(page.id, "content-appearance-published", "full-width", None)
    stored = demo.wiki.pages[page.id]
    stored.labels.append("kept")
    stored.restrictions["update"] = ["demo"]
    plan_of(wiki, page, ("K-1", "ONE"), ("K-2", "two")).apply()
    (body,) = bodies
    assert set(body) - {"type", "status"} == {"id", "title", "body", "version"}
    assert stored.properties["content-appearance-published"].value == "full-width"
    assert (stored.labels, stored.restrictions, stored.parent) == (["kept"], {"update": ["demo"]}, "100000")


def test_the_async_face_is_the_same(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(BODY)

    async def work() -> tuple[Plan, int, str]:
        managed = wiki.aio.page(page.id)
        plan = await managed.table("anchor:t").replace(frame(("K-1", "ONE")), key="Key")
        with pytest.raises(BlockingCallError):
            plan.apply()
        applied = await plan.aio.apply()
        return plan, applied.version, await managed.source()

    plan, version, source = asyncio.run(work())
    assert version == 2
    assert source == page.body == plan.source


def test_the_dialect_is_found_out(demo: DemoSite) -> None:
    place = demo.confluence_cloud
    bare = Confluence(place.url.removesuffix("/wiki"), place.user, place.token)
    assert bare.page("100001").source() == demo.wiki.pages["100001"].body
    site = Site(demo.confluence_dc.url, token=demo.confluence_dc.token)
    assert Confluence(site=site).page("100001").source() == demo.wiki.pages["100001"].body
    probes = demo.requests.count(path="/wiki/api/v2/spaces")
    assert bare.page("100001").source()
    assert demo.requests.count(path="/wiki/api/v2/spaces") == probes


# Refusals ----------------------------------------------------------------------


@pytest.mark.parametrize("cloud", [True, False])
def test_a_wrong_token_is_one_clear_line(demo: DemoSite, cloud: bool) -> None:
    place = demo.confluence_cloud if cloud else demo.confluence_dc
    wiki = Confluence(place.url, place.user, "wrong-secret", cloud)
    with pytest.raises(AuthError) as caught:
        wiki.page("100001").source()
    assert "wrong-secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "wrong-secret" not in repr(wiki)


def test_what_is_no_confluence(demo: DemoSite) -> None:
    with pytest.raises(UsageError, match="Confluence needs a url or a site"):
        Confluence()
    jira = Confluence(demo.jira_dc.url, None, demo.jira_dc.token)
    with pytest.raises((NotFoundError, SiteError)):
        jira.page(1).source()


def test_an_answer_that_is_no_page(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    page = make_page(BODY)
    undo = demo.before(
        lambda request: Response("{}", media_type="application/json") if page.id in request.url.path else None
    )
    with pytest.raises(BadAnswerError, match="not a page with a version"):
        wiki.page(page.id).source()
    undo()


@pytest.mark.parametrize(
    ("url", "cloud", "base"),
    [
        ("https://x.atlassian.net/wiki/", True, "https://x.atlassian.net"),
        ("https://x.atlassian.net", True, "https://x.atlassian.net"),
        ("https://wiki.example.org/confluence", None, "https://wiki.example.org/confluence"),
    ],
)
def test_addresses_tell_the_dialect(url: str, cloud: bool | None, base: str) -> None:
    wiki = Confluence(url, "ann@example.org", "s3cret")
    server = wiki.aio.server
    assert server.site.url == base
    assert server.base == base + ("/wiki" if cloud else "")
    assert repr(wiki) == f"Confluence({base!r}, user='ann@example.org')"
    assert repr(wiki.page(1).table("nth:1")) == "Table('nth:1' of page 1)"

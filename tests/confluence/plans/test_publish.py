"""Pages from a template: made once, filled again, never more than their placeholders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
from confluence.conftest import DemoPage
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from support.confluence_pages import anchor, table

from schedkit.confluence import Applied, Confluence, Image, Link, Look, Lozenge, Managed, Markup, Plan
from schedkit.confluence.plans.placeholders import BlockEdit, inline
from schedkit.confluence.plans.template import rendered_template
from schedkit.demo import DemoSite, Faults
from schedkit.errors import (
    BadAnswerError,
    CheckError,
    MalformedPageError,
    NotFoundError,
    RegionError,
    SiteError,
    UnavailableError,
    UsageError,
)

MakePage = Callable[[str], DemoPage]
TEMPLATE = (
    "<h1>Bugs of the week</h1><p>As of {{ day }}: <strong>{{count}}</strong> open.</p>"
    "<p>{{ chart }}</p>\r\n<p> {{ bugs }} </p><p>Written by hand.</p>"
)


def bugs(*summaries: str) -> pd.DataFrame:
    return pd.DataFrame({"Key": [f"K-{n}" for n, _ in enumerate(summaries, 1)], "Summary": list(summaries)})


def values(count: int, *summaries: str) -> dict[str, Any]:
    return {
        "day": date(2026, 1, 2),
        "count": count,
        "chart": Image("chart.png"),
        "bugs": Managed(bugs(*summaries), key="Key", keep=["Comment"]),
    }


def fresh_title(demo: DemoSite) -> str:
    return f"Weekly {len(demo.wiki.pages)} {demo.wiki.new_id()}"


def test_a_page_is_created_then_filled(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    plan = wiki.publish(title, parent=100003, template=TEMPLATE, values=values(2, "one", "two"))
    assert (plan.creates, plan.changed, plan.page_id) == (True, True, None)
    assert f"creates page {title!r} under page 100003" in repr(plan)
    assert demo.wiki.by_title(title) is None
    made = plan.apply()
    page = demo.wiki.by_title(title)
    assert page is not None
    assert (page.id, page.parent, page.body) == (made.page_id, "100003", plan.source)
    assert (made.version, made.written, made.title) == (1, True, title)
    day, count, chart = (block("day", DAY), block("count", "2"), block("chart", CHART))
    rows = [["K-1", "one", ""], ["K-2", "two", ""]]
    assert page.body == (
        f"<h1>Bugs of the week</h1><p>As of {day}: <strong>{count}</strong> open.</p>"
        f"<p>{chart}</p>\r\n<p>{bare('bugs')}</p>{table(['Key', 'Summary', 'Comment'], rows)}"
        "<p>Written by hand.</p>"
    )
    demo.wiki.edit_by_hand(
        page.id, lambda body: body.replace("by hand", "by Ann").replace("two</td><td>", "two</td><td>mine")
    )
    again = wiki.publish(title, parent=100003, template=TEMPLATE, values=values(1, "ONE", "two"))
    assert not again.creates
    assert again.page_id == page.id
    assert repr(again).splitlines()[1:] == [
        "day: nothing to change", "count: 2 → 1", "chart: nothing to change", "bugs: 1 cell changes",
    ]  # fmt: skip
    assert "count: 2 → 1" in again._repr_html_()
    before = page.body
    done = again.apply()
    assert (done.version, done.changed_cells, done.outside) == (3, 2, "identical")
    assert page.body == before.replace(">2<", ">1<").replace("<td>one</td>", "<td>ONE</td>")
    assert "by Ann" in page.body
    assert "two</td><td>mine</td>" in page.body
    assert (
        not wiki.publish(title, parent=100003, template=TEMPLATE, values=values(1, "ONE", "two"))
        .apply()
        .written
    )


DAY = '<time datetime="2026-01-02" />'
CHART = '<ac:image><ri:attachment ri:filename="chart.png" /></ac:image>'


def bare(name: str) -> str:
    return anchor(name).replace(' ac:macro-id="5f1e"', "")


def block(name: str, content: str) -> str:
    return f"{bare(name)}{content}{bare(f'{name}-end')}"


def test_a_page_people_moved_is_filled_where_it_is(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    page = demo.wiki.create(title, f"<p>{anchor('n')}old{anchor('n-end')}</p>", parent="100002")
    done = wiki.publish(title, parent=100003, template="<p>{{ n }}</p>", values={"n": "new"}).apply()
    assert (page.parent, done.page_id, done.version) == ("100002", page.id, 2)
    assert page.body == f"<p>{anchor('n')}new{anchor('n-end')}</p>"


def test_a_lost_answer_makes_no_second_page(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    plan = wiki.publish(title, parent=100003, template="<p>{{ n }}</p>", values={"n": 1})
    demo.faults = Faults(rate=1, kinds=("lost",), method="POST", times=1)
    done = plan.apply()
    assert (done.written, done.version) == (True, 1)
    assert sum(page.title == title for page in demo.wiki.pages.values()) == 1


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


def test_an_existing_page_is_filled(wiki: Confluence, make_page: MakePage) -> None:
    body = f"<p>x {anchor('n')}<em>old</em>{anchor('n-end')} y</p>{anchor('t')}{table(['A'], [['1']])}"
    page = make_page(body)
    managed = wiki.page(page.id)
    plan = managed.fill({"n": Link("new", "https://x"), "t": pd.DataFrame({"A": ["1"]})})
    assert plan.changed
    assert plan.apply().written
    assert page.body == body.replace("<em>old</em>", '<a href="https://x">new</a>')
    assert not managed.fill({"n": Link("new", "https://x")}).changed

    async def again() -> bool:
        other = await wiki.aio.page(page.id).fill({"n": ""})
        return (await other.aio.apply()).written

    assert asyncio.run(again())
    assert f"x {anchor('n')}{anchor('n-end')} y" in page.body
    assert "n: empty → new" in repr(managed.fill({"n": "new"}))


def test_a_managed_frame_has_its_own_looks(wiki: Confluence, demo: DemoSite) -> None:
    frame = bugs("one").assign(Who=["Ann"], Id=["k-1"])
    look = Look(links={"Key": "https://j/browse/{}"}, mentions={"Who": "Id"})
    managed = Managed(frame, key="Key", columns=["Key", "Who"], look=look)
    plan = wiki.publish(fresh_title(demo), parent=100003, template="<p>{{ t }}</p>", values={"t": managed})
    assert '<a href="https://j/browse/K-1">K-1</a>' in plan.source
    cloud = wiki.aio.server.site.credentials.user is not None
    assert f'ri:{"account-id" if cloud else "userkey"}="k-1"' in plan.source


# Templates -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "given", "problem"),
    [
        ("<p>{{ a }}</p>", {}, "'a' has no value"),
        ("<p>{{ a }}{{ a }}</p>", {"a": 1}, "'a' 2 times"),
        ("<p>x</p>", {"a": 1}, "'a' 0 times"),
        ('<p title="{{ a }}">x</p>', {"a": 1}, "inside markup"),
        ("<![CDATA[{{ a }}]]>", {"a": 1}, "inside markup"),
        ("<p>{{ a }}</p>", {"a b": 1}, "invalid placeholder name 'a b'"),
    ],
)
def test_templates_that_do_not_fit(template: str, given: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        rendered_template(template, given, True)


def test_templates_that_are_malformed() -> None:
    with pytest.raises(MalformedPageError, match="the template is not well-formed"):
        rendered_template("<p>{{ a }}", {"a": 1}, True)
    with pytest.raises(MalformedPageError, match="the page made from the template"):
        rendered_template("<p>{{ a }}</p>", {"a": Markup("<b>")}, True)
    with pytest.raises(RegionError, match="twice"):
        rendered_template("<p>{{ a }}</p>", {"a": Managed(bugs("x", "y").assign(Key="K-1"), key="Key")}, True)


def test_names_in_braces_that_are_no_placeholder_stay() -> None:
    assert rendered_template("<p>{{ 1 }} {x} {{}}</p>", {}, True) == "<p>{{ 1 }} {x} {{}}</p>"


@pytest.mark.parametrize(
    ("value", "storage"),
    [
        (None, ""),
        ("a<b\nc", "a&lt;b<br />c"),
        (3.5, "3.5"),
        (date(2026, 1, 2), '<time datetime="2026-01-02" />'),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04"),
        (Lozenge("ok", "Green"), Lozenge("ok", "Green").storage),
    ],
)
def test_values_of_placeholders(value: Any, storage: str) -> None:
    assert inline(value) == storage


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<p />", "0 anchors 'n', 0 anchors 'n-end'"),
        (f"<p>{anchor('n')}</p>", "1 anchors 'n', 0 anchors 'n-end'"),
        (f"<p>{anchor('n-end')}x{anchor('n')}</p>", "no single place"),
        (f"<p>{anchor('n')}x{anchor('n-end')}{anchor('n')}</p>", "2 anchors 'n'"),
        (f"<p>{anchor('n')}x</p><p>{anchor('n-end')}</p>", "different paragraphs or cells"),
    ],
)
def test_places_that_are_not_one(page: str, problem: str) -> None:
    with pytest.raises(RegionError, match=problem):
        BlockEdit("n", "new")(page, "page 7")


def test_a_value_that_breaks_the_page_is_refused() -> None:
    with pytest.raises(MalformedPageError, match="what would become of page 7"):
        BlockEdit("n", "<b>")(f"<p>{anchor('n')}x{anchor('n-end')}</p>", "page 7")


# Placeholders that are text, and templates that grow -------------------------------


JIRA = (
    '<ac:structured-macro ac:name="jira"><ac:parameter ac:name="jqlQuery">project = {{ project }}'
    "</ac:parameter></ac:structured-macro>"
)


def test_parameters_and_titles_get_plain_text(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    given: dict[str, Any] = {"project": Lozenge("A & B", "Blue"), "n": 1}
    template = f"{JIRA}<p>{{{{ project }}}} {{{{ n }}}}</p>"
    plan = wiki.publish(f"{title} {{{{ project }}}}", parent=100003, template=template, values=given)
    assert "project = A &amp; B</ac:parameter>" in plan.source
    assert Lozenge("A & B", "Blue").storage in plan.source
    assert plan.title == f"{title} A & B"
    assert plan.version == 0
    assert plan.apply().title == f"{title} A & B"


def test_what_stands_in_parameters_only_is_set_once(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)

    def plan(project: str, n: int) -> Plan:
        given = {"project": project, "n": n}
        return wiki.publish(title, parent=100003, template=f"{JIRA}<p>{{{{ n }}}}</p>", values=given)

    page_id = plan("APOLLO", 1).apply().page_id
    again = plan("OTHER", 2)
    assert repr(again).splitlines()[1:] == ["project: set when the page was made", "n: 1 → 2"]
    again.apply()
    assert "project = APOLLO<" in demo.wiki.pages[page_id].body


@pytest.mark.parametrize(
    ("template", "where"),
    [
        ("<p>see {{ t }} here</p>", "not allowed inside <p>"),
        ("<h1>{{ t }}</h1>", "not allowed inside <h1>"),
        ("<ul><li>{{ t }}</li></ul>", "not allowed inside <li>"),
        ("<p><strong>{{ t }}</strong></p>", "not allowed inside <strong>"),
        (JIRA.replace("project }}", "t }}"), "where only text is allowed"),
    ],
)
def test_a_table_in_running_text_is_refused_with_its_place(template: str, where: str) -> None:
    with pytest.raises(UsageError, match=f"placeholder 't' is a table, .*{where}"):
        rendered_template(template, {"t": bugs("one")}, True)


@pytest.mark.parametrize(
    "template",
    [
        "{{ t }}",
        '<p local-id="1"> {{ t }} </p>',
        "<ac:layout><ac:layout-cell>{{ t }}</ac:layout-cell></ac:layout>",
        "<div>before {{ t }}</div>",
    ],
)
def test_a_table_stands_where_blocks_stand(template: str) -> None:
    assert "<table>" in rendered_template(template, {"t": bugs("one")}, True)


def test_a_frame_of_too_few_rows_makes_no_page() -> None:
    with pytest.raises(CheckError, match="0 rows, at least 1 expected"):
        rendered_template("<p>{{ t }}</p>", {"t": bugs()}, True)


def test_a_placeholder_that_the_template_gained_is_added(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    wiki.publish(title, parent=100003, template="<p>{{ a }}</p><p>end</p>", values={"a": 1}).apply()
    page = demo.wiki.by_title(title)
    assert page is not None
    template = "<p>{{ a }} {{ b }}</p><p>{{ t }}</p><p>end</p>"
    given = {"a": 1, "b": "new", "t": bugs("one")}
    plan = wiki.publish(title, parent=100003, template=template, values=given)
    assert "b: empty → new" in repr(plan)
    assert "t: a new table" in repr(plan)
    assert plan.added == ["1"]
    before = page.body
    assert plan.apply().written
    assert page.body.startswith(f"{before}<p>{block('b', 'new')}</p><p>{bare('t')}</p><table>")
    assert not wiki.publish(title, parent=100003, template=template, values=given).changed
    # What people took off stays off.
    demo.wiki.edit_by_hand(page.id, lambda body: body.replace(f"<p>{block('b', 'new')}</p>", ""))
    with pytest.raises(RegionError, match="no single place of the placeholder 'b'"):
        wiki.publish(title, parent=100003, template=template, values=given)


# Pages that are found again --------------------------------------------------------


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


def test_a_template_may_be_a_page(wiki: Confluence, make_page: MakePage, demo: DemoSite) -> None:
    template = wiki.page(make_page("<p>{{ n }} bugs</p>").id)
    plan = wiki.publish(fresh_title(demo), parent=100003, template=template, values={"n": 3})
    assert f"<p>{block('n', '3')} bugs</p>" == plan.source

    async def same() -> str:
        made = await wiki.aio.publish(
            fresh_title(demo), parent=100003, template=template.aio, values={"n": 3}
        )
        return made.source

    assert asyncio.run(same()) == plan.source


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"template": 5}, "template=5 is not a template"),
        ({"values": [1]}, r"values=\[1\] is not a mapping"),
        ({"labels": "report"}, "labels='report' is not a list"),
        ({"labels": [1]}, "labels=1 is not a text"),
        ({"key": 5}, "key=5 is not a text"),
        ({"message": None}, "message=None is not a text"),
    ],
)
def test_arguments_that_are_of_another_kind(wiki: Confluence, options: dict[str, Any], problem: str) -> None:
    given = {"parent": 100003, "template": "<p>{{ n }}</p>", "values": {"n": 1}, **options}
    with pytest.raises(UsageError, match=problem):
        wiki.publish("X", **given)


def test_apply_takes_durations_and_flags(wiki: Confluence, make_page: MakePage) -> None:
    page = make_page(f"<p>{anchor('n')}x{anchor('n-end')}</p>")
    plan = wiki.page(page.id).fill({"n": 1})
    with pytest.raises(UsageError, match="invalid duration 'soon'"):
        plan.apply(deadline="soon")
    with pytest.raises(UsageError, match="deadline=-1 is negative"):
        plan.apply(deadline=-1)
    with pytest.raises(UsageError, match="quiet='no' is not True or False"):
        plan.apply(quiet="no")
    assert plan.apply(deadline="10s").written
    assert (plan.region, plan.creates) == ("", False)


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


def test_what_a_template_page_becomes_is_shown_line_by_line(wiki: Confluence, demo: DemoSite) -> None:
    template = "".join(f"<p>line {n} {{{{ v{n} }}}}</p>" for n in range(20))
    given = {f"v{n}": n for n in range(20)}
    shown = repr(wiki.publish(fresh_title(demo), parent=100003, template=template, values=given)).splitlines()
    assert shown[1] == "line 0 0"
    assert shown[-1] == "… 8 further lines"

"""Pages from a template: made once, filled again, never more than their placeholders."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from support.confluence_pages import anchor, table
from support.confluence_templates import bare, block, bugs, fresh_title

from schedkit.confluence import Confluence, Image, Managed
from schedkit.confluence.plans.template import rendered_template
from schedkit.demo import DemoSite
from schedkit.errors import (
    CheckError,
    RegionError,
    UsageError,
)

TEMPLATE = (
    "<h1>Bugs of the week</h1><p>As of {{ day }}: <strong>{{count}}</strong> open.</p>"
    "<p>{{ chart }}</p>\r\n<p> {{ bugs }} </p><p>Written by hand.</p>"
)


def values(count: int, *summaries: str) -> dict[str, Any]:
    return {
        "day": date(2026, 1, 2),
        "count": count,
        "chart": Image("chart.png"),
        "bugs": Managed(bugs(*summaries), key="Key", keep=["Comment"]),
    }


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
        "  Key  Summary", "  K-1  one → ONE",
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


def test_a_page_people_moved_is_filled_where_it_is(wiki: Confluence, demo: DemoSite) -> None:
    title = fresh_title(demo)
    page = demo.wiki.create(title, f"<p>{anchor('n')}old{anchor('n-end')}</p>", parent="100002")
    done = wiki.publish(title, parent=100003, template="<p>{{ n }}</p>", values={"n": "new"}).apply()
    assert (page.parent, done.page_id, done.version) == ("100002", page.id, 2)
    assert page.body == f"<p>{anchor('n')}new{anchor('n-end')}</p>"


# Templates -----------------------------------------------------------------------


# Placeholders that are text, and templates that grow -------------------------------


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


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"template": 5}, "template=5 is not a template"),
        ({"values": [1]}, r"values=\[1\] is not a mapping"),
        ({"labels": [1]}, "labels=1 is not a text"),
        ({"key": 5}, "key=5 is not a text"),
        ({"message": None}, "message=None is not a text"),
    ],
)
def test_arguments_that_are_of_another_kind(wiki: Confluence, options: dict[str, Any], problem: str) -> None:
    given = {"parent": 100003, "template": "<p>{{ n }}</p>", "values": {"n": 1}, **options}
    with pytest.raises(UsageError, match=problem):
        wiki.publish("X", **given)

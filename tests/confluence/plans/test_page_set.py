"""A page for each value of a column, and pages of values that have no rows any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.confluence_templates import fresh_title

from schedkit.confluence import Confluence, Managed, PagesPlan
from schedkit.demo import DemoSite
from schedkit.errors import CheckError, ForbiddenError, UnknownFieldError, UsageError

TEMPLATE = "<h1>{{ value }}</h1><p>{{ count }} bugs</p><p>{{ bugs }}</p>"


def rows(*projects: str) -> pd.DataFrame:
    return pd.DataFrame({"Key": [f"{name}-{n}" for n, name in enumerate(projects)], "Project": projects})


def values(value: str, part: pd.DataFrame) -> Mapping[str, Any]:
    return {"count": len(part), "bugs": Managed(part, key="Key", keep=["Comment"], columns=["Key"])}


class Set:
    """The pages of one title below one parent."""

    def __init__(self, demo: DemoSite, wiki: Confluence) -> None:
        self.demo, self.wiki = demo, wiki
        self.title = fresh_title(demo)
        self.parent = demo.wiki.create(fresh_title(demo), "<p />").id

    def plan(self, *projects: str, **options: Any) -> PagesPlan:
        given = {"title": f"{self.title} {{{{ value }}}}", "parent": self.parent, "values": values, **options}
        frame = given.pop("df", None)
        frame = rows(*projects) if frame is None else frame
        return self.wiki.publish_each(frame, by="Project", template=TEMPLATE, **given)

    def body(self, project: str) -> str:
        title = f"{self.title} {project}"
        return next(page.body for page in self.demo.wiki.pages.values() if page.title == title)


@pytest.fixture
def pages(demo: DemoSite, wiki: Confluence) -> Set:
    return Set(demo, wiki)


def test_each_value_has_a_page(pages: Set) -> None:
    plan = pages.plan("A", "B", "A")
    assert repr(plan).splitlines() == [
        "2 pages: 2 new", f"{pages.title} A: new", f"{pages.title} B: new"
    ]  # fmt: skip
    assert [plan.title for plan in plan.plans] == [f"{pages.title} A", f"{pages.title} B"]
    done = plan.apply()
    assert [each.written for each in done] == [True, True]
    assert ">2<" in pages.body("A")
    again = pages.plan("A", "B", "A")
    assert (again.changed, again.missing, again.notes) == (False, [], [])
    assert repr(again) == "2 pages: 2 unchanged"
    assert [each.written for each in again.apply()] == [False, False]
    changed = pages.plan("A", "B", "B")
    assert repr(changed).splitlines() == [
        "2 pages: 2 changed",
        f"{pages.title} A: count: 2 → 1; 1 row removed",
        f"{pages.title} B: count: 1 → 2; 1 row added",
    ]
    assert f"<p>{pages.title} B: count: 1 → 2; 1 row added</p>" in changed._repr_html_()


def test_by_default_a_page_without_rows_stays_and_is_told(
    pages: Set, caplog: pytest.LogCaptureFixture
) -> None:
    pages.plan("A", "B", "C").apply()
    before = pages.body("B")
    plan = pages.plan("A")
    assert plan.missing == ["B", "C"]
    (note,) = plan.notes
    assert note.startswith("2 pages have no rows any more and stay as they are: B, C (missing_pages=")
    assert note in caplog.text
    assert f"note: {note}" in repr(plan)
    plan.apply()
    assert pages.body("B") == before


def test_a_choice_to_keep_them_is_no_warning(pages: Set, caplog: pytest.LogCaptureFixture) -> None:
    pages.plan("A", "B").apply()
    with caplog.at_level(logging.WARNING):
        plan = pages.plan("A", missing_pages="keep")
    assert plan.notes == ["1 page has no rows any more and stays as it is: B"]
    assert caplog.text == ""


def test_a_marked_page_says_since_when_and_no_more_when_rows_come_back(pages: Set) -> None:
    pages.plan("A", "B").apply()
    plan = pages.plan("A", missing_pages="mark")
    assert repr(plan).splitlines() == [
        "2 pages: 1 changed, 1 unchanged",
        f"{pages.title} B: marked as having no rows",
    ]
    plan.apply()
    assert "No rows" in pages.body("B")
    assert ">B-1<" in pages.body("B"), "its rows stay"
    assert "No rows" not in pages.body("A")
    again = pages.plan("A", missing_pages="mark")
    assert (again.changed, again.missing) == (False, ["B"])
    back = pages.plan("A", "B")
    assert f"{pages.title} B: has rows again" in repr(back)
    back.apply()
    assert "No rows" not in pages.body("B")
    assert not pages.plan("A", "B").changed


def test_an_emptied_page_loses_its_rows_but_not_what_people_wrote(pages: Set, demo: DemoSite) -> None:
    pages.plan("A", "B", "B").apply()
    (id_of_b,) = (page.id for page in demo.wiki.pages.values() if page.title == f"{pages.title} B")
    empty, cell = ">B-1</td><td></td>", ">B-1</td><td>mine</td>"
    assert empty in pages.body("B")
    demo.wiki.edit_by_hand(id_of_b, lambda body: body.replace(empty, cell))
    plan = pages.plan("A", missing_pages="empty")
    plan.apply()
    assert ">0<" in pages.body("B")
    assert "mine" in pages.body("B")
    assert "B-2" not in pages.body("B")
    assert not pages.plan("A", missing_pages="empty").changed


def test_pages_that_people_removed_or_archived_are_not_missed(pages: Set, demo: DemoSite) -> None:
    done = pages.plan("A", "B", "C").apply()
    demo.wiki.delete(done[1].page_id)
    demo.wiki.pages[done[2].page_id].status = "archived"
    known = demo.wiki.pages[pages.parent].properties["schedkit-pages"]
    known.value = {**known.value, f"{pages.title} {{{{ value }}}}: D": "77"}
    plan = pages.plan("A", missing_pages="mark")
    assert (plan.missing, plan.changed) == ([], False)


def test_a_site_that_rewrites_what_it_stores_is_marked_once(pages: Set, demo: DemoSite) -> None:
    demo.wiki.normalise = True
    pages.plan("A", "B").apply()
    assert [done.written for done in pages.plan("A", missing_pages="mark").apply()] == [False, True]
    for _ in range(2):
        again = pages.plan("A", missing_pages="mark")
        assert (again.changed, again.missing) == (False, ["B"])
    pages.plan("A", "B").apply()
    assert not pages.plan("A", "B").changed


def test_a_page_that_may_not_be_edited_is_named(pages: Set, demo: DemoSite) -> None:
    done = pages.plan("A", "B").apply()
    demo.wiki.pages[done[1].page_id].restrictions["update"] = ["boss"]
    with pytest.raises(ForbiddenError, match=f"{pages.title} B"):
        pages.plan("A", missing_pages="mark")


@pytest.mark.parametrize("how", ["mark", "empty"])
def test_too_many_pages_at_once_are_refused(pages: Set, how: str) -> None:
    everything = [f"P{n}" for n in range(10)]
    pages.plan(*everything).apply()
    with pytest.raises(
        CheckError, match="9 of 10 pages would have no rows any more, more than 50%"
    ) as caught:
        pages.plan("P0", missing_pages=how)
    assert caught.value.hint == "write max_drop=1 if that is right"
    assert pages.plan("P0", missing_pages=how, max_drop=None).changed
    assert pages.plan(*everything[:5], missing_pages=how).changed
    assert not pages.plan("P0").changed, "what stays is no drop"


def test_an_empty_frame_is_refused(pages: Set) -> None:
    pages.plan("A").apply()
    with pytest.raises(CheckError, match="the frame has 0 rows, at least 1 expected"):
        pages.plan(missing_pages="empty")
    assert pages.plan(missing_pages="empty", min_rows=0).changed


def test_an_incomplete_extraction_changes_no_page(pages: Set) -> None:
    pages.plan("A", "B").apply()
    frame = rows("A")
    frame.attrs["extraction"] = {"complete": False, "missing_sites": {"ops": "got no answer"}}
    plan = pages.plan(df=frame, missing_pages="empty")
    (note,) = plan.notes
    assert note.startswith("1 page has no rows any more and stays as it is because site ops is missing")
    assert not any(plan.title.endswith(" B") for plan in plan.plans)


def test_rows_without_a_value_and_with_several(pages: Set) -> None:
    frame = pd.DataFrame({"Key": ["K-1", "K-2"], "Project": [["A", "B"], []]})
    plan = pages.plan(df=frame)
    assert plan.notes == ["1 row has no Project, and no page"]
    assert [one.title for one in plan.plans] == [f"{pages.title} A", f"{pages.title} B"]
    assert len(pages.plan(df=pd.DataFrame({"Key": [1, 2], "Project": [None, None]})).notes) == 1
    frame["Project"] = frame["Project"].map(np.array)
    assert len(pages.plan(df=frame).plans) == 2


@pytest.mark.parametrize(
    ("column", "titles"),
    [
        ([2, 10, 1], ["1", "2", "10"]),
        (pd.Categorical(["low", "high", "low"], ["low", "high"]), ["low", "high"]),
        (pd.to_datetime(["2026-03-02", "2026-03-01", None]), ["2026-03-01", "2026-03-02"]),
        (pd.Series(["b", 1, pd.Timestamp("2026-01-01")], dtype=object), ["b", "1", "2026-01-01"]),
        (pd.Series(["a\ud800", "1", 1], dtype=object), ["1", "a?"]),
        (["</p>", "{{ count }}", "x\ny"], ["</p>", "x y", "{{ count }}"]),
    ],
)
def test_values_of_any_kind_have_pages_in_their_order(pages: Set, column: Any, titles: list[str]) -> None:
    frame = pd.DataFrame({"Key": ["K-1", "K-2", "K-3"], "Project": column})
    plan = pages.plan(df=frame)
    assert [one.title for one in plan.plans] == [f"{pages.title} {text}" for text in titles]
    plan.apply()
    assert not pages.plan(df=frame).changed


def test_another_title_below_the_same_parent_is_another_set(pages: Set) -> None:
    pages.plan("A", "B").apply()
    other = pages.plan("A", title=f"{pages.title} other {{{{ value }}}}", missing_pages="empty")
    assert other.missing == []


def test_the_async_side_is_the_same(pages: Set) -> None:
    async def work() -> list[str]:
        title = f"{pages.title} {{{{ value }}}}"
        plan = await pages.wiki.aio.publish_each(
            rows("A"), by="Project", title=title, parent=pages.parent, template=TEMPLATE, values=values
        )
        return [done.title for done in await plan.aio.apply(deadline="30s")]

    assert asyncio.run(work()) == [f"{pages.title} A"]


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"df": [1]}, UsageError, "expected a DataFrame, got list"),
        ({"values": {"count": 1}}, UsageError, "is not a function"),
        (
            {"values": lambda value, part: [1]},
            UsageError,
            r"values= returned \[1\] for 'A', which is not a map",
        ),
        ({"missing_pages": "delete"}, UsageError, "unknown missing_pages='delete'"),
        ({"title": " "}, UsageError, "needs a title"),
        ({"title": "Same"}, UsageError, "2 pages would have the title 'Same'"),
        ({"title": "x" * 250 + "{{ count }} {{ value }}" + "x" * 9}, UsageError, "of 262 characters"),
        ({"df": rows("one", "ONE")}, UsageError, "2 pages would have the title"),
        (
            {"df": pd.DataFrame([[1, 2]], columns=["Project", "Project"])},
            UsageError,
            "two columns of the frame",
        ),
        ({"parent": None}, UsageError, "the pages .* have no parent"),
        ({"min_rows": "1"}, UsageError, "min_rows='1' is not a whole number"),
        ({"max_drop": 2}, UsageError, r"max_drop=2 \(a share, e.g. 50% or 0.5\)"),
        ({"labels": [5]}, UsageError, "labels=5 is not a text"),
        ({"df": pd.DataFrame({"Projekt": ["A"]})}, UnknownFieldError, "no column 'Project'"),
    ],
)
def test_what_does_not_fit(pages: Set, options: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        pages.plan("A", "B", **options)

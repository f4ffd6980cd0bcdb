"""Since when a row may be out of date, and what was changed since."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change, Issue
from schedkit.jira import Jira
from schedkit.jira.table.fields import Field
from schedkit.jira.write.since import Moved, Since, bases, changed_since
from schedkit.jira.write.targets import Target
from tests.jira.conftest import client

BOLD = {
    "type": "doc",
    "content": [
        {"type": "heading", "content": [{"type": "text", "text": "Bold", "marks": [{"type": "strong"}]}]}
    ],
}
AT = pd.Timestamp("2026-01-02T03:04:05.678Z")


def target(id: str, name: str, store: str = "text") -> Target:
    return Target(name, Field(id, name, "string"), store, (id,), name)


@pytest.mark.parametrize(
    ("frame", "attrs", "expected"),
    [
        ({"Key": ["A-1"], "Updated": [AT]}, {}, {"A-1": AT + pd.Timedelta("100ms")}),
        ({"Key": ["A-1"], "Updated": [AT.floor("s")]}, {}, {"A-1": AT.floor("s") + pd.Timedelta("1s")}),
        ({"Key": ["A-1"], "Updated": ["no date"]}, {}, {}),
        ({"Key": ["A-1"], "Updated": [None]}, {"extraction": {"as_of": [AT.isoformat()]}}, {"A-1": AT}),
        ({"Key": ["A-1"]}, {"extraction": {"as_of": [AT.isoformat(), AT.isoformat()]}}, {"A-1": AT}),
        ({"Key": ["A-1"]}, {"extraction": "something else"}, {}),
        ({"Key": ["A-1"]}, {}, {}),
    ],
)
def test_since_when_a_row_may_be_out_of_date(
    demo_site: DemoSite, frame: dict, attrs: dict, expected: dict
) -> None:
    jira = client(demo_site, "cloud").aio
    about = asyncio.run(jira.session())
    about.clock_ahead = timedelta(0)
    made = pd.DataFrame(frame)
    made.attrs = attrs
    assert bases(made, ["A-1"], about) == expected


def moved(field: str, id: str | None, was: str | None, now: str | None, *ids: str | None) -> Moved:
    return Moved(field, id, was, now, *ids)


def since(*changes: Moved) -> Since:
    return Since(frozenset({"A-1"}), changes={"A-1": changes}, unread={"A-2": "not to be seen"})


def test_changes_are_known_by_id_else_by_the_names_of_histories() -> None:
    told = since(
        moved("Fix Version", None, "1.0", None),
        moved("Points", "customfield_2", "3", "5"),
        moved("Team", None, "Red", "Blue"),
    )
    assert told.changed("A-1", target("fixVersions", "Fix Version/s"))
    assert told.changed("A-1", target("customfield_2", "Points"))
    assert not told.changed("A-1", target("customfield_1", "Points")), "another field of that name"
    assert told.changed("A-1", target("customfield_3", "Team")), "either of the fields of that name"
    assert not told.changed("A-1", target("summary", "Summary"))
    assert not told.changed("A-3", target("labels", "Labels"))
    assert told.changed("A-2", target("summary", "Summary"))
    assert not told.untouched("A-2", target("summary", "Summary"), "x", "x")


@pytest.mark.parametrize(
    ("id", "store", "was", "cell", "expected"),
    [
        ("labels", "list", "a b", "a, b", True),
        ("labels", "list", "a b", ("b", "a"), True),
        ("labels", "list", "a b", ("a", "c"), False),
        ("labels", "list", None, None, True),
        ("customfield_3", "list", "Windows Linux, ARM", ("Windows", "Linux, ARM"), True),
        ("customfield_3", "list", None, (), True),
        ("customfield_3", "list", "", None, True),
        ("customfield_3", "list", None, ("Windows",), False),
        ("customfield_3", "list", "Windows", (), False),
        ("description", "text", "h1. *Bold*", "Bold", True),
        ("description", "text", "h1. *Bold*", "# **Bold**", True),
        ("description", "text", "h1. *Bold*", "h1. *Bold*", True),
        ("description", "text", "h1. *Bold*", json.dumps(BOLD, separators=(",", ":")), True),
        ("description", "text", "h1. *Bold*", "Bolder", False),
        ("description", "text", None, "Bold", False),
        ("duedate", "date", "2026-01-02 00:00:00.0", pd.Timestamp("2026-01-02"), True),
        ("customfield_1", "float", "3", 3.0, True),
        ("customfield_1", "float", "3", "many", False),
        ("customfield_1", "float", "3", None, False),
        ("summary", "text", None, "", False),
        ("summary", "text", None, None, True),
    ],
)
def test_a_cell_that_shows_the_value_before(
    id: str, store: str, was: str | None, cell: object, expected: bool
) -> None:
    told = since(moved(id, id, was, "now"), moved(id, id, "now", "later"))
    assert told.untouched("A-1", target(id, id, store), cell, None) is expected


@pytest.mark.parametrize(
    ("changes", "held", "cell", "expected"),
    [
        ([(None, "2.0")], ("1.0", "2.0"), ("1.0",), True),
        ([(None, "2.0")], ("1.0", "2.0"), ("1.0", "3.0"), False),
        ([("1.0", None), (None, "2.0")], ("0.9", "2.0"), ("1.0", "0.9"), True),
        ([("1.0", None), (None, "2.0")], ("0.9", "2.0"), "0.9, 1.0", True),
        ([("1.0", None), (None, "1.0")], ("1.0",), ("1.0",), True),
        ([("Billing, Tax & Co", None)], ("Search",), "Search, Billing, Tax & Co", True),
        ([(None, "1.0")], ("1.0",), None, True),
        ([(None, "1.0")], ("1.0 (final)",), (), False),
        ([(None, "1.0"), ("1.0 (final)", None)], (), (), True),
    ],
)
def test_single_elements_make_up_the_whole_value_before(
    changes: list[tuple[str | None, str | None]], held: tuple[str, ...], cell: object, expected: bool
) -> None:
    """The last two: a version renamed meanwhile, by its id where the changes tell it twice."""
    number = {"1.0 (final)": "1.0"}
    told = since(
        *(
            moved("Fix Version", "fixVersions", was, now, number.get(was or "", was), now)
            for was, now in changes
        )
    )
    assert told.untouched("A-1", target("fixVersions", "Fix versions", "list"), cell, held) is expected


@pytest.mark.parametrize("form", ["frame", "workbook"])
def test_lists_that_others_changed_are_left_alone(dialect: str, tmp_path: Path, form: str) -> None:
    with DemoSite(issues=120) as site:
        jira = client(site, dialect)
        issue = next(
            i for i in site.store.visible() if len(i.fix_versions) and len(i.components) and i.sprints
        )
        columns = ["Fix Versions", "Affects versions", "Components", "Labels", "Sprint", "Linked Issues"]
        frame = jira.keys([issue.key], fields=["Summary", *columns, "Updated"])
        asked = excel.read(excel.write(frame, tmp_path / "issues.xlsx").path) if form == "workbook" else frame
        colleague_edits(site, client(site, dialect), issue)
        plan = jira.edit(asked.assign(Summary="Mine"))
        assert set(plan.frame["Field"]) == {"Summary"}
        assert not plan.aio.conflicts
        assert not plan.aio.refused
        for column in columns[:4]:
            assert f"{column} was changed on the site since: left as it is there (1 issue)" in plan.aio.notes
        mine = frame.assign(Components=pd.Series([("Search", "Mine")]))
        assert [o.detail.partition(":")[0] for o in jira.edit(mine).aio.conflicts] == ["Components"]


def colleague_edits(site: DemoSite, other: Jira, issue: Issue) -> None:
    """Somebody adds an element to each list, and takes one away where there is one."""
    frame = other.keys([issue.key], fields=["Fix Versions", "Affects versions", "Components", "Labels"])
    for column, pool in (
        ("Fix Versions", [v.name for v in issue.project.versions]),
        ("Affects versions", [v.name for v in issue.project.versions]),
        ("Components", [c.name for c in issue.project.components]),
        ("Labels", ["theirs"]),
    ):
        held = frame[column][0]
        more = next(name for name in pool if name not in held)
        frame[column] = pd.Series([(*held[1:], more)])
    assert list(other.edit(frame).apply()["Outcome"]) == ["done"]
    target = next(i for i in site.store.visible() if i.key != issue.key)
    site.store.link(issue.key, target.key)
    site.store.edit(
        issue.key,
        Change("Link", "issuelinks", None, None, target.key, f"This issue blocks {target.key}"),
        Change("Sprint", "sprint", ", ".join(str(s.id) for s in issue.sprints), "before", None, None),
        sprints=(),
    )


@pytest.mark.parametrize("markup", ["text", "markdown", "raw"])
def test_untouched_cells_of_a_row_that_others_changed_are_no_conflict(dialect: str, markup: str) -> None:
    """Empty lists and formatted texts too, in each form in which they can be extracted."""
    columns = ["Summary", "Description", "Release Notes", "Platforms", "Reviewers", "Tags", "Updated"]
    with DemoSite(issues=30) as site:
        markup_text = "h1. Title\n\nSome *bold*, [a link|http://x.example.org] and {{mono}}\n* one\n* two"
        site.store.edit(
            "DEMO-1", description=markup_text, updated=site.store.get("DEMO-1").updated,
            custom={"notes": markup_text, "platforms": None, "reviewers": None, "tags": None},
        )  # fmt: skip
        frame = client(site, dialect).keys(["DEMO-1"], fields=columns, markup=markup)
        other = client(site, dialect)
        theirs = other.keys(["DEMO-1"], fields=columns[1:-1])
        theirs = theirs.assign(Description="Theirs", **{"Release Notes": "Theirs"})
        for column, cell in (("Platforms", "iOS"), ("Tags", "theirs"), ("Reviewers", "Grace Hopper")):
            theirs[column] = pd.Series([(cell,)])
        assert list(other.edit(theirs).apply()["Outcome"]) == ["done"]
        plan = client(site, dialect).edit(frame.assign(Summary="Mine"))
        assert [(row.key, row.field) for row in plan.aio.rows] == [("DEMO-1", "Summary")]
        assert not plan.aio.conflicts
        for column in columns[1:-1]:
            assert f"{column} was changed on the site since: left as it is there (1 issue)" in plan.aio.notes
        mine = frame.assign(Description="Mine", Platforms=pd.Series([("macOS",)]))
        conflicts = client(site, dialect).edit(mine).aio.conflicts
        assert [o.detail.partition(":")[0] for o in conflicts] == ["Description", "Platforms"]


def test_only_what_came_after_counts(dialect: str) -> None:
    with DemoSite(issues=30) as site:
        jira = client(site, dialect)
        before = jira.keys(["DEMO-1", "DEMO-2"])
        site.store.edit(
            "DEMO-1",
            Change("summary", "summary", None, "first", None, "second"),
            Change("priority", "priority", "1", "Highest", "2", "High"),
        )
        site.store.edit("DEMO-1", Change("summary", "summary", None, "second", None, "third"))
        now = jira.keys(["DEMO-1", "DEMO-2"]).set_index("Key")["Updated"].to_dict()
        base = dict(zip(before["Key"], before["Updated"] + pd.Timedelta("100ms"), strict=True))

        async def ask() -> Since:
            async def history(keys):
                return await jira.aio.changelog(keys), {}

            return await changed_since(history, base, now)

        told = asyncio.run(ask())
    assert told.moved == {"DEMO-1"}
    assert set(told.changes) == {"DEMO-1"}
    assert told.untouched("DEMO-1", target("summary", "Summary"), "first", "third"), "what was extracted"
    assert not told.untouched("DEMO-1", target("summary", "Summary"), "second", "third")
    assert not told.unread

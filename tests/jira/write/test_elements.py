"""Versions and components that were renamed since a frame was extracted: nobody changed the cell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from starlette.requests import Request
from starlette.responses import Response

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change, Issue
from schedkit.jira import Jira
from schedkit.jira.table.fields import Field
from schedkit.jira.write.elements import Elements
from schedkit.jira.write.targets import Target
from tests.jira.conftest import client

COLUMNS = ["Summary", "Priority", "Fix Versions", "Components", "Updated"]
VERSION, COMPONENT = ("Fix Versions", "1.0, final"), ("Components", "Search & more")


def one(site: DemoSite, column: str) -> tuple[Issue, str]:
    """An issue with a single version (or component), and its name."""
    slug = "fix_versions" if column == "Fix Versions" else "components"
    issue = next(i for i in site.store.visible() if i.project.key == "DEMO" and len(getattr(i, slug)) == 1)
    return issue, getattr(issue, slug)[0].name


@pytest.fixture(params=["frame", "workbook"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def as_it_comes_back(frame: pd.DataFrame, form: str, folder: Path) -> pd.DataFrame:
    return excel.read(excel.write(frame, folder / "issues.xlsx").path) if form == "workbook" else frame


@pytest.mark.parametrize(("column", "new"), [VERSION, COMPONENT])
def test_a_renamed_element_is_no_edit(
    site: DemoSite, jira: Jira, form: str, tmp_path: Path, column: str, new: str
) -> None:
    """The issue's history does not tell it, and it does not count as updated."""
    issue, old = one(site, column)
    frame = as_it_comes_back(jira.keys([issue.key], fields=COLUMNS), form, tmp_path)
    site.store.rename_element("DEMO", old, new)
    plan = jira.edit(frame)
    assert (len(plan), plan.aio.conflicts, list(plan.aio.refused)) == (0, [], [])
    assert plan.aio.notes == [
        f"{column}: the site has no {old}, taken for the former name of {new} (1 issue)"
    ]
    mine = jira.edit(frame.assign(Summary="Mine"))
    assert set(mine.frame["Field"]) == {"Summary"}
    assert list(mine.apply()["Outcome"]) == ["done"]


@pytest.mark.parametrize(("column", "new"), [VERSION, COMPONENT])
def test_a_renamed_element_beside_a_change_is_written_by_its_present_name(
    site: DemoSite, jira: Jira, column: str, new: str
) -> None:
    issue, old = one(site, column)
    pool = issue.project.versions if column == "Fix Versions" else issue.project.components
    more = next(each.name for each in pool if each.name != old)
    frame = jira.keys([issue.key], fields=COLUMNS)
    site.store.rename_element("DEMO", old, new)
    frame[column] = pd.Series([(old, more)])
    plan = jira.edit(frame)
    assert plan.frame[["Field", "Old", "New"]].values.tolist() == [[column, (new,), (more, new)]]
    assert list(plan.apply()["Outcome"]) == ["done"]
    slug = "fix_versions" if column == "Fix Versions" else "components"
    assert {each.name for each in getattr(site.store.get(issue.key), slug)} == {new, more}


def added(site: DemoSite, dialect: str) -> tuple[Issue, str, str]:
    """An issue to which a colleague has added a version, which its history tells; the names of two more."""
    issue = next(i for i in site.store.visible() if i.project.key == "DEMO" and not i.fix_versions)
    names = [version.name for version in issue.project.versions[:3]]
    frame = client(site, dialect).keys([issue.key], fields=["Fix Versions"])
    frame["Fix Versions"] = pd.Series([(names[0],)])
    assert list(client(site, dialect).edit(frame).apply()["Outcome"]) == ["done"]
    return issue, names[0], names[1]


def test_the_id_of_a_former_name_is_in_the_history(
    site: DemoSite, jira: Jira, dialect: str, form: str, tmp_path: Path
) -> None:
    """Renamed, and then a colleague added another: what the frame shows is what there was."""
    issue, old, more = added(site, dialect)
    # Without Updated the time of the extraction counts, to the millisecond.
    frame = as_it_comes_back(jira.keys([issue.key], fields=COLUMNS[:-1]), form, tmp_path)
    site.store.rename_element("DEMO", old, "1.0, final")
    other = client(site, dialect).keys([issue.key], fields=["Fix Versions"])
    other["Fix Versions"] = pd.Series([("1.0, final", more)])
    assert list(client(site, dialect).edit(other).apply()["Outcome"]) == ["done"]
    plan = jira.edit(frame)
    assert (len(plan), plan.aio.conflicts) == (0, [])
    assert "Fix Versions was changed on the site since: left as it is there (1 issue)" in plan.aio.notes


def test_a_former_name_in_the_history_is_no_edit_and_needs_no_note(
    site: DemoSite, jira: Jira, dialect: str
) -> None:
    issue, old, _ = added(site, dialect)
    frame = jira.keys([issue.key], fields=COLUMNS)
    site.store.rename_element("DEMO", old, "1.0, final")
    plan = jira.edit(frame)
    assert (len(plan), plan.aio.conflicts, plan.aio.notes) == (0, [], [])


def test_a_name_that_means_nothing_is_a_conflict_where_the_issue_was_updated_since(
    site: DemoSite, jira: Jira
) -> None:
    issue, old = one(site, "Fix Versions")
    frame = jira.keys([issue.key], fields=COLUMNS)
    site.store.rename_element("DEMO", old, "1.0, final")
    theirs = Change("summary", "summary", None, issue.summary, None, "Theirs")
    site.store.edit(issue.key, theirs, summary="Theirs")
    plan = jira.edit(frame)
    assert len(plan) == 0
    assert [outcome.detail for outcome in plan.aio.conflicts] == [
        f"Fix Versions: the site has no {old}, it shows 1.0, final; left as it is there"
    ]


@pytest.mark.parametrize(
    ("store", "cell", "unknown", "present", "matched"),
    [
        ("text", "old", [], "new", ("new",)),
        ("text", "new", [], "new", ("new",)),
        ("text", "gone", ["gone"], "gone", ("new",)),
        ("text", None, [], None, None),
        ("list", ("old", "a, b"), [], ("new", "a, b"), None),
        ("list", "old, a, b", [], ("new", "a, b"), None),
        ("list", "a, b, gone", ["gone"], "a, b, gone", ("a, b", "new")),
        ("list", ("gone", "lost"), ["gone", "lost"], ("gone", "lost"), None),
        ("list", 5, [], 5, None),
    ],
)
def test_names_of_a_cell(
    store: str, cell: object, unknown: list[str], present: object, matched: tuple[str, ...] | None
) -> None:
    """Of a field with one version, and of one with several; names may have commas."""
    kind = ("version", None) if store == "text" else ("array", "version")
    target = Target("Version", Field("customfield_1", "Version", *kind), store, ("customfield_1",), "Version")
    elements = Elements({("A", "versions"): {"1": "new", "2": "a, b"}}, {("A-1", "versions"): {"old": "1"}})
    assert elements.unknown("A-1", target, cell) == unknown
    assert elements.present("A-1", target, cell) == present
    if unknown:
        assert elements.matched("A-1", target, cell, ("new",)) == matched


def test_without_the_projects_lists_names_are_compared_with_names(site: DemoSite, jira: Jira) -> None:
    issue, old = one(site, "Fix Versions")
    frame = jira.keys([issue.key], fields=COLUMNS)
    site.store.rename_element("DEMO", old, "1.0, final")
    site.before(lambda request: Response(status_code=404) if request.url.path.endswith("/versions") else None)
    plan = jira.edit(frame)
    assert plan.frame[["Field", "New"]].values.tolist() == [["Fix Versions", (old,)]]


def test_the_lists_are_read_once_and_only_where_such_a_cell_differs(site: DemoSite, jira: Jira) -> None:
    frame = jira.search("project = DEMO", fields=COLUMNS)
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.path.endswith(("/versions", "/components")):
            asked.append(request.url.path.rpartition("/")[2])

    site.before(note)
    jira.edit(frame.assign(Summary="Mine"))
    assert asked == []
    frame["Fix Versions"] = pd.Series([()] * len(frame))
    assert len(jira.edit(frame)) > 1
    assert asked == ["versions"]

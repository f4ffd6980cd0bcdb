"""What nobody changed is never written; what somebody else changed since is shown and left alone."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.demo import DemoSite
from schedkit.demo.world.model import Change
from schedkit.errors import UsageError
from schedkit.jira import Jira
from tests.jira.conftest import client

HOSTILE = [
    "=1+1", "@SUM(A1)", "a\tb", "a, b", "  blanks  ", "quote \" ' `", "{{code}} *b* _i_ -s-",
    "🎉\u200d\U0001f469", "_x0041_ and \x0b", "x" * 32_767 + "the end of a long text",
    "h1. Title\r\n* item\r\n|| a || b ||", "0", "",
]  # fmt: skip


@pytest.fixture
def site():
    with DemoSite(issues=120) as made:
        yield made


@pytest.fixture
def jira(site: DemoSite, dialect: str) -> Jira:
    return client(site, dialect)


def through_excel(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    return excel.read(excel.write(frame, folder / "issues.xlsx").path)


def resaved(path: Path) -> pd.DataFrame:
    """What comes back of a workbook that another program has saved."""
    book = openpyxl.load_workbook(path)
    book.save(path)
    return excel.read(path)


def puts(site: DemoSite) -> int:
    return len(site.requests.matching(method="PUT"))


@pytest.mark.parametrize("markup", ["text", "markdown", "raw"])
def test_an_untouched_workbook_plans_nothing(site: DemoSite, jira: Jira, tmp_path: Path, markup: str) -> None:
    """Every field the site has, with names that hold commas, and hostile texts."""
    for number, text in enumerate(HOSTILE, 1):
        site.store.edit(f"DEMO-{number}", description=text, custom={"notes": text, "customer": text[:200]})
    site.store.edit("DEMO-20", custom={"platforms": ("Linux, ARM",)})
    df = jira.search("project = DEMO ORDER BY key", fields="*all", markup=markup)
    back = through_excel(df, tmp_path)
    again = resaved(excel.write(df, tmp_path / "saved.xlsx", tz="Asia/Kolkata").path)
    for frame in (df, back, again):
        plan = jira.edit(frame)
        assert (len(plan), list(plan.aio.refused), plan.aio.notes) == (0, [], [])


def test_an_untouched_tree_plans_nothing(site: DemoSite, jira: Jira, tmp_path: Path) -> None:
    epic = jira.search("type = Epic", limit=1)["Key"][0]
    df = jira.root(epic, links_depth=1)
    plan = jira.edit(through_excel(df, tmp_path))
    assert (len(plan), list(plan.aio.refused)) == (0, [])


def test_one_change_among_names_with_commas(site: DemoSite, jira: Jira, tmp_path: Path) -> None:
    df = jira.search('project = DEMO AND component = "Billing, Tax & Co" AND sprint is not EMPTY')
    back = through_excel(df, tmp_path)
    keys = list(back["Key"])
    back["Priority"] = ["Lowest" if p != "Lowest" else "Low" for p in back["Priority"]]
    back.loc[0, "Components"] = "Search, Billing, Tax & Co"
    plan = jira.edit(back)
    assert not plan.aio.refused
    changed = plan.frame.groupby("Field")["Key"].agg(list)
    assert changed["Priority"] == keys
    assert changed["Components"] == keys[:1]
    assert set(plan.apply()["Outcome"]) == {"done"}
    assert [c.name for c in site.store.get(keys[0]).components] in (
        ["Search", "Billing, Tax & Co"],
        ["Billing, Tax & Co", "Search"],
    )


def test_a_name_with_a_comma_that_no_issue_shows(site: DemoSite, jira: Jira) -> None:
    df = pd.DataFrame({"Key": ["DEMO-1"], "Platforms": ["Windows, Linux, ARM"]})
    jira.edit(df).apply()
    assert set(site.store.get("DEMO-1").custom["platforms"]) == {"Windows", "Linux, ARM"}


def colleague(site: DemoSite, dialect: str, key: str, **cells: object) -> None:
    """Somebody edits an issue by the interface, which records it in the history."""
    other = client(site, dialect)
    frame = other.keys([key], fields=["Key", *cells])
    for column, value in cells.items():
        frame[column] = pd.Series([value])
    assert list(other.edit(frame, columns=list(cells)).apply()["Outcome"]) == ["done"]


def test_one_new_column_writes_that_column_only(
    site: DemoSite, jira: Jira, dialect: str, tmp_path: Path
) -> None:
    df = jira.search("project = DEMO ORDER BY key", limit=3)
    key = df["Key"][0]
    colleague(site, dialect, key, Summary="Theirs", Labels=("theirs",), Description="Their words")
    theirs = site.store.get(key)
    plans = [
        jira.edit(df.assign(Priority="Low")),
        jira.edit(through_excel(df, tmp_path).assign(Priority="Low")),
        jira.edit(df[["Key", "Summary", "Labels"]].assign(Priority="Low")),
    ]
    for plan in plans:
        assert set(plan.frame["Field"]) == {"Priority"}
        assert not plan.aio.conflicts
        assert any(note.startswith("Summary was changed on the site since") for note in plan.aio.notes)
    assert set(plans[0].apply()["Outcome"]) <= {"done"}
    assert (theirs.summary, theirs.labels) == ("Theirs", ("theirs",))
    assert theirs.priority is not None
    assert theirs.priority.name == "Low"


def test_a_conflict_is_shown_and_left_alone(site: DemoSite, jira: Jira, dialect: str) -> None:
    columns = ["Summary", "Description", "Priority", "Labels", "Due", "Business Value", "Severity", "Updated"]
    df = jira.search("project = DEMO ORDER BY key", fields=columns, limit=2)
    key, other = df["Key"]
    colleague(
        site, dialect, key, Summary="Theirs", Description="Their words", Priority="Highest",
        Labels=("theirs",), Due=pd.Timestamp("2031-01-01"), Severity="Trivial", **{"Business Value": 77.0},
    )  # fmt: skip
    mine = df.assign(
        Summary="Mine", Description="My words", Priority="Lowest", Labels=pd.Series([("mine",)] * 2),
        Due=pd.Timestamp("2032-02-02"), Severity="Minor", **{"Business Value": 1.0},
    )  # fmt: skip
    before = puts(site)
    plan = jira.edit(mine)
    assert {outcome.key for outcome in plan.aio.conflicts} == {key}
    assert set(plan.frame.loc[plan.frame["Key"] == other, "Field"]) == set(columns) - {"Updated"}
    assert "7 cells conflict with changes made there" in repr(plan)
    assert "Summary: the site has Theirs since, the frame Mine" in repr(plan)
    assert "conflict" in plan._repr_html_()
    outcome = plan.apply()
    assert outcome.set_index("Key")["Outcome"].to_dict() == {key: "changed meanwhile", other: "done"}
    assert puts(site) == before + 1
    assert site.store.get(key).summary == "Theirs"


@pytest.mark.parametrize("column", ["Summary", "Description", "Release Notes"])
def test_a_text_changed_between_plan_and_apply(site: DemoSite, jira: Jira, dialect: str, column: str) -> None:
    df = jira.search("project = DEMO ORDER BY key", fields=[column], limit=1)
    key = df["Key"][0]
    plan = jira.edit(df.assign(**{column: "Mine"}), columns=column)
    colleague(site, dialect, key, **{column: "Theirs"})
    before = puts(site)
    outcome = plan.apply()
    assert list(outcome["Outcome"]) == ["changed meanwhile"]
    assert "Theirs" in outcome["Detail"][0]
    assert puts(site) == before


def test_a_comment_since_is_no_conflict(site: DemoSite, jira: Jira) -> None:
    df = jira.search("project = DEMO ORDER BY key", fields=["*default", "Comment"], limit=2)
    site.store.comment(df["Key"][0], "Any news?")
    plan = jira.edit(df.assign(Summary="Mine"))
    assert len(plan) == 2
    assert not plan.aio.refused
    assert not plan.aio.conflicts
    assert set(plan.apply()["Outcome"]) == {"done"}


def test_what_the_same_client_wrote_is_no_conflict(site: DemoSite, jira: Jira) -> None:
    df = jira.search("project = DEMO ORDER BY key", fields=["Summary"], limit=1)
    old = df["Summary"][0]
    jira.edit(df.assign(Summary="First")).apply()
    plan = jira.edit(df.assign(Summary="Second"))
    assert list(plan.frame["New"]) == ["Second"]
    assert list(plan.apply()["Outcome"]) == ["done"]
    untouched = jira.edit(df)
    assert len(untouched) == 0, "an older frame's cell, which nobody touched, does not undo the edit"
    assert old != site.store.get(df["Key"][0]).summary


def test_a_field_that_the_history_does_not_name_is_this_frames_change(site: DemoSite, jira: Jira) -> None:
    df = jira.search("project = DEMO ORDER BY key", fields=["Summary", "Updated"], limit=1)
    site.store.edit(df["Key"][0], Change("labels", "labels", None, "x", None, "y"), labels=("y",))
    plan = jira.edit(df.assign(Summary="Mine"))
    assert list(plan.frame["Field"]) == ["Summary"]
    assert not plan.aio.conflicts


def test_story_points_are_set_in_the_field_of_the_issue(site: DemoSite, dialect: str) -> None:
    jira = client(site, dialect)
    df = jira.search("project = DEMO ORDER BY key", fields=["Story Points"], limit=1)
    plan = jira.edit(df.assign(**{"Story Points": 21.0}))
    assert list(plan.apply()["Outcome"]) == ["done"]
    assert site.store.get(df["Key"][0]).custom["points"] == 21.0


def test_labels_of_columns_with_equal_names_are_understood(jira: Jira) -> None:
    fields = jira.fields()
    ids = list(fields.loc[fields["name"] == "Customer", "id"])
    df = jira.search("project = DEMO", fields=["Customer"], limit=1)
    assert list(df.columns) == ["Key", *(f"Customer ({id})" for id in ids)]
    text = f"Customer ({next(f for f in ids if fields.set_index('id')['type'][f] == 'string')})"
    assert len(jira.edit(df.assign(**{text: "ACME"}))) == 1
    with pytest.raises(UsageError, match="2 fields are called 'Customer'"):
        jira.edit(df[["Key"]].assign(Customer="ACME"))

"""One issue's edit: what the edit screen offers, and how the site shows that it was made."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira
from tests.jira.conftest import client


def test_a_text_that_the_site_writes_in_its_own_way_is_done(site: DemoSite, jira: Jira) -> None:
    """Cloud makes a document of the markup, which reads as other markup with the same words."""
    df = jira.search("project = DEMO ORDER BY key", fields=["Description"], limit=1)
    key = df["Key"][0]
    plan = jira.edit(df.assign(Description="h2. Title\n* one *bold*"))
    undo = site.after(
        lambda entry: (
            site.store.edit(key, description="h2. Title\n\n- one *bold*") if entry.method == "PUT" else None
        )
    )
    outcome = plan.apply()
    undo()
    assert list(outcome["Outcome"]) == ["done"]


def test_without_an_edit_screen_names_are_split_at_commas(site: DemoSite, jira: Jira) -> None:
    def deny(request: Request) -> JSONResponse | None:
        return JSONResponse({}, 403) if request.url.path.endswith("/editmeta") else None

    site.before(deny)
    jira.edit(pd.DataFrame({"Key": ["DEMO-1"], "Platforms": ["Windows, Linux"]})).apply()
    assert set(site.store.get("DEMO-1").custom["platforms"]) == {"Windows", "Linux"}


def test_an_issue_with_both_fields_for_points_is_refused(site: DemoSite) -> None:
    jira = client(site, "cloud")
    fields = jira.fields()
    ids = fields.loc[fields["name"].isin(["Story Points", "Story point estimate"]), "id"]

    def both(request: Request) -> JSONResponse | None:
        if request.url.path.endswith("/editmeta"):
            return JSONResponse({"fields": {id: {} for id in ids}})
        return None

    site.before(both)
    plan = jira.edit(pd.DataFrame({"Key": ["DEMO-1"], "Story Points": [3.0]}))
    assert len(plan) == 0
    assert "DEMO-1 can be edited in 2 of the fields" in repr(plan)
    one = jira.edit(pd.DataFrame({"Key": ["DEMO-1"], "customfield_10016": [3.0]}))
    assert list(one.apply()["Outcome"]) == ["done"]


def test_people_who_are_several(site: DemoSite, jira: Jira) -> None:
    def twins(request: Request) -> JSONResponse | None:
        if request.url.path.endswith("/user/search"):
            rows = [{"displayName": "Sam", "accountId": f"a{n}", "name": f"sam{n}"} for n in range(2)]
            return JSONResponse(rows)
        return None

    site.before(twins)
    plan = jira.edit(pd.DataFrame({"Key": ["DEMO-1"], "Assignee": ["Sam"]}))
    assert "2 users are called 'Sam'" in repr(plan)


def test_columns_may_be_named_in_any_way_the_site_knows(site: DemoSite, jira: Jira) -> None:
    df = pd.DataFrame(
        {"Key": ["DEMO-1"], "summary": ["By id"], " LABELS ": [("odd",)], "Due date": ["2031-02-03"]}
    )
    assert list(jira.edit(df).apply()["Outcome"]) == ["done"]
    issue = site.store.get("DEMO-1")
    assert (issue.summary, issue.labels, issue.due) == ("By id", ("odd",), "2031-02-03")


ESTIMATES = ["Original estimate", "Remaining Estimate"]


def estimates(site: DemoSite, key: str) -> tuple[int | None, int | None]:
    issue = site.store.get(key)
    return issue.estimate, issue.left


@pytest.mark.parametrize(
    ("column", "seconds", "after"),
    [
        ("Original estimate", 93_600, (93_600, 5_400)),
        ("Original estimate", 0, (0, 5_400)),
        ("Remaining Estimate", 2_700, (7_200, 2_700)),
    ],
)
def test_an_estimate_is_written_as_a_duration_and_moves_no_other(
    site: DemoSite, jira: Jira, column: str, seconds: int, after: tuple[int, int]
) -> None:
    site.store.edit("DEMO-3", estimate=7_200, remaining=5_400, spent=None)
    df = jira.keys(["DEMO-3"], fields=["Key", column])
    plan = jira.edit(df.assign(**{column: seconds}))
    assert plan.frame["Field"].tolist() == [column]
    assert plan.apply()["Outcome"].tolist() == ["done"]
    assert estimates(site, "DEMO-3") == after


def test_the_remaining_estimate_that_a_colleague_changed_is_kept(site: DemoSite, jira: Jira) -> None:
    site.store.edit("DEMO-3", estimate=7_200, remaining=5_400)
    df = jira.keys(["DEMO-3"], fields=["Key", "Original estimate"])
    plan = jira.edit(df.assign(**{"Original estimate": 3_600}))
    site.store.edit("DEMO-3", remaining=60)
    assert plan.apply()["Outcome"].tolist() == ["changed meanwhile"]
    assert estimates(site, "DEMO-3") == (7_200, 60)


def test_both_estimates_go_in_one_field(site: DemoSite, jira: Jira) -> None:
    site.store.edit("DEMO-3", estimate=None, remaining=None, spent=None)
    df = jira.keys(["DEMO-3"], fields=["Key", *ESTIMATES])
    plan = jira.edit(df.assign(**{ESTIMATES[0]: 5_400, ESTIMATES[1]: 60}))
    assert plan.apply()["Outcome"].tolist() == ["done"]
    assert estimates(site, "DEMO-3") == (5_400, 60)


@pytest.mark.parametrize(
    ("value", "words"), [(90, "90 seconds .Jira takes whole minutes"), (None, "emptied")]
)
def test_an_estimate_that_jira_cannot_hold_is_refused(
    site: DemoSite, jira: Jira, value: int | None, words: str
) -> None:
    site.store.edit("DEMO-3", estimate=7_200)
    df = jira.keys(["DEMO-3"], fields=["Key", "Original estimate"])
    plan = jira.edit(df.assign(**{"Original estimate": pd.array([value], dtype="Int64")}))
    (refused,) = plan.aio.refused
    assert re.search(words, refused.detail)


@pytest.mark.parametrize("column", ["Time Spent", "Work Ratio", "Creator"])
def test_what_jira_keeps_itself_is_not_written(site: DemoSite, jira: Jira, column: str) -> None:
    df = jira.keys(["DEMO-3"], fields=["Key", "Summary", column])
    with pytest.raises(UsageError, match=f"{column}.*cannot be edited"):
        jira.edit(df, columns=[column])

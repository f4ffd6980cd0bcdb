"""One issue's edit: what the edit screen offers, and how the site shows that it was made."""

from __future__ import annotations

import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse

from schedkit.demo import DemoSite
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

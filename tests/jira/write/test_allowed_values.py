"""What the site does not offer is refused when a write is planned."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira


@pytest.mark.parametrize(
    ("column", "wrong", "hint"),
    [
        ("Priority", "Hihg", "did you mean 'High'?"),
        ("Severity", "S-17", "known: "),
        ("Platforms", ("Linux, ARM", "Linus"), "did you mean"),
        ("Root Cause", "Code / Logik", "did you mean"),
    ],
)
def test_an_edit_is_refused_in_the_plan(jira: Jira, column: str, wrong: Any, hint: str) -> None:
    frame = jira.search("project = DEMO ORDER BY key", fields=["Key", column], limit=2)
    changed = frame.assign(**{column: pd.Series([wrong] * 2, dtype=object)})
    plan = jira.edit(changed, columns=[column])
    assert len(plan.aio.refused) == 2
    assert {row.outcome for row in plan.aio.refused} == {"failed"}
    for row in plan.aio.refused:
        assert f"{column} cannot be " in row.detail
        assert hint in row.detail


def test_what_the_site_offers_is_planned_with_one_question_for_a_project(site: DemoSite, jira: Jira) -> None:
    jql = "project = DEMO AND priority != Low ORDER BY key"
    plan = jira.edit(jira.search(jql, fields=["Key", "Priority"], limit=5).assign(Priority="Low"))
    assert set(plan.frame["New"]) == {"Low"}
    assert site.requests.count(path="/editmeta") == 1
    assert set(plan.apply()["Outcome"]) == {"done"}


def test_new_issues_and_transitions_are_checked_too(jira: Jira) -> None:
    new = pd.DataFrame(
        {"Project": ["DEMO"], "Type": ["Bug"], "Summary": ["One"], "Priority": ["Highset"]}, dtype=object
    )
    (refused,) = jira.create(new).aio.refused
    assert "Priority cannot be 'Highset'" in refused.detail
    open_key = jira.search("project = DEMO AND statusCategory != Done", limit=1)["Key"][0]
    plan = jira.transition([open_key], "Done", resolution="Fxied")
    assert "Resolution" in plan.aio.refused[0].detail


def test_a_field_whose_values_are_not_listed_is_left_to_the_site(jira: Jira) -> None:
    frame = jira.search("project = DEMO ORDER BY key", fields=["Key", "Labels"], limit=1)
    plan = jira.edit(frame.assign(Labels=[("entirely-new",)]))
    assert len(plan.frame) == 1


def test_the_error_is_a_usage_error_when_a_column_holds_another_kind(jira: Jira) -> None:
    frame = jira.search("project = DEMO ORDER BY key", fields=["Key", "Priority"], limit=1)
    with pytest.raises(UsageError, match="no column 'Prio'"):
        jira.edit(frame, columns=["Prio"])

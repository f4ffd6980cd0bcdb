"""Transitions with a resolution, other fields of the screen, and a comment."""

from __future__ import annotations

import pytest

from schedkit.demo import DemoSite
from schedkit.errors import UsageError
from schedkit.jira import Jira


def unfinished(jira: Jira) -> str:
    return str(jira.search("project = DEMO AND status = 'To Do' ORDER BY key", limit=1)["Key"][0])


def test_a_resolution_fields_and_a_comment_go_along(site: DemoSite, jira: Jira) -> None:
    key = unfinished(jira)
    plan = jira.transition(
        key, "Done", resolution="Won't Do", fields={"Assignee": "Demo Analyst"}, comment="As agreed."
    )
    face = repr(plan)
    for words in ("Status: To Do → Done", "Resolution: (empty) → Won't Do", "Comment: (empty) → As agreed."):
        assert words in face
    assert list(plan.apply()["Outcome"]) == ["done"]
    issue = site.store.get(key)
    assert issue.status.name == "Done"
    assert issue.resolution is not None
    assert issue.resolution.name == "Won't Do"
    assert issue.assignee is site.store.catalog.me
    assert [c.text for c in site.store.comments(issue)][-1:] == ["As agreed."]


def test_what_the_screen_needs_is_told_before_anything_is_sent(site: DemoSite, jira: Jira) -> None:
    key = unfinished(jira)
    plan = jira.transition(key, "Closed")
    assert len(plan) == 0
    assert "the transition needs Resolution (give resolution=…)" in repr(plan)
    outcome = jira.transition(key, "Closed", resolution="Duplicate").apply()
    assert list(outcome["Outcome"]) == ["done"]
    assert site.store.get(key).resolution.name == "Duplicate"


def test_what_the_screen_does_not_have_is_told(jira: Jira) -> None:
    key = unfinished(jira)
    plan = jira.transition(key, "In Progress", resolution="Done")
    assert "the transition's screen does not have resolution" in repr(plan)
    assert len(plan) == 0


def test_a_value_that_the_site_refuses(jira: Jira) -> None:
    outcome = jira.transition(unfinished(jira), "Done", resolution="Because").apply()
    assert list(outcome["Outcome"]) == ["failed"]
    assert "Resolution cannot be 'Because' (known: Done, Won't Do," in outcome["Detail"][0]


def test_arguments_that_cannot_be(jira: Jira) -> None:
    with pytest.raises(UsageError, match="the comment is empty"):
        jira.transition("DEMO-1", "Done", comment=" ")
    with pytest.raises(UsageError, match="the site has no field 'Resolutoin'"):
        jira.transition("DEMO-1", "Done", fields={"Resolutoin": "Done"})
    with pytest.raises(UsageError, match="cannot be edited"):
        jira.transition("DEMO-1", "Done", fields={"Created": "2026-01-01"})
    for column, cell in (("Due", "soon"), ("Story Points", "many"), ("Components", 5)):
        with pytest.raises(UsageError, match=f"{cell!r} is not a value of {column}"):
            jira.transition("DEMO-1", "Done", fields={column: cell})


def test_names_with_commas_in_texts_stay_whole(site: DemoSite, jira: Jira) -> None:
    key = unfinished(jira)
    cells = {
        "Components": "Search, Billing, Tax & Co",
        "Platforms": "Linux, ARM, iOS",
        "Reviewers": "O'Brien, Seán, Ada Lovelace",
        "Root Cause": "Code / Logic",
    }
    assert list(jira.transition(key, "Done", fields=cells).apply()["Outcome"]) == ["done"]
    issue = site.store.get(key)
    assert {part.name for part in issue.components} == {"Search", "Billing, Tax & Co"}
    assert set(issue.custom["platforms"]) == {"Linux, ARM", "iOS"}
    assert [user.display for user in issue.custom["reviewers"]] == ["O'Brien, Seán", "Ada Lovelace"]
    assert issue.custom["cause"] == ("Code", "Logic")


def test_people_who_are_not_found_are_told_per_issue(jira: Jira) -> None:
    plan = jira.transition(unfinished(jira), "Done", fields={"Assignee": "Nobody Like This"})
    assert len(plan) == 0
    assert "no user is called 'Nobody Like This'" in repr(plan)

"""What is missing of a history is told."""

from __future__ import annotations

from typing import Any

import pytest
from support.flow_ties import UNTIL, day, entry, frames

from schedkit import flow
from schedkit.jira import to_changelog


@pytest.mark.parametrize(
    ("changelog", "why"),
    [({"total": 100}, "the answer has 1 of 100 changes"), ({"total": 1}, ""), ({}, "")],
)
def test_a_saved_changelog_that_was_cut_is_told(changelog: dict[str, Any], why: str) -> None:
    issues, changes = frames(entry(1, day(6), ("3", "6")), **changelog)
    assert changes.attrs["extraction"]["missing"] == ({"A-1": why} if why else {})
    told = flow.cycle_times(issues, changes, until=UNTIL).attrs["warnings"]
    assert [f"A-1: {why}" in warning for warning in told] == ([True] if why else [])


def test_an_issue_without_a_changelog_is_told() -> None:
    issue = {"id": "11", "key": "A-1", "fields": {"created": day(5)}}
    assert to_changelog(issue).attrs["extraction"]["missing"] == {"A-1": "the answer has no changelog"}


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([entry(1, day(6), ("1", "3")), entry(2, day(8), ("1", "6"))], "A-1, on 2026-01-08 from 'To Do'"),
        ([entry(1, day(6), ("1", "3")), entry(2, day(8), ("3", "6"))], ""),
        # Somebody has clicked twice.
        ([entry(1, day(6), ("1", "3")), entry(2, day(6), ("1", "3")), entry(3, day(8), ("3", "6"))], ""),
        # It is later than what is asked.
        ([entry(1, day(6), ("1", "3")), entry(2, "2026-03-08T09:00:00.000+0000", ("1", "6"))], ""),
    ],
)
def test_a_change_that_is_missing_is_told(entries: list[dict[str, Any]], told: str) -> None:
    issues, changes = frames(*entries)
    warnings = flow.cycle_times(issues, changes, until=UNTIL).attrs["warnings"]
    assert [told in warning for warning in warnings] == ([True] if told else [])


def test_a_status_that_was_renamed_misses_no_change() -> None:
    issues, changes = frames(entry(1, day(6), ("1", "3")), entry(2, day(8), ("3", "6")))
    changes["To"] = changes["To"].replace("Doing", "Started")
    assert flow.cycle_times(issues, changes, until=UNTIL).attrs["warnings"] == []

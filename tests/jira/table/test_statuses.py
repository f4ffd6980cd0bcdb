"""Statuses of a site by id."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.jira.table.statuses import statuses_of


def status(id: object, name: object, key: object, called: str | None = None) -> dict[str, Any]:
    return {"id": id, "name": name, "statusCategory": {"key": key, "name": called}}


def test_one_name_under_two_ids_stays_two() -> None:
    rows = [status("20", "Review", "done", "Done"), status("10", "Review", "indeterminate", "In Progress")]
    assert statuses_of(rows) == {
        "10": {"name": "Review", "category": "In Progress", "key": "indeterminate"},
        "20": {"name": "Review", "category": "Done", "key": "done"},
    }


def test_categories_in_the_user_s_language_and_without_a_name() -> None:
    rows = [status(3, "C", "done"), status("1", "A", "new", "Zu erledigen"), status("9", "X", "odd", "Odd")]
    assert statuses_of(rows) == {
        "1": {"name": "A", "category": "Zu erledigen", "key": "new"},
        "3": {"name": "C", "category": "Done", "key": "done"},
        "9": {"name": "X", "category": "Odd", "key": "odd"},
    }


@pytest.mark.parametrize(
    "answer",
    [None, {"errors": []}, [7], [{"name": "old"}], [status(None, "A", "new")], [status("1", "", "new")]],
)
def test_answers_without_statuses(answer: object) -> None:
    assert statuses_of(answer) == {}


def test_captured_statuses(shared_data) -> None:
    import json

    for name in ("andygrunwald__go-jira/testing__mock-data__all_statuses.json",
                 "mikebowler__jirametrics/spec__complete_sample__sample_statuses.json",
                 "sumoheavy__jira-ruby/spec__mock_responses__status.json"):  # fmt: skip
        rows = json.loads((shared_data / "jira" / name).read_text())
        found = statuses_of(rows)
        assert set(found) == {row["id"] for row in rows if "statusCategory" in row}
        assert all(about["name"] for about in found.values())

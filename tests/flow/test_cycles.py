"""When work began and ended: reopened, sent back, skipped, born done; other names for categories."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from support.flow_example import UNTIL, Example
from support.flow_frames import days, issues, moves

from schedkit.errors import UsageError
from schedkit.flow import WorkingHours, cycle_times
from schedkit.values.durations import parse_duration


def test_the_worked_example(example: Example) -> None:
    times = cycle_times(example.issues, example.changes, until=UNTIL).set_index("Key")
    for column in ("Started", "Finished"):
        expected = pd.to_datetime(example.per_issue[column], utc=True).astype("datetime64[us, UTC]")
        pd.testing.assert_series_equal(times[column], expected)
    lead = {key: parse_duration(text) for key, text in example.per_issue["Lead"].dropna().items()}
    assert times["Lead"].dropna().dt.total_seconds().to_dict() == lead
    cycle = (times["Cycle"] / timedelta(days=1)).round(6)
    assert cycle.fillna(-1).tolist() == example.per_issue["Cycle (d)"].astype(float).fillna(-1).tolist()


def test_the_worked_example_in_working_hours_and_by_the_first_start(example: Example) -> None:
    times = cycle_times(example.issues, example.changes, until=UNTIL, calendar=WorkingHours())
    hours = (times.set_index("Key")["Cycle"] / timedelta(hours=1)).dropna()
    assert hours.to_dict() == example.per_issue["Work h"].astype(float).dropna().to_dict()
    first = cycle_times(example.issues, example.changes, until=UNTIL, begin="first").set_index("Key")
    last = cycle_times(example.issues, example.changes, until=UNTIL).set_index("Key")
    differs = first["Started"].fillna(UNTIL) != last["Started"].fillna(UNTIL)
    assert first.loc[differs, "Started"].to_dict() == {"A-6": pd.Timestamp("2026-03-03T12:00Z")}


def test_reopened_and_closed_again() -> None:
    table = issues(("A-1", "2026-03-02T08:00Z", "Done"), ("A-2", "2026-03-02T08:00Z", "Doing"))
    changes = moves(
        ("A-1", "2026-03-03T08:00Z", "Open", "Doing"),
        ("A-1", "2026-03-04T08:00Z", "Doing", "Done"),
        ("A-1", "2026-03-06T08:00Z", "Done", "Review"),
        ("A-1", "2026-03-09T08:00Z", "Review", "Done"),
        ("A-2", "2026-03-03T08:00Z", "Open", "Done"),
        ("A-2", "2026-03-05T08:00Z", "Done", "Doing"),
    )
    until = "2026-03-10T08:00Z"
    times = cycle_times(table, changes, until=until)
    assert (days(times["Cycle"]), days(times["Lead"])) == ([6, None], [7, None])
    # As it was on a day in between, reopened issues were finished; the second had skipped all work.
    before = cycle_times(table, changes, until="2026-03-05T00:00Z")
    assert (days(before["Cycle"]), days(before["Lead"])) == ([1, None], [2, 1])
    in_hours = cycle_times(table, changes, until=until, calendar=WorkingHours(tz="UTC"))
    # Tuesday 8:00 to Monday 8:00: four working days.
    assert in_hours["Cycle"][0] == pd.Timedelta(hours=32)


def test_by_hand() -> None:
    day = pd.Timestamp("2026-03-02T08:00Z")  # a Monday
    table = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3", "A-4", "A-5"],
            "Created": [day] * 5,
            "Status": ["Done", "Doing", "Done", "Open", "Closed"],
            "Status Category": ["Done", "In Progress", "Done", "To Do", "Done"],
        }
    )
    steps = [
        ("A-1", 1, "Open", "Doing"), ("A-1", 3, "Doing", "Done"),
        ("A-2", 1, "Open", "Done"), ("A-2", 2, "Done", "Doing"),  # reopened: not finished
        ("A-3", 1, "Open", "Doing"), ("A-3", 2, "Doing", "Done"), ("A-3", 3, "Done", "Doing"),
        ("A-3", 4, "Doing", "Done"),  # finished twice: the last counts
        ("A-5", 2, "Open", "Done"), ("A-5", 5, "Done", "Closed"),  # done is done when it is closed later
    ]  # fmt: skip
    changes = pd.DataFrame(
        [(key, day + timedelta(days=n), "status", a, b) for key, n, a, b in steps],
        columns=["Key", "When", "Field", "From", "To"],
    )
    until = day + timedelta(days=9)
    times = cycle_times(table, changes, until=until)
    assert days(times["Cycle"]) == [2, None, 3, None, None]
    assert days(times["Lead"]) == [3, None, 4, None, 2]
    assert times["Started"][1] == day + timedelta(days=2)
    hours = cycle_times(table, changes, until=until, calendar=WorkingHours())
    assert hours["Lead"][2] == pd.Timedelta(hours=32)
    one = cycle_times(table, changes, start="Doing", done="Closed", until=until)
    assert one["Finished"].notna().tolist() == [False, False, False, False, True]
    with pytest.raises(UsageError, match="no issue was ever in 'Nowhere'"):
        cycle_times(table, changes, done="Nowhere")


def test_nothing_begun() -> None:
    times = cycle_times(issues(("A-1", "2026-03-02T00:00Z", "Open")), moves(), until="2026-03-04")
    assert times["Started"].isna().all()
    assert str(times["Started"].dtype) == "datetime64[us, UTC]"


def test_a_status_between_start_and_done_does_not_begin_work_anew() -> None:
    table = issues(("A-1", "2026-03-01", "Done"))
    changes = moves(
        ("A-1", "2026-03-02", "Open", "Doing"),
        ("A-1", "2026-03-03", "Doing", "Review"),
        ("A-1", "2026-03-05", "Review", "Done"),
    )
    assert days(cycle_times(table, changes, start="Doing", until="2026-03-09")["Cycle"]) == [3]


def test_a_status_called_done_whose_category_is_not() -> None:
    statuses = {
        "1": {"name": "Open", "category": "To Do", "key": "new"},
        "3": {"name": "Done", "category": "In Progress", "key": "indeterminate"},
        "6": {"name": "Shipped", "category": "Done", "key": "done"},
    }
    table = issues(("A-1", "2026-03-01", "Shipped"), ("A-2", "2026-03-01", "Done"), statuses=statuses)
    changes = moves(
        ("A-1", "2026-03-02", "Open", "Done", "1", "3"),
        ("A-1", "2026-03-04", "Done", "Shipped", "3", "6"),
        ("A-2", "2026-03-02", "Open", "Done", "1", "3"),
        statuses=statuses,
    )
    times = cycle_times(table, changes, until="2026-03-09")
    assert days(times["Cycle"]) == [2, None]
    assert times["Finished"].notna().tolist() == [True, False]


def test_categories_in_another_language() -> None:
    statuses = {
        "1": {"name": "Offen", "category": "Zu erledigen", "key": "new"},
        "3": {"name": "In Arbeit", "category": "In Bearbeitung", "key": "indeterminate"},
        "6": {"name": "Fertig", "category": "Erledigt", "key": "done"},
    }
    table = issues(("A-1", "2026-03-01", "Fertig"), statuses=statuses)
    changes = moves(
        ("A-1", "2026-03-02", "Offen", "In Arbeit", "1", "3"),
        ("A-1", "2026-03-03", "In Arbeit", "Offen", "3", "1"),
        ("A-1", "2026-03-05", "Offen", "In Arbeit", "1", "3"),
        ("A-1", "2026-03-07", "In Arbeit", "Fertig", "3", "6"),
        statuses=statuses,
    )
    assert days(cycle_times(table, changes)["Cycle"]) == [2]
    own = cycle_times(table, changes, start="In Bearbeitung", done="Erledigt")
    assert days(own["Cycle"]) == [2]
    with pytest.raises(UsageError, match=r"no issue was ever in 'Erledig'.*did you mean 'Erledigt'"):
        cycle_times(table, changes, done="Erledig")


def test_categories_of_the_caller() -> None:
    table = issues(("A-1", "2026-03-01", "Done"), statuses={})
    changes = moves(
        ("A-1", "2026-03-02", "Open", "Doing"),
        ("A-1", "2026-03-03", "Doing", "Open"),
        ("A-1", "2026-03-05", "Open", "Doing"),
        ("A-1", "2026-03-07", "Doing", "Done"),
        statuses={},
    )
    groups = {"Open": "waiting", "Doing": "active", "Done": "closed"}
    times = cycle_times(table, changes, start="active", done="closed", categories=groups)
    assert days(times["Cycle"]) == [2]
    with pytest.raises(UsageError, match="ever in 'In Progress'"):
        cycle_times(table, changes, categories={"Open": "Zu erledigen"})
    with pytest.raises(UsageError, match="begin='middle' is neither"):
        cycle_times(table, changes, begin="middle")

"""Service times and goals: the worked example, calendars, pauses, and Jira's own cycles."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_example import UNTIL, Example
from support.flow_frames import issues, moves

from schedkit.errors import UsageError
from schedkit.flow import WorkingHours, service_times, sla_attainment, sla_cycles

HOUR = pd.Timedelta(hours=1)


def test_the_goal_of_the_worked_example() -> None:
    table = issues(("A-1", "2026-03-06T15:00Z", "Doing"))
    changes = moves(("A-1", "2026-03-09T10:00Z", "Open", "Doing"))
    found = service_times(
        table, changes, to="response", goal="4h", calendar=WorkingHours(), until=UNTIL
    ).iloc[0]
    assert (found["Elapsed"], found["Left"], found["Breached"]) == (3 * HOUR, HOUR, False)
    clock = service_times(table, changes, to="response", goal="4h", until=UNTIL).iloc[0]
    assert (clock["Elapsed"], clock["Left"], clock["Breached"]) == (67 * HOUR, -63 * HOUR, True)


def test_resolution_by_type_and_attainment(example: Example) -> None:
    goals = {"Bug": "6 days", "Story": "7 days"}
    found = service_times(example.issues, example.changes, goal=goals, by="Type", until=UNTIL)
    # Lead: A-1 6 d 1 h, A-2 12 d 3 h, A-3 8 d 4 h, A-4 13 d, A-5 5 d 3 h, A-8 3 d 14.5 h, A-9 0.
    assert found.loc[found["Breached"] & found["Stopped"].notna(), "Key"].tolist() == ["A-2", "A-3", "A-4"]
    assert found.loc[found["Stopped"].isna(), "Breached"].tolist() == [True, True, True]
    met = sla_attainment(found, by="Type").set_index("Type")
    assert met[["Stopped", "Met", "Breached", "Running", "Overdue"]].to_numpy().tolist() == [
        [3, 2, 1, 0, 0], [4, 2, 2, 3, 3],
    ]  # fmt: skip
    assert met["Attainment"].tolist() == [2 / 3, 1 / 2]
    assert met.loc["Bug", "50 %"] == pd.Timedelta(days=5, hours=3)
    only = service_times(example.issues, example.changes, goal={"Bug": 60}, by="Type", until=UNTIL)
    assert set(only["Type"]) == {"Bug"}
    assert only.attrs["left_out"]["without a goal"] == ["A-1", "A-3", "A-4", "A-6", "A-7", "A-8", "A-10"]
    since = service_times(example.issues, example.changes, since="2026-03-03", until=UNTIL)
    assert since["Key"].tolist() == ["A-5", "A-9", "A-10"], "those created since"


def test_paused_statuses_do_not_count() -> None:
    table = issues(("A-1", "2026-03-02T09:00Z", "Done"), ("A-2", "2026-03-02T09:00Z", "Review"))
    changes = moves(
        ("A-1", "2026-03-02T10:00Z", "Open", "Doing"),
        ("A-1", "2026-03-02T11:00Z", "Doing", "Review"),
        ("A-1", "2026-03-03T11:00Z", "Review", "Done"),
        ("A-2", "2026-03-02T13:00Z", "Open", "Review"),
    )
    found = service_times(table, changes, paused=["Review"], until="2026-03-05T00:00Z")
    assert (found["Elapsed"] / HOUR).tolist() == [2, 4]
    hours = service_times(table, changes, paused="Review", calendar=WorkingHours(), until="2026-03-05")
    assert (hours["Elapsed"] / HOUR).tolist() == [2, 4]
    whole = service_times(table, changes, until="2026-03-05", calendar=WorkingHours())
    assert (whole["Elapsed"] / HOUR).tolist() == [10, 24]


def test_a_column_of_instants_stops_the_clock() -> None:
    at = pd.to_datetime(["2026-03-02T12:00Z", "2026-04-01T00:00Z"])
    table = issues(("A-1", "2026-03-02T09:00Z", "Open"), ("A-2", "2026-03-02T09:00Z", "Open")).assign(
        Answered=at
    )
    found = service_times(table, moves(), to="Answered", until="2026-03-03T09:00Z")
    assert (found["Elapsed"] / HOUR).tolist() == [3, 24]
    assert found["Stopped"].notna().tolist() == [True, False], "what lies in the future has not been"


def test_the_cycles_of_jira() -> None:
    cycles = pd.DataFrame(
        {
            "Key": ["A-1", "A-2", "A-3"],
            "Field": ["Time to resolution"] * 3,
            "Started": pd.to_datetime(["2026-03-02T09:00Z"] * 3),
            "Stopped": pd.to_datetime(["2026-03-02T11:00Z", "2026-03-04T09:00Z", None]),
            "Breached": [False, True, False],
            "Elapsed Hours": [2.0, 10.0, 1.0],
            "Goal Hours": [4.0, 4.0, 4.0],
        }
    )
    found = sla_cycles(cycles, until=UNTIL)
    assert found["Key"].tolist() == ["A-1", "A-2"]
    assert (found["Left"] / HOUR).tolist() == [2, -6]
    assert found.attrs["left_out"] == {"still running": ["A-3"]}
    assert sla_attainment(found, by="Field")["Attainment"].tolist() == [0.5]
    running = sla_attainment(sla_cycles(cycles, until=UNTIL, unfinished=True))
    assert running[["Stopped", "Running"]].to_numpy().tolist() == [[2, 1]]
    assert sla_cycles(cycles, since="2026-03-03", until=UNTIL)["Key"].tolist() == ["A-2"]


def test_what_cannot_be(example: Example) -> None:
    frames = example.issues, example.changes
    with pytest.raises(UsageError, match="neither a clock nor a column"):
        service_times(*frames, to="respons")
    with pytest.raises(UsageError, match="there is no status 'Revew'"):
        service_times(*frames, paused="Revew")
    with pytest.raises(UsageError, match="goals by value need a column"):
        service_times(*frames, goal={"Bug": "4h"})
    with pytest.raises(UsageError, match=r"goal: no issue has 'Bgu'.*'Bug'"):
        service_times(*frames, goal={"Bgu": "4h"}, by="Type")
    empty = service_times(example.issues.head(0), example.changes, goal="4h")
    assert empty.empty
    assert sla_attainment(empty)["Attainment"].isna().all()

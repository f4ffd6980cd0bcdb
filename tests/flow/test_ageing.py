"""Work in progress, its age, and the ages at which finished issues left each status."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_example import UNTIL, Example
from support.flow_frames import days, issues, moves

from schedkit.errors import UsageError
from schedkit.flow import History, WorkingHours, ageing, ageing_bands, work_in_progress


def test_the_worked_example(example: Example) -> None:
    old = ageing(example.issues, example.changes, until=UNTIL).set_index("Key")
    expected = example.values["WIP at until"]
    assert dict(zip(old.index, days(old["Age"]), strict=True)) == dict(reversed(expected.items()))
    assert old["Pace"].to_dict() == example.values["pace: share of the 5 finished that were faster"]
    assert old["Status"].to_dict() == {"A-7": "Review", "A-6": "In Progress"}
    assert old.attrs["left_out"] == {
        "created done": ["A-9"],
        "finished without having been in progress": ["A-3"],
    }
    bands = ageing_bands(example.issues, example.changes, until=UNTIL).set_index("Status")
    bands = bands[["50 %", "85 %"]].apply(lambda column: pd.Series(days(column), index=bands.index))
    assert bands.T.to_dict("list") == {"In Progress": [4, 9], "Review": [3, 3]}


def test_work_in_progress_at_the_end_of_each_day(example: Example) -> None:
    daily = work_in_progress(example.issues, example.changes, until=UNTIL)
    assert daily["In Progress"].tolist() == example.flow["In Progress"].tolist()
    assert daily.attrs["partial"] == ["2026-03-15"]
    weekly = work_in_progress(example.issues, example.changes, until=UNTIL, freq="W", since="2026-03-02")
    assert weekly["In Progress"].tolist() == [3, 2]
    typed = work_in_progress(example.issues, example.changes, until=UNTIL, by="Type", freq="W")
    assert typed["Bug"].tolist() == [0, 1, 0]
    assert typed["Story"].tolist() == [0, 2, 2]


def test_ages_by_days_hours_and_groups(example: Example) -> None:
    history = History(example.issues, example.changes, now=UNTIL)
    assert days(ageing(history, days="inclusive")["Age"]) == [12, 2]
    hours = ageing(history, calendar=WorkingHours())["Age"]
    assert (hours / pd.Timedelta(hours=1)).tolist() == [7 * 8 + 5, 0]
    by_type = ageing(history, by="Type").set_index("Key")
    # Stories that were finished took 3, 9 and 2.52 days; the bugs are compared with none of them.
    assert by_type["Pace"].to_dict() == {"A-7": 1.0, "A-6": 0.0}
    assert ageing_bands(history, by="Type")["Issues"].tolist() == [2, 3, 1]
    first = ageing(History(example.issues, example.changes, {"begin": "first"}, now=UNTIL))
    assert dict(zip(first["Key"], days(first["Age"]), strict=True)) == {"A-6": 12, "A-7": 11}


def test_nothing_in_progress_and_nothing_at_all() -> None:
    empty = issues()
    assert ageing(empty, moves(), until=UNTIL).empty
    assert ageing_bands(empty, moves(), until=UNTIL).empty
    assert work_in_progress(empty, moves(), until=UNTIL)["In Progress"].tolist() == [0]
    alone = issues(("A-1", "2026-03-02", "Doing"))
    found = ageing(alone, moves(), until="2026-03-05T00:00Z")
    assert days(found["Age"]) == [3]
    assert found["Pace"].isna().all(), "nothing was finished"


def test_what_cannot_be(example: Example) -> None:
    with pytest.raises(UsageError, match="0 is not a percentile"):
        ageing_bands(example.issues, example.changes, percentiles=[0])
    with pytest.raises(UsageError, match=r"by='Typ': the issues have no such column.*'Type'"):
        ageing(example.issues, example.changes, by="Typ")
    with pytest.raises(UsageError, match="is later than until"):
        ageing(example.issues, example.changes, since="2026-04-01", until="2026-03-01")
    with pytest.raises(UsageError, match="neither 'elapsed' nor 'inclusive'"):
        ageing(example.issues, example.changes, days="whole")
    with pytest.raises(UsageError, match="counts whole days"):
        ageing(example.issues, example.changes, days="inclusive", calendar=WorkingHours())

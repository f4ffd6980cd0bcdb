"""Flow efficiency, blocked time and returns: worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_example import UNTIL, Example
from support.flow_frames import days, issues, moves

from schedkit.errors import UsageError
from schedkit.flow import History, WorkingHours, blocked_time, flow_efficiency, returns


def test_the_efficiency_of_the_worked_example(example: Example) -> None:
    found = flow_efficiency(example.issues, example.changes, until=UNTIL, waiting=["Review"])
    expected = example.values["flow efficiency"]["ratio of sums 23.520833/27.520833"]
    assert round(found["Efficiency"][0], 6) == expected
    assert [round(value, 6) for value in days(found["Active"])] == [23.520833]
    assert [round(value, 6) for value in days(found["Cycle"])] == [27.520833]
    by_type = flow_efficiency(example.issues, example.changes, until=UNTIL, waiting="Review", by="Type")
    # Bugs: A-2 6 of 9, A-5 4 of 4. Stories: A-1 2 of 3, A-4 9 of 9, A-8 2.520833 of 2.520833.
    assert by_type["Efficiency"].round(6).tolist() == [round(10 / 13, 6), round(13.520833 / 14.520833, 6)]


def test_blocked_time_of_the_worked_example(example: Example) -> None:
    found = blocked_time(example.issues, example.changes, until=UNTIL)
    assert (
        dict(zip(found["Key"], days(found["Blocked"]), strict=True))
        == example.values["blocked in progress, days"]
    )
    assert found["Times"].tolist() == [1]
    assert found["Blocked Now"].tolist() == [False]
    then = blocked_time(example.issues, example.changes, until="2026-03-08T12:00Z", by="Type")
    assert (days(then["Blocked"]), then["Blocked Now"].tolist()) == ([2], [True])
    assert then["Type"].tolist() == ["Story"]
    late = blocked_time(example.issues, example.changes, since="2026-03-10T00:00Z", until=UNTIL)
    assert days(late["Blocked"]) == [0.5]
    # Friday 12:00 to Tuesday 12:00: 5 + 8 + 3 working hours.
    hours = blocked_time(example.issues, example.changes, until=UNTIL, calendar=WorkingHours())
    assert (hours["Blocked"] / pd.Timedelta(hours=1)).tolist() == [16]


def flagged(*rows: tuple[str, str, str | None, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["Key", "When", "From", "To"]).assign(Field="Flagged")
    frame["When"] = pd.to_datetime(frame["When"], utc=True).astype("datetime64[us, UTC]")
    return frame.astype({"From": "str", "To": "str"})


def test_a_flag_counts_only_while_in_progress() -> None:
    table = issues(("A-1", "2026-03-01", "Done"), ("A-2", "2026-03-01", "Open"))
    status = moves(
        ("A-1", "2026-03-03", "Open", "Doing"),
        ("A-1", "2026-03-05", "Doing", "Review"),
        ("A-1", "2026-03-08", "Review", "Done"),
    )
    flags = flagged(
        ("A-1", "2026-03-02", None, "Impediment"),
        ("A-1", "2026-03-06", "Impediment", None),
        ("A-1", "2026-03-07", None, "Impediment"),
        ("A-2", "2026-03-02", None, "Impediment"),
    )
    changes = pd.concat([status, flags], ignore_index=True)
    changes.attrs = dict(status.attrs)
    found = blocked_time(table, changes, until="2026-03-20")
    # 3 to 6 March across a change of status, and 7 to 8 March; never in To Do or Done.
    assert (found["Key"].tolist(), days(found["Blocked"]), found["Times"].tolist()) == (["A-1"], [4], [2])
    share = flow_efficiency(table, changes, until="2026-03-20", waiting="Review", flag="Flagged")
    # Of five days two were active, both of them flagged.
    assert (days(share["Active"]), days(share["Cycle"])) == ([0], [5])


def test_returns_of_the_worked_example(example: Example) -> None:
    found = returns(example.issues, example.changes, until=UNTIL)
    assert found.to_dict("list") == {"Key": ["A-2", "A-6"], "Reopened": [1, 0], "Moved Back": [0, 1]}
    total = (found.set_index("Key")[["Reopened", "Moved Back"]].sum(axis=1)).to_dict()
    told = {key: int(count) for key, count in example.per_issue["Returns"].items() if int(count)}
    assert total == told
    by_type = returns(example.issues, example.changes, until=UNTIL, by="Type")
    assert by_type.to_dict("list") == {
        "Type": ["Bug", "Story"], "Issues": [3, 7], "Reopened": [1, 0], "Moved Back": [0, 1],
    }  # fmt: skip
    assert returns(example.issues, example.changes, since="2026-03-10", until=UNTIL).empty


def test_moved_back_by_the_order_of_statuses() -> None:
    table = issues(("A-1", "2026-03-01", "Done"))
    changes = moves(
        ("A-1", "2026-03-02", "Open", "Doing"),
        ("A-1", "2026-03-03", "Doing", "Review"),
        ("A-1", "2026-03-04", "Review", "Doing"),
        ("A-1", "2026-03-05", "Doing", "Done"),
        ("A-1", "2026-03-06", "Done", "Open"),
        ("A-1", "2026-03-07", "Open", "Done"),
    )
    plain = returns(table, changes, until="2026-03-20")
    assert plain[["Reopened", "Moved Back"]].to_numpy().tolist() == [[1, 0]]
    ordered = History(table, changes, {"order": ["Open", "Doing", "Review", "Done"]}, now="2026-03-20")
    assert returns(ordered)[["Reopened", "Moved Back"]].to_numpy().tolist() == [[1, 1]]


def test_what_cannot_be(example: Example) -> None:
    with pytest.raises(UsageError, match="which statuses are waiting is not known"):
        flow_efficiency(example.issues, example.changes)
    with pytest.raises(UsageError, match=r"there is no status 'Reviw'.*'Review'"):
        flow_efficiency(example.issues, example.changes, waiting=["Reviw"])
    empty = example.issues.head(0)
    assert flow_efficiency(empty, example.changes, waiting=["Review"])["Issues"].tolist() == [0]
    assert blocked_time(empty, example.changes).empty
    assert returns(empty, example.changes).empty
    assert returns(empty, example.changes, by="Type").empty

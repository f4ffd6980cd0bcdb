"""The sprint of the worked example: report, velocity, predictability, burndown; and awkward sprints."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_example import SPRINTS, UNTIL, Example, in_sprint
from support.flow_frames import issues, moves

from schedkit.errors import UsageError
from schedkit.flow import (
    History,
    WorkingHours,
    burndown,
    burnup,
    predictability,
    sprint_issues,
    sprint_report,
    throughput,
    velocity,
)


@pytest.fixture(scope="module")
def history(example: Example) -> History:
    return History(*in_sprint(example), now=UNTIL)


def test_the_report_of_the_worked_example(history: History) -> None:
    found = sprint_report(history, sprints=SPRINTS).set_index("What")
    expected = {
        "Committed": (6, 26, "A-1, A-2, A-3, A-4, A-6, A-7"),
        "Completed outside": (1, 1, "A-8"),
        "Added": (2, 2, "A-5, A-10"),
        "Removed": (1, 5, "A-6"),
        "Re-estimated": (1, 5, "A-4"),
        "Completed": (5, 20, "A-1, A-2, A-3, A-4, A-5"),
        "Not completed": (2, 8, "A-7, A-10"),
        "Spilled over": (1, 8, "A-7"),
    }
    rows = {what: (row["Issues"], row["Points"], row["Keys"]) for what, row in found.iterrows()}
    assert rows == expected
    assert found.attrs["without_estimate"] == ["A-10"]
    assert found.attrs["period"] == "2026-03-02 09:00 to 2026-03-13 17:00 UTC"
    by_type = sprint_report(history, sprints=SPRINTS, by="Type")
    sums = by_type.groupby("What")[["Issues", "Points"]].sum()
    assert sums.loc[list(expected)].to_numpy().tolist() == [[n, points] for n, points, _ in expected.values()]


def test_velocity_and_predictability_of_the_worked_example(history: History) -> None:
    found = velocity(history, sprints=SPRINTS).iloc[0]
    assert (found["Committed"], found["Completed"]) == (26, 20)
    assert (found["Committed Issues"], found["Completed Issues"]) == (6, 5)
    assert (found["Done of Committed"], found["Done of Committed Issues"]) == (13, 4)
    three = predictability(history, sprints=SPRINTS).iloc[0]
    assert round(three["Completed ÷ Committed"], 3) == 0.769
    assert round(three["Completed ÷ Committed Issues"], 3) == 0.833
    assert (three["Done ÷ Committed"], round(three["Done ÷ Committed Issues"], 3)) == (0.5, 0.667)
    # Finished in it with a cycle: A-1 3 d, A-5 4 d, A-2 and A-4 9 d: median 4, 95 % 9.
    assert three["Cycle 95 % ÷ 50 %"] == 9 / 4
    spread = velocity(history, sprints=SPRINTS).attrs["spread"]
    assert spread == {"sprints": 1, "mean": 20, "median": 20, "least": 20, "greatest": 20}
    by_type = velocity(history, sprints=SPRINTS, by="Type").set_index("Type")
    assert by_type["Completed"].to_dict() == {"Bug": 7, "Story": 13}
    assert predictability(history, sprints=SPRINTS, by="Type")["Done ÷ Committed"].tolist() == [1, 8 / 21]


def test_the_burndown_of_the_worked_example(history: History) -> None:
    found = burndown(history, sprints=SPRINTS)
    rows = [
        (f"{row.When:%m-%d %H:%M}", row.Event, row.Scope, row.Done, row.Remaining)
        for row in found.itertuples()
    ]
    assert rows == [
        ("03-02 09:00", "start", 26, 0, 26),
        ("03-03 09:00", "A-10 added", 26, 0, 26),
        ("03-05 09:00", "A-5 added", 28, 0, 28),
        ("03-05 10:00", "A-1 done", 28, 3, 25),
        ("03-05 15:00", "A-4 estimate 3 to 8", 33, 3, 30),
        ("03-06 09:00", "A-6 removed", 28, 3, 25),
        ("03-06 12:00", "A-2 done", 28, 8, 20),
        ("03-09 12:00", "A-2 reopened; A-5 done", 28, 5, 23),
        ("03-10 12:00", "A-3 done", 28, 7, 21),
        ("03-11 12:00", "A-2 done", 28, 12, 16),
        ("03-12 09:00", "A-4 done", 28, 20, 8),
        ("03-13 17:00", "close", 28, 20, 8),
    ]
    daily = burndown(history, sprints=SPRINTS, freq="D", calendar=WorkingHours())
    guideline = [23.4, 20.8, 18.2, 15.6, 13, 13, 13, 10.4, 7.8, 5.2, 2.6, 0]
    assert daily["Guideline"].round(6).tolist() == guideline
    assert daily["Remaining"].tolist() == [26, 26, 26, 30, 20, 20, 20, 23, 21, 16, 8, 8]
    by_type = burndown(history, sprints=SPRINTS, freq="D", by="Type").groupby("When")["Remaining"].sum()
    assert by_type.tolist() == daily["Remaining"].tolist()


def test_a_sprint_that_is_not_closed(example: Example) -> None:
    issues_, changes = in_sprint(example)
    then = "2026-03-06T00:00Z"
    found = sprint_report(issues_, changes, sprints=SPRINTS, until=then).set_index("What")
    assert found.loc["Completed", "Keys"] == "A-1"
    assert found.loc["Removed", "Issues"] == 0
    assert found.attrs["period"].endswith("2026-03-06 00:00 UTC (not closed)")
    assert burndown(issues_, changes, sprints=SPRINTS, until=then)["Event"].iloc[-1] == "now"
    running = velocity(issues_, changes, sprints=SPRINTS, until=then)
    assert running.empty
    assert running.attrs["not_closed"] == ["Sprint 1"]
    assert predictability(issues_, changes, sprints=SPRINTS, until=then).empty


def test_a_burnup_by_version_and_epic(example: Example) -> None:
    table, changes = in_sprint(example)
    table = table.assign(**{"Fix Versions": [("1.0",) if n < 3 else () for n in range(len(table))]})
    found = burnup(table, changes, of="1.0", until=UNTIL)
    # are born on 27 February, A-3 on 2 March; done on 5, 10 and (at last) 11 March.
    assert found[["Scope", "Done"]].to_numpy().tolist() == [
        [2, 0], [3, 0], [3, 1], [3, 2], [3, 1], [3, 2], [3, 3], [3, 3],
    ]  # fmt: skip
    points = burnup(table, changes, of="1.0", points="Story Points", freq="D", until=UNTIL, by="Type")
    assert points.groupby("Type")[["Scope", "Done"]].last().to_numpy().tolist() == [[5, 5], [5, 5]]
    later = burnup(table, changes, of="1.0", since="2026-03-09", until=UNTIL)
    assert later["Event"].iloc[0] == "start"
    assert later[["Scope", "Done"]].iloc[0].tolist() == [3, 2]
    epic = burnup(table.assign(Parent=["E-1"] * 10), changes, of="E-1", field="Parent", until=UNTIL)
    assert epic[["Scope", "Done"]].iloc[-1].tolist() == [10, 7]
    with pytest.raises(UsageError, match=r"no issue ever had '2\.0' in Fix Versions"):
        burnup(table, changes, of="2.0")


def sprint_moves(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["Key", "When", "From Id", "To Id"])
    frame["When"] = pd.to_datetime(frame["When"], utc=True).astype("datetime64[us, UTC]")
    return frame.assign(Field="Sprint", From=frame["From Id"], To=frame["To Id"], **{"Field Id": "cf_7"})


def test_issues_that_come_and_go() -> None:
    table = issues(
        *((f"A-{n}", "2026-03-01", "Done" if n in (2, 3) else "Open") for n in range(1, 6))
    ).assign(**{"Sprint Ids": ["1", "1", "1", "1, 2", "2"]})
    changes = pd.concat(
        [
            sprint_moves(
                ("A-1", "2026-03-03", "1", ""), ("A-1", "2026-03-04", "", "1"),  # out and in again
                ("A-2", "2026-03-05", "", "1"),  # added when it was done
                ("A-5", "2026-03-04", "2", "1"), ("A-5", "2026-03-06", "1", "2"),  # in and out again
            ),
            moves(
                ("A-2", "2026-03-03", "Open", "Done"),
                ("A-3", "2026-03-02", "Open", "Done"),
                ("A-3", "2026-03-04", "Done", "Doing"), ("A-3", "2026-03-05", "Doing", "Done"),
            ),
        ],
        ignore_index=True,
    )  # fmt: skip
    table.attrs["statuses"] = changes.attrs["statuses"] = moves().attrs["statuses"]
    found = sprint_issues(table, changes, sprints=SPRINTS, sprint=1, points=None, until=UNTIL).set_index(
        "Key"
    )
    assert found["Outcome"].to_dict() == {
        "A-1": "Not completed", "A-2": "Completed outside", "A-3": "Completed", "A-4": "Not completed",
        "A-5": "Removed",
    }  # fmt: skip
    assert found["Committed"].tolist() == [True, False, False, True, False]
    assert found["Added"].tolist() == [False, False, True, False, True], "A-3 was done and is reopened"
    assert not found["Spilled Over"].any(), "A-4 was in both sprints from its beginning"
    left = burndown(table, changes, sprints=SPRINTS, sprint=1, points=None, until=UNTIL)
    assert left[["Scope", "Done"]].iloc[-1].tolist() == [3, 1]


def test_a_boards_own_columns_and_estimates(example: Example) -> None:
    table, changes = in_sprint(example)
    board = pd.DataFrame({"Column": ["To do", "Doing", "Doing", "Done"], "Status Id": ["1", "3", "4", "6"]})
    board.attrs["board"] = {"estimation": "Story Points"}
    found = velocity(table, changes, sprints=SPRINTS, board=board, until=UNTIL)
    assert found[["Committed", "Completed"]].to_numpy().tolist() == [[26, 20]]
    # Where Review is the last column, what is in it is completed: A-7 too.
    narrow = board.assign(Column=["To do", "Doing", "Done", "Done"])
    narrow.attrs = board.attrs
    wide = velocity(table, changes, sprints=SPRINTS, board=narrow, points=None, until=UNTIL)
    assert wide[["Committed", "Completed"]].to_numpy().tolist() == [[6, 6]]


def test_throughput_by_sprint(history: History) -> None:
    from schedkit.flow import cycle_times

    times = cycle_times(history, by="Type")
    assert throughput(times, sprints=SPRINTS).to_dict() == {"Sprint 1": 6}, "A-9 too, which is in none"
    assert throughput(times, sprints=SPRINTS, by="Type").loc["Sprint 1"].to_dict() == {"Bug": 3, "Story": 3}


def test_which_sprint(history: History) -> None:
    twice = pd.concat([SPRINTS.head(1)] * 2, ignore_index=True).assign(Id=[1, 3])
    with pytest.raises(UsageError, match=r"2 sprints are called 'Sprint 1' .give one of the ids 1, 3"):
        sprint_report(history, sprints=twice, sprint="Sprint 1")
    with pytest.raises(UsageError, match=r"no sprint 'Sprint 9' has begun .did you mean 'Sprint 1'"):
        sprint_report(history, sprints=SPRINTS, sprint="Sprint 9")
    with pytest.raises(UsageError, match="no sprint 'Sprint 2' has begun"):
        sprint_report(history, sprints=SPRINTS, sprint="Sprint 2")
    with pytest.raises(UsageError, match="no sprint has begun"):
        sprint_report(history, sprints=SPRINTS.tail(1))
    with pytest.raises(UsageError, match="neither 'Activated' nor 'Start'"):
        sprint_report(history, sprints=SPRINTS[["Id", "Name"]])
    by_start = SPRINTS.drop(columns="Activated").assign(Id=[1.0, 2.0])
    assert sprint_report(history, sprints=by_start, sprint=1).equals(sprint_report(history, sprints=SPRINTS))


def test_no_issues_at_all(example: Example) -> None:
    table, changes = in_sprint(example)
    empty = sprint_report(table.head(0), changes, sprints=SPRINTS, until=UNTIL)
    assert empty["Issues"].sum() == 0
    assert velocity(table.head(0), changes, sprints=SPRINTS, until=UNTIL)["Completed"].tolist() == [0]
    assert burndown(table.head(0), changes, sprints=SPRINTS, until=UNTIL)["Remaining"].tolist() == [0, 0]
    assert burndown(table.head(0), changes, sprints=SPRINTS, until=UNTIL, by="Type").empty

"""Arrivals against departures, and Little's law: the worked example."""

from __future__ import annotations

import pytest
from support.flow_example import UNTIL, Example
from support.flow_frames import issues, moves

from schedkit.errors import UsageError
from schedkit.flow import flow_balance, littles_law


def test_the_weeks_of_the_worked_example(example: Example) -> None:
    weeks = flow_balance(example.issues, example.changes, since="2026-03-02", until=UNTIL)
    columns = ["Open", "Started", "Reopened", "Withdrawn", "Finished", "Close"]
    assert weeks[columns].to_numpy().tolist() == [[0, 6, 0, 1, 2, 3], [3, 1, 1, 0, 3, 2]]
    assert weeks["Skipped"].tolist() == [1, 1], "A-9 on Sunday, A-3 on Tuesday"
    whole = flow_balance(example.issues, example.changes, until=UNTIL, freq="D")
    assert whole["Close"].tolist() == example.flow["In Progress"].tolist()
    by_type = flow_balance(example.issues, example.changes, since="2026-03-02", until=UNTIL, by="Type")
    assert by_type.groupby("Period")[columns].sum().to_numpy().tolist() == weeks[columns].to_numpy().tolist()


def test_littles_law_of_the_worked_example(example: Example) -> None:
    terms = example.values["Little, 2026-03-02T00Z to 03-15T00Z"]
    found = littles_law(
        example.issues, example.changes, since="2026-03-02T00:00Z", until="2026-03-15T00:00Z"
    ).iloc[0]
    assert found["Mean WIP"] * found["Days"] == pytest.approx(terms["WIP-days"])
    assert found["Mean WIP"] == pytest.approx(terms["mean WIP"], abs=1e-6)
    assert found["Finished"] == terms["finished with cycle"]
    assert found["Per Day"] == pytest.approx(terms["per day"], abs=1e-6)
    assert found["Mean Cycle"] == pytest.approx(terms["mean cycle"])
    assert found["Product"] == pytest.approx(terms["throughput x cycle"], abs=1e-6)
    assert (found["Started"], found["Holds"]) == (6, False)


def test_littles_law_where_it_holds() -> None:
    # One issue a day, each in progress for exactly a day.
    table = issues(*((f"A-{n}", "2026-03-01", "Done") for n in range(1, 11)))
    steps = [
        row
        for n in range(1, 11)
        for row in (
            (f"A-{n}", f"2026-03-{n + 1:02}", "Open", "Doing"),
            (f"A-{n}", f"2026-03-{n + 2:02}", "Doing", "Done"),
        )
    ]
    found = littles_law(table, moves(*steps), since="2026-03-02", until="2026-03-12T00:01Z").iloc[0]
    assert bool(found["Holds"])
    assert found["Mean WIP"] == pytest.approx(1, abs=1e-3)
    assert found["Gap"] == pytest.approx(0, abs=1e-3)


def test_what_cannot_be(example: Example) -> None:
    with pytest.raises(UsageError, match="needs a period"):
        littles_law(example.issues, example.changes, since=None)
    with pytest.raises(UsageError, match="until later than since"):
        littles_law(example.issues, example.changes, since=UNTIL, until=UNTIL)
    empty = example.issues.head(0)
    assert littles_law(empty, example.changes, since="2026-03-01", until=UNTIL)["Started"].tolist() == [0]
    assert flow_balance(empty, example.changes, until=UNTIL)["Close"].tolist() == [0]
    assert flow_balance(empty, example.changes, until=UNTIL, by="Type").empty

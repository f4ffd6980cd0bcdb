"""Findings about the data: the worked example, and each awkward history by hand."""

from __future__ import annotations

import pandas as pd
from support.flow_example import SPRINTS, UNTIL, Example, in_sprint
from support.flow_frames import issues, moves

from schedkit.flow import data_quality


def found(frame: pd.DataFrame) -> dict[str, str]:
    return dict(zip(frame["Finding"], frame["Keys"], strict=True))


def test_the_worked_example(example: Example) -> None:
    told = data_quality(*in_sprint(example), sprints=SPRINTS, until=UNTIL)
    assert found(told) == {
        "Created done": "A-9",
        "Finished without having been in progress": "A-3",
        "Reopened": "A-2",
        "Moved back to To Do": "A-6",
        "Finished without resolution": "A-1, A-2, A-3, A-4, A-5, A-8, A-9",
        "No estimate": "A-9, A-10",
        "Done before its sprint began": "A-8",
        "Created in a running sprint": "A-10",
    }
    assert told["Affects"].notna().all()
    assert (told["Issues"] == told["Keys"].str.split(", ").str.len()).all()
    by_type = data_quality(*in_sprint(example), until=UNTIL, by="Type")
    assert by_type.loc[by_type["Finding"] == "Reopened", "Type"].tolist() == ["Bug"]
    late = data_quality(*in_sprint(example), until=UNTIL, since="2026-03-12")
    assert "Reopened" not in found(late), "A-2 was left alone since"
    assert found(late)["Moved back to To Do"] == "A-6"


def test_histories_that_cannot_be_right() -> None:
    table = issues(
        ("A-1", "2026-03-02", "Done"), ("A-2", "2026-03-02", "Doing"), ("A-3", "2026-03-02", "Open"),
        ("A-4", "2026-03-02", "Doing"),
    ).assign(Resolution=["Fixed", None, None, None])  # fmt: skip
    changes = moves(
        ("A-1", "2026-02-20", "Open", "Doing"),  # before its creation
        ("A-1", "2026-03-05", "Review", "Done"),  # from a status that it was not in
        ("A-2", "2026-03-06", "Open", "Review"),
        ("A-2", "2026-03-04", "Review", "Doing"),  # the later entry has the earlier time
        ("A-3", "2026-09-01", "Open", "Doing"),  # in the future
    ).assign(Entry=["1", "2", "3", "4", "5"])
    table.loc[len(table)] = ["A-5", pd.NaT, "Open", None]
    told = found(data_quality(table, changes, until="2026-03-20"))
    assert told["Changes before its creation"] == "A-1"
    assert told["History with gaps"] == "A-1, A-2"
    assert told["Clock jumps"] == "A-2"
    assert told["Created in progress"] == "A-2, A-4"
    assert told["Without a creation date"] == "A-5"
    assert "Finished without resolution" not in told
    assert "No estimate" not in told, "the data know no such field"


def test_sprints_that_overlap(example: Example) -> None:
    second = SPRINTS.assign(State="active", Activated=SPRINTS["Start"] - pd.Timedelta(days=5))
    frames = in_sprint(example)
    assert found(data_quality(*frames, sprints=second, until=UNTIL))["Sprints that overlap"] == (
        "Sprint 1, Sprint 2"
    )
    apart = second.assign(Board=[1.0, 2.0])
    assert "Sprints that overlap" not in found(data_quality(*frames, sprints=apart, until=UNTIL))


def test_nothing_at_all() -> None:
    assert data_quality(issues(), moves(), sprints=None, until=UNTIL).empty

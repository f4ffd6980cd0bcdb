"""A changelog that was cut in time is read whole; one from which rows were chosen is read as it is."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_frames import issues, moves

from schedkit.flow import as_of, spans, status_spans
from schedkit.flow.slices import uncut
from schedkit.values.whole_history import WholeHistory

ISSUES = issues(("A-1", "2026-03-01", "Done"), ("A-2", "2026-03-01", "Done"), ("A-3", "2026-03-01", "Review"))


@pytest.fixture
def changes() -> pd.DataFrame:
    log = moves(
        ("A-1", "2026-03-02", "Open", "Doing"),
        ("A-3", "2026-03-03", "Open", "Review"),
        ("A-2", "2026-03-04", "Open", "Doing"),
        ("A-1", "2026-03-05", "Doing", "Done"),
        ("A-2", "2026-03-09", "Doing", "Done"),
    )
    names = log.assign(Field="assignee", From="Ann", To="Bob", **{"Field Id": "assignee"})
    both = pd.concat([log, names]).sort_values("When", kind="stable", ignore_index=True)
    both = both.assign(Author=(["Ann", "Ann", "bot", "bot"] * 3)[:10], Entry=[str(n) for n in range(10)])
    both.attrs = {**log.attrs, "history": WholeHistory(both)}
    return both


@pytest.mark.parametrize(
    "cut",
    [
        lambda c: c,
        lambda c: c[c["When"] < "2026-03-04"],
        lambda c: c[c["When"] >= "2026-03-04"],
        lambda c: c[c["When"].between("2026-03-03", "2026-03-05")].sort_values("Key"),
        lambda c: c[c["When"] < "2026-01-01"],
        lambda c: c[["Key", "When", "Field", "From", "To"]].head(3),
    ],
)
def test_a_slice_in_time_is_whole(changes: pd.DataFrame, cut) -> None:
    part = cut(changes)
    found, whole = uncut(part, ISSUES)
    assert whole
    assert len(found) == len(changes)
    assert list(found) == list(part)


def test_chosen_fields_stay_chosen(changes: pd.DataFrame) -> None:
    status = changes[changes["Field"] == "status"]
    found, whole = uncut(status[status["When"] < "2026-03-05"], ISSUES)
    assert whole
    pd.testing.assert_frame_equal(found, status)


def test_chosen_issues_stay_chosen(changes: pd.DataFrame) -> None:
    one = changes[changes["Key"] == "A-1"]
    found, whole = uncut(one[one["When"] < "2026-03-05"], None)
    assert whole
    pd.testing.assert_frame_equal(found, one)
    assert set(spans(one, "Status")["Key"]) == {"A-1"}


@pytest.mark.parametrize(
    "chosen",
    [
        lambda c: c[c["Author"] != "bot"],
        lambda c: c[c["Key"] != "A-3"],
        lambda c: c.assign(To=c["To"].replace("Doing", "At work")).head(4),
        lambda c: c.head(4).assign(Team="Red"),
        lambda c: c.head(4).assign(When=pd.Timestamp("2026-03-02T01:00Z")),
    ],
)
def test_other_choices_are_taken_as_they_are(changes: pd.DataFrame, chosen) -> None:
    part = chosen(changes)
    found, whole = uncut(part, ISSUES)
    assert not whole
    assert found is part


def test_issues_outside_the_frame_do_not_count(changes: pd.DataFrame) -> None:
    rest = changes[changes["Key"] != "A-3"]
    _, whole = uncut(rest[rest["When"] < "2026-03-05"], ISSUES[ISSUES["Key"] != "A-3"])
    assert whole


@pytest.mark.parametrize("until", ["2026-03-02T12:00Z", "2026-03-04T12:00Z", "2026-03-20"])
def test_a_cut_changes_no_value(changes: pd.DataFrame, until: str) -> None:
    table = ISSUES.assign(
        Updated=pd.to_datetime(["2026-03-05", "2026-03-09", "2026-03-12"], utc=True), Assignee="Bob"
    )
    cut = changes[changes["When"] < until]
    pd.testing.assert_frame_equal(
        status_spans(table, cut, until=until), status_spans(table, changes, until=until)
    )
    pd.testing.assert_frame_equal(as_of(table, cut, until), as_of(table, changes, until))
    pd.testing.assert_frame_equal(
        spans(cut, "Assignee", table, until=until), spans(changes, "Assignee", table, until=until)
    )

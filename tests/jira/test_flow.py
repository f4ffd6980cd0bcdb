"""Flow by hand: summer time, reopened issues, renamed statuses, empty frames, windows cut in the middle."""

from __future__ import annotations

import os
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedkit.errors import UsageError
from schedkit.jira import (
    WorkingHours,
    cumulative_flow,
    cycle_times,
    status_spans,
    throughput,
    time_in_status,
)

CATEGORIES = {"Open": "To Do", "Doing": "In Progress", "Review": "In Progress", "Done": "Done"}


def issues(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["Key", "Created", "Status"])
    frame["Created"] = pd.to_datetime(frame["Created"], utc=True).astype("datetime64[us, UTC]")
    frame.attrs["statuses"] = CATEGORIES
    return frame


def moves(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["Key", "When", "From", "To"]).assign(Field="status")
    frame["When"] = pd.to_datetime(frame["When"], utc=True).astype("datetime64[us, UTC]")
    return frame


def days(series: pd.Series) -> list[float | None]:
    return [None if pd.isna(v) else v / timedelta(days=1) for v in series]


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
    spent = time_in_status(table, changes, until=until)
    assert {k: days(spent[k]) for k in spent} == {
        "Open": [1, 1], "Doing": [1, 5], "Review": [3, 0], "Done": [3, 2]
    }  # fmt: skip
    times = cycle_times(table, changes, until=until)
    assert (days(times["Cycle"]), days(times["Lead"])) == ([6, None], [7, None])
    # As it was on a day in between, reopened issues were finished.
    before = cycle_times(table, changes, until="2026-03-05T00:00Z")
    assert (days(before["Cycle"]), days(before["Lead"])) == ([1, 0], [2, 1])
    in_hours = cycle_times(table, changes, until=until, calendar=WorkingHours(tz="UTC"))
    # Tuesday 8:00 to Monday 8:00: four working days.
    assert in_hours["Cycle"][0] == pd.Timedelta(hours=32)


def test_issues_without_history_and_windows_that_cut() -> None:
    table = issues(("A-1", "2026-03-02T00:00Z", "Open"), ("A-2", "2026-03-08T00:00Z", "Open"))
    spans = status_spans(table, moves(), until="2026-03-04T12:00Z")
    assert list(spans["Key"]) == ["A-1"], "the other was not born yet"
    assert days(spans["Duration"]) == [2.5]
    assert spans["Left"].isna().all()
    at_birth = status_spans(table, moves(), until="2026-03-02T00:00Z")
    assert days(at_birth["Duration"]) == [0.0]


@pytest.mark.parametrize("columns", [[], ["Updated"]])
def test_nothing_at_all(columns: list[str]) -> None:
    none, changes = issues().assign(**dict.fromkeys(columns)), moves().assign(**{"From Id": [], "To Id": []})
    assert len(status_spans(none, changes)) == 0
    assert time_in_status(none, changes).empty
    assert list(cycle_times(none, changes)) == ["Key", "Created", "Started", "Finished", "Cycle", "Lead"]
    none.attrs = {}
    assert len(cycle_times(none, changes)) == 0
    assert cumulative_flow(none, changes).empty
    assert throughput(cycle_times(none, changes)).empty


def test_nothing_begun() -> None:
    times = cycle_times(issues(("A-1", "2026-03-02T00:00Z", "Open")), moves(), until="2026-03-04")
    assert times["Started"].isna().all()
    assert str(times["Started"].dtype) == "datetime64[us, UTC]"


def test_histories_older_than_their_issue() -> None:
    """As an import leaves them."""
    table = issues(("A-1", "2026-03-02T00:00Z", "Done"))
    changes = moves(
        ("A-1", "2026-02-01T00:00Z", "Open", "Doing"), ("A-1", "2026-03-04T00:00Z", "Doing", "Done")
    )
    spans = status_spans(table, changes, until="2026-03-05T00:00Z")
    assert list(spans["Status"]) == ["Open", "Doing", "Done"]
    assert days(spans["Duration"]) == [0, 2, 1]


def renamed() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = issues(("A-1", "2026-03-02T00:00Z", "Done"), ("A-2", "2026-03-02T00:00Z", "Doing"))
    table["Updated"] = pd.to_datetime(["2026-03-09T00:00Z", "2026-03-04T00:00Z"], utc=True)
    changes = moves(
        ("A-1", "2026-03-03T00:00Z", "Open", "In Work"),
        ("A-1", "2026-03-05T00:00Z", "In Work", "Finished"),
        ("A-2", "2026-03-04T00:00Z", "Open", "In Work"),
    )
    changes["From Id"], changes["To Id"] = ["1", "3", "1"], ["3", "9", "3"]
    return table, changes


def test_statuses_that_were_renamed_since() -> None:
    table, changes = renamed()
    spans = status_spans(table, changes, until="2026-03-08T00:00Z")
    assert list(spans["Status"]) == ["Open", "Doing", "Done", "Open", "Doing"]
    times = cycle_times(table, changes, until="2026-03-08T00:00Z")
    assert days(times["Cycle"]) == [2, None]


def test_an_issue_that_moved_on_since_it_was_extracted_renames_nothing() -> None:
    table, changes = renamed()
    late = moves(("A-2", "2026-03-07T00:00Z", "In Work", "Finished"))
    late["From Id"], late["To Id"] = ["3"], ["9"]
    spans = status_spans(table, pd.concat([changes, late]), until="2026-03-08T00:00Z")
    assert list(spans["Status"]) == ["Open", "In Work", "Done", "Open", "In Work", "Done"]


def test_frames_that_have_been_through_a_workbook_or_another_zone() -> None:
    table = issues(("A-1", "2026-03-02T00:00Z", "Done"))
    changes = moves(("A-1", "2026-03-04T00:00Z", "Open", "Done"))
    expected = cycle_times(table, changes, until="2026-03-05")
    for other in (
        table.assign(Created=table["Created"].dt.tz_localize(None)),
        table.assign(Created=table["Created"].dt.tz_convert("Asia/Kolkata")),
        table.assign(Created=table["Created"].astype("str")),
        table.assign(Created=table["Created"].astype("datetime64[ns, UTC]")),
    ):
        shifted = changes.assign(When=changes["When"].dt.tz_convert("America/New_York"))
        pd.testing.assert_frame_equal(cycle_times(other, shifted, until="2026-03-05"), expected)
    with pytest.raises(UsageError, match="Created holds what is no instant"):
        cycle_times(table.assign(Created="soon"), changes)


def test_days_that_have_no_midnight_or_two() -> None:
    """In São Paulo a day began at one o'clock, in Havana one has two midnights."""
    table = issues(("A-1", "2018-11-04T02:30Z", "Open"), ("A-2", "2018-11-04T03:30Z", "Open"))
    flow = cumulative_flow(table, moves(), tz="America/Sao_Paulo", until="2018-11-05T12:00Z")
    assert list(flow["Open"]) == [1, 2, 2]
    assert str(flow.index[1]) == "2018-11-04 01:00:00-02:00"
    table = issues(("A-1", "2026-11-01T03:59Z", "Open"), ("A-2", "2026-11-01T04:30Z", "Open"))
    flow = cumulative_flow(table, moves(), tz="America/Havana", until="2026-11-02T12:00Z")
    assert list(flow["Open"]) == [1, 2, 2]


def test_days_of_23_and_25_hours() -> None:
    rows = [("A-1", "2026-03-28T22:59Z"), ("A-2", "2026-03-29T21:59Z"), ("A-3", "2026-03-29T22:00Z")]
    table = issues(*((key, at, "Open") for key, at in rows))
    flow = cumulative_flow(table, moves(), tz="Europe/Berlin", until="2026-03-31T00:00Z")
    assert list(flow["Open"]) == [1, 2, 3, 3]
    rows = [("A-1", "2026-10-24T21:59Z"), ("A-2", "2026-10-25T22:59Z"), ("A-3", "2026-10-25T23:00Z")]
    table = issues(*((key, at, "Open") for key, at in rows))
    flow = cumulative_flow(table, moves(), tz="Europe/Berlin", until="2026-10-26T12:00Z")
    assert list(flow["Open"]) == [1, 2, 3]
    finished = pd.Series(pd.to_datetime([at for _, at in rows], utc=True))
    assert throughput(finished, "D", tz="Europe/Berlin").tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda i, m: status_spans(i, m, until="junk"), "'junk' is no instant"),
        (lambda i, m: status_spans(i, m, until=pd.NaT), "NaT is no instant"),
        (lambda i, m: cumulative_flow(i, m, freq="QQQ"), "freq='QQQ' is no frequency"),
        (lambda i, m: cumulative_flow(i, m, tz="Mars"), "no time zone 'Mars'"),
        (lambda i, m: throughput(i["Created"], "QQQ"), "freq='QQQ' is no period"),
        (lambda i, m: throughput(i["Created"], tz="Mars"), "no time zone 'Mars'"),
        (lambda i, m: cycle_times(i, m, categories={"Open": "Zu erledigen"}), "ever in 'In Progress'"),
    ],
)
def test_what_cannot_be(call, words: str) -> None:  # type: ignore[no-untyped-def]
    table = issues(("A-1", "2026-03-02T00:00Z", "Open"))
    table.attrs = {}
    with pytest.raises(UsageError, match=words):
        call(table, moves())


HOUR = pd.Timestamp("2026-03-27T00:00Z")
HISTORY = st.lists(st.tuples(st.integers(-50, 400), st.sampled_from(list(CATEGORIES))), max_size=8)


@settings(max_examples=1000 if os.environ.get("SCHEDKIT_THOROUGH") else 20)
@given(
    histories=st.lists(st.tuples(st.integers(0, 200), HISTORY), min_size=1, max_size=5),
    until=st.integers(0, 450),
)
def test_time_in_all_statuses_is_the_age(histories, until: int) -> None:  # type: ignore[no-untyped-def]
    end = HOUR + timedelta(hours=until)
    rows, steps = [], []
    for number, (born, history) in enumerate(histories):
        status = "Open"
        for at, new in sorted(history, key=lambda step: step[0]):
            steps.append((f"A-{number}", (HOUR + timedelta(hours=at)).isoformat(), status, new))
            status = new
        rows.append((f"A-{number}", (HOUR + timedelta(hours=born)).isoformat(), status))
    table, changes = issues(*rows), moves(*steps)
    born = table.set_index("Key")["Created"]
    ages = (end - born[born <= end]).sort_index()
    spent = time_in_status(table, changes, until=end)
    assert (spent.sum(axis=1).sort_index() == ages).all()
    assert len(spent) == len(ages)
    spans = status_spans(table, changes, until=end)
    assert (spans["Duration"] >= timedelta(0)).all()
    # A calendar that never rests counts every hour but those that summer time gives or takes.
    always = WorkingHours("mon-sun", "00:00", "24:00", "UTC")
    pd.testing.assert_series_equal(
        status_spans(table, changes, until=end, calendar=always)["Duration"], spans["Duration"]
    )
    flow = cumulative_flow(table, changes, tz="Europe/Berlin", until=end)
    if len(ages):
        assert flow.sum(axis=1).iloc[-1] == len(ages)
        assert flow.sum(axis=1).is_monotonic_increasing
        assert (flow >= 0).all(axis=None)
    times = cycle_times(table, changes, until=end)
    done = times.dropna(subset=["Finished"])
    assert (done["Cycle"] >= timedelta(0)).all()
    assert (done["Lead"] >= done["Cycle"]).all()
    assert throughput(times).sum() == len(done)


INSTANT = st.integers(0, 400 * 24 * 60).map(
    lambda minutes: pd.Timestamp("2026-01-01T00:00Z") + timedelta(minutes=minutes)
)


@settings(max_examples=1000 if os.environ.get("SCHEDKIT_THOROUGH") else 50)
@given(
    three=st.tuples(INSTANT, INSTANT, INSTANT),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
    off=st.sets(st.integers(0, 400), max_size=20),
)
def test_working_time_adds_up(three, zone: str, off: set[int]) -> None:  # type: ignore[no-untyped-def]
    holidays = [date(2026, 1, 1) + timedelta(days=number) for number in off]
    hours = WorkingHours("mon-fri", "08:30", "17:15", zone, holidays)
    a, b, c = three
    assert hours.between(a, c) == hours.between(a, b) + hours.between(b, c)
    begin, end = sorted((a, c))
    worked = hours.between(begin, end)
    assert timedelta(0) <= worked
    local = [stamp.tz_convert(zone).date() for stamp in (begin, end)]
    most = np.busday_count(local[0], local[1] + timedelta(days=1), holidays=holidays)
    assert worked <= most * timedelta(hours=8.75)

"""Throughput and cumulative flow: days of 23 and 25 hours, days without a midnight, zones."""

from __future__ import annotations

import pandas as pd
import pytest
from support.flow_example import UNTIL, Example
from support.flow_frames import issues, moves

from schedkit.errors import UsageError
from schedkit.flow import cumulative_flow, cycle_times, throughput


def test_the_worked_example(example: Example) -> None:
    flow = cumulative_flow(example.issues, example.changes, until=UNTIL, states="category")
    assert list(flow) == list(example.flow)
    assert flow.index.strftime("%Y-%m-%d").tolist() == list(example.flow.index)
    assert flow.to_numpy().tolist() == example.flow.to_numpy().tolist()
    berlin = cumulative_flow(
        example.issues, example.changes, until=UNTIL, states="category", tz="Europe/Berlin"
    )
    differs = (berlin.to_numpy() != flow.to_numpy()).any(axis=1)
    assert berlin[differs].to_numpy().tolist() == [[5, 1, 0]]
    assert berlin.index[differs].strftime("%Y-%m-%d").tolist() == ["2026-03-01"]


def test_the_throughput_of_the_worked_example(example: Example) -> None:
    times = cycle_times(example.issues, example.changes, until=UNTIL)
    expected = example.values["throughput per week Mon-Sun from 2026-02-23"]
    week = {"freq": "W", "since": "2026-02-23", "until": UNTIL}
    assert throughput(times, **week).tolist() == expected["UTC"]
    assert throughput(times, tz="Europe/Berlin", **week).tolist() == expected["Berlin"]
    worked = times[times["Cycle"].notna()]
    assert throughput(worked, **week).tolist() == expected["UTC, only with a cycle time"]
    days = throughput(times, "D", since="2026-03-01", until=UNTIL)
    assert days.tolist() == example.values["throughput per day from 2026-03-01 to 2026-03-15"]
    starts = times["Started"].dropna()
    assert throughput(starts, **week).tolist() == example.values["starts per week (by Started)"]


def test_periods_without_any_finish() -> None:
    none = pd.Series([], dtype="datetime64[us, UTC]")
    assert throughput(none).empty
    assert throughput(none, "D", since="2026-03-01").empty
    assert throughput(none, "D", since="2026-03-01", until="2026-03-03").tolist() == [0, 0, 0]


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


@pytest.mark.parametrize("tz", ["local", "+05:30", "europe/berlin"])
def test_zones_as_everywhere_else(tz: str) -> None:
    table = issues(("A-1", "2026-03-02T12:00Z", "Open"))
    assert len(cumulative_flow(table, moves(), tz=tz, until="2026-03-02T13:00Z")) == 1


@pytest.mark.parametrize(
    ("period", "end", "days"),
    [
        ("M", "ME", ["2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]),
        ("2M", "2ME", ["2026-03-31", "2026-05-31"]),
        ("Q", "QE", ["2026-03-31", "2026-06-30"]),
        ("Q-FEB", "QE-FEB", ["2026-05-31"]),
        ("Y-MAR", "YE-MAR", ["2026-03-31"]),
    ],
)
def test_both_names_that_pandas_has_for_a_long_period(period: str, end: str, days: list[str]) -> None:
    table = issues(("A-1", "2026-03-02T12:00Z", "Open"), ("A-2", "2026-04-02T12:00Z", "Open"))
    for freq in (period, end):
        flow = cumulative_flow(table, moves(), freq=freq, until="2026-06-30T13:00Z")
        assert flow.index.strftime("%Y-%m-%d").tolist() == days
    by_period, by_end = (throughput(table["Created"], freq) for freq in (period, end))
    pd.testing.assert_series_equal(by_period, by_end)
    assert by_period.sum() == 2
    empty = throughput(table["Created"][:0], end)
    assert isinstance(empty.index, pd.PeriodIndex)
    assert not len(empty)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda i, m: cumulative_flow(i, m, freq="QQQ"), "freq='QQQ' is not a frequency"),
        (lambda i, m: cumulative_flow(i, m, tz="Mars"), "unknown time zone 'Mars'"),
        (lambda i, m: throughput(i["Created"], "QQQ"), "freq='QQQ' is not a period"),
        (lambda i, m: throughput(i["Created"], tz="Mars"), "unknown time zone 'Mars'"),
        (lambda i, m: throughput(i), "neither Finished nor Resolved"),
    ],
)
def test_what_cannot_be(call, words: str) -> None:
    table = issues(("A-1", "2026-03-02T00:00Z", "Open"))
    with pytest.raises(UsageError, match=words):
        call(table, moves())

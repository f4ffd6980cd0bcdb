"""Forecasts: the example with an exact answer, seeds, zones, and a backtest against plain loops."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_example import UNTIL, Example
from support.flow_frames import issues, moves

from schedkit.errors import UsageError
from schedkit.flow import History, backtest, forecast_how_many, forecast_when

MONDAY = pd.Timestamp("2026-03-02T00:00Z")


def finished(*days: int, born: str = "2026-01-01") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Issues that were finished at noon, so many days after that Monday."""
    at = [MONDAY + timedelta(days=day, hours=12) for day in days]
    table = issues(*((f"A-{n}", f"{born}T00:00Z", "Done") for n in range(len(at))))
    steps = [(f"A-{n}", day.isoformat(), "Open", "Done") for n, day in enumerate(at)]
    return table, moves(*steps)


def test_the_forecast_with_an_exact_answer() -> None:
    """Days of 0, 0 and 1 finishes: P(within k days) = 1 − (2/3)^k."""
    history = History(*finished(2), now=MONDAY + timedelta(days=3))
    when = forecast_when(history, n=1, since=MONDAY, sample="day")
    assert when["Days"].tolist() == [2, 5, 8]
    assert when["Date"].dt.strftime("%m-%d").tolist() == ["03-06", "03-09", "03-12"]
    many = forecast_how_many(history, to="2026-03-10", since=MONDAY, sample="day")
    assert many["At Least"].tolist() == [2, 1, 0]
    assert when.attrs["days"] == 3
    assert "only 1 days of the past have a finish" in when.attrs["warnings"][-1]
    assert sum(when.attrs["outcomes"][None].values()) == when.attrs["trials"] == 10_000
    again = forecast_when(history, n=1, since=MONDAY, sample="day")
    assert again.attrs["outcomes"] == when.attrs["outcomes"], "the same seed gives the same answer"
    other = forecast_when(history, n=1, since=MONDAY, sample="day", seed=2)
    assert other.attrs["outcomes"] != when.attrs["outcomes"]


def test_quiet_weekends_stay_quiet() -> None:
    # Two weeks: one finish on each weekday, none at weekends. It is Saturday.
    history = History(*finished(0, 1, 2, 3, 4, 7, 8, 9, 10, 11), now=MONDAY + timedelta(days=12))
    when = forecast_when(history, n=1, since=MONDAY - timedelta(days=2))
    assert when["Days"].tolist() == [3, 3, 3], "Monday, for certain"
    assert when["Date"].dt.day_name().unique().tolist() == ["Monday"]
    many = forecast_how_many(history, to="2026-03-20", since=MONDAY - timedelta(days=2))
    assert many["At Least"].tolist() == [5, 5, 5]


def test_a_begun_day_is_no_sample() -> None:
    table, changes = finished(0, 1, 2, 3, 4, 5, 6)
    noon = MONDAY + timedelta(days=6, hours=18)
    found = forecast_when(table, changes, n=1, since=MONDAY, until=noon, sample="day")
    assert found.attrs["days"] == 6
    assert found["Date"].tolist() == [pd.Timestamp("2026-03-09")] * 3, "the first whole day"
    # In Auckland that day is over, and the first of them had begun in the evening before.
    east = forecast_when(table, changes, n=1, since=MONDAY, until=noon, sample="day", tz="Pacific/Auckland")
    assert (east.attrs["days"], east["Date"].iloc[0]) == (6, pd.Timestamp("2026-03-10"))


def test_the_days_before_any_issue_are_no_quiet_days(example: Example) -> None:
    found = forecast_how_many(example.issues, example.changes, to="2026-03-20", until=UNTIL)
    assert found.attrs["days"] == 17, "26 February to 14 March"
    assert found.attrs["finished"] == 7
    # From each value of the column, apart.
    split = forecast_how_many(example.issues, example.changes, to="2026-03-20", until=UNTIL, by="Type")
    assert split["Type"].unique().tolist() == ["Bug", "Story"]
    assert split.groupby("Type")["At Least"].first().sum() <= found["At Least"].iloc[0] + 1


def test_forever() -> None:
    history = History(*finished(0), now=MONDAY + timedelta(days=84))
    found = forecast_when(history, n=5_000, trials=10, since=MONDAY)
    assert found["Days"].isna().all()
    assert found["Date"].isna().all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h: forecast_when(h, n=0), "n=0 is not a number above 0"),
        (lambda h: forecast_when(h, n=1, trials=True), "trials=True is not a number above 0"),
        (lambda h: forecast_when(h, n=1, sample="week"), "neither 'weekday' nor 'day'"),
        (
            lambda h: forecast_when(h, n=1, since=MONDAY + timedelta(days=1)),
            "nothing was finished in",
        ),
        (lambda h: forecast_when(h, n=1, since=MONDAY), "3 days do not have every day of the week"),
        (lambda h: forecast_how_many(h, to="2026-01-01", sample="day"), "not within ten years"),
        (lambda h: backtest(h, days=0), "days=0 is not a number above 0"),
    ],
)
def test_what_cannot_be(call, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call(History(*finished(0), now=MONDAY + timedelta(days=3)))


def test_a_backtest_of_a_steady_team() -> None:
    # One finish on every day: each forecast of n days is n, and holds.
    history = History(*finished(*range(60), born="2026-03-01"), now=MONDAY + timedelta(days=60))
    found = backtest(history, days=7, past=14, since=MONDAY).set_index("Percentile")
    assert found.loc[85, ["Forecasts", "Held", "Share"]].tolist() == [6, 6, 1]
    assert round(found.loc[85, "From"], 3) == 0.61, "Wilson's interval of 6 in 6"
    assert found.loc[85, "To"] == pytest.approx(1)
    # A team that stops: the forecasts made of the good time no longer hold, and then there is none.
    stopped = History(*finished(*range(30), born="2026-03-01"), now=MONDAY + timedelta(days=58))
    after = backtest(stopped, days=7, past=14, since=MONDAY).set_index("Percentile")
    assert after.loc[85, "Held"] < after.loc[85, "Forecasts"]
    # It stops after day 29: on days 51 and 44 the past 14 days have no finish.
    assert after.attrs["not_made"] == 2
    assert backtest(stopped, days=90, past=90).empty
    assert backtest(issues(), moves()).empty


@settings(max_examples=10)
@given(counts=st.lists(st.integers(0, 3), min_size=40, max_size=60))
def test_a_backtest_by_plain_loops(counts: list[int]) -> None:
    days = [day for day, count in enumerate(counts) for _ in range(count)]
    history = History(*finished(*days, born="2026-03-01"), now=MONDAY + timedelta(days=len(counts)))
    found = backtest(history, days=7, past=21, since=MONDAY, sample="day", trials=200, seed=3, by=None)
    rng = np.random.default_rng(3)
    held, made, end = {50: 0, 85: 0, 95: 0}, 0, len(counts)
    while end - 7 - 21 >= 0:
        past = counts[end - 28 : end - 7]
        came = sum(counts[end - 7 : end])
        if any(past):
            made += 1
            totals = sorted(np.array(past)[rng.integers(0, 21, size=(200, 7))].sum(axis=1).tolist())
            for each in held:
                # At least so many percent of the trials have this many or more.
                told = max(n for n in range(22) if sum(t >= n for t in totals) * 100 >= each * 200)
                held[each] += came >= told
        end -= 7
    told = {row.Percentile: (row.Held, row.Forecasts) for row in found.itertuples()}
    assert told == ({each: (count, made) for each, count in held.items()} if made else {})

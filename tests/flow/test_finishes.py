"""Finishes as they were known at each instant: those of a cut of the history at that instant."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_frames import issues, moves

from schedkit.flow import History, backtest
from schedkit.flow.finishes import Finishes

BEGIN = pd.Timestamp("2026-03-02T00:00Z")
NAMES = ("Open", "Doing", "Done")


def at(hours: int) -> pd.Timestamp:
    return BEGIN + timedelta(hours=hours)


def edges(*hours: int) -> Any:
    return np.array([at(hour).tz_localize(None).to_datetime64() for hour in hours], dtype="datetime64[us]")


@settings(max_examples=40)
@given(
    histories=st.lists(
        st.lists(st.tuples(st.integers(0, 60), st.sampled_from(NAMES)), min_size=1, max_size=6), max_size=5
    ),
    end=st.integers(1, 70),
)
def test_they_are_those_of_a_cut(histories: list[list[tuple[int, str]]], end: int) -> None:
    rows, steps = [], []
    for number, history in enumerate(histories):
        key, ordered = f"A-{number}", sorted(history, key=lambda step: step[0])
        (born, was), *later = ordered
        for hour, name in later:
            steps.append((key, at(hour).isoformat(), was, name))
            was = name
        rows.append((key, at(born).isoformat(), was))
    known = History(issues(*rows), moves(*steps), now=at(100))
    limits = edges(*range(0, end, 5), end)
    finished = known.cut(at(end)).finished
    expected = [int(((finished >= first) & (finished < last)).sum()) for first, last in pairwise(limits)]
    found = Finishes.of(known)
    assert found.counts(limits).tolist() == expected
    halves = [found.among(np.arange(place, len(rows), 2)).counts(limits) for place in (0, 1)]
    assert (halves[0] + halves[1]).tolist() == expected


def test_an_issue_reopened_later_was_finished_then() -> None:
    table = issues(("A-1", "2026-03-01", "Done"))
    changes = moves(
        ("A-1", at(10).isoformat(), "Open", "Done"),
        ("A-1", at(20).isoformat(), "Done", "Doing"),
        ("A-1", at(30).isoformat(), "Doing", "Done"),
    )
    found = Finishes.of(History(table, changes, now=at(100)))
    assert found.counts(edges(0, 9, 19)).tolist() == [0, 1]
    assert found.counts(edges(0, 11, 20)).tolist() == [0, 0], "reopened at that instant"
    assert found.counts(edges(0, 29, 31)).tolist() == [0, 1], "once, by its last finish"


def test_a_backtest_in_a_zone_and_by_group() -> None:
    # On each day one bug is finished at 23:00 UTC, which is the next day in Berlin, and two stories at noon.
    days = range(70)
    done = [("Bug", hour) for hour in (24 * day + 23 for day in days)]
    done += [("Story", 24 * day + 12) for day in days for _ in range(2)]
    table = issues(*((f"A-{n}", "2026-03-01", "Done") for n in range(len(done))))
    table["Type"] = [kind for kind, _ in done]
    steps = [(f"A-{n}", at(hour).isoformat(), "Open", "Done") for n, (_, hour) in enumerate(done)]
    history = History(table, moves(*steps), now=at(24 * 70))
    found = backtest(history, days=7, past=14, since=BEGIN + timedelta(days=1), by="Type", tz="Europe/Berlin")
    # The summer time that begins on 29 March makes no day empty: every forecast is exact, and holds.
    assert found["Type"].unique().tolist() == ["Bug", "Story"]
    assert found["Forecasts"].unique().tolist() == [7]
    assert found["Held"].unique().tolist() == [7]

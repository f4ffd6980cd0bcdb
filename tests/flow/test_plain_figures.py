"""Figures of generated histories, against plain loops over hours that share no code with the functions."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_histories import CATEGORY, START, frames, histories, hours, states, worked

from schedkit.flow import (
    History,
    ageing,
    blocked_time,
    control_chart,
    cumulative_flow,
    cycle_histogram,
    cycle_percentiles,
    cycle_times,
    flow_balance,
    flow_efficiency,
    littles_law,
    returns,
    time_in_status,
    work_in_progress,
)

EXAMPLES = 200 if os.environ.get("SCHEDKIT_THOROUGH") else 12
HOUR = timedelta(hours=1)


def by_hour(steps: list[tuple[int, str]], until: int) -> list[str | None]:
    """The status in which an issue was in each hour up to that which begins at `until`."""
    found: list[str | None] = []
    for entered, status in steps:
        found += [found[-1] if found else None] * (entered - len(found))
        found[entered:] = [status]
    return (found + [found[-1] if found else None] * (until + 1))[: until + 1]


def phases(statuses: list[str | None]) -> list[str | None]:
    return [None if status is None else CATEGORY[status] for status in statuses]


def rank(values: list[int], percentile: int) -> int | None:
    """The smallest of the values that at least so many percent do not exceed, by counting."""
    for value in sorted(values):
        if sum(other <= value for other in values) * 100 >= percentile * len(values):
            return value
    return None


def as_hours(cell: Any) -> float | None:
    return None if pd.isna(cell) else cell / HOUR


@settings(max_examples=EXAMPLES)
@given(issues=histories(), until=st.integers(1, 420), since=st.integers(0, 419))
def test_times_ages_and_shares(issues: Any, until: int, since: int) -> None:
    table, log = frames(issues)
    since = min(since, until)
    history = History(table, log, {"waiting": ["Review"]}, now=hours(until))
    scans = [states(issue, until) for issue in issues]
    lines = [by_hour(steps, until) for steps in scans]
    ends = [worked(steps) for steps in scans]
    cycles = {
        n: finished - started
        for n, (started, finished) in enumerate(ends)
        if started is not None and finished is not None and finished >= since
    }

    percentiles = cycle_percentiles(history, since=hours(since)).iloc[0]
    assert percentiles["Issues"] == len(cycles)
    for each in (50, 70, 85, 95):
        assert as_hours(percentiles[f"{each} %"]) == rank(list(cycles.values()), each)

    bars = cycle_histogram(history, since=hours(since)).set_index("Days")["Issues"]
    counted = Counter(max(1, math.ceil(hour / 24)) for hour in cycles.values())
    assert {day: n for day, n in bars.items() if n} == counted

    chart = control_chart(history, since=hours(since), rolling=2)
    order = sorted(cycles, key=lambda n: (ends[n][1], n))
    assert chart["Key"].tolist() == [f"A-{n}" for n in order]
    for place, cell in enumerate(chart["Rolling 85 %"]):
        both = [cycles[n] for n in order[place - 1 : place + 1]] if place else []
        assert as_hours(cell) == (max(both) if both else None)

    ages = {
        f"A-{n}": until - started
        for n, (started, _) in enumerate(ends)
        if started is not None and phases(lines[n])[until] == "In Progress"
    }
    old = ageing(history, since=hours(since)).set_index("Key")
    assert {key: as_hours(age) for key, age in old["Age"].items()} == ages
    for key, pace in old["Pace"].items():
        if cycles:
            assert pace == sum(c < ages[key] for c in cycles.values()) / len(cycles)

    active = sum(
        status != "Review" and CATEGORY[str(status)] == "In Progress"
        for n in cycles
        for status in lines[n][slice(*ends[n])]
    )
    share = flow_efficiency(history, since=hours(since)).iloc[0]
    assert as_hours(share["Active"]) == active
    assert as_hours(share["Cycle"]) == sum(cycles.values())


@settings(max_examples=EXAMPLES)
@given(
    issues=histories(),
    until=st.integers(1, 420),
    since=st.integers(0, 419),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Havana"]),
)
def test_counts_and_balance(issues: Any, until: int, since: int, zone: str) -> None:
    table, log = frames(issues)
    since = min(since, until - 1)
    history = History(table, log, now=hours(until))
    scans = [states(issue, until) for issue in issues]
    lines = [phases(by_hour(steps, until)) for steps in scans]
    daily = work_in_progress(history, tz=zone)["In Progress"]
    for day, count in daily.items():
        over = pd.Timestamp((day + 1).start_time).tz_localize(
            ZoneInfo(zone), ambiguous=True, nonexistent="shift_forward"
        )
        last = min(math.ceil((over - START) / HOUR), until + 1) - 1
        assert count == sum(line[last] == "In Progress" for line in lines)

    table_of = flow_balance(history, freq="D", tz=zone)
    change = table_of["Started"] + table_of["Reopened"] - table_of["Withdrawn"] - table_of["Finished"]
    assert (table_of["Open"] + change == table_of["Close"]).all()
    assert table_of["Close"].tolist() == daily.tolist()
    pairs = Counter(
        (CATEGORY[was] if was else "To Do", CATEGORY[now])
        for steps in scans
        for (_, was), (_, now) in zip([(0, None), *steps], steps, strict=False)
    )
    assert table_of["Reopened"].sum() == pairs["Done", "In Progress"]
    assert table_of["Withdrawn"].sum() == pairs["In Progress", "To Do"]
    assert table_of["Skipped"].sum() == pairs["To Do", "Done"]

    back = returns(history, since=hours(since))
    expected = {}
    for n, steps in enumerate(scans):
        moves = [
            (CATEGORY[was], CATEGORY[now])
            for (_, was), (hour, now) in itertools.pairwise(steps)
            if hour >= since
        ]
        both = [
            sum(was == "Done" != now for was, now in moves),
            sum((was, now) == ("In Progress", "To Do") for was, now in moves),
        ]
        if any(both):
            expected[f"A-{n}"] = both
    found = back.set_index("Key")[["Reopened", "Moved Back"]]
    assert {key: row.tolist() for key, row in found.iterrows()} == expected

    terms = littles_law(history, since=hours(since)).iloc[0]
    at_work = sum(phase == "In Progress" for line in lines for phase in line[since:until])
    assert round(terms["Mean WIP"] * (until - since)) == at_work


@settings(max_examples=EXAMPLES)
@given(issues=histories(), until=st.integers(1, 420), since=st.integers(0, 419))
def test_time_in_status_and_arrivals(issues: Any, until: int, since: int) -> None:
    table, log = frames(issues)
    since = min(since, until)
    history = History(table, log, {"order": list(CATEGORY)}, now=hours(until))
    spent = time_in_status(history, since=hours(since))
    for n, issue in enumerate(issues):
        steps = states(issue, until)
        passed = Counter(status for status in by_hour(steps, until)[since:until] if status)
        if steps:
            row = {status: as_hours(cell) for status, cell in spent.loc[f"A-{n}"].items()}
            assert {status: spans for status, spans in row.items() if spans} == passed

    flow = cumulative_flow(history, arrivals=True)
    order = list(CATEGORY)
    for day, row in flow.iterrows():
        last = min(int((day - START) / HOUR) + 24, until + 1) - 1
        farthest = [
            max(order.index(status) for _, status in steps)
            for issue in issues
            if (steps := states(issue, last))
        ]
        for status in flow:
            assert row[status] == sum(each >= order.index(status) for each in farthest)
    assert (flow.diff().dropna() >= 0).all().all()


@settings(max_examples=EXAMPLES)
@given(
    issues=histories(),
    until=st.integers(1, 420),
    flips=st.lists(st.lists(st.integers(0, 400), max_size=5, unique=True), min_size=6, max_size=6),
)
def test_blocked_time(issues: Any, until: int, flips: list[list[int]]) -> None:
    table, log = frames(issues)
    flags, expected = [], {}
    for n, issue in enumerate(issues):
        born = issue[0]
        turns = sorted(hour for hour in flips[n] if hour > born)
        for place, hour in enumerate(turns):
            pair = (None, "Impediment") if place % 2 == 0 else ("Impediment", None)
            flags.append((f"A-{n}", hours(hour), *pair))
        line = phases(by_hour(states(issue, until), until))
        blocked = sum(
            line[hour] == "In Progress" and sum(turn <= hour for turn in turns) % 2
            for hour in range(born, until)
        )
        if blocked:
            expected[f"A-{n}"] = blocked
    marks = pd.DataFrame(flags, columns=["Key", "When", "From", "To"]).astype({"From": "str", "To": "str"})
    marks["When"] = pd.to_datetime(marks["When"], utc=True).astype("datetime64[us, UTC]")
    both = pd.concat([log, marks.assign(Field="Flagged", **{"Field Id": "customfield_1"})], ignore_index=True)
    both.attrs = dict(log.attrs)
    found = blocked_time(table.assign(Flagged=None), both, until=hours(until))
    told = {key: as_hours(spent) for key, spent in zip(found["Key"], found["Blocked"], strict=True)}
    assert {key: spent for key, spent in told.items() if spent} == expected


@settings(max_examples=EXAMPLES)
@given(issues=histories(), until=st.integers(1, 420))
def test_groups_are_the_figures_of_their_issues_alone(issues: Any, until: int) -> None:
    table, log = frames(issues)
    table["Team"] = ["red" if n % 2 else "blue" for n in range(len(table))]
    whole = cycle_percentiles(table, log, until=hours(until), by="Team").set_index("Team")
    for team in set(table["Team"]):
        alone = table[table["Team"] == team]
        own = cycle_percentiles(alone, log[log["Key"].isin(alone["Key"])], until=hours(until))
        assert whole.loc[team].tolist()[0] == own.iloc[0].tolist()[0]
        assert whole.loc[team].astype(str).tolist() == own.iloc[0].astype(str).tolist()
    inclusive = cycle_times(table, log, until=hours(until), days="inclusive", tz="Europe/Berlin")
    for started, finished, cycle in zip(
        inclusive["Started"], inclusive["Finished"], inclusive["Cycle"], strict=True
    ):
        if pd.notna(cycle):
            first, last = (at.tz_convert("Europe/Berlin").date() for at in (started, finished))
            assert cycle.days == (last - first).days + 1

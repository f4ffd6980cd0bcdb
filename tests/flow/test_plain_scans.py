"""Generated histories, read by plain loops that share no code with the functions."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_frames import IDS, STATUSES

from schedkit.flow import as_of, cumulative_flow, cycle_times, status_spans

START = pd.Timestamp("2026-03-02T00:00Z")
EXAMPLES = 300 if os.environ.get("SCHEDKIT_THOROUGH") else 40
NAMES = list(IDS)
CATEGORY = {about["name"]: about["category"] for about in STATUSES.values()}


def hours(count: int) -> pd.Timestamp:
    return START + timedelta(hours=count)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, str, list[tuple[int, str]]]]:
    """Issues: hour of birth, first status, and moves in order of time."""
    move = st.tuples(st.integers(0, 400), st.sampled_from(NAMES))
    issue = st.tuples(st.integers(0, 200), st.sampled_from(NAMES), st.lists(move, max_size=7))
    drawn = draw(st.lists(issue, min_size=1, max_size=6))
    return [(born, first, sorted(moves, key=lambda m: m[0])) for born, first, moves in drawn]


def frames(issues: list[tuple[int, str, list[tuple[int, str]]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, changes, entry = [], [], 0
    for number, (born, status, moves) in enumerate(issues):
        for hour, new in moves:
            entry += 1
            changes.append((f"A-{number}", hours(hour), status, new, IDS[status], IDS[new], str(entry)))
            status = new
        rows.append((f"A-{number}", hours(born), status, CATEGORY[status]))
    log = pd.DataFrame(changes, columns=["Key", "When", "From", "To", "From Id", "To Id", "Entry"])
    log = log.assign(Field="status", **{"Field Id": "status"}).sample(frac=1, random_state=1)
    log["When"] = pd.to_datetime(log["When"], utc=True).astype("datetime64[us, UTC]")
    table = pd.DataFrame(rows, columns=["Key", "Created", "Status", "Status Category"])
    table["Created"] = pd.to_datetime(table["Created"], utc=True).astype("datetime64[us, UTC]")
    table.attrs["statuses"] = log.attrs["statuses"] = STATUSES
    return table, log


def states(issue: tuple[int, str, list[tuple[int, str]]], until: int) -> list[tuple[int, str]]:
    """When an issue entered which status, as far as it had by then."""
    born, first, moves = issue
    if born > until:
        return []
    return [(born, first), *((max(hour, born), new) for hour, new in moves if max(hour, born) <= until)]


def worked(steps: list[tuple[int, str]]) -> tuple[int | None, int | None]:
    """When work began after the last To Do, and when the last unbroken stay in Done began."""
    started = finished = None
    for hour, status in steps:
        category = CATEGORY[status]
        if category == "To Do":
            started = None
        elif category == "In Progress" and started is None:
            started = hour
        finished = (hour if finished is None else finished) if category == "Done" else None
    return started, finished


@settings(max_examples=EXAMPLES)
@given(issues=histories(), until=st.integers(0, 420))
def test_stays_cycle_times_and_flow(issues: Any, until: int) -> None:
    table, log = frames(issues)
    end = hours(until)
    scans = [states(issue, until) for issue in issues]

    spans = status_spans(table, log, until=end)
    expected = [(f"A-{n}", status, hours(hour)) for n, steps in enumerate(scans) for hour, status in steps]
    assert list(zip(spans["Key"], spans["Status"], spans["Entered"], strict=True)) == expected
    assert spans["Status Category"].tolist() == [CATEGORY[status] for _, status, _ in expected]

    times = cycle_times(table, log, until=end)
    for (_, row), steps in zip(times.iterrows(), scans, strict=True):
        for column, hour in zip(("Started", "Finished"), worked(steps), strict=True):
            assert pd.isna(row[column]) if hour is None else row[column] == hours(hour)

    then = as_of(table, log, end, "Status").set_index("Key")["Status"].to_dict()
    assert then == {f"A-{n}": steps[-1][1] for n, steps in enumerate(scans) if steps}

    flow = cumulative_flow(table, log, until=end, by="category")
    for day, row in flow.iterrows():
        last = min(int((day - START) / timedelta(hours=1)) + 24, until + 1) - 1
        ends = [steps[-1][1] for issue in issues if (steps := states(issue, last))]
        for category in flow:
            assert row[category] == sum(CATEGORY[status] == category for status in ends)


ELEMENTS = st.sampled_from(["1.0", "1.1", "2.0", "old, one"])


@settings(max_examples=EXAMPLES)
@given(
    born=st.sets(ELEMENTS),
    moves=st.lists(st.tuples(st.integers(0, 50), ELEMENTS), max_size=8),
    at=st.integers(-1, 55),
)
def test_versions_as_of(born: set[str], moves: list[tuple[int, str]], at: int) -> None:
    held, rows, expected = set(born), [], set(born)
    for entry, (hour, name) in enumerate(sorted(moves, key=lambda move: move[0])):
        change = (name, None) if name in held else (None, name)
        held ^= {name}
        rows.append(("A-1", hours(hour), *change, *(change if entry % 2 else (None, None)), str(entry)))
        if hour <= at:
            expected = set(held)
    log = pd.DataFrame(rows, columns=["Key", "When", "From", "To", "From Id", "To Id", "Entry"])
    log = log.assign(Field="Fix Version", **{"Field Id": "fixVersions"})
    table = pd.DataFrame({"Key": ["A-1"], "Created": [hours(-1)], "Fix Versions": [tuple(sorted(held))]})
    then = as_of(table, log, hours(at), "Fix Versions")["Fix Versions"]
    assert set(then[0]) == expected
    assert len(then[0]) == len(expected)


@settings(max_examples=EXAMPLES)
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from([0, 1]), st.sampled_from([None, "1", "2", "3"])),
        max_size=8,
    ),
    at=st.integers(0, 55),
)
def test_merged_fields_as_of(moves: list[tuple[int, int, str | None]], at: int) -> None:
    held: list[str | None] = [None, None]
    expected: list[str | None] = [None, None]
    rows = []
    for entry, (hour, source, new) in enumerate(sorted(moves, key=lambda move: move[0])):
        rows.append(("A-1", hours(hour), held[source], new, f"cf_{source}", f"Points {source}", str(entry)))
        held[source] = new
        if hour <= at:
            expected = list(held)
    log = pd.DataFrame(rows, columns=["Key", "When", "From", "To", "Field Id", "Field", "Entry"])
    log = log.astype({"Field Id": "str", "Field": "str"})
    now = held[0] or held[1]
    table = pd.DataFrame(
        {"Key": ["A-1"], "Created": [hours(-1)], "Points": [float(now) if now else float("nan")]}
    )
    table.attrs["fields"] = {"Points": {"id": "cf_0", "type": "number", "also": ["cf_1"]}}
    then = as_of(table, log, hours(at), "Points")["Points"][0]
    value = expected[0] or expected[1]
    assert pd.isna(then) if value is None else then == float(value)

"""Generated histories, read by plain loops that share no code with the functions."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_histories import CATEGORY, START, frames, histories, hours, states, worked

from schedkit.flow import as_of, cumulative_flow, cycle_times, status_spans

EXAMPLES = 300 if os.environ.get("SCHEDKIT_THOROUGH") else 40


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

    flow = cumulative_flow(table, log, until=end, states="category")
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

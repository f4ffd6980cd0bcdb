"""Generated histories of issues, and plain scans of them by hand."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
from hypothesis import strategies as st
from support.flow_frames import IDS, STATUSES

START = pd.Timestamp("2026-03-02T00:00Z")
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

"""Sprints of generated histories, against plain loops over hours that share no code with the functions."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.flow_histories import CATEGORY, frames, histories, hours, states, worked

from schedkit.flow import History, burndown, sprint_issues, sprint_report, velocity

EXAMPLES = 200 if os.environ.get("SCHEDKIT_THOROUGH") else 15
BEGIN, CLOSE = 100, 300
SPRINT = pd.DataFrame({"Id": [7], "Name": ["One"], "Start": [hours(BEGIN)], "Completed": [hours(CLOSE)]})


def held(born: int, first: bool, turns: list[int], hour: int) -> bool | None:
    """Whether an issue was in the sprint in an hour; None before it was born."""
    return None if hour < born else first ^ (sum(turn <= hour for turn in turns) % 2 == 1)


def outcome(issue: Any, first: bool, turns: list[int]) -> tuple[str, bool, bool] | None:
    """What became of an issue, and whether it was committed and added; None if it was never in the sprint."""
    there = [hour for hour in range(BEGIN, CLOSE) if held(issue[0], first, turns, hour)]
    if not there:
        return None
    done = {hour: CATEGORY[states(issue, hour)[-1][1]] == "Done" for hour in (max(BEGIN, issue[0]), CLOSE)}
    since = worked(states(issue, CLOSE))[1]
    at_start = there[0] == BEGIN
    if done[CLOSE] and since is not None and since <= there[0]:
        return "Completed outside", False, False
    committed = at_start and not done[max(BEGIN, issue[0])]
    if not held(issue[0], first, turns, CLOSE - 1):
        return "Removed", committed, not committed
    return ("Completed" if done[CLOSE] else "Not completed"), committed, not committed


@settings(max_examples=EXAMPLES)
@given(
    issues=histories(),
    firsts=st.lists(st.booleans(), min_size=6, max_size=6),
    flips=st.lists(st.lists(st.integers(1, 400), max_size=4, unique=True), min_size=6, max_size=6),
    estimates=st.lists(st.sampled_from([None, 1.0, 2.0, 5.0]), min_size=6, max_size=6),
)
def test_sprints(issues: Any, firsts: list[bool], flips: list[list[int]], estimates: Any) -> None:
    table, log = frames(issues)
    rows, expected, now = [], {}, []
    for n, issue in enumerate(issues):
        turns = sorted(hour for hour in flips[n] if hour > issue[0])
        value = firsts[n]
        for hour in turns:
            ids = ("7", None) if value else (None, "7")
            rows.append((f"A-{n}", hours(hour), *ids, *ids))
            value = not value
        now.append("7" if value else None)
        found = outcome(issue, firsts[n], turns)
        if found is not None:
            expected[f"A-{n}"] = found
    columns = ["Key", "When", "From", "To", "From Id", "To Id"]
    moves = pd.DataFrame(rows, columns=columns).astype(
        dict.fromkeys(["From", "To", "From Id", "To Id"], "str")
    )
    moves["When"] = pd.to_datetime(moves["When"], utc=True).astype("datetime64[us, UTC]")
    both = pd.concat([log, moves.assign(Field="Sprint", **{"Field Id": "cf_1"})], ignore_index=True)
    both.attrs = dict(log.attrs)
    table["Sprint"] = pd.Series(now, dtype="str")
    table["Sprint Ids"] = table["Sprint"]
    table["Story Points"] = estimates[: len(table)]
    history = History(table, both, now=hours(420))
    told = sprint_issues(history, sprints=SPRINT).set_index("Key")
    found = {key: (row["Outcome"], row["Committed"], row["Added"]) for key, row in told.iterrows()}
    assert found == expected

    report = sprint_report(history, sprints=SPRINT).set_index("What")[["Issues", "Points"]]
    for unit in ("Issues", "Points"):
        changed = report.loc["Re-estimated", "Points"] if unit == "Points" else 0
        left = report.loc["Committed", unit] + report.loc["Added", unit] + changed
        assert (
            left - report.loc["Removed", unit] - report.loc["Completed", unit]
            == (report.loc["Not completed", unit])
        )
    speed = velocity(history, sprints=SPRINT).iloc[0]
    assert speed["Committed"] == report.loc["Committed", "Points"]
    assert speed["Completed"] == report.loc["Completed", "Points"]
    burned = burndown(history, sprints=SPRINT)
    assert burned["Remaining"].iloc[0] == report.loc["Committed", "Points"]
    assert burned["Remaining"].iloc[-1] == report.loc["Not completed", "Points"]
    assert burned["Done"].iloc[-1] == report.loc["Completed", "Points"]

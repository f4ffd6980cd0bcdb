"""Work in progress: how much, how old, and how that compares with what was finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.flow.calendars import WorkingHours
from schedkit.flow.cycles import measured
from schedkit.flow.elapsed import (
    PERCENTILES,
    as_column,
    check_percentiles,
    cycle_lengths,
    elapsed,
    nearest_rank,
    percent,
)
from schedkit.flow.frames import metric, naive, with_zone
from schedkit.flow.issue_history import History
from schedkit.flow.periods import level, periods_of
from schedkit.flow.stays import States, grouped, in_order, states_in_order
from schedkit.flow.window import window_of
from schedkit.flow.workflow import IN_PROGRESS, Workflow

__all__ = ["ageing", "ageing_bands", "work_in_progress"]


@metric
def work_in_progress(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    freq: str = "D",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how many issues were in progress at the end of each day.

    Work in progress is what is started and not finished (Kanban Guide). An issue that is back in To Do is not
    in progress, unless the workflow's `begin` is "first".

    Parameters
    ----------
    issues, changes, by, workflow
        As for `cycle_times`.
    freq : str
        A pandas period: ``"D"``, ``"W"``, ``"M"``. The period that is not over counts until `until`.
    since, until : Timestamp, optional
        The first and the last period; by default that of the first issue, and now.
    tz : str or tzinfo
        Whose days end.

    Returns
    -------
    DataFrame
        One row per period: In Progress, or a column for each value of `by`.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    cut = window.cut
    first = window.since if window.since is not None else with_zone(cut.entered).min()
    periods = periods_of(first if pd.notna(first) else cut.end, cut.end, freq, window.zone)
    # At the very end of the period, and of what is known: entries at that instant count.
    at = np.minimum(periods.ends, naive(cut.end) + np.timedelta64(1, "us"))
    works = cut.phase == IN_PROGRESS
    left = cut.stays.steps.left
    table = {}
    for cells, rows in window.groups:
        mine = np.zeros(len(cut), dtype=bool)
        mine[rows] = True
        chosen = works & mine[cut.issue]
        name = "In Progress" if by is None else str(cells[by])
        table[name] = level(cut.entered[chosen], left[chosen & ~np.isnat(left)], at)
    return window.told(pd.DataFrame(table, index=periods.index), partial=periods.begun(naive(cut.end)))


@metric
def ageing(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    days: str = "elapsed",
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the issues in progress, the oldest first, with their age.

    Work item age is the elapsed time from start to now (Kanban Guide).

    Parameters
    ----------
    issues, changes, calendar, days, tz, workflow
        As for `cycle_times`.
    since : Timestamp, optional
        Only issues finished after it are what Pace compares with.
    until : Timestamp, optional
        When the age is taken; now by default.
    by : str, optional
        A column of the issues to add; Pace compares within its values.

    Returns
    -------
    DataFrame
        Key, Status, Started, Entered (its status), Age and Pace: which share of the finished issues took less
        time than its age. Issues finished without a start are not among them: ``attrs["left_out"]``.
        ``attrs["percentiles"]`` tells within how many days so many percent of the finished issues were done,
        of all groups together.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    cut, at = window.cut, naive(window.cut.end)
    last = cut.last
    rows = cut.issue[last]
    open_now = (cut.phase[last] == IN_PROGRESS) & ~np.isnat(cut.started[rows])
    rows, last = rows[open_now], last[open_now]
    age = cycle_lengths(cut.started[rows], np.full(len(rows), at), days, calendar, window.zone)
    lengths, left_out = measured(window, "Cycle", days, calendar)
    frame = pd.DataFrame(
        {
            "Key": pd.Series(window.history.keys[rows], dtype="str"),
            "Status": pd.Series(cut.stays.names[last], dtype="str"),
            "Started": with_zone(cut.started[rows]),
            "Entered": with_zone(cut.entered[last]),
            "Age": as_column(age),
            "Pace": np.full(len(rows), np.nan),
        }
    )
    for _, members in window.groups:
        ordered = np.sort(lengths[members][~np.isnat(lengths[members])])
        mine = np.isin(rows, members)
        if len(ordered):
            frame.loc[mine, "Pace"] = ordered.searchsorted(age[mine], side="left") / len(ordered)
    if by is not None:
        frame[by] = window.groups.column_of(rows)
    frame = frame.sort_values("Age", ascending=False, kind="stable", ignore_index=True)
    took = np.sort(lengths[~np.isnat(lengths)])
    bands = {each: nearest_rank(took, each) / np.timedelta64(1, "D") for each in PERCENTILES if len(took)}
    return window.told(frame, left_out, states=states_in_order(window.history, "status"), percentiles=bands)


@metric
def ageing_bands(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    percentiles: float | Sequence[float] = PERCENTILES,
    since: Any = None,
    until: Any = None,
    states: States = "status",
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how old finished issues were when they left each status for the last time.

    What is in a status now and older than nearly all finished issues were there needs attention.

    Parameters
    ----------
    issues, changes, since, until, calendar, workflow
        As for `cycle_times`; only issues finished in the period count.
    percentiles : float or sequence of float
        Above 0, up to 100.
    states : str or mapping
        As for `cumulative_flow`.
    by : str, optional
        A column of the issues: rows for each of its values.

    Returns
    -------
    DataFrame
        Status in the order of the workflow, Issues, and a column of Timedelta for each percentile.
    """
    wanted = check_percentiles(percentiles)
    window = window_of(issues, changes, workflow, since=since, until=until, by=by)
    cut = window.cut
    started, finished = cut.started[cut.issue], cut.finished[cut.issue]
    counts = window.within(finished) & ~np.isnat(started)
    counts &= (cut.phase == IN_PROGRESS) & (cut.entered >= started)
    places = np.flatnonzero(counts)
    codes, labels = pd.factorize(grouped(cut.stays, states)[places], use_na_sentinel=False)
    pairs = cut.issue[places] * max(1, len(labels)) + codes
    newest = np.unique(pairs[::-1], return_index=True)[1]  # the last stay of each issue in each status
    last = len(places) - 1 - newest
    age = elapsed(started[places[last]], cut.left[places[last]], calendar)
    rows = []
    for cells, members in window.groups:
        mine = np.isin(cut.issue[places[last]], members)
        for label in in_order(window, labels, states):
            here = mine & (codes[last] == list(map(str, labels)).index(label))
            ordered = np.sort(age[here])
            if len(ordered):
                ranks = {percent(each): nearest_rank(ordered, each) for each in wanted}
                rows.append({**cells, "Status": label, "Issues": len(ordered), **ranks})
    names = [*map(percent, wanted)]
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), "Status", "Issues", *names])
    frame = frame.astype(dict.fromkeys(names, "timedelta64[us]"))
    return window.told(frame, window.without_start())

"""Service: how long people waited for an answer and a solution, and how often a goal was met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.elapsed import (
    PERCENTILES,
    as_column,
    check_percentiles,
    elapsed,
    nearest_rank,
    percent,
)
from schedkit.flow.frames import (
    as_instant,
    as_instants,
    metric,
    naive,
    need,
    per_value,
    with_zone,
    without_zone,
)
from schedkit.flow.issue_history import History
from schedkit.flow.overlaps import joint
from schedkit.flow.steps import Steps
from schedkit.flow.window import Groups, LeftOut, Window, groups_of, window_of
from schedkit.flow.workflow import TO_DO, Workflow
from schedkit.values.durations import Duration, parse_duration
from schedkit.values.mappings import plain_mapping
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["service_times", "sla_attainment", "sla_cycles"]


@metric
def service_times(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    to: str = "resolution",
    goal: Duration | Mapping[str, Duration] | None = None,
    paused: Sequence[str] = (),
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how long each issue waited for its first response, or its resolution, against a goal.

    The clock starts when an issue is created and stops when it first leaves To Do (response), or when it was
    last moved to done (resolution). It runs on the calendar, as a service level of Jira Service Management
    does, and not while the issue is in a paused status.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`.
    to : str
        ``"response"`` or ``"resolution"``; or the name of a column of instants of the issues, at which the
        clock stops.
    goal : str, number or mapping, optional
        In how much time of the calendar, e.g. ``"4h"``; a mapping gives the goal of each value of `by`.
    paused : sequence of str
        Statuses in which the clock does not run.
    since, until : Timestamp, optional
        The period: issues created in it, as they were at its end.
    by : str, optional
        A column of the issues to add.
    calendar : WorkingHours or mapping, optional
        On which the clock runs; without it always.

    Returns
    -------
    DataFrame
        Key, Opened, Stopped (missing while the clock runs), Elapsed (so far), and with a goal: Goal, Left
        (negative where it is over) and Breached. ``attrs["left_out"]`` names issues for whose value of `by`
        there is no goal.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by)
    cut, opened = window.cut, window.history.log.created
    stopped = _stops(window, to)
    rows = np.flatnonzero(cut.exists & window.within(opened))
    last = np.where(np.isnat(stopped), naive(cut.end), stopped)
    spent = elapsed(opened, last, calendar) - _paused(window, paused, last, calendar)
    spent = np.maximum(spent, np.timedelta64(0, "us"))
    frame = pd.DataFrame(
        {
            "Key": pd.Series(window.history.keys[rows], dtype="str"),
            "Opened": with_zone(opened[rows]),
            "Stopped": with_zone(stopped[rows]),
            "Elapsed": as_column(spent[rows]),
        }
    )
    if by is not None:
        frame[by] = window.groups.column_of(rows)
    if goal is None:
        return window.told(frame)
    goals = _goals(window.groups, goal, len(cut))[rows]
    frame["Goal"] = as_column(goals)
    frame["Left"] = as_column(goals - spent[rows])
    frame["Breached"] = spent[rows] > goals
    without = np.zeros(len(cut), dtype=bool)
    without[rows[np.isnat(goals)]] = True
    frame = frame[frame["Goal"].notna()].reset_index(drop=True)
    return window.told(frame, window.left_out({"without a goal": without}))


def _stops(window: Window, to: str) -> Any:
    """Return when the clock of each issue stopped; NaT where it runs."""
    cut = window.cut
    if to == "resolution":
        return cut.finished
    if to == "response":
        left = np.flatnonzero(cut.phase != TO_DO)[::-1]
        stopped = np.full(len(cut), np.datetime64("NaT", "us"))
        stopped[cut.issue[left]] = cut.entered[left]
        return stopped
    issues = window.history.log.issues
    if to not in issues:
        hint = did_you_mean(str(to), ["response", "resolution", *map(str, issues.columns)])
        raise UsageError(f"to={safe_repr(to)} is neither a clock nor a column", hint=hint)
    at = without_zone(as_instants(issues, to))
    return np.where(at <= naive(cut.end), at, np.datetime64("NaT", "us"))


def _paused(
    window: Window, paused: Sequence[str], last: Any, calendar: WorkingHours | Mapping[str, Any] | None
) -> Any:
    """Return how long the clock of each issue did not run."""
    cut = window.cut
    names = {paused} if isinstance(paused, str) else set(paused)
    none = np.zeros(len(cut), dtype="timedelta64[us]")
    if not names:
        return none
    known = {str(name) for name in window.history.stays.names}
    for name in sorted(names - known - set(window.history.stays.statuses.order)):
        raise UsageError(f"there is no status {name!r}", hint=did_you_mean(name, sorted(known)))
    which = per_value(cut.stays.names, lambda name: name in names)
    count = len(cut)
    rows = np.arange(count)
    born = window.history.log.created
    running = Steps(rows, born, last, rows * 0, [None], [None])
    issue, begin, end = joint(cut, running, which)
    lost = elapsed(begin, end, calendar).astype(np.int64)
    return np.bincount(issue, lost, minlength=count).astype("timedelta64[us]")


def _goals(groups: Groups, goal: Duration | Mapping[str, Duration], count: int) -> Any:
    """Return the goal of each issue; the least of its groups', NaT where there is none."""
    goals = np.full(count, np.timedelta64("NaT", "us"))
    goal = plain_mapping(goal)
    if not isinstance(goal, Mapping):
        goals[:] = _length(goal)
        return goals
    if groups.column is None:
        raise UsageError("goals by value need a column", hint='write by="Priority"')
    goal = {str(name): own for name, own in goal.items()}
    for name in goal:
        if name not in map(str, groups.names) and groups.names:
            known = list(map(str, groups.names))
            raise UsageError(f"goal: no issue has {safe_repr(name)}", hint=did_you_mean(str(name), known))
    for cells, rows in groups:
        if (own := goal.get(str(cells[groups.column]))) is not None:
            goals[rows] = np.fmin(goals[rows], _length(own))
    return goals


def _length(goal: Duration) -> np.timedelta64:
    return np.timedelta64(round(parse_duration(goal, "goal") * 1_000_000), "us")


@metric
def sla_cycles(
    cycles: pd.DataFrame, *, since: Any = None, until: Any = None, unfinished: bool = False
) -> pd.DataFrame:
    """Return the cycles of Jira's own service levels (`Jira.slas`) in the form of `service_times`.

    Jira counts them on the calendar of the service level: `elapsed` and `goal` are taken as they are. A
    cycle's breach time is its deadline, also where it was met. An issue without a cycle has no such goal.

    Parameters
    ----------
    cycles : DataFrame
        Key, Field, Ongoing, Started, Stopped, Breached, Elapsed Hours and Goal Hours.
    since, until : Timestamp, optional
        The period: cycles that stopped in it; with `unfinished`, those that run at its end too.
    unfinished : bool
        Whether cycles that still run are returned.

    Returns
    -------
    DataFrame
        Key, Field, Opened, Stopped, Elapsed, Goal, Left and Breached.
    """
    need(cycles, "cycles", "Key", "Field", "Started", "Stopped", "Breached", "Elapsed Hours", "Goal Hours")
    stopped = as_instants(cycles, "Stopped")
    end = as_instant(until)
    kept = (stopped <= end) & (since is None or stopped >= as_instant(since))
    if unfinished:
        kept |= stopped.isna() & (as_instants(cycles, "Started") <= end)
    table = cycles[kept].reset_index(drop=True)
    lengths = {
        name: pd.to_timedelta(pd.to_numeric(table[column]), unit="h").astype("timedelta64[us]")
        for name, column in (("Elapsed", "Elapsed Hours"), ("Goal", "Goal Hours"))
    }
    frame = pd.DataFrame(
        {
            "Key": table["Key"].astype("str"),
            "Field": table["Field"].astype("str"),
            "Opened": as_instants(table, "Started"),
            "Stopped": as_instants(table, "Stopped"),
            **lengths,
            "Left": lengths["Goal"] - lengths["Elapsed"],
            "Breached": table["Breached"].fillna(False).astype(bool),
        }
    )
    running = cycles[stopped.isna() & ~kept]["Key"].astype(str).unique().tolist()
    frame.attrs = {"warnings": [], "left_out": LeftOut({"still running": running} if running else {})}
    return frame


@metric
def sla_attainment(
    times: pd.DataFrame, *, by: str | None = None, percentiles: float | Sequence[float] = PERCENTILES
) -> pd.DataFrame:
    """Return how often a goal was met.

    Parameters
    ----------
    times : DataFrame
        As `service_times` with a goal, or `sla_cycles`, returns it.
    by : str, optional
        A column of the frame.
    percentiles : float or sequence of float
        Of Elapsed, above 0, up to 100.

    Returns
    -------
    DataFrame
        A row for each value of `by`: Stopped, Met, Breached, Attainment (Met ÷ Stopped), Running, Overdue
        (running and past the goal), and a column of Timedelta for each percentile of those stopped.

    Examples
    --------
    >>> hours = pd.to_timedelta([3, 5], unit="h")
    >>> times = pd.DataFrame({"Stopped": [pd.Timestamp("2026-03-09")] * 2, "Elapsed": hours,
    ...                       "Breached": [False, True]})
    >>> sla_attainment(times)["Attainment"].tolist()
    [0.5]
    """
    need(times, "times", "Stopped", "Elapsed", "Breached")
    wanted = check_percentiles(percentiles)
    rows = []
    for cells, members in groups_of(times, by):
        part = times.iloc[members]
        over = part[part["Stopped"].notna()]
        running = part[part["Stopped"].isna()]
        missed = int(over["Breached"].sum())
        share = (len(over) - missed) / len(over) if len(over) else np.nan
        ordered = np.sort(over["Elapsed"].to_numpy().astype("timedelta64[us]"))
        rows.append(
            {**cells, "Stopped": len(over), "Met": len(over) - missed, "Breached": missed,
             "Attainment": share, "Running": len(running), "Overdue": int(running["Breached"].sum()),
             **{percent(each): nearest_rank(ordered, each) for each in wanted}}
        )  # fmt: skip
    names = list(map(percent, wanted))
    counts = ["Stopped", "Met", "Breached", "Attainment", "Running", "Overdue"]
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), *counts, *names])
    frame = frame.astype(dict.fromkeys(names, "timedelta64[us]"))
    frame.attrs = {
        name: times.attrs[name] for name in ("warnings", "left_out", "period") if name in times.attrs
    }
    return frame

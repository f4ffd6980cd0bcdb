"""What work's time was spent on: flow efficiency, blocked time, and work that came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.elapsed import as_column, elapsed
from schedkit.flow.frames import metric, naive, per_code
from schedkit.flow.issue_history import Cut, History
from schedkit.flow.overlaps import joint
from schedkit.flow.stays import states_in_order
from schedkit.flow.window import Window, window_of
from schedkit.flow.workflow import DONE, IN_PROGRESS, TO_DO, Workflow
from schedkit.values.text import did_you_mean

__all__ = ["blocked_time", "flow_efficiency", "returns"]


@metric
def flow_efficiency(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    waiting: Sequence[str] | None = None,
    flag: str | None = None,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return which share of the cycle time of finished issues was spent in active statuses.

    Active time is that in progress in statuses that are not waiting; time between a finish and its reopening
    is part of the cycle, and not active. The share of several issues is the ratio of the sums: the mean of
    their ratios would count a short issue as much as a long one.

    Parameters
    ----------
    issues, changes, since, until, by, calendar, workflow
        As for `cycle_times`; only issues finished in the period count.
    waiting : sequence of str, optional
        Waiting statuses; by default those of the workflow.
    flag : str, optional
        The field that is set while an issue is blocked, ``"Flagged"``: that time is not active either.

    Returns
    -------
    DataFrame
        A row for each value of `by`: Issues, Active, Cycle and Efficiency, from 0 to 1.

    Raises
    ------
    UsageError
        If nothing says which statuses are waiting, or none is called so.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, waiting=waiting)
    active, cycle = active_times(window, flag, calendar)
    rows = []
    for cells, members in window.groups:
        mine = members[~np.isnat(cycle[members])]
        sums = active[mine].sum(), cycle[mine].sum()
        ratio = sums[0] / sums[1] if sums[1] else np.nan
        rows.append({**cells, "Issues": len(mine), "Active": sums[0], "Cycle": sums[1], "Efficiency": ratio})
    columns = [*([] if by is None else [by]), "Issues", "Active", "Cycle", "Efficiency"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.astype({"Active": "timedelta64[us]", "Cycle": "timedelta64[us]", "Efficiency": "float64"})
    return window.told(frame, window.without_start(), waiting=list(window.history.workflow.waiting))


def active_times(
    window: Window, flag: str | None, calendar: WorkingHours | Mapping[str, Any] | None
) -> tuple[Any, Any]:
    """Return active and cycle time of each issue that was finished in the period, NaT for all others."""
    cut = window.cut
    waits = _waiting(window)
    cycle = elapsed(cut.started, cut.finished, calendar)
    cycle[~window.within(cut.finished)] = np.timedelta64("NaT", "us")
    counted = ~np.isnat(cycle)
    works = (cut.phase == IN_PROGRESS) & ~waits & counted[cut.issue]
    works &= cut.entered >= cut.started[cut.issue]
    active = _sums(cut, works, calendar)
    if flag is not None:
        issue, begin, end = joint(cut, window.history.steps(flag), works)
        lost = elapsed(begin, end, calendar).astype(np.int64)
        active -= np.bincount(issue, lost, minlength=len(active)).astype("timedelta64[us]")
    return active, cycle


def _waiting(window: Window) -> Any:
    """Return which stays are in waiting statuses."""
    stays, waiting = window.cut.stays, window.history.workflow.waiting
    if not waiting:
        raise UsageError("which statuses are waiting is not known", hint='write waiting=["Review"]')
    known = {*map(str, window.history.stays.coded_names[1]), *stays.statuses.order}
    for name in waiting:
        if len(stays.names) and name not in known:
            raise UsageError(f"there is no status {name!r}", hint=did_you_mean(name, sorted(known)))
    return per_code(stays.coded_names, lambda name: name in waiting)


def _sums(cut: Cut, which: Any, calendar: WorkingHours | Mapping[str, Any] | None) -> Any:
    spent = elapsed(cut.entered[which], cut.left[which], calendar).astype(np.int64)
    sums = np.zeros(len(cut), dtype=np.int64)
    np.add.at(sums, cut.issue[which], spent)
    return sums.astype("timedelta64[us]")


@metric
def blocked_time(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    flag: str = "Flagged",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how long issues were flagged while they were in progress.

    Each interval counts as far as the flag and the progress overlap; jira-agile-metrics counts whole days, by
    the status in which the flag was set.

    Parameters
    ----------
    issues, changes, calendar, workflow
        As for `cycle_times`.
    flag : str
        The field that is set while an issue is blocked.
    since, until : Timestamp, optional
        The period; until now by default.
    by : str, optional
        A column of the issues to add.

    Returns
    -------
    DataFrame
        Issues that were blocked: Key, Times, Blocked, and Blocked Now.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by)
    cut, end = window.cut, naive(window.cut.end)
    steps = window.history.steps(flag)
    issue, begin, stop = joint(cut, steps, cut.phase == IN_PROGRESS)
    if window.since is not None:
        begin = np.maximum(begin, naive(window.since))
    kept = begin < stop
    issue, begin, stop = issue[kept], begin[kept], stop[kept]
    spent = elapsed(begin, stop, calendar).astype(np.int64)
    rows = np.unique(issue)
    count = len(cut)
    # A flag that outlasts a change of status is one interval.
    anew = np.ones(len(issue), dtype=bool)
    anew[1:] = (issue[1:] != issue[:-1]) | (begin[1:] != stop[:-1])
    frame = pd.DataFrame(
        {
            "Key": pd.Series(window.history.keys[rows], dtype="str"),
            "Times": np.bincount(issue[anew], minlength=count)[rows],
            "Blocked": as_column(np.bincount(issue, spent, minlength=count)[rows].astype("timedelta64[us]")),
            "Blocked Now": np.bincount(issue[stop == end], minlength=count)[rows] > 0,
        }
    )
    if by is not None:
        frame[by] = window.groups.column_of(rows)
    return window.told(frame)


@metric
def returns(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how often issues were reopened, or moved back.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`. With an `order` of statuses in the workflow, a move to an earlier one is a move
        back too; without it only one from progress back to To Do.
    since, until : Timestamp, optional
        The period; until now by default.
    by : str, optional
        A column of the issues: sums for each of its values instead of single issues.

    Returns
    -------
    DataFrame
        Issues that came back: Key, Reopened (left done) and Moved Back; by groups also Issues, of which there
        are all.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by)
    cut = window.cut
    moved = ~cut.first & window.within(cut.entered)
    before = np.concatenate([cut.phase[:1], cut.phase[:-1]])
    reopened = moved & (before == DONE) & (cut.phase != DONE)
    went_back = moved & (before == IN_PROGRESS) & (cut.phase == TO_DO)
    if window.history.workflow.order:
        order = {name: at for at, name in enumerate(states_in_order(window.history, "status"))}
        codes, names = pd.factorize(cut.stays.names, use_na_sentinel=False)
        ranks = np.array([order.get(str(name), -1) for name in names])[codes]
        earlier = np.concatenate([ranks[:1], ranks[:-1]])
        went_back |= moved & (ranks >= 0) & (ranks < earlier) & (before != DONE)
    count = len(cut)
    times = [np.bincount(cut.issue[which], minlength=count) for which in (reopened, went_back)]
    if by is None:
        rows = np.flatnonzero(times[0] + times[1])
        frame = pd.DataFrame({"Key": pd.Series(window.history.keys[rows], dtype="str")})
        frame["Reopened"], frame["Moved Back"] = times[0][rows], times[1][rows]
        return window.told(frame)
    table = [
        {**cells, "Issues": int(cut.exists[rows].sum()), "Reopened": int(times[0][rows].sum()),
         "Moved Back": int(times[1][rows].sum())}
        for cells, rows in window.groups
    ]  # fmt: skip
    return window.told(pd.DataFrame(table, columns=[by, "Issues", "Reopened", "Moved Back"]))

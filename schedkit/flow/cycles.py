"""When work on issues began and ended, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.elapsed import (
    PERCENTILES,
    Durations,
    as_column,
    check_percentiles,
    cycle_lengths,
    nearest_rank,
    percent,
)
from schedkit.flow.frames import metric, with_zone
from schedkit.flow.issue_history import History
from schedkit.flow.window import LeftOut, Window, window_of
from schedkit.flow.workflow import Workflow
from schedkit.values.scalars import whole_number_of
from schedkit.values.text import safe_repr

__all__ = ["control_chart", "cycle_histogram", "cycle_percentiles", "cycle_times"]


@metric
def cycle_times(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    start: str | None = None,
    done: str | None = None,
    begin: str | None = None,
    categories: Mapping[str, str] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    days: str = "elapsed",
    tz: str | tzinfo = "UTC",
) -> pd.DataFrame:
    """Return when work on each issue began and ended, and how long that took.

    Cycle time is the elapsed time between start and finish, nights and weekends included (Kanban Guide).
    Lead time is from creation to finish, as Jira's reports have it.

    Parameters
    ----------
    issues, changes, categories, calendar
        As for `status_spans`.
    start, done, begin
        As for `Workflow`; by default those of `workflow`.
    workflow : Workflow or mapping, optional
        When an item is started and finished.
    since, until : Timestamp, optional
        The period: issues finished before `since` are not returned, and all is as it was at `until`, which
        is now by default.
    by : str, optional
        A column of the issues to add.
    days : str
        ``"elapsed"``, or ``"inclusive"``: how many days were touched, the first and the last included.
    tz : str or tzinfo
        Whose days those are.

    Returns
    -------
    DataFrame
        Key, Created, Started, Finished, Cycle (Finished − Started; missing where work was not started) and
        Lead (Finished − Created). ``attrs["warnings"]`` is as for `status_spans`; ``attrs["left_out"]`` names
        the finished issues without a cycle time, by the reason: they count in throughput and lead time.

    Raises
    ------
    UsageError
        If no issue was ever in `start` or `done`.

    Examples
    --------
    >>> issues = pd.DataFrame({"Key": ["A-1"], "Created": [pd.Timestamp("2026-03-02", tz="UTC")],
    ...                        "Status": ["Done"], "Status Category": ["Done"]})
    >>> changes = pd.DataFrame({"Key": ["A-1"], "When": [pd.Timestamp("2026-03-04", tz="UTC")],
    ...                         "Field": ["status"], "From": ["To Do"], "To": ["Done"]})
    >>> times = cycle_times(issues, changes, until="2026-03-05")
    >>> times["Lead"].dt.days.tolist(), times.attrs["left_out"]
    ([2], {'finished without having been in progress': ['A-1']})
    """
    given = {"start": start, "done": done, "begin": begin, "categories": categories}
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz, **given)
    cut = window.cut
    rows = np.arange(len(cut))
    if window.since is not None:
        rows = rows[np.isnat(cut.finished) | window.within(cut.finished)]
    born, begun, ended = window.history.log.created[rows], cut.started[rows], cut.finished[rows]
    table = pd.DataFrame(
        {
            "Key": pd.Series(window.history.keys[rows], dtype="str"),
            "Created": with_zone(born),
            "Started": with_zone(begun),
            "Finished": with_zone(ended),
            "Cycle": as_column(_lengths(begun, ended, days, calendar, window.zone)),
            "Lead": as_column(_lengths(born, ended, days, calendar, window.zone)),
        }
    )
    if by is not None:
        table[by] = window.groups.column_of(rows)
    return window.told(table, window.without_start())


def _lengths(
    begin: Any, end: Any, days: str, calendar: WorkingHours | Mapping[str, Any] | None, zone: tzinfo
) -> Durations:
    known = ~np.isnat(begin) & ~np.isnat(end)
    found = np.full(len(begin), np.timedelta64("NaT", "us"))
    found[known] = cycle_lengths(begin[known], end[known], days, calendar, zone)
    return found


def measured(
    window: Window, measure: str, days: str, calendar: WorkingHours | Mapping[str, Any] | None
) -> tuple[Durations, LeftOut]:
    """Return the cycle or lead times of issues finished in the period; NaT for all others."""
    cut = window.cut
    if measure == "Cycle":
        begin, left_out = cut.started, window.without_start()
    elif measure == "Lead":
        begin, left_out = window.history.log.created, window.left_out({})
    else:
        raise UsageError(f"measure={safe_repr(measure)} is neither 'Cycle' nor 'Lead'")
    ended = np.where(window.within(cut.finished), cut.finished, np.datetime64("NaT", "us"))
    return _lengths(begin, ended, days, calendar, window.zone), left_out


@metric
def cycle_percentiles(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    measure: str = "Cycle",
    percentiles: float | Sequence[float] = PERCENTILES,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    days: str = "elapsed",
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return within which time so many percent of the finished issues were finished.

    A percentile is the nearest rank: the smallest cycle time that at least so many percent of the issues did
    not exceed. It is always one that occurred; linear interpolation, as jira-agile-metrics has it, is not.

    Parameters
    ----------
    issues, changes, since, until, by, calendar, days, tz, workflow
        As for `cycle_times`; only issues finished in the period count.
    measure : str
        ``"Cycle"`` or ``"Lead"``.
    percentiles : float or sequence of float
        Above 0, up to 100.

    Returns
    -------
    DataFrame
        A row for each value of `by`: Issues, Mean, and a column of Timedelta for each percentile, "85 %".
        ``attrs["left_out"]`` is as for `cycle_times`.
    """
    wanted = check_percentiles(percentiles)
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    lengths, left_out = measured(window, measure, days, calendar)
    rows = []
    for cells, members in window.groups:
        ordered = np.sort(lengths[members][~np.isnat(lengths[members])])
        mean = ordered.mean() if len(ordered) else np.timedelta64("NaT", "us")
        ranks = {percent(each): nearest_rank(ordered, each) for each in wanted}
        rows.append({**cells, "Issues": len(ordered), "Mean": mean, **ranks})
    columns = ["Issues", "Mean", *map(percent, wanted)]
    frame = pd.DataFrame(rows, columns=columns if by is None else [by, *columns])
    frame = frame.astype(dict.fromkeys(columns[1:], "timedelta64[us]"))
    return window.told(frame, left_out, measure=measure)


@metric
def cycle_histogram(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    measure: str = "Cycle",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    days: str = "elapsed",
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how many issues were finished within how many days.

    Parameters
    ----------
    issues, changes, measure, since, until, by, calendar, days, tz, workflow
        As for `cycle_percentiles`.

    Returns
    -------
    DataFrame
        Days, and Issues (or a column for each value of `by`): a row of n counts times above n − 1 and up to n
        days, with a row for each n up to the longest. With a calendar a day is 24 working hours.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    lengths, left_out = measured(window, measure, days, calendar)
    day = np.timedelta64(1, "D") / np.timedelta64(1, "us")
    known = ~np.isnat(lengths)
    bins = np.zeros(len(lengths), dtype=np.int64)
    bins[known] = np.maximum(1, np.ceil(lengths[known].astype(np.int64) / day))
    most = int(bins.max(initial=0))
    table: dict[str, Any] = {"Days": np.arange(1, most + 1)}
    for cells, members in window.groups:
        name = "Issues" if by is None else str(cells[by])
        table[name] = np.bincount(bins[members][known[members]], minlength=most + 1)[1:]
    return window.told(pd.DataFrame(table), left_out, measure=measure)


@metric
def control_chart(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    rolling: int = 20,
    percentiles: float | Sequence[float] = (50, 85),
    measure: str = "Cycle",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    days: str = "elapsed",
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return finished issues in order of their finish, with the percentiles of the latest ones.

    Jira's control chart shows the sum of the time in chosen columns, with a mean centred on each issue;
    here the percentiles look back only, so that the past does not change as issues are finished.

    Parameters
    ----------
    issues, changes, measure, since, until, calendar, days, tz, workflow
        As for `cycle_percentiles`.
    rolling : int
        Of how many issues, the row's included; those before have no percentile.
    percentiles : float or sequence of float
        Above 0, up to 100.
    by : str, optional
        A column of the issues to add; the percentiles are those of issues with the same value.

    Returns
    -------
    DataFrame
        Key, Finished, Cycle (or Lead), and a column for each percentile, "Rolling 85 %".
    """
    wanted = check_percentiles(percentiles)
    size = whole_number_of(rolling)
    if size is None or size < 1:
        raise UsageError(f"rolling={safe_repr(rolling)} is not a number of issues")
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    lengths, left_out = measured(window, measure, days, calendar)
    parts = []
    for cells, members in window.groups:
        rows = members[~np.isnat(lengths[members])]
        rows = rows[np.lexsort((rows, window.cut.finished[rows]))]
        part = {
            "Key": pd.Series(window.history.keys[rows], dtype="str"),
            "Finished": with_zone(window.cut.finished[rows]),
            measure: as_column(lengths[rows]),
        }
        for each in wanted:
            part[f"Rolling {percent(each)}"] = as_column(_rolling(lengths[rows], size, each))
        parts.append(pd.DataFrame(part).assign(**cells))
    frame = pd.concat(parts, ignore_index=True).sort_values("Finished", kind="stable", ignore_index=True)
    return window.told(frame, left_out, measure=measure)


def _rolling(lengths: Durations, size: int, percentile: float) -> Durations:
    """Return the percentile of the last `size` lengths at each."""
    found = np.full(len(lengths), np.timedelta64("NaT", "us"))
    if len(lengths) >= size:
        windows = np.lib.stride_tricks.sliding_window_view(lengths, size)
        rank = int(np.ceil(percentile * size / 100)) - 1
        found[size - 1 :] = np.partition(windows, rank, axis=1)[:, rank]
    return found

"""How many issues were finished in a time, and how many were where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import Instants, as_instant, as_instants, metric, naive, with_zone, without_zone
from schedkit.flow.issue_history import History
from schedkit.flow.periods import Periods, day_begins, day_ends, level, periods_of, sprint_periods
from schedkit.flow.stays import States, grouped, in_order
from schedkit.flow.window import Window, groups_of, wall_instant, window_of
from schedkit.flow.workflow import Workflow
from schedkit.values.timezones import parse_timezone

__all__ = ["cumulative_flow", "throughput"]


@metric
def throughput(
    finished: pd.Series[Any] | pd.DataFrame | History,
    freq: str = "W",
    tz: str | tzinfo = "UTC",
    *,
    sprints: pd.DataFrame | None = None,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
) -> Any:
    """Return how many issues were finished in each period, quiet periods included.

    The Kanban Guide: "the number of work items finished per unit of time", an exact count. Issues that were
    never in progress count too.

    Parameters
    ----------
    finished : Series, DataFrame or History
        Instants, or a frame with the column Finished (`cycle_times`) or Resolved; or a History, which knows
        when its issues were finished.
    freq : str
        ``"D"``, ``"W"``, ``"M"``, ``"Q"``: a pandas period.
    tz : str or tzinfo
        Whose days count.
    sprints : DataFrame, optional
        Sprints (`Jira.sprints`) that have begun: their times, from start to close, are the periods.
    since, until : Timestamp, optional
        The first and the last period; those of the first and the last finish by default. A finish after
        `until` does not count.
    by : str, optional
        A column of the frame.

    Returns
    -------
    Series or DataFrame
        Counts by period, a column for each value of `by`. ``attrs["partial"]`` names periods that are not
        over at `until`.

    Examples
    --------
    >>> done = pd.Series(pd.to_datetime(["2026-03-02T09:00Z", "2026-03-17T09:00Z"]))
    >>> throughput(done).tolist()
    [1, 0, 1]
    """
    zone = parse_timezone(tz)
    since, until = wall_instant(since, zone), wall_instant(until, zone)
    frame, column = _finishes(finished, until)
    at = without_zone(as_instants(frame, column))
    if until is not None:
        at = np.where(at > naive(until), np.datetime64("NaT", "us"), at)
    periods = _periods(at, freq, zone, since, until) if sprints is None else sprint_periods(sprints)
    if by is None:
        counts: Any = pd.Series(periods.count(at), index=periods.index, name="Finished")
    else:
        groups = groups_of(frame, by)
        table = {
            str(name): periods.count(at[groups.row[groups.code == n]]) for n, name in enumerate(groups.names)
        }
        counts = pd.DataFrame(table, index=periods.index)
    counts.attrs = {"partial": [] if until is None else periods.begun(naive(until))}
    return counts


def _finishes(
    finished: pd.Series[Any] | pd.DataFrame | History, until: pd.Timestamp | None
) -> tuple[pd.DataFrame, str]:
    if isinstance(finished, History):
        instants = with_zone(finished.cut(until).finished).array
        return finished.log.issues.assign(Finished=instants), "Finished"
    if isinstance(finished, pd.Series):
        return pd.DataFrame({"Finished": finished}), "Finished"
    column = next((c for c in ("Finished", "Resolved") if c in finished), None)
    if column is None:
        raise UsageError("the frame has neither Finished nor Resolved", hint="give a column of instants")
    return finished, column


def _periods(at: Instants, freq: str, zone: tzinfo, since: Any, until: Any) -> Periods:
    known = at[~np.isnat(at)]
    if (since is None or until is None) and not len(known):
        some = periods_of(as_instant("2026-01-01"), as_instant("2026-01-01"), freq, zone)
        return Periods(some.index[:0], known, known)
    first = since if since is not None else with_zone(known).min()
    last = until if until is not None else with_zone(known).max()
    return periods_of(first, last, freq, zone)


@metric
def cumulative_flow(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    freq: str = "D",
    tz: str | tzinfo = "UTC",
    since: Any = None,
    until: Any = None,
    states: States = "status",
    by: str | None = None,
    arrivals: bool = False,
    categories: Mapping[str, str] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how many issues were in each status at the end of each day.

    Parameters
    ----------
    issues, changes, until, categories, workflow
        As for `status_spans`.
    freq : str
        ``"D"`` for days, ``"W"`` for weeks, ``"7D"``, ``"M"``: a pandas frequency of whole days.
    tz : str or tzinfo
        Whose midnight ends a day.
    since : Timestamp, optional
        The first day; that of the first issue by default.
    states : str or mapping
        ``"status"``, ``"category"``, or groups of statuses by name.
    by : str, optional
        A column of the issues: a column for each of its values and states.
    arrivals : bool
        Count how many issues had reached each state or a later one by then, which never falls (Vacanti,
        "Actionable Agile Metrics", has no other diagram of cumulative flow). Without it, how many were
        there, which falls where issues move back.

    Returns
    -------
    DataFrame
        One row per day, one column per status, in the site's order.
    """
    window = window_of(
        issues, changes, workflow, since=since, until=until, by=by, tz=tz, categories=categories
    )
    zone, cut = window.zone, window.cut
    if not len(cut.issue):
        return window.told(pd.DataFrame(index=pd.DatetimeIndex([], tz=zone)))
    first = window.since if window.since is not None else with_zone(cut.entered).min()
    first, last = (instant.tz_convert(zone).tz_localize(None).normalize() for instant in (first, cut.end))
    walls = day_ends(first, last, freq)
    ends = day_begins(walls + pd.DateOffset(days=1), zone).tz_convert("UTC").tz_localize(None)
    at = ends.to_numpy().astype("datetime64[us]")
    codes, labels = pd.factorize(grouped(cut.stays, states), use_na_sentinel=False)
    columns = in_order(window, labels, states)
    rank = np.array([columns.index(str(label)) for label in labels])[codes]
    counted = _arrived if arrivals else _there
    table: dict[str, Any] = {}
    for cells, rows in window.groups:
        mine = np.zeros(len(cut), dtype=bool)
        mine[rows] = True
        for column, counts in zip(
            columns, counted(window, rank, mine[cut.issue], at, len(columns)), strict=True
        ):
            table[": ".join(map(str, [*cells.values(), column]))] = counts
    return window.told(pd.DataFrame(table, index=day_begins(walls, zone)))


def _there(window: Window, rank: Any, mine: Any, at: Instants, count: int) -> list[Any]:
    """Return how many of a group were in each state at each instant."""
    entered, left = window.cut.entered, window.cut.stays.steps.left
    went = ~np.isnat(left)
    return [
        level(entered[mine & (rank == state)], left[mine & (rank == state) & went], at)
        for state in range(count)
    ]


def _arrived(window: Window, rank: Any, mine: Any, at: Instants, count: int) -> list[Any]:
    """Return how many of a group had reached each state, or a later one, by each instant."""
    cut = window.cut
    farthest = np.maximum.accumulate(rank + cut.issue * count) - cut.issue * count
    before = np.where(cut.first, -1, np.concatenate([[-1], farthest[:-1]]))
    return [
        np.sort(cut.entered[mine & (farthest >= state) & (before < state)]).searchsorted(at)
        for state in range(count)
    ]

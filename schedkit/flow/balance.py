"""Whether as much is finished as is started, and whether Little's law holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import Instants, metric, naive, with_zone
from schedkit.flow.issue_history import History
from schedkit.flow.periods import level, periods_of
from schedkit.flow.window import Window, window_of
from schedkit.flow.workflow import DONE, IN_PROGRESS, TO_DO, Workflow

__all__ = ["flow_balance", "littles_law"]

_DAY = np.timedelta64(86_400_000_000, "us")


@metric
def flow_balance(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    freq: str = "W",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return arrivals and departures of work in progress in each period.

    Every change counts, also of an issue that is reopened and finished again, so that each row adds up:
    Open + Started + Reopened − Withdrawn − Finished = Close.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`.
    freq : str
        A pandas period: ``"D"``, ``"W"``, ``"M"``.
    since, until : Timestamp, optional
        The first and the last period; by default that of the first issue, and now.
    by : str, optional
        A column of the issues: rows for each of its values.
    tz : str or tzinfo
        Whose days end.

    Returns
    -------
    DataFrame
        Period, Open (in progress at its beginning), Started, Reopened, Withdrawn (back to To Do), Finished,
        Close, and Skipped: finished without having been in progress, which is no part of the sum.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    cut = window.cut
    first = window.since if window.since is not None else with_zone(cut.entered).min()
    periods = periods_of(first if pd.notna(first) else cut.end, cut.end, freq, window.zone)
    before = np.where(cut.first, TO_DO, np.concatenate([cut.phase[:1], cut.phase[:-1]]))
    works, worked = cut.phase == IN_PROGRESS, before == IN_PROGRESS
    events = {
        "Started": works & (before == TO_DO),
        "Reopened": works & (before == DONE),
        "Withdrawn": worked & (cut.phase == TO_DO),
        "Finished": worked & (cut.phase == DONE),
        "Skipped": (before == TO_DO) & (cut.phase == DONE),
    }
    parts = []
    for cells, rows in window.groups:
        mine = np.zeros(len(cut), dtype=bool)
        mine[rows] = True
        chosen = mine[cut.issue]
        counts = {name: periods.count(cut.entered[which & chosen]) for name, which in events.items()}
        change = counts["Started"] + counts["Reopened"] - counts["Withdrawn"] - counts["Finished"]
        came, went = (
            cut.entered[chosen & which & ~both] for which, both in ((works, worked), (worked, works))
        )
        close = level(came, went, periods.begins[:1])[:1] + np.cumsum(change)
        skipped = counts.pop("Skipped")
        table = {
            "Period": periods.index,
            "Open": close - change,
            **counts,
            "Close": close,
            "Skipped": skipped,
        }
        parts.append(pd.DataFrame(table).assign(**cells))
    names = ["Period", "Open", "Started", "Reopened", "Withdrawn", "Finished", "Close", "Skipped"]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)
    frame = frame[[*([] if by is None else [by]), *names]] if parts else frame
    return window.told(frame, partial=periods.begun(naive(cut.end)))


@metric
def littles_law(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    since: Any,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the terms of Little's law over a period, and how far they are from each other.

    Mean work in progress = throughput × mean cycle time holds only where arrivals and departures are nearly
    equal, all that is started is finished, and neither the amount of work in progress nor its age grows.
    Where it does not hold, the terms show which of these fails, and the averages forecast nothing.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`.
    since : Timestamp
        The beginning of the period.
    until : Timestamp, optional
        Its end; now by default.
    by : str, optional
        A column of the issues: rows for each of its values.
    tz : str or tzinfo
        Of wall times without a zone.

    Returns
    -------
    DataFrame
        A row for each value of `by`: Days, Mean WIP, Per Day (finished with a cycle time), Mean Cycle (days),
        Product (Per Day × Mean Cycle), Gap (Product − Mean WIP), Started, Finished, and Holds: whether both
        numbers of issues and both sides of the equation differ by at most a tenth.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    if window.since is None:
        raise UsageError("Little's law needs a period", hint="give since")
    begin, end = naive(window.since), naive(window.cut.end)
    days = (end - begin) / _DAY
    if days <= 0:
        raise UsageError("Little's law needs a period", hint="give an until later than since")
    rows = [{**cells, **_terms(window, members, days, begin, end)} for cells, members in window.groups]
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), *_TERMS])
    return window.told(frame, window.without_start())


_TERMS = (
    "Days", "Mean WIP", "Per Day", "Mean Cycle", "Product", "Gap", "Started", "Finished", "Holds",
)  # fmt: skip


def _terms(
    window: Window, members: Any, days: float, begin: np.datetime64, end: np.datetime64
) -> dict[str, Any]:
    cut = window.cut
    mine = np.zeros(len(cut), dtype=bool)
    mine[members] = True
    works = mine[cut.issue] & (cut.phase == IN_PROGRESS)
    worked = np.minimum(cut.left[works], end) - np.maximum(cut.entered[works], begin)
    wip = float(np.maximum(worked / _DAY, 0).sum()) / days
    finished = cut.finished[members]
    counted = _within(finished, begin, end) & ~np.isnat(cut.started[members])
    cycles = (finished[counted] - cut.started[members][counted]) / _DAY
    started = int(_within(cut.started[members], begin, end).sum())
    rate, mean = len(cycles) / days, float(cycles.mean()) if len(cycles) else float("nan")
    product = rate * mean if len(cycles) else 0.0
    holds = _close(started, len(cycles)) and _close(wip, product)
    values = (days, wip, rate, mean, product, product - wip, started, len(cycles), holds)
    return dict(zip(_TERMS, values, strict=True))


def _within(instants: Instants, begin: np.datetime64, end: np.datetime64) -> Any:
    return ~np.isnat(instants) & (instants >= begin) & (instants < end)


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= 0.1 * max(one, other)

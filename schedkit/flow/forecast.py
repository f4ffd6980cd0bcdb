"""Forecasts from throughput, and how often such forecasts held in the past."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.elapsed import check_percentiles, nearest_rank
from schedkit.flow.finishes import Finishes
from schedkit.flow.frames import metric, naive, with_zone, without_zone
from schedkit.flow.issue_history import History, history_of
from schedkit.flow.periods import Periods, day_begins, periods_of
from schedkit.flow.simulation import MOST_DAYS, Past, at_least, how_many, when
from schedkit.flow.window import Window, wall_instant, window_of
from schedkit.flow.workflow import Workflow
from schedkit.values.scalars import whole_number_of
from schedkit.values.text import safe_repr
from schedkit.values.timezones import parse_timezone

__all__ = ["backtest", "forecast_how_many", "forecast_when"]

_PERCENTILES = (50, 85, 95)
_DAYS = 84
_FEW = 5


@metric
def forecast_when(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    n: int,
    percentiles: float | Sequence[float] = _PERCENTILES,
    sample: str = "weekday",
    trials: int = 10_000,
    seed: int = 1,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return when `n` more items will be finished, by Monte Carlo simulation of throughput.

    Each trial draws days from the past until `n` items are finished; the 85 % forecast is the smallest number
    of days within which at least 85 % of the trials are done. Days without a finish are drawn too: without
    them every forecast is too early. The day that is not over at `until` is neither drawn from nor counted.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`; all finished issues count, also those that were never in progress.
    n : int
        How many items are left.
    percentiles : float or sequence of float
        Above 0, up to 100.
    sample : str
        ``"weekday"``: a Monday is drawn from Mondays, so that quiet weekends stay quiet; ``"day"``: from all.
    trials : int
        How many trials.
    seed : int
        The same seed gives the same answer.
    since : Timestamp, optional
        The first day that is drawn from; 84 days before the end by default.
    until : Timestamp, optional
        The end of the days that are drawn from; now by default.
    by : str, optional
        A column of the issues: `n` more of each of its values.
    tz : str or tzinfo
        Whose days count.

    Returns
    -------
    DataFrame
        A row for each percentile: Percentile, Days and Date (missing where it is more than ten years).
        ``attrs["outcomes"]`` counts the trials by their days, ``attrs["warnings"]`` says where the past is
        thin.

    Raises
    ------
    UsageError
        If nothing was finished in that time.
    """
    wanted = check_percentiles(percentiles)
    _check_count(n, "n")
    window = _window(issues, changes, workflow, since, until, by, tz)
    rng = _generator(trials, seed)
    rows, outcomes = [], {}
    for cells, past, day in _pasts(window, sample):
        days = np.sort(when(past, n, day.weekday(), trials, rng))
        outcomes[cells.get(str(by))] = _counted(days)
        for each in wanted:
            least = int(nearest_rank(days, each))
            known = least <= MOST_DAYS
            date = day + pd.Timedelta(days=least - 1) if known else pd.NaT
            rows.append({**cells, "Percentile": each, "Days": least if known else pd.NA, "Date": date})
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), "Percentile", "Days", "Date"])
    frame = frame.astype({"Days": "Int64", "Date": "datetime64[us]"})
    return _told(window, frame, sample, trials, seed, outcomes)


@metric
def forecast_how_many(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    to: Any,
    percentiles: float | Sequence[float] = _PERCENTILES,
    sample: str = "weekday",
    trials: int = 10_000,
    seed: int = 1,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how many items will be finished up to a date, by Monte Carlo simulation of throughput.

    Percentiles are read from the other end: 85 % of the trials finish at least that many, so that a more
    certain forecast has fewer items.

    Parameters
    ----------
    issues, changes, percentiles, sample, trials, seed, since, until, tz, workflow
        As for `forecast_when`.
    to : date
        The last day, which counts.
    by : str, optional
        A column of the issues: a forecast for each of its values.

    Returns
    -------
    DataFrame
        A row for each percentile: Percentile and At Least. ``attrs["outcomes"]`` counts the trials by their
        number of items.
    """
    wanted = check_percentiles(percentiles)
    window = _window(issues, changes, workflow, since, until, by, tz)
    rng = _generator(trials, seed)
    if to is None:
        raise UsageError("forecast_how_many() needs to", hint='e.g. to="2026-12-31"')
    last = wall_instant(to, window.zone).tz_convert(window.zone).tz_localize(None).normalize()
    rows, outcomes = [], {}
    for cells, past, day in _pasts(window, sample):
        days = (last - day).days + 1
        if not 0 < days <= MOST_DAYS:
            raise UsageError(f"to={safe_repr(to)} is not within ten years from {day:%Y-%m-%d}")
        totals = how_many(past, days, day.weekday(), trials, rng)
        outcomes[cells.get(str(by))] = _counted(totals)
        rows += [{**cells, "Percentile": each, "At Least": at_least(totals, each)} for each in wanted]
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), "Percentile", "At Least"])
    return _told(window, frame, sample, trials, seed, outcomes)


def _window(
    issues: pd.DataFrame | History, changes: pd.DataFrame | None, workflow: Any, since: Any, until: Any,
    by: str | None, tz: str | tzinfo,
) -> Window:  # fmt: skip
    history = history_of(issues, changes, workflow)
    if since is None:
        end = history.now if until is None else wall_instant(until, parse_timezone(tz))
        since = end - pd.Timedelta(days=_DAYS)
        born = with_zone(history.log.created)
        # Days before there was any issue are no quiet days.
        since = max(since, born.min()) if len(born) and born.min() < end else since
        since = since.tz_convert(parse_timezone(tz)).tz_localize(None).normalize()
    return window_of(history, None, since=since, until=until, by=by, tz=tz)


def _days(window: Window) -> tuple[Periods, pd.Timestamp]:
    """Return the whole days of the period, and the first day that is forecast: none is begun."""
    assert window.since is not None
    periods = periods_of(window.since, window.cut.end, "D", window.zone)
    over = periods.ends <= naive(window.cut.end)
    whole = over & (periods.begins >= naive(window.since))
    end = window.cut.end.tz_convert(window.zone).tz_localize(None)
    first = end.normalize() if end == end.normalize() else end.normalize() + pd.Timedelta(days=1)
    return Periods(periods.index[whole], periods.begins[whole], periods.ends[whole]), first


def _pasts(window: Window, sample: str) -> list[tuple[dict[str, Any], Past, pd.Timestamp]]:
    periods, first = _days(window)
    weekdays = _weekdays(periods)
    found = []
    for cells, rows in window.groups:
        past = Past(periods.count(window.cut.finished[rows]), weekdays, sample)
        past.check()
        found.append((cells, past, first))
    return found


def _weekdays(periods: Periods) -> Any:
    return np.array([day.day_of_week for day in periods.index], dtype=np.int64)


def _check_count(value: Any, name: str) -> None:
    number = whole_number_of(value)
    if number is None or number < 1:
        raise UsageError(f"{name}={safe_repr(value)} is not a number above 0")


def _generator(trials: int, seed: int) -> np.random.Generator:
    _check_count(trials, "trials")
    if seed < 0:
        raise UsageError(f"seed={seed} is not a number from 0 on")
    return np.random.default_rng(seed)


def _counted(outcomes: Any) -> dict[int, int]:
    values, counts = np.unique(outcomes, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _told(
    window: Window, frame: pd.DataFrame, sample: str, trials: int, seed: int, outcomes: dict[Any, Any]
) -> pd.DataFrame:
    periods, first = _days(window)
    counts = periods.count(window.cut.finished)
    found = window.told(
        frame, sample=sample, trials=trials, seed=seed, outcomes=outcomes, first=f"{first:%Y-%m-%d}",
        days=len(counts), finished=int(counts.sum()),
    )  # fmt: skip
    busy = int((counts > 0).sum())
    if busy < _FEW:
        found.attrs["warnings"].append(f"only {busy} days of the past have a finish: the forecast is a guess")
    return found


@metric
def backtest(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    days: int = 14,
    past: int = _DAYS,
    percentiles: float | Sequence[float] = _PERCENTILES,
    sample: str = "weekday",
    trials: int = 2_000,
    seed: int = 1,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how often forecasts of how many items would have held, had they been made in the past.

    Every `days` days a forecast is made from what was known then (issues reopened since were finished), and
    compared with what was finished in the days that followed. A sound 85 % forecast holds about 85 times of
    100, rather more over short spans and less over long ones.

    Parameters
    ----------
    issues, changes, percentiles, sample, trials, seed, tz, workflow
        As for `forecast_how_many`.
    days : int
        How far each forecast looks ahead; the next is made when it is over, so that no finish counts twice.
    past : int
        From how many days each draws.
    since, until : Timestamp, optional
        The period: the first forecast is made `past` days after `since`, by default after the first issue's
        creation; the last is over at `until`, now by default.
    by : str, optional
        A column of the issues: rows for each of its values.

    Returns
    -------
    DataFrame
        A row for each percentile: Percentile, Forecasts, Held, Share, and From and To: the 95 % interval of
        the share (Wilson's), which few forecasts leave wide. A forecast from days without any finish is not
        made; ``attrs["not_made"]`` counts them.
    """
    wanted = check_percentiles(percentiles)
    for value, name in ((days, "days"), (past, "past")):
        _check_count(value, name)
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, tz=tz)
    walls, made = _made(window, days, past)
    midnights = day_begins(walls, window.zone).tz_convert("UTC")
    edges, weekdays = without_zone(midnights.to_series()), walls.day_of_week.to_numpy(dtype=np.int64)
    known = Finishes.of(window.history)
    groups = [(cells.get(str(by)), known.among(rows)) for cells, rows in window.groups]
    rng = _generator(trials, seed)
    tallies: dict[Any, list[tuple[int, dict[float, int]]]] = {}
    not_made = 0
    for at in made:
        for end in (at, at + days):
            window.history.check_reach(midnights[end])
        for group, finishes in groups:
            counts = finishes.counts(edges[at - past : at + 1])
            if not counts.sum():
                not_made += 1
                continue
            drawn = Past(counts, weekdays[at - past : at], sample)
            drawn.check()
            totals = how_many(drawn, days, int(weekdays[at]), trials, rng)
            came = int(finishes.counts(edges[[at, at + days]]).sum())
            told = {each: at_least(totals, each) for each in wanted}
            tallies.setdefault(group, []).append((came, told))
    frame = _shares(tallies, wanted, by)
    return window.told(frame, not_made=not_made, forecasts=len(made), sample=sample, trials=trials, seed=seed)


def _made(window: Window, days: int, past: int) -> tuple[pd.DatetimeIndex, range]:
    """Return midnights up to the last whole day, and at which of them forecasts are made, the last first."""
    born = with_zone(window.history.log.created).min()
    first = window.since if window.since is not None else born
    over = window.cut.end.tz_convert(window.zone).tz_localize(None).normalize()
    if pd.isna(first):
        return pd.DatetimeIndex([]), range(0)
    walls = pd.date_range(first.tz_convert(window.zone).tz_localize(None).normalize(), over, freq="D")
    return walls, range(len(walls) - 1 - days, past - 1, -days)


def _shares(
    tallies: dict[Any, list[tuple[int, dict[float, int]]]], wanted: tuple[float, ...], by: str | None
) -> pd.DataFrame:
    rows = []
    for name, made in tallies.items():
        for each in wanted:
            held = sum(came >= told[each] for came, told in made)
            low, high = _wilson(held, len(made))
            cells = {} if by is None else {by: name}
            rows.append(
                {**cells, "Percentile": each, "Forecasts": len(made), "Held": held,
                 "Share": held / len(made), "From": low, "To": high}
            )  # fmt: skip
    names = ["Percentile", "Forecasts", "Held", "Share", "From", "To"]
    return pd.DataFrame(rows, columns=[*([] if by is None else [by]), *names])


def _wilson(held: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    share, spread = held / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return middle - half, middle + half

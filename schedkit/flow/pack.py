"""The weekly pack: the figures of a team, computed from one history, as frames that know their plots."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.ageing import ageing, ageing_bands, work_in_progress
from schedkit.flow.balance import flow_balance, littles_law
from schedkit.flow.burn import burndown
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.counts import cumulative_flow, throughput
from schedkit.flow.cycles import control_chart, cycle_histogram, cycle_percentiles, cycle_times
from schedkit.flow.effort import blocked_time, flow_efficiency, returns
from schedkit.flow.forecast import backtest, forecast_how_many, forecast_when
from schedkit.flow.freshness import stale_warning
from schedkit.flow.issue_history import History, history_of
from schedkit.flow.plots import plot
from schedkit.flow.quality import data_quality
from schedkit.flow.readable import readable
from schedkit.flow.sprints import predictability, sprint_report, velocity
from schedkit.flow.titles import TITLES
from schedkit.flow.window import wall_instant
from schedkit.flow.workflow import Workflow
from schedkit.values.keywords import check_keywords
from schedkit.values.text import did_you_mean
from schedkit.values.timezones import parse_timezone

__all__ = ["Pack", "pack"]

_ROWS = 12


@check_keywords
class Pack(Mapping[str, pd.DataFrame]):
    """The figures of a team by name, in the order in which they are read; a cell shows them.

    Parameters
    ----------
    frames : mapping
        The figures, by the name of the function.
    skipped : mapping
        Why others are not there.
    period : str
        What they cover.
    """

    def __init__(self, frames: Mapping[str, pd.DataFrame], skipped: Mapping[str, str], period: str) -> None:
        self._frames = dict(frames)
        self.skipped, self.period = dict(skipped), period

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name in self._frames:
            return self._frames[name]
        if name in self.skipped:
            raise UsageError(f"the pack has no {name}", hint=self.skipped[name])
        raise UsageError(f"the pack has no {name}", hint=did_you_mean(name, self._frames))

    def __contains__(self, name: object) -> bool:
        return name in self._frames

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        return f"<Pack: {len(self)} figures, {self.period}>"

    def title(self, name: str) -> str:
        """Return what a figure is called on a page."""
        return TITLES[name]

    @property
    def warnings(self) -> list[str]:
        """What a reader of the figures must know, each once."""
        return list(dict.fromkeys(w for frame in self.values() for w in frame.attrs.get("warnings", ())))

    def plot(self, name: str, *, dark: bool = False) -> Any:
        """Return the picture of a figure."""
        return plot(self[name], dark=dark)

    def _repr_html_(self) -> str:
        parts = [f"<h3>Metrics, {html.escape(self.period)}</h3>"]
        parts += [f"<p>⚠ {html.escape(warning)}</p>" for warning in self.warnings]
        for name in self:
            shown = self.readable(name)
            parts.append(f"<h4>{html.escape(self.title(name))}</h4>")
            left_out = self[name].attrs.get("left_out") or {}
            told = "; ".join(f"left out: {len(keys)} {why}" for why, keys in left_out.items())
            if told:
                parts.append(f"<p><small>{html.escape(told)}</small></p>")
            parts.append(shown.to_html(index=False, max_rows=_ROWS, na_rep="", border=0))
        skipped = [f"<li>{html.escape(f'{self.title(n)}: {why}')}</li>" for n, why in self.skipped.items()]
        return "".join([*parts, *(["<p>Not there:</p><ul>", *skipped, "</ul>"] if skipped else [])])

    def readable(self, name: str) -> pd.DataFrame:
        """Return a figure for a workbook or a page: no index, times in days, instants without a zone."""
        return readable(self[name])


@check_keywords
def pack(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    weeks: int = 12,
    until: Any = None,
    by: str | None = None,
    sprints: pd.DataFrame | None = None,
    sprint: int | str | None = None,
    points: str | None = "board",
    board: pd.DataFrame | None = None,
    waiting: Sequence[str] | None = None,
    flag: str = "Flagged",
    n: int | None = None,
    days: int = 14,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    tz: str | tzinfo = "UTC",
    seed: int = 1,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> Pack:
    """Return the figures that a team looks at every week, from one reading of the history.

    Parameters
    ----------
    issues, changes, by, calendar, tz, workflow
        As for `cycle_times`. Burndown, cumulative flow, forecasts and the check of the data are not split.
    weeks : int
        How many weeks before `until` the period has.
    until : Timestamp, optional
        The end of the period; now by default.
    sprints, sprint, points, board
        As for `sprint_report`; without sprints nothing is said of them.
    waiting : sequence of str, optional
        Waiting statuses in progress; without it there is no flow efficiency.
    flag : str
        The field that is set while an issue is blocked.
    n : int, optional
        For how many items it is forecast when they are finished; by default all that are in progress.
    days : int
        For how many days it is forecast how many are finished.
    seed : int
        Of the forecasts.

    Returns
    -------
    Pack
        Frames by the name of their function; ``skipped`` says why one is not there. Where the issues are
        older than the end of the period, ``warnings`` says so.

    Raises
    ------
    UsageError
        If the frames cannot be read. A single figure that cannot be had is skipped.
    """
    history = history_of(issues, changes, workflow, waiting=waiting)
    zone = parse_timezone(tz)
    until = wall_instant(until, zone)  # of the zone in all figures, also in those that count no days
    cut = history.cut(until)
    # Weeks of the wall: one in which the clocks change is longer or shorter.
    end = cut.end.tz_convert(zone).tz_localize(None)
    since = wall_instant(end - pd.Timedelta(weeks=weeks), zone)
    year = wall_instant(end - pd.Timedelta(weeks=52), zone)
    period = {"since": since, "until": until}
    split = {**period, "by": by}
    zoned = {**split, "tz": tz}
    sprint_of = {"sprints": sprints, "points": points, "board": board, "until": until}
    open_now = n if n is not None else len(ageing(history, until=until))
    last = end.normalize() + pd.Timedelta(days=days)
    work: dict[str, Callable[[], Any]] = {
        "throughput": lambda: throughput(
            cycle_times(history, until=until, by=by), tz=tz, since=since, until=cut.end, by=by
        ),
        "cycle_percentiles": lambda: cycle_percentiles(history, calendar=calendar, **zoned),
        "control_chart": lambda: control_chart(history, calendar=calendar, **zoned),
        "cycle_histogram": lambda: cycle_histogram(history, calendar=calendar, **zoned),
        "cumulative_flow": lambda: cumulative_flow(history, tz=tz, **period),
        "work_in_progress": lambda: work_in_progress(history, **zoned),
        "ageing": lambda: ageing(history, calendar=calendar, **zoned),
        "ageing_bands": lambda: ageing_bands(history, calendar=calendar, **period),
        "flow_balance": lambda: flow_balance(history, **zoned),
        "littles_law": lambda: littles_law(history, **zoned),
        "flow_efficiency": lambda: flow_efficiency(history, calendar=calendar, **split),
        "blocked_time": lambda: blocked_time(history, flag=flag, calendar=calendar, **split),
        "returns": lambda: returns(history, **split),
        "sprint_report": lambda: sprint_report(history, sprint=sprint, **_given(sprint_of)),
        "burndown": lambda: burndown(history, sprint=sprint, calendar=calendar, tz=tz, **_given(sprint_of)),
        "velocity": lambda: velocity(history, since=year, by=by, **_given(sprint_of)),
        "predictability": lambda: predictability(history, since=year, by=by, **_given(sprint_of)),
        "forecast_when": lambda: forecast_when(history, n=max(1, open_now), until=until, tz=tz, seed=seed),
        "forecast_how_many": lambda: forecast_how_many(history, to=last, until=until, tz=tz, seed=seed),
        "backtest": lambda: backtest(history, since=year, until=until, tz=tz),
        "data_quality": lambda: data_quality(history, sprints=sprints, points=_field(points), **period),
    }
    frames, skipped, stale = {}, {}, stale_warning(history, cut.end)
    for name, compute in work.items():
        try:
            found = compute()
        except UsageError as error:
            skipped[name] = str(error)
            continue
        frames[name] = found.to_frame() if isinstance(found, pd.Series) else found
        frames[name].attrs = dict(found.attrs)
        if stale:
            frames[name].attrs["warnings"] = [stale, *found.attrs.get("warnings", ())]
    return Pack(frames, skipped, f"{since.tz_convert(zone):%Y-%m-%d} to {end:%Y-%m-%d}")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    if options["sprints"] is None:
        raise UsageError("there are no sprints", hint="give the frame of Jira.sprints as sprints")
    return options


def _field(points: str | None) -> str | None:
    return "Story Points" if points == "board" else points

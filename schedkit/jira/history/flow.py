"""How work flows: time in status, cycle and lead time, throughput, cumulative flow. Functions on frames.

They take the issues (`Jira.search`) and their changes (`Jira.changelog`). An issue's first status is what
its first change of status left; before that nothing is known but its creation. A status that was renamed
since has its present name in all of history, as far as the frames tell: the issues with Updated, the changes
with From Id and To Id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.jira.history.calendars import WorkingHours
from schedkit.jira.table.kinds import CATEGORY_NAMES

__all__ = ["cumulative_flow", "cycle_times", "status_spans", "throughput", "time_in_status"]


def status_spans(
    issues: pd.DataFrame, changes: pd.DataFrame, *, until: Any = None, calendar: WorkingHours | None = None
) -> pd.DataFrame:
    """Return how long each issue was in each status, one row per stay.

    Parameters
    ----------
    issues : DataFrame
        With Key, Created and Status.
    changes : DataFrame
        Their changelog.
    until : Timestamp, optional
        When the current stays are cut; now by default.
    calendar : WorkingHours, optional
        Count only working hours.

    Returns
    -------
    DataFrame
        Key, Status, Entered, Left (missing for the current stay) and Duration, in order of issue and time.
    """
    _need(issues, "issues", "Key", "Created", "Status")
    _need(changes, "changes", "Key", "When", "Field", "From", "To")
    end = _instant(until)
    issues = issues.assign(Created=_instants(issues, "Created"))
    moves = changes[changes["Field"].astype(str).str.casefold() == "status"]
    moves = moves.assign(When=_instants(moves, "When")).sort_values(["Key", "When"], kind="stable")
    moves = _with_present_names(issues, moves)
    moves = moves.loc[moves["When"] <= end, ["Key", "When", "From", "To"]]
    born = issues.loc[issues["Created"] <= end, ["Key", "Created", "Status"]].drop_duplicates("Key")
    first = moves.drop_duplicates("Key").set_index("Key")["From"]
    before = born["Key"].map(first)
    starts = pd.DataFrame(
        {
            "Key": born["Key"],
            "Status": before.where(born["Key"].isin(first.index), born["Status"].astype("str")).astype("str"),
            "Entered": born["Created"],
            "order": 0,
        }
    )
    later = moves[moves["Key"].isin(set(born["Key"]))]
    # An imported issue may have a history that is older than itself.
    since = _of(later["Key"], born.set_index("Key")["Created"])
    steps = pd.DataFrame(
        {
            "Key": later["Key"],
            "Status": later["To"].astype("str"),
            "Entered": later["When"].where(later["When"] >= since, since),
            "order": 1,
        }
    )
    spans = pd.concat([starts, steps], ignore_index=True)
    rank = pd.Series(range(len(born)), index=born["Key"])
    spans["issue"] = spans["Key"].map(rank)
    spans = spans.sort_values(["issue", "order", "Entered"], kind="stable", ignore_index=True)
    spans["Left"] = spans.groupby("issue")["Entered"].shift(-1)
    stop = spans["Left"].fillna(end)
    spans["Duration"] = (
        calendar.between(spans["Entered"], stop) if calendar else (stop - spans["Entered"])
    ).astype("timedelta64[us]")
    return spans[["Key", "Status", "Entered", "Left", "Duration"]]


def time_in_status(
    issues: pd.DataFrame, changes: pd.DataFrame, *, until: Any = None, calendar: WorkingHours | None = None
) -> pd.DataFrame:
    """Return the total time of each issue in each status.

    Parameters
    ----------
    issues, changes, until, calendar
        As for `status_spans`.

    Returns
    -------
    DataFrame
        One row per issue (index Key), one column of Timedelta per status; zero where it never was.
    """
    spans = status_spans(issues, changes, until=until, calendar=calendar)
    ticks = spans.assign(Ticks=spans["Duration"].astype("int64"))
    totals = ticks.groupby(["Key", "Status"])["Ticks"].sum().unstack(fill_value=0)
    totals = totals.reindex(spans["Key"].drop_duplicates())
    order = [status for status in dict.fromkeys([*_ranked(issues), *totals.columns]) if status in totals]
    wide: pd.DataFrame = totals[order].astype("timedelta64[us]")
    wide.columns.name = "Status"
    return wide


def cycle_times(
    issues: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    start: str = "In Progress",
    done: str = "Done",
    categories: Mapping[str, str] | None = None,
    until: Any = None,
    calendar: WorkingHours | None = None,
) -> pd.DataFrame:
    """Return when work on each issue began and ended, and how long that took.

    Parameters
    ----------
    issues, changes, until, calendar
        As for `status_spans`.
    start, done : str
        A status, or a status category: work starts when an issue first enters `start` (or goes straight
        to `done`), and ends when it enters `done` for the last time, if it is still there.
    categories : mapping, optional
        The category of each status; by default what the site said (``issues.attrs["statuses"]``) and what
        the issues show.

    Returns
    -------
    DataFrame
        Key, Created, Started, Finished, Cycle (Finished − Started) and Lead (Finished − Created).
    """
    known = dict(issues.attrs.get("statuses", {}))
    if "Status Category" in issues:
        known |= dict(
            zip(issues["Status"].astype("str"), issues["Status Category"].astype("str"), strict=True)
        )
    known |= categories or {}
    spans = status_spans(issues, changes, until=until)
    names = set(spans["Status"]) | set(known) | set(known.values())
    if set(known.values()) <= set(CATEGORY_NAMES.values()):
        # Only where they are called otherwise are the categories' English names a mistake.
        names |= set(CATEGORY_NAMES.values())
    for what in (start, done):
        if what not in names:
            raise UsageError(
                f"no issue was ever in {what!r}",
                hint=f"statuses are {', '.join(sorted(set(spans['Status'])))}",
            )
    category = spans["Status"].map(known)
    is_start = (spans["Status"] == start) | (category == start)
    is_done = (spans["Status"] == done) | (category == done)
    by_issue = spans.assign(issue=spans["Key"])
    started = by_issue[is_start | is_done].groupby("issue")["Entered"].min()
    # The last stay of all must be a finished one, and the end is where the run of finished stays began.
    last_open = by_issue[~is_done].groupby("issue")["Left"].max()
    finished = by_issue[is_done & spans["Left"].isna()].groupby("issue")["Entered"].max()
    entered = by_issue[is_done].merge(
        last_open.rename("reopened"), left_on="issue", right_index=True, how="left"
    )
    entered = entered[entered["reopened"].isna() | (entered["Entered"] >= entered["reopened"])]
    first_done = entered.groupby("issue")["Entered"].min()
    table = issues[["Key"]].assign(Created=_instants(issues, "Created"))
    table = table.drop_duplicates("Key").reset_index(drop=True)
    table["Started"] = _of(table["Key"], started)
    table["Finished"] = _of(table["Key"], first_done.where(first_done.index.isin(finished.index)))
    between = calendar.between if calendar else lambda a, b: (b - a).astype("timedelta64[us]")
    for column in ("Started", "Finished"):
        table[column] = table[column].astype("datetime64[us, UTC]")
    table["Cycle"] = between(table["Started"], table["Finished"])
    table["Lead"] = between(table["Created"], table["Finished"])
    return table


def throughput(finished: pd.Series[Any] | pd.DataFrame, freq: str = "W", tz: str = "UTC") -> pd.Series[Any]:
    """Return how many issues were finished in each period, quiet periods included.

    Parameters
    ----------
    finished : Series or DataFrame
        Instants, or a frame with the column Finished (`cycle_times`) or Resolved.
    freq : str
        ``"D"``, ``"W"``, ``"M"``, ``"Q"``: a pandas period.
    tz : str
        Whose days count.

    Returns
    -------
    Series
        Counts by period.
    """
    if isinstance(finished, pd.DataFrame):
        column = next((c for c in ("Finished", "Resolved") if c in finished), None)
        if column is None:
            raise UsageError("the frame has neither Finished nor Resolved", hint="give a column of instants")
        finished = finished[column]
    days = pd.to_datetime(finished, utc=True).dropna().dt.tz_convert(_zone(tz)).dt.tz_localize(None)
    try:
        periods = days.dt.to_period(freq)
    except ValueError:
        raise UsageError(f"freq={freq!r} is no period", hint="write D, W, M, Q or Y") from None
    if not len(periods):
        return pd.Series([], index=pd.PeriodIndex([], freq=freq), dtype="int64", name="Finished")
    whole = pd.period_range(periods.min(), periods.max(), freq=freq)
    return periods.value_counts().reindex(whole, fill_value=0).rename("Finished")


def cumulative_flow(
    issues: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    freq: str = "D",
    tz: str = "UTC",
    start: Any = None,
    until: Any = None,
    by: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return how many issues were in each status at the end of each day.

    Parameters
    ----------
    issues, changes, until
        As for `status_spans`.
    freq : str
        ``"D"`` for days, ``"W"`` for weeks, ``"7D"``, ``"ME"``: a pandas frequency of whole days.
    tz : str
        Whose midnight ends a day.
    start : Timestamp, optional
        The first day; that of the first issue by default.
    by : mapping, optional
        Groups of statuses, e.g. ``issues.attrs["statuses"]`` for categories.

    Returns
    -------
    DataFrame
        One row per day, one column per status, in the site's order.
    """
    end = _instant(until)
    spans = status_spans(issues, changes, until=end)
    order = _ranked(issues)
    if by is not None:
        spans["Status"] = spans["Status"].map(lambda status: by.get(status, status))
        order = list(dict.fromkeys(by.get(status, status) for status in order))
    if not len(spans):
        return pd.DataFrame(index=pd.DatetimeIndex([], tz=tz))
    first = _instant(start) if start is not None else spans["Entered"].min()
    zone = _zone(tz)
    first, last = (instant.tz_convert(zone).tz_localize(None).normalize() for instant in (first, end))
    try:
        walls = pd.date_range(first, last, freq=freq)
    except ValueError:
        raise UsageError(f"freq={freq!r} is no frequency", hint="write D, W, 7D or ME") from None
    days = _begun(walls, zone)
    midnights = _begun(walls + pd.DateOffset(days=1), zone).tz_convert("UTC").as_unit("us")
    table: dict[str, Any] = {}
    for status, stays in spans.groupby("Status"):
        entered = stays["Entered"].sort_values().to_numpy()
        left = stays["Left"].dropna().sort_values().to_numpy()
        at = midnights.to_numpy()
        # Who came before midnight, less who left before it.
        table[str(status)] = entered.searchsorted(at) - left.searchsorted(at)
    columns = [*(s for s in order if s in table), *sorted(set(table) - set(order))]
    return pd.DataFrame({column: table[column] for column in columns}, index=days)


def _ranked(issues: pd.DataFrame) -> list[str]:
    known = list(issues.attrs.get("statuses", {}))
    dtype = issues["Status"].dtype
    return known or (list(dtype.categories) if isinstance(dtype, pd.CategoricalDtype) else [])


def _instant(value: Any) -> pd.Timestamp:
    if value is None:
        return pd.Timestamp.now("UTC").as_unit("us")
    try:
        stamp: Any = pd.Timestamp(value)
    except (ValueError, TypeError):
        stamp = pd.NaT
    if pd.isna(stamp):
        raise UsageError(f"{value!r} is no instant", hint="write 2026-03-01 or 2026-03-01T12:00+01:00")
    told: pd.Timestamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return told.as_unit("us")


def _instants(frame: pd.DataFrame, column: str) -> pd.Series[Any]:
    """Return a column as instants, whichever zone or workbook it has been through."""
    try:
        return pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
    except (ValueError, TypeError):
        raise UsageError(f"{column} holds what is no instant", hint="extract it again") from None


def _of(keys: pd.Series[Any], values: pd.Series[Any]) -> pd.Series[Any]:
    """Return the value of each key; unlike `map`, also where there are none of an instant."""
    return pd.Series(values.reindex(keys).array, index=keys.index)


def _zone(tz: str) -> ZoneInfo:
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"there is no time zone {tz!r}", hint="e.g. Europe/Berlin") from None


def _begun(walls: pd.DatetimeIndex, zone: ZoneInfo) -> pd.DatetimeIndex:
    """Return when days begin: at midnight, where summer time has one, and at the first where it has two."""
    return walls.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(walls), dtype=bool))


def _with_present_names(issues: pd.DataFrame, moves: pd.DataFrame) -> pd.DataFrame:
    """Return changes of status, in order of time, in which renamed statuses have their present names."""
    if "Updated" not in issues or not {"From Id", "To Id"} <= set(moves):
        return moves
    last = moves.drop_duplicates("Key", keep="last").set_index("Key")
    held = issues.drop_duplicates("Key").set_index("Key")
    both = last[["When", "To Id"]].join(held[["Status", "Updated"]], how="inner").dropna()
    # An issue that has moved on since it was extracted shows another status for another reason.
    both = both[pd.to_datetime(both["Updated"], utc=True) >= both["When"]]
    names = dict(zip(both["To Id"].astype(str), both["Status"].astype(str), strict=True))
    return moves.assign(
        **{
            column: moves[f"{column} Id"].map(names).astype("str").fillna(moves[column].astype("str"))
            for column in ("From", "To")
        }
    )


def _need(frame: pd.DataFrame, name: str, *columns: str) -> None:
    for column in columns:
        if column not in frame:
            raise UsageError(
                f"the frame of {name} has no column {column!r}", hint="extract it with that field"
            )

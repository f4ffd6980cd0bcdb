"""How long issues were in each status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.frames import as_instant, need, warned, with_zone
from schedkit.flow.log import Log
from schedkit.flow.statuses import Stays, stays_of
from schedkit.values.keywords import check_keywords

__all__ = ["cut_stays", "status_spans", "time_in_status"]


@check_keywords
def status_spans(
    issues: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    until: Any = None,
    calendar: WorkingHours | None = None,
    categories: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return how long each issue was in each status, one row per stay.

    Parameters
    ----------
    issues : DataFrame
        With Key, Created and Status.
    changes : DataFrame
        Their changelog, whole, since what an issue was before its first change stands in that change. One
        that `Jira.changelog` returned may have been cut in time (``changes[changes.When < until]``): it tells
        what it was cut from.
    until : Timestamp, optional
        When the current stays are cut; now by default.
    calendar : WorkingHours, optional
        Count only working hours.
    categories : mapping, optional
        The category of a status, by name or id, where it is not what the site or the issues say.

    Returns
    -------
    DataFrame
        Key, Status, Status Id, Status Category, Entered, Left (missing for the current stay) and Duration,
        in order of issue and time. Names are those of today; ``attrs["warnings"]`` names statuses that the
        site no longer has, and reports where issues and changes contradict each other.
    """
    stays, end = cut_stays(issues, changes, until, categories)
    steps = stays.steps
    frame = pd.DataFrame(
        {
            "Key": stays.log.issues["Key"].astype("str").array[steps.issue],
            "Status": pd.Series(stays.names, dtype="str"),
            "Status Id": pd.Series(stays.ids, dtype="str"),
            "Status Category": pd.Series(stays.categories, dtype="str"),
            "Entered": with_zone(steps.entered),
            "Left": with_zone(steps.left),
        }
    )
    frame["Duration"] = durations(frame, end, calendar)
    return warned(frame, stays.warnings(None if until is None else end))


def cut_stays(
    issues: pd.DataFrame, changes: pd.DataFrame, until: Any, categories: Mapping[str, str] | None = None
) -> tuple[Stays, pd.Timestamp]:
    """Return the stays that had begun at `until`, of issues that were born by then.

    Raises
    ------
    UsageError
        If the changes do not tell what some of them were then.
    """
    need(issues, "issues", "Key", "Created", "Status")
    end = as_instant(until)
    log = Log(changes, issues[issues["Created"].notna()])
    stays = stays_of(log, categories)
    if until is not None:
        log.check_reach(end, stays.steps.moved)
    return stays.until(end), end


def durations(frame: pd.DataFrame, end: pd.Timestamp, calendar: WorkingHours | None) -> pd.Series[Any]:
    """Return how long stays last, current ones until `end`."""
    stop = frame["Left"].fillna(end)
    spent = calendar.between(frame["Entered"], stop) if calendar else stop - frame["Entered"]
    return pd.Series(spent).astype("timedelta64[us]")


@check_keywords
def time_in_status(
    issues: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    until: Any = None,
    calendar: WorkingHours | None = None,
    categories: Mapping[str, str] | None = None,
    by: str = "status",
) -> pd.DataFrame:
    """Return the total time of each issue in each status.

    Parameters
    ----------
    issues, changes, until, calendar, categories
        As for `status_spans`.
    by : str
        ``"status"``, or ``"category"`` for the categories of the statuses. A status without a known category
        keeps a column of its own.

    Returns
    -------
    DataFrame
        One row per issue (index Key), one column of Timedelta per status; zero where it never was.
    """
    stays, end = cut_stays(issues, changes, until, categories)
    keys = stays.log.issues["Key"].astype("str").array[stays.steps.issue]
    spans = pd.DataFrame({"Key": keys, "Status": pd.Series(grouped(stays, by), dtype="str")})
    spans["Entered"], spans["Left"] = with_zone(stays.steps.entered), with_zone(stays.steps.left)
    spans["Ticks"] = durations(spans, end, calendar).astype("int64")
    totals = spans.groupby(["Key", "Status"])["Ticks"].sum().unstack(fill_value=0)
    totals = totals.reindex(spans["Key"].drop_duplicates())
    wide: pd.DataFrame = totals[in_order(stays, totals.columns, by)].astype("timedelta64[us]")
    wide.columns.name = "Status"
    return warned(wide, stays.warnings(None if until is None else end))


def grouped(stays: Stays, by: str | Mapping[str, str] | None) -> Any:
    """Return what each stay is counted as."""
    if by in (None, "status"):
        return stays.names
    if by == "category":
        pairs = zip(stays.categories, stays.names, strict=True)
        return [name if category is None else category for category, name in pairs]
    if isinstance(by, Mapping):
        return [by.get(str(name), name) for name in stays.names]
    raise UsageError(f"by={by!r} is not a grouping", hint="use 'status', 'category' or a mapping of statuses")


def in_order(stays: Stays, present: Any, by: str | Mapping[str, str] | None) -> list[str]:
    """Return columns in the site's order of statuses, those it does not list last."""
    dtype = stays.log.issues["Status"].dtype
    order = stays.statuses.order or (
        list(map(str, dtype.categories)) if isinstance(dtype, pd.CategoricalDtype) else []
    )
    if by == "category":
        order = stays.statuses.categories
    elif isinstance(by, Mapping):
        order = [by.get(name, name) for name in order]
    columns = list(map(str, present))
    return [name for name in dict.fromkeys([*order, *sorted(columns)]) if name in columns]

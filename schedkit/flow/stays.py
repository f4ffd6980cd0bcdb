"""How long issues were in each status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.elapsed import as_column, elapsed
from schedkit.flow.frames import metric, per_value, with_zone
from schedkit.flow.issue_history import Cut, History
from schedkit.flow.statuses import Stays
from schedkit.flow.steps import Objects
from schedkit.flow.window import Window, window_of
from schedkit.flow.workflow import Workflow
from schedkit.values.mappings import plain_mapping
from schedkit.values.text import safe_repr

__all__ = ["States", "grouped", "in_order", "states_in_order", "status_spans", "time_in_status"]

States = str | Mapping[str, str]


@metric
def status_spans(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    categories: Mapping[str, str] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how long each issue was in each status, one row per stay.

    Parameters
    ----------
    issues : DataFrame or History
        With Key, Created and Status; or a History, which holds both frames encoded.
    changes : DataFrame
        Their changelog, whole, since what an issue was before its first change stands in that change. One
        that `Jira.changelog` returned may have been cut in time (``changes[changes.When < until]``): it tells
        what it was cut from.
    until : Timestamp, optional
        When the current stays are cut; now by default.
    by : str, optional
        A column of the issues to add.
    calendar : WorkingHours or mapping, optional
        Count only working hours.
    categories : mapping, optional
        The category of a status, by name or id, where it is not what the site or the issues say.
    workflow : Workflow or mapping, optional
        When an item is started and finished; its categories count here.

    Returns
    -------
    DataFrame
        Key, Status, Status Id, Status Category, Entered, Left (missing for the current stay) and Duration,
        in order of issue and time. Names are those of today; ``attrs["warnings"]`` names statuses that the
        site no longer has, and reports where issues and changes contradict each other.

    Examples
    --------
    >>> issues = pd.DataFrame({"Key": ["A-1"], "Created": [pd.Timestamp("2026-03-02", tz="UTC")],
    ...                        "Status": ["Done"]})
    >>> changes = pd.DataFrame({"Key": ["A-1"], "When": [pd.Timestamp("2026-03-04", tz="UTC")],
    ...                         "Field": ["status"], "From": ["To Do"], "To": ["Done"]})
    >>> status_spans(issues, changes, until="2026-03-05")["Duration"].dt.days.tolist()
    [2, 1]
    """
    window = window_of(issues, changes, workflow, until=until, by=by, categories=categories)
    cut = window.cut
    stays = cut.stays
    frame = pd.DataFrame(
        {
            "Key": pd.Series(window.history.keys[cut.issue], dtype="str"),
            "Status": pd.Series(stays.names, dtype="str"),
            "Status Id": pd.Series(stays.ids, dtype="str"),
            "Status Category": pd.Series(stays.categories, dtype="str"),
            "Entered": with_zone(cut.entered),
            "Left": with_zone(stays.steps.left),
            "Duration": as_column(elapsed(cut.entered, cut.left, calendar)),
        }
    )
    if by is not None:
        frame[by] = window.groups.column_of(cut.issue)
    return window.told(frame)


@metric
def time_in_status(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    since: Any = None,
    until: Any = None,
    states: States = "status",
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    categories: Mapping[str, str] | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the total time of each issue in each status.

    Parameters
    ----------
    issues, changes, until, calendar, categories, workflow
        As for `status_spans`.
    since : Timestamp, optional
        Only the time after it.
    states : str or mapping
        ``"status"``, ``"category"`` for the categories of the statuses, or groups of statuses by name. A
        status without a known category keeps a column of its own.
    by : str, optional
        A column of the issues: the sums of its values instead of single issues.

    Returns
    -------
    DataFrame
        One row per issue (index Key) or value of `by`, one column of Timedelta per status; zero where it
        never was.
    """
    window = window_of(issues, changes, workflow, since=since, until=until, by=by, categories=categories)
    cut = window.cut
    begin = cut.entered if window.since is None else np.maximum(cut.entered, _naive(window.since))
    spent = elapsed(np.minimum(begin, cut.left), cut.left, calendar).astype(np.int64)
    codes, labels = pd.factorize(np.asarray(grouped(cut.stays, states), dtype=object))
    columns = in_order(window, labels, states)
    place = {str(label): code for code, label in enumerate(labels)}
    count = len(cut)
    totals = np.zeros((count, max(1, len(labels))), dtype=np.int64)
    np.add.at(totals, (cut.issue, codes), spent)
    if by is None:
        there = np.flatnonzero(cut.exists)
        totals = totals[there]
        index = pd.Index(window.history.keys[there], name="Key", dtype="str")
    else:
        totals = np.array([totals[rows].sum(axis=0) for _, rows in window.groups])
        index = pd.Index(window.groups.names, name=by)
    wide = pd.DataFrame(
        {column: totals[:, place[column]].astype("timedelta64[us]") for column in columns}, index=index
    )
    wide.columns.name = "Status"
    return window.told(wide)


def _naive(instant: pd.Timestamp) -> np.datetime64:
    return instant.tz_convert("UTC").tz_localize(None).as_unit("us").to_datetime64()


def grouped(stays: Stays, states: States) -> Objects:
    """Return what each stay is counted as."""
    states = plain_mapping(states)
    if states == "status":
        return stays.names
    if states == "category":
        lacking = per_value(stays.categories, lambda category: category is None)
        return np.where(lacking, stays.names, stays.categories)
    if isinstance(states, Mapping):
        codes, names = pd.factorize(stays.names, use_na_sentinel=False)
        groups = np.empty(len(names), dtype=object)
        groups[:] = [states.get(str(name), name) for name in names]
        return np.asarray(groups[codes], dtype=object)
    raise UsageError(
        f"states={safe_repr(states)} is not a grouping",
        hint="use 'status', 'category' or a mapping of statuses",
    )


def states_in_order(history: History, states: States) -> list[str]:
    """Return the states of the workflow, from the first to the last, as far as an order is known."""
    stays, issues, states = history.stays, history.log.issues, plain_mapping(states)
    dtype = issues["Status"].dtype
    order = (
        list(history.workflow.order)
        or stays.statuses.order
        or (list(map(str, dtype.categories)) if isinstance(dtype, pd.CategoricalDtype) else [])
    )
    if states == "category":
        return list(stays.statuses.categories)
    if isinstance(states, Mapping):
        return [states.get(name, name) for name in order]
    return list(order)


def in_order(window: Window, present: Any, states: States) -> list[str]:
    """Return columns in the order of the workflow, those it does not list last."""
    columns = list(map(str, present))
    order = states_in_order(window.history, states)
    return [name for name in dict.fromkeys([*order, *sorted(columns)]) if name in columns]


def current_states(cut: Cut) -> Objects:
    """Return the status of each issue at the end; None for those that did not exist."""
    found = np.full(len(cut), None, dtype=object)
    found[cut.issue[cut.last]] = cut.stays.names[cut.last]
    return found

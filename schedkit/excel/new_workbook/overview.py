"""The figures of a Summary sheet, computed from a frame of issues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from schedkit.excel.column_types import Policy
from schedkit.excel.names import headers
from schedkit.excel.new_workbook.column_roles import CATEGORIES, StatusCategories, roles
from schedkit.excel.new_workbook.decorate import extracted_at
from schedkit.excel.new_workbook.status_history import status_history
from schedkit.excel.serial_dates import Floats
from schedkit.values.dates import field_type, holds_dates

_NOBODY = "(none)"
_MOST_ROWS = 12
# Enough points to show a shape, few enough to read: the step widens with the span.
_STEPS = ((60, "D"), (550, "W-SUN"), (10**6, "ME"))


@dataclass(frozen=True)
class Count:
    """How many issues have one value; `category` is its place in the flow of work, where known."""

    name: str
    issues: int
    category: int | None = None


@dataclass(frozen=True)
class Flow:
    """Issues over time: at each day of `until`, what was created and resolved in the step before it.

    `stock` holds, per status category, how many issues were in it at that time; it comes from the
    status history if one was given, or else distinguishes open from done only.
    """

    until: list[pd.Timestamp]
    created: list[int]
    resolved: list[int]
    scope: list[float]
    done: list[float]
    stock: dict[str, list[int]]
    step: str
    unit: str


@dataclass(frozen=True)
class Overview:
    """What a Summary sheet shows of one frame."""

    issues: int
    by_category: list[Count]
    by_status: list[Count]
    by_assignee: list[Count]
    by_component: list[Count]
    flow: Flow | None
    points: float | None
    overdue: int | None


def overview(frame: pd.DataFrame, policy: Policy, history: pd.DataFrame | None = None) -> Overview:
    """Compute the figures of `frame`.

    Parameters
    ----------
    frame : DataFrame
        Issues, one per row; columns are found by field id or usual name, and may be absent.
    policy : Policy
        Its zone decides which day a moment belongs to.
    history : DataFrame, optional
        What `Jira.changelog` returned; or status changes, one per row: columns ``Key``, ``At`` (aware
        datetime) and ``Status Category``.
    """
    labels = headers(frame.columns)
    found = roles(labels, frame.attrs.get("fields") or {})
    columns = {role: frame.iloc[:, place] for role, place in found.items()}
    known = StatusCategories.of(frame.attrs)
    categories = columns["category"].map(known.place) if "category" in columns else None
    if history is not None:
        told = StatusCategories.of({**frame.attrs, **history.attrs})
        history = status_history(history, frame.attrs)
        history = history.assign(place=history["Status Category"].astype(object).map(told.place))
    return Overview(
        issues=len(frame),
        by_category=_category_counts(categories),
        by_status=_counts(columns.get("status"), categories),
        by_assignee=_counts(columns.get("assignee")),
        by_component=_counts(_exploded(columns.get("component"))),
        flow=_flow(columns, policy, frame.attrs, history),
        points=_total(columns.get("points")),
        overdue=_overdue(columns, categories, policy, frame.attrs),
    )


def _category_counts(categories: pd.Series[Any] | None) -> list[Count]:
    if categories is None:
        return []
    counts = categories.value_counts()
    return [Count(name, int(counts.get(place, 0)), place) for place, name in enumerate(CATEGORIES)]


def _counts(values: pd.Series[Any] | None, categories: pd.Series[Any] | None = None) -> list[Count]:
    if values is None:
        return []
    texts = values.astype(object).where(values.notna(), _NOBODY).map(lambda value: str(value) or _NOBODY)
    counts = texts.value_counts()
    places = {} if categories is None else dict(zip(texts, categories, strict=True))
    made = [Count(str(name), int(number), _place(places.get(name))) for name, number in counts.items()]
    if categories is not None:
        # Statuses in the order work flows, the most frequent first within a category.
        made.sort(key=lambda count: (99 if count.category is None else count.category, -count.issues))
    if len(made) <= _MOST_ROWS:
        return made
    rest = sum(count.issues for count in made[_MOST_ROWS - 1 :])
    return [*made[: _MOST_ROWS - 1], Count(f"({len(made) - _MOST_ROWS + 1} others)", rest)]


def _place(value: Any) -> int | None:
    return None if value is None or value != value else int(value)


def _exploded(values: pd.Series[Any] | None) -> pd.Series[Any] | None:
    if values is None:
        return None
    lists = [_items(value) or [None] for value in values]
    return pd.Series([item for items in lists for item in items], dtype=object)


def _items(value: Any) -> Sequence[Any]:
    if isinstance(value, str):
        return value.split(", ")
    return value if isinstance(value, list | tuple) else ()


def _total(points: pd.Series[Any] | None) -> float | None:
    if points is None or not pd.api.types.is_numeric_dtype(points.dtype):
        return None
    return float(points.fillna(0).sum())


def _days(
    values: pd.Series[Any] | None, policy: Policy, field: str | None = "datetime"
) -> pd.Series[Any] | None:
    """Return the wall-clock days of a column of moments or dates, None if it holds none."""
    if values is None or not pd.api.types.is_datetime64_any_dtype(values.dtype):
        return None
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        # The midnights of a date are its own zone's.
        values = values if holds_dates(values, field) else values.dt.tz_convert(policy.zone)
        values = values.dt.tz_localize(None)
    days: pd.Series[Any] = values.dt.normalize()
    return days


def _today(policy: Policy, attrs: Mapping[Any, Any]) -> pd.Timestamp:
    extracted = extracted_at(attrs) or pd.Timestamp.now("UTC")
    return extracted.tz_convert(policy.zone).tz_localize(None).normalize()


def _overdue(
    columns: Mapping[str, pd.Series[Any]],
    categories: pd.Series[Any] | None,
    policy: Policy,
    attrs: Mapping[Any, Any],
) -> int | None:
    values = columns.get("due")
    due = None if values is None else _days(values, policy, field_type(attrs, values.name))
    if due is None or categories is None:
        return None
    late = (due < _today(policy, attrs)).to_numpy() & (categories != 2).to_numpy()
    return int(late.sum())


def _flow(
    columns: Mapping[str, pd.Series[Any]],
    policy: Policy,
    attrs: Mapping[Any, Any],
    history: pd.DataFrame | None,
) -> Flow | None:
    created, resolved = (_days(columns.get(role), policy) for role in ("created", "resolved"))
    if created is None or resolved is None or created.notna().sum() == 0:
        return None
    first = created.min()
    last = max(day for day in (created.max(), resolved.max()) if day is not pd.NaT)
    days = (last - first).days
    step = next(step for limit, step in _STEPS if days <= limit)
    # The last step may reach past the last day; without it that day would be left out.
    until = pd.date_range(first, last + pd.tseries.frequencies.to_offset(step), freq=step)
    until = until[: int(np.searchsorted(until, last)) + 1]
    points = columns.get("points")
    unit = "story points" if points is not None and _total(points) else "issues"
    weight = np.ones(len(created)) if points is None or unit == "issues" else points.fillna(0).to_numpy(float)
    scope, done = _risen(created, weight, until), _risen(resolved, weight, until)
    issues = np.ones(len(created))
    made, closed = _risen(created, issues, until), _risen(resolved, issues, until)
    return Flow(
        until=list(until),
        created=np.diff(made, prepend=0).astype(int).tolist(),
        resolved=np.diff(closed, prepend=0).astype(int).tolist(),
        scope=scope.tolist(),
        done=done.tolist(),
        stock=_stock(columns, made, closed, until, policy, history),
        step={"D": "day", "W-SUN": "week", "ME": "month"}[step],
        unit=unit,
    )


def _risen(days: pd.Series[Any], weight: Floats, until: pd.DatetimeIndex) -> Floats:
    """Return how much had happened by the end of each day of `until`."""
    known = days.notna().to_numpy()
    order = np.argsort(days.to_numpy()[known], kind="stable")
    risen = np.concatenate([[0.0], np.cumsum(weight[known][order])])
    return risen[np.searchsorted(days.to_numpy()[known][order], until.to_numpy(), side="right")]


def _stock(
    columns: Mapping[str, pd.Series[Any]],
    made: Floats,
    closed: Floats,
    until: pd.DatetimeIndex,
    policy: Policy,
    history: pd.DataFrame | None,
) -> dict[str, list[int]]:
    if history is None or "key" not in columns:
        return {"Done": closed.astype(int).tolist(), "Open": (made - closed).astype(int).tolist()}
    born = pd.DataFrame({"Key": columns["key"].astype(object), "At": columns["created"], "place": 0})
    told = history[["Key", "At", "place"]]
    # An issue is new when it is created; what the history says of that moment comes after and counts.
    changes = pd.concat([born, told]).dropna().sort_values("At", kind="stable")
    days, place = _days(changes["At"], policy), changes["place"].to_numpy()
    assert days is not None
    # Each change takes its issue out of the category it was in and puts it into the new one.
    before = changes.groupby("Key")["place"].shift().to_numpy()
    return {
        name: (
            _risen(days, (place == at).astype(float), until)
            - _risen(days, (before == at).astype(float), until)
        )
        .astype(int)
        .tolist()
        for at, name in reversed(list(enumerate(CATEGORIES)))
    }

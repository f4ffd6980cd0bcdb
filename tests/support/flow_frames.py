"""Small frames of issues and of their changes of status, written by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

STATUSES = {
    "1": {"name": "Open", "category": "To Do", "key": "new"},
    "3": {"name": "Doing", "category": "In Progress", "key": "indeterminate"},
    "4": {"name": "Review", "category": "In Progress", "key": "indeterminate"},
    "6": {"name": "Done", "category": "Done", "key": "done"},
}
IDS = {about["name"]: id for id, about in STATUSES.items()}


def issues(*rows: tuple[str, str, str], statuses: Any = STATUSES) -> pd.DataFrame:
    """Issues of (key, created, present status)."""
    frame = pd.DataFrame(rows, columns=["Key", "Created", "Status"]).astype({"Key": "str", "Status": "str"})
    frame["Created"] = pd.to_datetime(frame["Created"], utc=True).astype("datetime64[us, UTC]")
    frame.attrs["statuses"] = dict(statuses)
    return frame


def moves(*rows: tuple[str, ...], statuses: Any = STATUSES) -> pd.DataFrame:
    """Changes of status: (key, when, from, to), or with both ids behind; without, as the names tell."""
    whole = [row if len(row) == 6 else (*row, IDS.get(row[2]), IDS.get(row[3])) for row in rows]
    columns = ["Key", "When", "From", "To", "From Id", "To Id"]
    frame = pd.DataFrame(whole, columns=columns).assign(Field="status", **{"Field Id": "status"})
    frame["When"] = pd.to_datetime(frame["When"], utc=True).astype("datetime64[us, UTC]")
    frame.attrs["statuses"] = dict(statuses)
    return frame


def days(series: pd.Series[Any]) -> list[float | None]:
    """Spans of time in days."""
    return [None if pd.isna(value) else value / timedelta(days=1) for value in series]

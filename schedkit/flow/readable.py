"""Figures as people read them: times in days, no index."""

from __future__ import annotations

import pandas as pd

__all__ = ["readable"]


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame for people: no index, times in days, shares in percent, periods by their first day."""
    shown = frame.copy()
    if isinstance(shown.index, pd.PeriodIndex):
        shown.index = shown.index.to_timestamp().rename("Period")
    if not isinstance(shown.index, pd.RangeIndex):
        shown = shown.reset_index(names=shown.index.name or "Day")
    for column in shown.columns:
        values = shown[column]
        if pd.api.types.is_timedelta64_dtype(values.dtype):
            shown[column] = (values.astype("int64") / 86_400_000_000).where(values.notna()).round(2)
            shown = shown.rename(columns={column: f"{column} (d)"})
        elif isinstance(values.dtype, pd.DatetimeTZDtype):
            shown[column] = values.dt.tz_localize(None)
        elif isinstance(values.dtype, pd.PeriodDtype):
            shown[column] = values.dt.to_timestamp()
        elif pd.api.types.is_float_dtype(values.dtype):
            shown[column] = values.round(3)
    shown.attrs = dict(frame.attrs)
    return shown

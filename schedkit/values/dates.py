"""Which columns of a frame hold dates: days without a time, kept as the midnights with which they begin.

Jira's date columns are midnights in UTC, so that they can be compared with the frame's moments. Shown as a
moment, such a date would have a time that was not given, and west of Greenwich be the day before.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["all_midnight", "field_type", "holds_dates"]


def field_type(attrs: Mapping[Hashable, Any], label: Hashable) -> str | None:
    """Return the type of the field that a column of a frame of issues was read from, None if unknown.

    Examples
    --------
    >>> field_type({"fields": {"Due": {"id": "duedate", "type": "date"}}}, "Due")
    'date'
    """
    fields = attrs.get("fields")
    about = fields.get(label) if isinstance(fields, Mapping) else None
    kind = about.get("type") if isinstance(about, Mapping) else None
    return kind if isinstance(kind, str) else None


def holds_dates(series: pd.Series[Any], kind: str | None = None) -> bool:
    """Tell whether a column of moments holds dates: all are midnights of its own time zone.

    Parameters
    ----------
    series : Series
        Of dtype datetime64, with or without a time zone.
    kind : str, optional
        The type of its field: a column of ``datetime`` never holds dates.
    """
    return kind != "datetime" and all_midnight(series)


def all_midnight(series: pd.Series[Any]) -> bool:
    """Tell whether a column of moments holds some, and all are midnights of its own time zone."""
    known = series.dropna()
    # The first value decides for most columns.
    return len(known) > 0 and all(bool((some == some.dt.normalize()).all()) for some in (known[:1], known))

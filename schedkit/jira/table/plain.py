"""Any JSON value as something a cell can hold: for values of an unknown type."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from schedkit.jira import adf
from schedkit.jira.table.sprint import sprint_name

__all__ = ["inferred", "listed", "plain"]

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")

# What Jira's objects are called by, most telling first.
_NAMES = (
    "displayName",
    "value",
    "name",
    "key",
    "filename",
    "label",
    "title",
    "text",
    "emailAddress",
    "accountId",
)


def plain(value: Any) -> str | None:
    """Return a value as text: an object by its name, a list joined by commas, anything else as JSON."""
    if value is None or isinstance(value, str):
        return None if value is None else sprint_name(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := plain(item)) is not None)
    if value.get("type") == "doc" and isinstance(value.get("content"), list):
        return adf.to_text(value)
    child = value.get("child")
    for name in _NAMES:
        held = value.get(name)
        if isinstance(held, str) and held:
            return f"{held} / {plain(child)}" if isinstance(child, dict) else held
    return msgspec.json.encode(value).decode() if value else None


def inferred(values: Sequence[Any]) -> Any:
    """Return values of a type that the site does not tell as a column of the type they all have.

    Numbers, or instants as Jira writes them; else texts.

    Examples
    --------
    >>> inferred([5.0, None]).tolist()
    [5.0, nan]
    """
    held = [value for value in values if value is not None]
    if held and all(isinstance(v, int | float) and not isinstance(v, bool) for v in held):
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    if held and all(isinstance(v, str) and _INSTANT.fullmatch(v) for v in held):
        try:
            return pd.to_datetime(pd.Series(values, dtype="str"), utc=True, format="ISO8601").dt.as_unit("us")
        except ValueError:  # a day that no calendar has
            pass
    return pd.array([plain(value) for value in values], dtype=pd.StringDtype(na_value=np.nan))


def listed(value: Any) -> tuple[str, ...]:
    """Return a value as a tuple of texts, empty for null."""
    if value is None:
        return ()
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := plain(item)) is not None)

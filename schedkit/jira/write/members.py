"""Members of enumerations in what is to be written: each is its value, as in workbooks and on pages."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pandas as pd

__all__ = ["by_value", "with_values"]


def by_value(cell: Any) -> Any:
    """Return a cell with the values of members of enumerations, also in lists and mappings.

    Examples
    --------
    >>> class Team(Enum):
    ...     WEB = "web"
    >>> by_value([Team.WEB, "api"]), by_value(7)
    (['web', 'api'], 7)
    """
    if isinstance(cell, Enum):
        return cell.value
    if type(cell) in (list, tuple, set):
        return type(cell)(map(by_value, cell))
    if type(cell) is dict:
        return {by_value(key): by_value(value) for key, value in cell.items()}
    return cell


def with_values(frame: Any) -> Any:
    """Return a frame with `by_value` of each cell; anything else as it is: the plan refuses it."""
    if not isinstance(frame, pd.DataFrame):
        return frame
    held = {
        place: [by_value(cell) for cell in frame.iloc[:, place]]
        for place, dtype in enumerate(frame.dtypes)
        if pd.api.types.is_object_dtype(dtype)
    }
    if all(a is b for place, cells in held.items() for a, b in zip(cells, frame.iloc[:, place], strict=True)):
        return frame
    made = frame.copy()
    for place, cells in held.items():
        made.isetitem(place, pd.Series(cells, dtype=object).array)
    return made

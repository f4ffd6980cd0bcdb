"""Mappings, whichever library's: a Series of pandas is one from its labels to its values."""

from __future__ import annotations

from typing import Any

__all__ = ["plain_mapping"]


def plain_mapping(value: Any) -> Any:
    """Return a Series as a mapping of its labels to its values; anything else as it is.

    pandas need not be loaded for it.

    Examples
    --------
    >>> import pandas as pd
    >>> plain_mapping(pd.Series({"Points": "sum"})), plain_mapping("Points")
    ({'Points': 'sum'}, 'Points')
    """
    is_series = getattr(value, "ndim", None) == 1 and hasattr(value, "index") and hasattr(value, "to_dict")
    return value.to_dict() if is_series else value

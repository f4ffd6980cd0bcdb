"""The labels of a frame's rows: the index as leading columns."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from schedkit.excel.conversion_report import ConversionReport

__all__ = ["index_levels", "is_count", "with_index"]

_LIKE_A_LABEL = 1000


def index_levels(frame: pd.DataFrame) -> list[Hashable] | None:
    """Return the names of the index levels that are written; None for an index that only counts the rows."""
    index = frame.index
    if isinstance(index, pd.MultiIndex) or index.name is not None:
        return list(index.names)
    return None if is_count(index) else [None]


def is_count(index: pd.Index) -> bool:
    """Tell whether an unnamed index only numbers the rows, perhaps those of a longer frame."""
    return isinstance(index, pd.RangeIndex) or pd.api.types.is_integer_dtype(index.dtype) or not len(index)


def with_index(frame: pd.DataFrame, report: ConversionReport | None = None) -> pd.DataFrame:
    """Return `frame` with its index as leading columns, unless that only counts the rows."""
    names = index_levels(frame)
    if names is None:
        if report is not None and not isinstance(frame.index, pd.RangeIndex) and _may_label(frame.index):
            report.add("dropped_index", len(frame))
        return frame
    # As `reset_index` of pandas calls those without a name.
    usual = ["index"] if len(names) == 1 else [f"level_{number}" for number in range(len(names))]
    labels = [other if name is None else name for name, other in zip(names, usual, strict=True)]
    levels = frame.index.to_frame(index=False).set_axis(labels, axis=1).set_axis(frame.index, axis=0)
    if isinstance(frame.columns, pd.MultiIndex):
        levels.columns = pd.MultiIndex.from_tuples(
            [(name, *[""] * (frame.columns.nlevels - 1)) for name in labels]
        )
    made = pd.concat([levels, frame], axis=1)
    made.attrs = frame.attrs
    return made


def _may_label(index: pd.Index) -> bool:
    """Tell whether whole numbers may be labels such as years or ids: row numbers begin low and are unique."""
    return len(index) > 0 and index.is_unique and index.min() >= _LIKE_A_LABEL

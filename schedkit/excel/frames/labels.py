"""Labels of rows and columns: the index as leading columns, and both as they were when a frame is read."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frame_metadata import FrameMetadata, LevelMetadata, label_of
from schedkit.excel.names import header_key

__all__ = ["column_labels", "index_levels", "is_count", "with_index", "with_index_restored"]


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
        if report is not None and not _counts_from_zero(frame.index):
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


def _counts_from_zero(index: pd.Index) -> bool:
    """Tell whether an index of whole numbers is the one that a frame has by default."""
    return bool((index.to_numpy(object, na_value=-1) == np.arange(len(index))).all())


def with_index_restored(frame: pd.DataFrame, found: list[str], metadata: FrameMetadata) -> pd.DataFrame:
    """Return a frame with the columns that were its index as index again, if all of them are there."""
    keys = [header_key(header) for header in found]
    wanted = [header_key(column.header) for column in metadata.columns[: metadata.index]]
    if not wanted or not set(wanted) <= set(keys):
        return frame
    places = [keys.index(key) for key in wanted]
    levels = frame.iloc[:, places]
    made = frame.iloc[:, [place for place in range(len(keys)) if place not in places]]
    made.index = (
        pd.MultiIndex.from_frame(levels, names=[label_of(name) for name in metadata.index_names])
        if len(places) > 1
        else pd.Index(levels.iloc[:, 0]).rename(label_of(metadata.index_names[0]))
    )
    return made


def column_labels(labels: list[Any], levels: Sequence[LevelMetadata]) -> pd.Index:
    """Return column labels with the levels that they had; what people named has the first level only."""
    depth = max((len(label) for label in labels if isinstance(label, tuple)), default=1)
    if len(levels) != depth:
        levels = [LevelMetadata()] * depth
    if depth == 1:
        return _level(labels, levels[0]) if labels else pd.RangeIndex(0)
    padded = [label if isinstance(label, tuple) else (label, *[""] * (depth - 1)) for label in labels]
    arrays = [
        _level(list(values), level) for values, level in zip(zip(*padded, strict=True), levels, strict=True)
    ]
    return pd.MultiIndex.from_arrays(arrays)


def _level(labels: list[Any], level: LevelMetadata) -> pd.Index:
    name = label_of(level.name)
    if level.categories is not None:
        categories = [label_of(each) for each in level.categories]
        if set(labels) <= set(categories):
            return pd.CategoricalIndex(labels, categories, ordered=level.ordered, name=name)
    made: pd.Index = pd.Index(labels, name=name, tupleize_cols=False)
    # What people named may be of another kind.
    with contextlib.suppress(TypeError, ValueError):
        return made if level.dtype in (str(made.dtype), "category") else made.astype(level.dtype)
    return made

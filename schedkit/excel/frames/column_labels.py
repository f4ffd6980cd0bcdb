"""Restore the column labels of a frame from the headers of a sheet."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from schedkit.excel.frame_metadata import LevelMetadata, label_of

__all__ = ["column_labels"]


def column_labels(labels: list[Any], levels: Sequence[LevelMetadata]) -> pd.Index:
    """Return column labels with their levels; columns added in the sheet have only the first one."""
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
    # Headers that were renamed may not fit the dtype.
    with contextlib.suppress(TypeError, ValueError):
        return made if level.dtype in (str(made.dtype), "category") else made.astype(level.dtype)
    return made

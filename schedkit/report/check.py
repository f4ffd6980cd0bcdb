"""Checks that must pass before anything is delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schedkit.errors import CheckError
from schedkit.report.definition import Check
from schedkit.values.extraction import incomplete

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check"]


def check(frame: pd.DataFrame, rule: Check) -> None:
    """Raise `CheckError` unless `rule` holds for `frame`."""
    name = rule.chosen
    value = getattr(rule, name)
    rows = len(frame)
    if name == "min_rows" and rows < value:
        raise CheckError(f"check.min_rows: {rows} rows, at least {value} expected")
    if name == "max_rows" and rows > value:
        raise CheckError(f"check.max_rows: {rows} rows, at most {value} expected")
    if name in ("unique", "filled"):
        missing = [column for column in value if column not in frame.columns]
        if missing:
            raise CheckError(f"check.{name}: there is no column {missing[0]!r}")
    if name == "unique":
        twice = int(frame.duplicated(list(value)).sum())
        if twice:
            example = frame.loc[frame.duplicated(list(value)), list(value)].iloc[0].tolist()
            raise CheckError(f"check.unique: {twice} rows repeat {list(value)}, e.g. {example}")
    if name == "filled":
        for column in value:
            empty = int(frame[column].isna().sum())
            if empty:
                raise CheckError(f"check.filled: {empty} of {rows} rows have no {column!r}")
    if name == "complete":
        why = _not_complete(frame)
        if why:
            raise CheckError(f"check.complete: {why}")


def _not_complete(frame: pd.DataFrame) -> str:
    report = frame.attrs.get("extraction")
    if not isinstance(report, Mapping) or not isinstance(report.get("complete"), bool):
        return "the frame has no record of its extraction"
    return incomplete(frame.attrs)

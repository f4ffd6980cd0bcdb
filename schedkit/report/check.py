"""Checks that must pass before anything is delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from schedkit.errors import CheckError
from schedkit.report.definition import Check

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check", "incomplete"]


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
        why = incomplete(frame)
        if why:
            raise CheckError(f"check.complete: {why}")


def incomplete(frame: pd.DataFrame) -> str:
    """Return what is missing of an extraction: sites, issues, or its report; empty if nothing is."""
    report = frame.attrs.get("extraction")
    if not isinstance(report, Mapping) or not isinstance(report.get("complete"), bool):
        return "the frame has no record of its extraction"
    sites, issues = report.get("missing_sites") or {}, report.get("missing") or {}
    parts = [f"site {name} is missing from the extraction ({why})" for name, why in sites.items()]
    if issues:
        some = ", ".join(f"{name}: {why}" for name, why in list(issues.items())[:3])
        parts.append(f"{len(issues)} issues are missing from the extraction, e.g. {some}")
    if not parts and not report["complete"]:
        parts.append("the extraction says that it is not complete")
    return "; ".join(parts)

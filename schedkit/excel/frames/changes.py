"""The sheet of changes between two extractions: new issues, changed fields and removed issues."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Policy, missing
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frames.column_options import ColumnOptions
from schedkit.excel.frames.layout import Layout, lay_out
from schedkit.excel.new_workbook import styles
from schedkit.excel.new_workbook.decorate import extracted_at
from schedkit.excel.new_workbook.header_rows import Group, HeaderRows
from schedkit.values.durations import duration_text

__all__ = ["CHANGES", "is_changes", "lay_out_changes"]

CHANGES = "Changes"
_COLUMNS = ("Key", "Change", "Field", "Old", "New")
# The changes of `jira.diff`, as the sheet names them.
_NAMES = {"added": "New", "changed": "Changed", "removed": "Gone"}
_COLOURS = {
    "New": styles.CATEGORY_TONES[2].fill,
    "Changed": styles.CATEGORY_TONES[1].fill,
    "Gone": styles.OVERDUE.fill,
}


def is_changes(title: str) -> bool:
    """Return whether a sheet drawn by `write` is a sheet of changes: "Changes", or "Changes (2)"."""
    return re.fullmatch(rf"{CHANGES}( \([0-9]+\))?", title) is not None


def lay_out_changes(
    changes: pd.DataFrame,
    attrs: Mapping[Any, Any],
    policy: Policy,
    report: ConversionReport,
    *,
    title: str = CHANGES,
    taken: Sequence[str] = (),
    tables: Sequence[str] = (),
) -> Layout:
    """Lay out a sheet of changes: the new issues first, then the changed and the gone ones.

    Parameters
    ----------
    attrs : mapping
        The attributes of the newer frame.

    Raises
    ------
    WorkbookError
        If the frame is not one that `jira.diff` returned.
    """
    if not isinstance(changes, pd.DataFrame) or not {*_COLUMNS} <= {*map(str, changes.columns)}:
        raise WorkbookError(
            "changes: the frame does not have the columns Key, Change, Field, Old and New",
            hint="give what jira.diff(old, new) returns",
        )
    frame = _readable(changes, policy)
    frame.attrs = {name: attrs[name] for name in ("site",) if name in attrs} | changes.attrs
    options = ColumnOptions(formats={"Change": _COLOURS})
    layout = lay_out({title: frame}, policy, report, options, taken=taken, tables=tables)
    banner = Group(1, frame.shape[1], _headline(frame, attrs, policy), align="left")
    sheets = [replace(sheet, header=HeaderRows(groups=((banner,),))) for sheet in layout.sheets]
    metadata = replace(layout.metadata, frames=[], fronts=[sheet.name for sheet in sheets])
    return Layout(sheets, metadata)


def _readable(changes: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    named = changes["Change"].map(lambda change: _NAMES.get(change, str(change)))
    summaries = changes.attrs.get("summaries")
    columns = {"Key": changes["Key"]}
    if isinstance(summaries, Mapping):
        columns["Summary"] = changes["Key"].map(lambda key: summaries.get(key))
    columns |= {"Change": named, "Field": changes["Field"]}
    for name, values in (("Before", changes["Old"]), ("After", changes["New"])):
        columns[name] = pd.Series([_shown(value, policy) for value in values], values.index, dtype=object)
    frame = pd.DataFrame(columns)
    order = named.map({name: place for place, name in enumerate(_NAMES.values())})
    return frame.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def _shown(value: Any, policy: Policy) -> str | None:
    """Return the value of a field as text: the values of different fields share a column."""
    if isinstance(value, list | tuple | set):
        return ", ".join(filter(None, (_shown(each, policy) for each in value)))
    if missing(value):
        return None
    if isinstance(value, pd.Timestamp):
        local = value if value.tzinfo is None else value.tz_convert(policy.zone)
        return f"{local:%Y-%m-%d}" if local == local.normalize() else f"{local:%Y-%m-%d %H:%M}"
    if isinstance(value, pd.Timedelta):
        return duration_text(value.total_seconds())
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _headline(frame: pd.DataFrame, attrs: Mapping[Any, Any], policy: Policy) -> str:
    """Return the counts of changes as one line."""
    issues = frame.drop_duplicates(["Key", "Change"])["Change"]
    counts = [f"{(issues == name).sum():,} {name.lower()}" for name in _NAMES.values()]
    summary = ", ".join(counts) if len(frame) else "nothing changed"
    until = extracted_at(attrs)
    when = (
        "" if until is None else f" until {until.tz_convert(policy.zone):%Y-%m-%d %H:%M} ({policy.zone_name})"
    )
    return f"Changes{when}: {summary}"

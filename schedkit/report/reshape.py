"""Steps that make other rows of the rows: groups, pivots, joins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schedkit.errors import UsageError
from schedkit.report.frames import columns_of
from schedkit.report.steps import Group, Join, Pivot
from schedkit.values.text import label_text, one_line, safe_repr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["count_by", "group", "join", "pivot"]

TOTAL = "Total"


def count_by(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    """Return a row, with its count, for each combination of values."""
    columns = columns_of(frame, names, "shape.count_by")
    return frame.groupby(columns, observed=True, dropna=False).size().rename("Count").reset_index()


def group(frame: pd.DataFrame, how: Group) -> pd.DataFrame:
    """Return a row for each group, with what is aggregated of it."""
    by = columns_of(frame, how.by, "shape.group")
    if not how.values:
        return count_by(frame, how.by)
    asked: dict[str, tuple[str, str]] = {}
    for label, what in how.values.items():
        if isinstance(what, str):
            asked[label] = (label, what)
        else:
            if len(what) != 1:
                raise UsageError(
                    f"shape.group: {label!r} names {len(what)} columns", hint="new name: {column: function}"
                )
            asked[label] = next(iter(what.items()))
    columns_of(frame, (column for column, _ in asked.values()), "shape.group")
    taken = [label for label in asked if label in by]
    if taken:
        raise UsageError(
            f"shape.group: {taken[0]!r} is a column of the groups", hint="new name: {column: function}"
        )
    groups = frame.groupby(by, observed=True, dropna=False)
    made = {
        label: _aggregated(groups[column], function, column) for label, (column, function) in asked.items()
    }
    import pandas as pd

    return pd.DataFrame(made).reset_index()


def _aggregated(values: Any, function: str, column: str) -> Any:
    try:
        if function.startswith("p"):
            return values.quantile(int(function[1:]) / 100)
        return getattr(values, function)()
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UsageError(
            f"shape: cannot take {function} of column {column!r}: {one_line(str(error), 200)}",
            hint="count, first, last and nunique work on every column",
        ) from None


def pivot(frame: pd.DataFrame, how: Pivot) -> pd.DataFrame:
    """Return a table whose rows and columns are values of columns."""
    import pandas as pd

    rows = columns_of(frame, how.rows, "shape.pivot")
    columns_of(frame, [how.columns, *([] if how.values is None else [how.values])], "shape.pivot")
    if how.columns in rows:
        raise UsageError(f"shape.pivot: {how.columns!r} is in rows and in columns", hint="name it once")
    function = how.agg

    def table(by: list[str]) -> Any:
        groups = frame.groupby(by, observed=True, dropna=False)
        return groups.size() if how.values is None else _aggregated(groups[how.values], function, how.values)

    cells = table([*rows, how.columns]).unstack(how.columns)
    if function in ("count", "sum", "nunique"):
        # Where there are no rows there is nothing to count, and the sum of nothing is 0.
        cells = cells.fillna(_zero(cells))
        if function != "sum" or how.values is None:
            cells = cells.astype("int64")
    cells.columns = pd.Index([_label(value) for value in cells.columns], dtype=object)
    if how.total:
        cells[TOTAL] = table(rows)
    made: pd.DataFrame = cells.reset_index()
    return _with_total_row(made, rows, how, table([how.columns]), frame) if how.total else made


def _zero(cells: pd.DataFrame) -> Any:
    import pandas as pd

    kinds = {dtype.kind for dtype in cells.dtypes}
    return pd.Timedelta(0) if kinds == {"m"} else 0


def _label(value: Any) -> str:
    return "none" if value is None or value != value else label_text(value)


def _with_total_row(
    made: pd.DataFrame, rows: list[str], how: Pivot, by_column: Any, frame: pd.DataFrame
) -> pd.DataFrame:
    import pandas as pd

    whole = len(frame)
    if how.values is not None:
        everything = frame.groupby([True] * len(frame))[how.values]
        aggregated = _aggregated(everything, how.agg, how.values)
        whole = aggregated.iloc[0] if len(aggregated) else 0
    last: dict[str, Any] = dict.fromkeys(rows) | {rows[0]: TOTAL}
    last |= {_label(value): total for value, total in by_column.items()} | {TOTAL: whole}
    texts = dict.fromkeys(rows, "object")
    below = pd.DataFrame([last]).astype(texts)
    return pd.concat([made.astype(texts), below], ignore_index=True)


def join(frame: pd.DataFrame, other: pd.DataFrame, how: Join) -> pd.DataFrame:
    """Return the rows with columns of another frame."""
    pairs: Mapping[str, str] = how.on if isinstance(how.on, dict) else {name: name for name in how.on}
    here = columns_of(frame, pairs, "shape.join")
    there = columns_of(other, pairs.values(), f"shape.join: {how.with_}")
    if how.columns is not None:
        other = other[[*there, *columns_of(other, how.columns, f"shape.join: {how.with_}")]]
    # The columns joined by have the names of this frame.
    other = other.rename(columns=dict(zip(there, here, strict=True)))
    if not how.many and other.duplicated(here).any():
        twice = other.loc[other.duplicated(here), here].iloc[0].tolist()
        raise UsageError(
            f"shape.join: {how.with_} has several rows for {safe_repr(twice)}",
            hint="many: true repeats the row for each, or group the other frame first",
        )
    left, right = frame.copy(deep=False), other.copy(deep=False)
    left.attrs = right.attrs = {}
    shared = [name for name in right.columns if name in left.columns and name not in here]
    right = right.rename(columns={name: f"{name} ({how.with_})" for name in shared})
    try:
        return left.merge(right, on=here, how=how.how)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"shape.join: cannot compare {', '.join(here)} with {how.with_}: {one_line(str(error), 200)}",
            hint="let both columns be of one type",
        ) from None

"""What is different between two frames of issues."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.values.dates import field_type
from schedkit.values.keywords import check_keywords

__all__ = ["diff"]


@check_keywords
def diff(old: pd.DataFrame, new: pd.DataFrame, *, ignore: tuple[str, ...] = ("Updated",)) -> pd.DataFrame:
    """Return what was added, removed and changed between two extractions.

    Issues are matched by ``Id`` where both frames have it (a moved issue keeps its id), else by ``Key``.

    Parameters
    ----------
    old, new : DataFrame
        Of issues, each once.
    ignore : tuple of str
        Columns whose changes do not count.

    Returns
    -------
    DataFrame
        Columns Key, Change (added, removed or changed), Field, Old and New; one row per added or removed
        issue and per changed field, in the order of `new`, the removed ones last. ``attrs`` hold the
        ``site`` and the ``summaries`` by key, for a workbook's sheet of changes.

    Raises
    ------
    UsageError
        If a frame has no key, or an issue twice.

    Examples
    --------
    >>> old = pd.DataFrame({"Key": ["A-1", "A-2"], "Status": ["Open", "Open"]})
    >>> new = pd.DataFrame({"Key": ["A-1", "A-3"], "Status": ["Done", "Open"]})
    >>> diff(old, new)
       Key   Change   Field   Old   New
    0  A-1  changed  Status  Open  Done
    1  A-3    added    <NA>  <NA>  <NA>
    2  A-2  removed    <NA>  <NA>  <NA>
    """
    by = "Id" if "Id" in old and "Id" in new else "Key"
    for name, frame in (("old", old), ("new", new)):
        if by not in frame or "Key" not in frame:
            raise UsageError(f"the {name} frame has no column {by!r}", hint="extract it with the key")
        if frame[by].duplicated().any():
            twice = frame.loc[frame[by].duplicated(), "Key"].iloc[0]
            raise UsageError(f"the {name} frame holds {twice} twice", hint="drop duplicates first")
    was, now = old.set_index(by, drop=False), new.set_index(by, drop=False)
    both = now.index[now.index.isin(was.index)]
    position = {issue: number for number, issue in enumerate(now.index)}
    keys: list[Any] = now.loc[both, "Key"].tolist()
    places = [position[issue] for issue in both]
    rows: list[tuple[int, int, Any, str, Any, Any, Any]] = []
    columns = [str(column) for column in now if column in was and column not in (*ignore, by)]
    for order, column in enumerate(columns):
        before, after = (_cells(frame[column].loc[both], frame.attrs) for frame in (was, now))
        rows += [
            (places[spot], order, keys[spot], "changed", column, before[spot], after[spot])
            for spot in range(len(both))
            if not _same(before[spot], after[spot])
        ]
    rows += [
        (position[issue], 0, key, "added", None, None, None)
        for issue, key in zip(now.index, now["Key"], strict=True)
        if issue not in was.index
    ]
    rows += [
        (len(position), number, key, "removed", None, None, None)
        for number, (issue, key) in enumerate(zip(was.index, was["Key"], strict=True))
        if issue not in position
    ]
    rows.sort(key=lambda row: row[:2])
    changes = pd.DataFrame(
        [[pd.NA if _missing(cell) else cell for cell in row[2:]] for row in rows],
        columns=["Key", "Change", "Field", "Old", "New"],
        dtype=object,
    )
    changes = changes.astype({"Key": "str", "Change": "str"})
    changes.attrs = {name: new.attrs[name] for name in ("site",) if name in new.attrs}
    if "Summary" in old and "Summary" in new:
        named = pd.concat([old.set_index("Key")["Summary"], new.set_index("Key")["Summary"]])
        known = named[~named.index.duplicated(keep="last")].reindex(changes["Key"].unique()).dropna()
        changes.attrs["summaries"] = known.to_dict()
    return changes


def _cells(series: pd.Series[Any], attrs: Mapping[Hashable, Any]) -> list[Any]:
    if isinstance(series.dtype, pd.DatetimeTZDtype) and field_type(attrs, series.name) == "date":
        # A date has no time zone. Among other values nothing else would tell it from a moment.
        series = series.dt.tz_localize(None)
    return series.astype(object).tolist()


def _missing(value: Any) -> bool:
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _same(a: Any, b: Any) -> bool:
    if _missing(a) or _missing(b):
        return _missing(a) and _missing(b)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        # A workbook and a Parquet file give lists back for tuples.
        return list(a) == list(b)
    return bool(a == b)

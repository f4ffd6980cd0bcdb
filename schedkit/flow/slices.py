"""A changelog that was cut in time, made whole again.

What a field was before its first change stands in that change, so that a slice of a changelog says nothing
of issues whose changes all lie outside it. `Jira.changelog` leaves the whole in the attrs of its frame.
"""

from __future__ import annotations

import pandas as pd

from schedkit.flow.frames import as_instants
from schedkit.values.whole_history import WholeHistory

__all__ = ["uncut"]

_COLUMNS = ("site", "Id", "Key", "When", "Field", "Field Id", "From", "To", "From Id", "To Id", "Entry")


def uncut(changes: pd.DataFrame, issues: pd.DataFrame | None) -> tuple[pd.DataFrame, bool]:
    """Return the changelog of which `changes` is a slice in time, and whether it is known to be whole.

    Rows that were chosen otherwise, by their author say, are taken as they are.

    Parameters
    ----------
    changes : DataFrame
        Maybe a slice.
    issues : DataFrame, optional
        Whose changes count; by default those that `changes` name.
    """
    history = changes.attrs.get("history")
    if not isinstance(history, WholeHistory) or not set(changes) <= set(history.frame):
        return changes, False
    whole: pd.DataFrame = history.frame[list(changes)]
    if len(changes) == len(whole):
        return changes, True
    if issues is None:
        whole = whole[whole["Key"].isin(changes["Key"])]
    given = _rows(whole).isin(_rows(changes))
    if given.sum() < len(changes):
        return changes, False  # some were changed since
    when = as_instants(whole, "When")
    omitted = ~given & when.between(when[given].min(), when[given].max(), inclusive="neither")
    fields = whole["Field"].isin(changes["Field"].unique())
    if not (omitted & _of(whole, issues)).any():
        return whole, True
    # Where only other fields are left out in between, these fields were chosen, and then cut.
    if (omitted & fields & _of(whole, issues)).any():
        return changes, False
    return whole[fields], True


def _rows(frame: pd.DataFrame) -> pd.Series[int]:
    """Return a number for each row, equal for equal ones."""
    columns = [column for column in _COLUMNS if column in frame]
    return pd.util.hash_pandas_object(frame[columns], index=False)


def _of(changes: pd.DataFrame, issues: pd.DataFrame | None) -> pd.Series[bool]:
    """Return which changes are of the issues."""
    if issues is None:
        return pd.Series(True, index=changes.index)
    column = "Id" if "Id" in changes and "Id" in issues else "Key"
    return changes[column].isin(issues[column])

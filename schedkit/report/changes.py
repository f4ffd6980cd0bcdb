"""Changes since the last run of a report: its frame compared with the existing workbook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schedkit.errors import SettingsError, UsageError
from schedkit.values.extraction import incomplete

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["changes_since"]

# The column by which a workbook marks rows that have left its frame.
_MARK = "Missing since"


def changes_since(
    path: Path, sheet: str | None, frame: pd.DataFrame, *, report_removed: bool
) -> pd.DataFrame | None:
    """Return how a frame differs from the rows of a workbook; None if it has no such rows yet.

    Parameters
    ----------
    sheet : str, optional
        The sheet or table of the rows; by default the first one.
    report_removed : bool
        Whether to report rows that the frame lacks. Where the workbook keeps such rows they would be reported
        at every run.

    Raises
    ------
    SettingsError
        If the rows have no unique key.
    """
    import pandas as pd

    from schedkit import excel
    from schedkit.jira import diff

    if not path.is_file():
        return None
    found = excel.read_all(path)
    old = found.get(sheet) if sheet is not None else next(iter(found.values()), None)
    if old is None:
        return None
    if _MARK in old:
        old = old[old[_MARK].isna()].drop(columns=_MARK)
    try:
        changes = diff(old, frame)
    except UsageError as error:
        raise SettingsError(
            f"deliver.excel: cannot compare with {path.name}: {error.message}",
            hint="changes: true needs a column Key with each issue once",
        ) from None
    shown = pd.Series(
        [not _cut(*pair) for pair in zip(changes["Old"], changes["New"], strict=True)],
        changes.index,
        dtype=bool,
    )
    if not report_removed or incomplete(frame.attrs):
        shown &= changes["Change"] != "removed"
    made = changes[shown].reset_index(drop=True)
    made.attrs = changes.attrs
    return made


def _cut(old: object, new: object) -> bool:
    """Return whether a text differs only in the part that was too long for a cell."""
    from schedkit.excel.limits import MAX_CELL_UNITS, clip

    return isinstance(old, str) and isinstance(new, str) and clip(new, MAX_CELL_UNITS) == old

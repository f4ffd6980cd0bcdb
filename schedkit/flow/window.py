"""What the figures share: a period, groups of issues, and what was left out of a figure and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import as_instant, naive, warned
from schedkit.flow.issue_history import Cut, History, history_of
from schedkit.flow.log import Ints
from schedkit.flow.periods import day_begins
from schedkit.flow.workflow import Workflow
from schedkit.values.text import did_you_mean, safe_repr
from schedkit.values.timezones import parse_timezone, timezone_name

__all__ = ["NO_GROUP", "Groups", "LeftOut", "Window", "wall_instant", "window_of"]

NO_GROUP = "none"


class LeftOut(dict[str, list[str]]):
    """The keys of the issues that a figure leaves out, by the reason; for ``attrs["left_out"]``.

    It is never copied: pandas copies attrs deeply whenever a column is taken.
    """

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Issues by the values of a column.

    Parameters
    ----------
    column : str, optional
        The column; None if there is one group of all issues.
    names : list
        The values, in the order of a categorical column, else sorted; issues without one come last.
    row, code : array of int
        Rows of issues and their groups. An issue with several values (components) is in each of their groups.
    """

    column: str | None
    names: list[Any]
    row: Ints
    code: Ints

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Ints]]:
        """Yield what names each group, as the first cells of its row, and the rows of its issues."""
        for code, name in enumerate(self.names):
            rows = self.row if self.column is None else self.row[self.code == code]
            yield {} if self.column is None else {self.column: name}, rows

    def column_of(self, issue: Ints) -> pd.Series[Any]:
        """Return the group of issues, as a column; the joined names of those that are in several."""
        texts = np.full(int(self.row.max(initial=-1)) + 1, None, dtype=object)
        for row, code in zip(self.row, self.code, strict=True):
            texts[row] = self.names[code] if texts[row] is None else f"{texts[row]}, {self.names[code]}"
        return pd.Series(texts[issue], dtype="str")


def groups_of(issues: pd.DataFrame, by: str | None) -> Groups:
    """Return the issues by the values of a column.

    Raises
    ------
    UsageError
        If there is no such column.
    """
    rows = np.arange(len(issues))
    if by is None:
        return Groups(None, [None], rows, np.zeros(len(rows), dtype=np.int64))
    if by not in issues:
        raise UsageError(
            f"by={safe_repr(by)}: the issues have no such column",
            hint=did_you_mean(str(by), map(str, issues.columns)),
        )
    column = issues[by]
    if isinstance(column.dtype, pd.CategoricalDtype):
        order, codes = list(map(str, column.cat.categories)), column.cat.codes.to_numpy().astype(np.int64)
    elif any(isinstance(cell, tuple | list | np.ndarray) for cell in column.array[:1000]):
        cells = [tuple(dict.fromkeys(map(str, cell))) if _is_list(cell) else () for cell in column]
        rows = np.repeat(rows, [max(1, len(cell)) for cell in cells])
        flat = pd.Series([name for cell in cells for name in (cell or (None,))], dtype="str")
        codes, order = _coded(flat)
    else:
        codes, order = _coded(column)
    used = [*(code for code in range(len(order)) if (codes == code).any()), *([-1] if -1 in codes else [])]
    place = {code: number for number, code in enumerate(used)}
    names = [NO_GROUP if code < 0 else order[code] for code in used]
    return Groups(by, names, rows, np.array([place[code] for code in codes.tolist()], dtype=np.int64))


def _is_list(cell: Any) -> bool:
    return isinstance(cell, tuple | list | np.ndarray)


def _coded(column: pd.Series[Any]) -> tuple[Ints, list[Any]]:
    codes, values = pd.factorize(column, sort=True)
    return codes.astype(np.int64), list(values)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A history within a period, by groups.

    Parameters
    ----------
    history : History
        All that is known.
    cut : Cut
        As it was at the end of the period.
    since : Timestamp, optional
        The period's beginning.
    zone : tzinfo
        Whose days count.
    groups : Groups
        The issues by a column.
    """

    history: History
    cut: Cut
    since: pd.Timestamp | None
    zone: tzinfo
    groups: Groups

    def within(self, instants: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_]:
        """Return which instants lie in the period."""
        inside = ~np.isnat(instants) & (instants <= naive(self.cut.end))
        return inside if self.since is None else inside & (instants >= naive(self.since))

    @property
    def born_done(self) -> npt.NDArray[np.bool_]:
        """Which issues were never anything but done."""
        return self.cut.born_done

    def without_start(self) -> LeftOut:
        """Return the issues finished in the period that were never started: they have no cycle time."""
        lacking = self.within(self.cut.finished) & np.isnat(self.cut.started)
        return self.left_out(
            {
                "created done": lacking & self.born_done,
                "finished without having been in progress": lacking & ~self.born_done,
            }
        )

    def left_out(self, reasons: Mapping[str, npt.NDArray[np.bool_]]) -> LeftOut:
        """Return the keys of issues that are left out, by the reason; none for a reason without any."""
        found = LeftOut({why: self.history.keys[which].tolist() for why, which in reasons.items()})
        if self.history.undated:
            found["without a creation date"] = list(self.history.undated)
        return LeftOut({why: keys for why, keys in found.items() if keys})

    def told(self, frame: pd.DataFrame, left_out: LeftOut | None = None, **more: Any) -> pd.DataFrame:
        """Return a result with what its reader must know, in its attrs."""
        warned(frame, self.cut.warnings)
        frame.attrs["left_out"] = self.left_out({}) if left_out is None else left_out
        frame.attrs["period"] = self.period()
        frame.attrs |= more
        return frame

    def period(self) -> str:
        """Return the period in words."""
        first, last = (
            None if at is None else f"{at.tz_convert(self.zone):%Y-%m-%d %H:%M}"
            for at in (self.since, self.cut.end)
        )
        zone = timezone_name(self.zone)
        return f"until {last} {zone}" if first is None else f"{first} to {last} {zone}"


def window_of(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None,
    workflow: Workflow | Mapping[str, Any] | None = None,
    *,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    **overrides: Any,
) -> Window:
    """Return what a function looks at: a history within a period, by groups."""
    history = history_of(issues, changes, workflow, **overrides)
    zone = parse_timezone(tz)
    cut = history.cut(wall_instant(until, zone))
    begin = None if since is None else as_instant(wall_instant(since, zone))
    if begin is not None and begin > cut.end:
        raise UsageError(f"since={safe_repr(since)} is later than until={safe_repr(until)}")
    return Window(history, cut, begin, zone, groups_of(history.log.issues, by))


def wall_instant(value: Any, zone: tzinfo) -> Any:
    """Return an instant; a wall time without a zone is one of the zone whose days count."""
    if value is None:
        return None
    instant = as_instant(value)
    if pd.Timestamp(value).tzinfo is not None:
        return instant
    return day_begins(pd.DatetimeIndex([instant.tz_localize(None)]), zone)[0]

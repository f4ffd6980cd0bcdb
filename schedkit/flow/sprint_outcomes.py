"""What became of the issues of a sprint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.flow.frames import Instants, with_zone
from schedkit.flow.issue_history import NEVER, History
from schedkit.flow.log import Ints
from schedkit.flow.sprint_clock import Sprint, board_options
from schedkit.flow.sprint_states import Timeline, Timelines, ends_of

__all__ = ["COMPLETED", "OPEN", "OUTSIDE", "REMOVED", "Outcomes", "SprintLines", "outcomes", "sprint_lines"]

COMPLETED, OPEN, REMOVED, OUTSIDE = "Completed", "Not completed", "Removed", "Completed outside"
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What became of the issues that were in a sprint while it ran.

    Parameters
    ----------
    rows : array of int
        The issues.
    outside, completed, removed : array of bool
        Done when they came; completed in it; taken out of it. All others were not completed.
    committed, spilled : array of bool
        In it at the start and not done; not completed and taken into another sprint.
    first, final : array of float
        Their estimates at the start or when they were added, and at the close or when they were removed.
    came, left : array of datetime64
        When they were added, and removed.
    """

    rows: Ints
    outside: Bools
    completed: Bools
    removed: Bools
    committed: Bools
    spilled: Bools
    first: npt.NDArray[np.float64]
    final: npt.NDArray[np.float64]
    came: Instants
    left: Instants

    def frame(self, history: History) -> pd.DataFrame:
        """Return a row for each issue, with its row in the column "row"."""
        outcome = np.select([self.outside, self.completed, self.removed], [OUTSIDE, COMPLETED, REMOVED], OPEN)
        return pd.DataFrame(
            {
                "row": self.rows,
                "Key": pd.Series(history.keys[self.rows], dtype="str"),
                "Outcome": pd.Series(outcome, dtype="str"),
                "Committed": self.committed,
                "Added": ~self.outside & ~self.committed,
                "Spilled Over": self.spilled,
                "Estimate": self.first,
                "Final Estimate": self.final,
                "Joined": with_zone(self.came),
                "Left": with_zone(self.left),
            }
        )

    def sums(self, members: Ints) -> dict[str, float]:
        """Return what was committed and completed of some issues."""
        mine = np.isin(self.rows, members)
        committed, completed = self.committed & mine, self.completed & mine
        both = committed & completed
        return {
            "Committed": float(np.nansum(self.first[committed])),
            "Completed": float(np.nansum(self.final[completed])),
            "Committed Issues": int(committed.sum()),
            "Completed Issues": int(completed.sum()),
            "Done of Committed": float(np.nansum(self.first[both])),
            "Done of Committed Issues": int(both.sum()),
        }


class SprintLines(Timelines):
    """The timelines of sprints, and what became of their issues, computed once for each."""

    def __init__(self, history: History, field: str, points: str | None, done_ids: set[str] | None) -> None:
        super().__init__(history, field, points, done_ids)
        self._outcomes: dict[Any, Outcomes] = {}

    def outcomes(self, sprint: Sprint, end: pd.Timestamp) -> Outcomes:
        """Return what became of the issues of a sprint; `end` is what is known until."""
        key = sprint.id, ends_of(sprint.begin, sprint.close, end)
        if key not in self._outcomes:
            self._outcomes[key] = outcomes(self, sprint, end)
        return self._outcomes[key]


def sprint_lines(history: History, field: str, points: str | None, board: pd.DataFrame | None) -> SprintLines:
    """Return the timelines of the sprints of a history, which are read once."""
    estimates, done_ids = board_options(board, points)
    key = "sprints", field, estimates, None if done_ids is None else frozenset(done_ids)
    found: SprintLines = history.remembered(key, lambda: SprintLines(history, field, estimates, done_ids))
    return found


def outcomes(lines: Timelines, sprint: Sprint, end: pd.Timestamp) -> Outcomes:
    """Return what became of the issues of a sprint; `end` is what is known until."""
    line = lines.of_sprint(sprint.id)
    begin, close = ends_of(sprint.begin, sprint.close, end)
    rows = line.rows
    at_start, at_close = line.member.at(begin, rows), line.member.at(close, rows, before=True)
    joined, left = _edges(line, begin, close)
    came: Instants = np.where(at_start, begin, joined)
    there = np.flatnonzero(~np.isnat(came))
    rows, at_start, at_close = rows[there], at_start[there], at_close[there]
    came, left = came[there], left[there]
    place = line.done.place(close, rows)
    done_then, done_now = line.done.at(begin, rows), line.done.values[place]
    since = np.where(place >= 0, line.since[place], NEVER)
    # Done when it came, and never left done: that work belongs to no part of this sprint.
    outside = done_now & (since <= came)
    removed = ~outside & ~at_close
    left = np.where(at_close, NEVER, left)
    return Outcomes(
        rows,
        outside,
        ~outside & at_close & done_now,
        removed,
        ~outside & at_start & ~done_then,
        ~outside & at_close & ~done_now & _elsewhere(lines, line, close)[there],
        line.points.at(came, rows),
        line.points.at(np.where(removed, left, close), rows),
        came,
        left,
    )


def _edges(line: Timeline, begin: np.datetime64, close: np.datetime64) -> tuple[Any, Any]:
    """Return when each issue was first added, and last removed, while the sprint ran."""
    member = line.member
    joined, left = np.full(len(line.rows), NEVER), np.full(len(line.rows), NEVER)
    value, place = member.values[:-1], line.rows.searchsorted(member.issue)
    inside = (member.entered > begin) & (member.entered < close)
    entries = np.flatnonzero(inside & value)[::-1]
    joined[place[entries]] = member.entered[entries]
    was = np.concatenate([[False], value[:-1]]) & (np.diff(member.issue, prepend=-1) == 0)
    exits = np.flatnonzero(inside & ~value & was)
    left[place[exits]] = member.entered[exits]
    return joined, left


def _elsewhere(lines: Timelines, line: Timeline, close: np.datetime64) -> Bools:
    """Return which issues were taken into another sprint at the close or after it."""
    member, ids = line.member, [*lines.held.ids, None]
    found = np.zeros(len(line.rows), dtype=bool)
    before = member.place(close, line.rows, before=True)
    place = line.rows.searchsorted(member.issue)
    later = (member.entered >= close) & (before[place] >= 0) & member.values[before[place]]
    for step in np.flatnonzero(later).tolist():
        held = ids[line.codes[before[place[step]]]] or ()
        found[place[step]] |= bool(set(ids[line.codes[step]] or ()) - set(held))
    return found

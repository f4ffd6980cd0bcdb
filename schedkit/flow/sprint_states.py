"""What issues were at an instant of a sprint, and every change within it: membership, estimate, done."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.flow.frames import Instants, naive, per_value
from schedkit.flow.issue_history import History
from schedkit.flow.log import Ints
from schedkit.flow.steps import Steps
from schedkit.flow.workflow import DONE

__all__ = ["Timeline", "Timelines", "Track", "ends_of", "estimates"]

Bools = npt.NDArray[np.bool_]


class Track:
    """One value of each issue in time.

    Parameters
    ----------
    steps : Steps
        When it changed.
    values : array
        The value of each step.
    missing : object
        What it is before an issue is born.
    """

    def __init__(self, steps: Steps, values: npt.NDArray[Any], missing: Any) -> None:
        self.issue, self.entered = steps.issue, steps.entered
        self.values = np.append(values, np.array([missing], dtype=values.dtype))
        self.count = int(steps.issue.max(initial=-1)) + 1
        # Numbers that grow with the issue, then with time: one search finds the value of every issue.
        self.least = self.entered.min() if len(self.entered) else np.datetime64(0, "us")
        span = self.entered.max() - self.least if len(self.entered) else np.timedelta64(0, "us")
        self.width = int(span.astype(np.int64)) + 2
        self.key = self.issue * self.width + (self.entered - self.least).astype(np.int64)

    def taken(self, places: Ints, values: npt.NDArray[Any]) -> Track:
        """Return some of the steps, with other values."""
        other = copy.copy(self)
        other.issue, other.entered, other.key = self.issue[places], self.entered[places], self.key[places]
        other.values = np.append(values, self.values[-1:])
        return other

    def place(self, at: Any, rows: Ints | None = None, *, before: bool = False) -> Ints:
        """Return the step of issues at an instant (or each at one of its own), or just before it.

        It is -1 where an issue is not born, or the instant is NaT; `rows` are all issues by default.
        """
        offset = np.clip((at - self.least).astype(np.int64), -1, self.width - 1)
        issues = np.arange(self.count) if rows is None else rows
        found = self.key.searchsorted(issues * self.width + offset, side="left" if before else "right") - 1
        same = (found >= 0) & ~np.isnat(at)
        same[same] = self.issue[found[same]] == issues[same]
        return np.where(same, found, -1)

    def at(self, at: Any, rows: Ints | None = None, *, before: bool = False) -> npt.NDArray[Any]:
        """Return the value of issues at an instant (or each at one of its own), or just before it."""
        return np.asarray(self.values[self.place(at, rows, before=before)])

    def changes(self, begin: np.datetime64, end: np.datetime64, rows: Bools) -> Ints:
        """Return the steps of chosen issues after `begin` and up to `end`."""
        inside = (self.entered > begin) & (self.entered <= end) & rows[self.issue]
        return np.flatnonzero(inside)


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Membership, estimate and done in time, of the issues that ever were members.

    Parameters
    ----------
    rows : array of int
        Those issues.
    codes : array of int
        Of each of their steps of membership: the value of the field.
    member : Track
        The membership of those issues.
    points, done : Track
        Of all issues.
    since : array of datetime64
        Of each step of `done`: when the unbroken stay in done that it is part of began.
    """

    rows: Ints
    codes: Ints
    member: Track
    points: Track
    done: Track
    since: Instants


class Timelines:
    """The timelines of issues, for several sprints, versions or epics.

    Parameters
    ----------
    history : History
        Of the issues.
    field : str
        Sprint, fix versions, parent.
    points : str, optional
        The field of estimates; without it each issue counts one.
    done_ids : set of str, optional
        Ids of the statuses that count as done; by default the workflow's.
    """

    def __init__(
        self, history: History, field: str, points: str | None, done_ids: set[str] | None = None
    ) -> None:
        self.history, self.field = history, field
        self.held = history.steps(field)
        self._member = Track(self.held, self.held.code >= 0, False)
        self._points = estimates(history, points)
        stays = history.stays
        if done_ids is None:
            is_done = history.phase == DONE
        else:
            is_done = per_value(stays.ids, lambda id: id is not None and id.rpartition("/")[2] in done_ids)
        self._done = Track(stays.steps, is_done, False)
        starts = (np.diff(stays.steps.issue, prepend=-1) != 0) | ~np.concatenate([[False], is_done[:-1]])
        first = np.where(starts, np.arange(len(starts)), 0)
        self._since = stays.steps.entered[np.maximum.accumulate(first)]

    def of(self, belongs: Callable[[tuple[Any, Any]], bool]) -> Timeline:
        """Return the timeline of what `belongs` says of a value's texts and ids in the field."""
        pairs = zip(self.held.texts, self.held.ids, strict=True)
        return self._of([code for code, pair in enumerate(pairs) if belongs(pair)])

    def of_sprint(self, id: str) -> Timeline:
        """Return the timeline of a sprint: of the issues whose value lists its id."""
        return self._of(self._codes.get(id, []))

    @cached_property
    def _codes(self) -> dict[str, list[int]]:
        """The values that list each id."""
        found: dict[str, list[int]] = {}
        for code, ids in enumerate(self.held.ids):
            for id in ids or ():
                found.setdefault(id, []).append(code)
        return found

    @cached_property
    def _by_code(self) -> tuple[Ints, Ints]:
        """The steps in order of their value, and where each value begins among them."""
        order = self.held.code.argsort(kind="stable")
        return order, self.held.code[order].searchsorted(np.arange(len(self.held.ids) + 1))

    @cached_property
    def _births(self) -> Ints:
        """Where the steps of each issue begin."""
        return self.held.issue.searchsorted(np.arange(self._member.count + 1))

    def _of(self, codes: list[int]) -> Timeline:
        # Of thousands of issues a sprint has some dozens: the steps of the others are not looked at.
        order, bounds = self._by_code
        steps = np.concatenate([order[:0], *(order[bounds[code] : bounds[code + 1]] for code in codes)])
        rows = np.unique(self.held.issue[steps])
        begins, counts = self._births[rows], self._births[rows + 1] - self._births[rows]
        places = np.repeat(begins - counts.cumsum() + counts, counts) + np.arange(counts.sum())
        held = self.held.code[places]
        table = np.zeros(len(self.held.ids) + 1, dtype=bool)
        table[codes] = True
        member = self._member.taken(places, table[held])
        return Timeline(rows, held, member, self._points, self._done, self._since)


def estimates(history: History, points: str | None) -> Track:
    """Return the estimates of issues in time: numbers of a field, or 1 for each issue."""
    if points is None:
        steps = history.stays.steps
        return Track(steps, np.ones(len(steps.issue)), 0.0)
    steps = history.steps(points)
    numbers = pd.to_numeric(pd.Series(steps.texts, dtype="str"), errors="coerce").to_numpy(dtype=np.float64)
    return Track(steps, np.append(numbers, np.nan)[steps.code], np.nan)


def ends_of(begin: pd.Timestamp, close: Any, end: pd.Timestamp) -> tuple[np.datetime64, np.datetime64]:
    """Return the beginning of a sprint and its close, or what is known until."""
    return naive(begin), naive(end if pd.isna(close) else close)

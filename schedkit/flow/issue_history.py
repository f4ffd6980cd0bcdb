"""The history of issues, encoded once to integers, from which all figures are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import Instants, as_instant, naive, need
from schedkit.flow.log import Ints, Log
from schedkit.flow.statuses import Stays, stays_of
from schedkit.flow.steps import Steps, steps_of
from schedkit.flow.workflow import DONE, IN_PROGRESS, TO_DO, Workflow, phases
from schedkit.values.keywords import check_keywords
from schedkit.values.text import safe_repr

__all__ = ["NEVER", "Cut", "History", "history_of"]

NEVER = np.datetime64("NaT", "us")


@dataclass(frozen=True, eq=False)
class Cut:
    """The history as it was at an instant.

    Parameters
    ----------
    history : History
        What it is cut from.
    end : Timestamp
        The instant.
    given : bool
        Whether it was asked for; else it is now.
    """

    history: History
    end: pd.Timestamp
    given: bool

    @cached_property
    def stays(self) -> Stays:
        """The stays that had begun by then."""
        return self.history.stays.until(self.end)

    @cached_property
    def _begun(self) -> npt.NDArray[np.bool_]:
        entered = self.history.stays.steps.entered
        return np.isnat(entered) | (entered <= naive(self.end))

    @cached_property
    def phase(self) -> npt.NDArray[np.int8]:
        """What each stay is: TO_DO, IN_PROGRESS or DONE."""
        return self.history.phase[self._begun]

    @cached_property
    def issue(self) -> Ints:
        """The row of the issue of each stay."""
        return self.history.stays.steps.issue[self._begun]

    @cached_property
    def entered(self) -> Instants:
        """When each stay began."""
        return self.history.stays.steps.entered[self._begun]

    @cached_property
    def left(self) -> Instants:
        """When each stay ended; current ones at the instant."""
        left = self.stays.steps.left
        return np.where(np.isnat(left), naive(self.end), left)

    @cached_property
    def _ends(self) -> tuple[Instants, Instants]:
        return _ends(len(self), self.issue, self.entered, self.phase, self.history.workflow.begin)

    @property
    def started(self) -> Instants:
        """When each issue was started; NaT where it was not."""
        return self._ends[0]

    @property
    def finished(self) -> Instants:
        """When each issue was finished; NaT where it was not."""
        return self._ends[1]

    def __len__(self) -> int:
        return len(self.history.log.issues)

    @property
    def exists(self) -> npt.NDArray[np.bool_]:
        """Which issues were born by then."""
        return np.bincount(self.issue, minlength=len(self)) > 0

    @cached_property
    def born_done(self) -> npt.NDArray[np.bool_]:
        """Which issues were never anything but done."""
        other = np.bincount(self.issue[self.phase != DONE], minlength=len(self))
        return np.asarray(other == 0, dtype=bool)

    @property
    def first(self) -> npt.NDArray[np.bool_]:
        """Which stays are the first of their issue."""
        return np.asarray(np.diff(self.issue, prepend=-1) != 0, dtype=bool)

    @property
    def last(self) -> Ints:
        """The place of the last stay of each issue that exists."""
        return np.flatnonzero(np.diff(self.issue, append=-1))

    @cached_property
    def warnings(self) -> list[str]:
        """What a reader of figures must know."""
        return self.stays.warnings(self.end if self.given else None)


@check_keywords
class History:
    """Issues and their changes, encoded once: give it to the functions of `schedkit.flow` instead of frames.

    Each function reads the frames again where it is given frames; with one History they share what was read.

    Parameters
    ----------
    issues, changes
        As for `status_spans`.
    workflow : Workflow or mapping, optional
        When an item is started and finished.
    now : Timestamp, optional
        What "now" is, where a function is given no `until`.

    Examples
    --------
    >>> issues = pd.DataFrame({"Key": ["A-1"], "Created": [pd.Timestamp("2026-03-02", tz="UTC")],
    ...                        "Status": ["Done"]})
    >>> changes = pd.DataFrame({"Key": [], "When": [], "Field": [], "From": [], "To": []})
    >>> History(issues, changes)
    <History: 1 issues, 0 changes>
    """

    def __init__(
        self,
        issues: pd.DataFrame,
        changes: pd.DataFrame,
        workflow: Workflow | Mapping[str, Any] | None = None,
        *,
        now: Any = None,
    ) -> None:
        need(issues, "issues", "Key", "Created", "Status")
        self.workflow = Workflow.of(workflow)
        self.now = as_instant(now)
        known = issues["Created"].notna()
        self.undated: list[str] = issues.loc[~known, "Key"].astype(str).tolist()
        self.log = Log(changes, issues[known])
        self._steps: dict[str, Steps] = {}
        self._cuts: dict[pd.Timestamp | None, Cut] = {}
        self._remembered: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"<History: {len(self.log.issues):,} issues, {len(self.log.changes):,} changes>"

    @cached_property
    def keys(self) -> npt.NDArray[np.object_]:
        """The keys of the issues."""
        return self.log.issues["Key"].astype("str").to_numpy(dtype=object)

    @cached_property
    def stays(self) -> Stays:
        """All stays in statuses, to this day."""
        return stays_of(self.log, self.workflow.categories)

    @cached_property
    def phase(self) -> npt.NDArray[np.int8]:
        """What each stay is: TO_DO, IN_PROGRESS or DONE."""
        return phases(self.stays, self.workflow)

    def steps(self, field: str) -> Steps:
        """Return the values of a field in time."""
        if field not in self._steps:
            self._steps[field] = steps_of(self.log, field)
        return self._steps[field]

    def remembered(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` returned when it was first called for a key."""
        if key not in self._remembered:
            self._remembered[key] = make()
        return self._remembered[key]

    def cut(self, until: Any = None) -> Cut:
        """Return the history as it was at an instant, now by default.

        Raises
        ------
        UsageError
            If the changes do not tell what some issues were then.
        """
        end = self.now if until is None else as_instant(until)
        key = None if until is None else end
        if key not in self._cuts:
            if until is not None:
                self.check_reach(end)
            self._cuts[key] = Cut(self, end, until is not None)
        return self._cuts[key]

    def check_reach(self, end: pd.Timestamp) -> None:
        """Raise if the changes do not tell what some issues were at an instant."""
        self.log.check_reach(end, self.stays.steps.moved)

    def with_workflow(self, workflow: Workflow | Mapping[str, Any]) -> History:
        """Return the same history under another definition of workflow."""
        new = Workflow.of(workflow)
        if new == self.workflow:
            return self
        other = object.__new__(History)
        other.workflow, other.now, other.undated = new, self.now, self.undated
        other.log, other._steps, other._cuts = self.log, self._steps, {}
        other._remembered = {}
        if new.categories == self.workflow.categories:
            other.stays = self.stays
        return other


def _ends(
    count: int, issue: Ints, entered: Instants, phase: npt.NDArray[np.int8], begin: str
) -> tuple[Instants, Instants]:
    """Return when each issue was started and finished."""
    place = np.arange(len(issue))
    since = np.zeros(count, dtype=np.int64)
    first = np.flatnonzero(np.diff(issue, prepend=-1))
    since[issue[first]] = first
    done_since = since.copy()
    if begin == "last":
        opens = np.flatnonzero(phase == TO_DO)
        since[issue[opens]] = opens
    works = place[(phase == IN_PROGRESS) & (place >= since[issue])][::-1]
    started, finished = np.full(count, NEVER), np.full(count, NEVER)
    started[issue[works]] = entered[works]  # backwards: the first of each issue stays
    not_done = np.flatnonzero(phase != DONE)
    done_since[issue[not_done]] = not_done + 1
    last = np.flatnonzero(np.diff(issue, append=-1))
    last = last[phase[last] == DONE]
    finished[issue[last]] = entered[done_since[issue[last]]]
    return started, finished


def history_of(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None,
    workflow: Workflow | Mapping[str, Any] | None = None,
    **overrides: Any,
) -> History:
    """Return the history that a function was given, as frames or as itself.

    Parameters
    ----------
    overrides
        Options of the workflow that are given one by one; None is not given.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    if isinstance(issues, History):
        if changes is not None:
            raise UsageError(
                "a History knows its changes", hint="give either a History, or issues and changes"
            )
        chosen = issues.workflow if workflow is None else Workflow.of(workflow)
        return issues.with_workflow(replace(chosen, **given))
    if not isinstance(issues, pd.DataFrame):
        raise UsageError(f"expected a frame of issues, got {safe_repr(issues)}")
    if changes is None:
        raise UsageError(
            "the changes of the issues are missing", hint="give the frame of Jira.changelog as changes"
        )
    return History(issues, changes, replace(Workflow.of(workflow), **given))

"""Burndown and burnup of a sprint, a version or an epic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.elapsed import elapsed
from schedkit.flow.frames import metric, naive, with_zone
from schedkit.flow.issue_history import History, history_of
from schedkit.flow.periods import periods_of
from schedkit.flow.sprint_clock import chosen, sprint_words
from schedkit.flow.sprint_outcomes import sprint_lines
from schedkit.flow.sprint_states import Timeline, Timelines, ends_of
from schedkit.flow.window import wall_instant, window_of
from schedkit.flow.workflow import Workflow
from schedkit.values.timezones import parse_timezone

__all__ = ["burndown", "burnup"]


@metric
def burndown(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    sprints: pd.DataFrame,
    sprint: int | str | None = None,
    points: str | None = "board",
    board: pd.DataFrame | None = None,
    field: str = "Sprint",
    freq: str | None = None,
    until: Any = None,
    by: str | None = None,
    calendar: WorkingHours | Mapping[str, Any] | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how much work of a sprint remained after each event, as Jira's burndown has it.

    It begins when the sprint was started and runs on to its real close. Work drops out when it enters done;
    what is added, removed or re-estimated changes the scope. What was done before the sprint began is no
    part of it.

    Parameters
    ----------
    issues, changes, sprints, sprint, points, board, field, until, workflow
        As for `sprint_issues`.
    freq : str, optional
        ``"D"``: the state at the end of each day instead of after each event.
    by : str, optional
        A column of the issues: rows for each of its values.
    calendar : WorkingHours or mapping, optional
        By which the guideline falls; by the clock without it.
    tz : str or tzinfo
        Whose days end.

    Returns
    -------
    DataFrame
        When, Event, Scope, Done, Remaining, and Guideline: from what remained at the start to zero at the
        planned end.
    """
    history = history_of(issues, changes, workflow)
    end = history.now if until is None else wall_instant(until, parse_timezone(tz))
    which = chosen(sprints, sprint, end)
    line = sprint_lines(history, field, points, board).of_sprint(which.id)
    begin, close = ends_of(which.begin, which.close, end)
    window = window_of(history, None, until=until, by=by, tz=tz)
    parts = []
    for cells, members in window.groups:
        course = Course(history, line, members, begin, close, leave_out_done=True)
        rows = course.rows("start", "close" if pd.notna(which.close) else "now")
        table = pd.DataFrame(rows, columns=_COLUMNS)
        remained = table["Remaining"].iloc[0]
        if freq is not None:
            table = _daily(table, freq, begin, close, parse_timezone(tz))
        planned = close if pd.isna(which.planned) else naive(which.planned)
        at = table["When"].to_numpy(dtype="datetime64[us]")
        table["Guideline"] = _guideline(at, begin, planned, remained, calendar)
        parts.append(table.assign(When=with_zone(at), **cells))
    frame = window.told(_stacked(parts, by, [*_COLUMNS, "Guideline"]), sprint=which.name)
    frame.attrs["period"] = sprint_words(which, window.cut.end)
    return frame


@metric
def burnup(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    of: str,
    field: str = "Fix Versions",
    points: str | None = None,
    freq: str | None = None,
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    tz: str | tzinfo = "UTC",
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return how the scope of a version or an epic grew, and how much of it was done.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`.
    of : str
        The version's name or id, or the epic's key.
    field : str
        ``"Fix Versions"``, ``"Parent"``, ``"Epic Link"``: the field that holds it.
    points : str, optional
        The field of estimates; without it each issue counts one.
    freq : str, optional
        ``"D"``: the state at the end of each day instead of after each event.
    since, until : Timestamp, optional
        The period; by default from the first event, until now.
    by : str, optional
        A column of the issues: rows for each of its values.
    tz : str or tzinfo
        Whose days end.

    Returns
    -------
    DataFrame
        When, Event, Scope, Done and Remaining.

    Raises
    ------
    UsageError
        If no issue ever had that version or epic.
    """
    history = history_of(issues, changes, workflow)
    window = window_of(history, None, since=since, until=until, by=by, tz=tz)
    line = Timelines(history, field, points).of(lambda value: _holds(value, of))
    if not line.member.values.any():
        raise UsageError(
            f"no issue ever had {of!r} in {field}", hint="give the name or the id, as Jira has it"
        )
    first = line.member.entered[line.member.values[:-1]].min()
    begin = first - np.timedelta64(1, "us") if window.since is None else naive(window.since)
    close = naive(window.cut.end)
    parts = []
    for cells, members in window.groups:
        course = Course(history, line, members, begin, close, leave_out_done=False)
        rows = course.rows(None if window.since is None else "start", "now" if until is None else "end")
        table = pd.DataFrame(rows, columns=_COLUMNS)
        if freq is not None:
            table = _daily(table, freq, np.maximum(begin, first), close, window.zone)
        parts.append(table.assign(When=with_zone(table["When"].to_numpy(dtype="datetime64[us]")), **cells))
    return window.told(_stacked(parts, by, list(_COLUMNS)), of=of)


_COLUMNS = ("When", "Event", "Scope", "Done", "Remaining")


def _stacked(parts: list[pd.DataFrame], by: str | None, columns: list[str]) -> pd.DataFrame:
    names = [*([] if by is None else [by]), *columns]
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def _holds(value: tuple[Any, Any], of: str) -> bool:
    """Return whether a value's texts or ids are, or hold, what is asked for."""
    return any(of in each if isinstance(each, tuple) else each == of for each in value if each is not None)


@dataclass(slots=True)
class _State:
    """What one issue is at an instant."""

    member: bool
    done: bool
    points: float
    outside: bool

    def scope(self) -> float:
        return self.points if self.member and not self.outside and self.points == self.points else 0.0


class Course:
    """The events of a sprint, a version or an epic, in order of time.

    Parameters
    ----------
    history : History
        Of whose issues.
    line : Timeline
        Membership, estimates and done in time.
    members : array of int
        Which issues count.
    begin, close : datetime64
        From when to when.
    leave_out_done : bool
        Whether issues that are done when they come in are no part of it.
    """

    def __init__(
        self, history: History, line: Timeline, members: Any, begin: Any, close: Any, *, leave_out_done: bool
    ) -> None:
        self.keys, self.line, self.begin, self.close = history.keys, line, begin, close
        self.leave_out_done = leave_out_done
        counts = np.zeros(len(history.keys), dtype=bool)
        counts[members] = True
        ever = np.zeros(len(history.keys), dtype=bool)
        ever[line.member.issue[line.member.values[:-1]]] = True
        self.counted = counts & ever
        start = [each.at(begin) for each in (line.member, line.done, line.points)]
        self.states = {
            row: self._came(bool(start[0][row]), bool(start[1][row]), float(start[2][row]))
            for row in np.flatnonzero(self.counted).tolist()
        }

    def _came(self, member: bool, done: bool, points: float) -> _State:
        return _State(member, done, points, self.leave_out_done and member and done)

    def rows(self, first: str | None, last: str) -> list[tuple[Any, ...]]:
        """Return a row for each instant at which something happened, between those of begin and close."""
        rows = [] if first is None else [self._row(self.begin, first)]
        events = self._events()
        place = 0
        while place < len(events):
            at = events[place][0]
            stop = place
            while stop < len(events) and events[stop][0] == at:
                stop += 1
            words = self._apply(events[place:stop])
            if words:
                rows.append(self._row(at, "; ".join(words)))
            place = stop
        return [*rows, self._row(self.close, last)]

    def _events(self) -> list[tuple[Any, int, str, Any]]:
        """Return (when, issue, track, value) in order of time, issue and track."""
        found: list[tuple[Any, int, str, Any]] = []
        for name in ("member", "points", "done"):
            track = getattr(self.line, name)
            for place in track.changes(self.begin, self.close, self.counted):
                # What is carried over at the close is no removal.
                if name != "member" or track.entered[place] < self.close:
                    found.append((track.entered[place], int(track.issue[place]), name, track.values[place]))
        return sorted(found, key=lambda event: (event[0], event[1]))

    def _apply(self, events: list[tuple[Any, int, str, Any]]) -> list[str]:
        """Take the events of one instant, and return them in words."""
        words = []
        for row in dict.fromkeys(event[1] for event in events):
            state = self.states[row]
            was = _State(state.member, state.done, state.points, state.outside)
            for _, _, name, value in (event for event in events if event[1] == row):
                setattr(state, name, float(value) if name == "points" else bool(value))
            if not was.member:
                state.outside = self.leave_out_done and state.member and state.done
            state.outside &= state.done
            if told := _told(was, state):
                words.append(f"{self.keys[row]} {told}")
        return words

    def _row(self, at: Any, event: str) -> tuple[Any, ...]:
        scope = sum(state.scope() for state in self.states.values())
        done = sum(state.scope() for state in self.states.values() if state.done)
        return (at, event, scope, done, scope - done)


def _told(was: _State, now: _State) -> str:
    """Return what happened to an issue, in words; nothing where it is no part of the scope."""
    if not was.member and not now.member:
        return ""
    if was.member != now.member:
        return "added" if now.member else "removed"
    words = []
    if was.points != now.points and not (was.points != was.points and now.points != now.points):
        words.append(f"estimate {_number(was.points)} to {_number(now.points)}")
    if was.done != now.done:
        words.append("done" if now.done else "reopened")
    return ", ".join(words)


def _number(value: float) -> str:
    return f"{value:g}" if value == value else "none"


def _daily(
    table: pd.DataFrame, freq: str, begin: np.datetime64, close: np.datetime64, zone: tzinfo
) -> pd.DataFrame:
    """Return the state at the end of each period; that of the last one at the close."""
    first, last = (pd.Timestamp(at).tz_localize("UTC") for at in (begin, close))
    periods = periods_of(first, last, freq, zone)
    at = np.minimum(periods.ends, close)
    when = table["When"].to_numpy(dtype="datetime64[us]")
    # At the close its own row counts, which comes last.
    place = np.maximum(when.searchsorted(at, side="left") - 1, 0)
    place[at == close] = len(table) - 1
    found = table.iloc[place].reset_index(drop=True)
    return found.assign(When=at, Event=[str(name) for name in periods.index])


def _guideline(
    at: Any,
    begin: np.datetime64,
    planned: np.datetime64,
    remained: float,
    calendar: WorkingHours | Mapping[str, Any] | None,
) -> Any:
    whole = elapsed(np.array([begin]), np.array([planned]), calendar)[0] / np.timedelta64(1, "us")
    if whole <= 0:
        return np.zeros(len(at))
    worked = elapsed(np.full(len(at), begin), at, calendar) / np.timedelta64(1, "us")
    return remained * np.clip(1 - worked / whole, 0, 1)

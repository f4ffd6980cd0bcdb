"""What is wrong or unusual in the data, which issues it concerns, and which figures it changes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from schedkit.errors import UsageError
from schedkit.flow.frames import cell_texts, metric, naive
from schedkit.flow.issue_history import History, history_of
from schedkit.flow.sprint_clock import Sprint, begun
from schedkit.flow.sprint_states import Timelines, estimates
from schedkit.flow.window import Window, window_of
from schedkit.flow.workflow import DONE, IN_PROGRESS, TO_DO, Workflow

__all__ = ["data_quality"]

_AFFECTS = {
    "No estimate": "counts nothing in velocity, burndown and sprint reports by points",
    "Finished without resolution": "reports by resolution leave it out; figures here go by status",
    "Created done": "no cycle time; lead time 0; counts in throughput",
    "Finished without having been in progress": "no cycle time; counts in throughput and lead time",
    "Created in progress": "its cycle time begins with its creation",
    "Reopened": "finished when it was done for the last time; earlier counts of finishes change",
    "Moved back to To Do": "work was restarted; age and cycle time leave out what was before",
    "Done before its sprint began": "in the sprint, but neither committed nor completed in it",
    "Created in a running sprint": "added to the sprint by its creation, which no change records",
    "Sprints that overlap": "work counts in each; throughput by sprint counts finishes twice",
    "Changes before its creation": "imported: what it was before its creation is left out",
    "History with gaps": "a change begins with another status than the one before left",
    "Clock jumps": "a later change has an earlier time: stays may be in the wrong order",
    "Changes in the future": "left out until their time comes",
    "Without a creation date": "left out of all figures",
}


@metric
def data_quality(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    sprints: pd.DataFrame | None = None,
    points: str | None = "Story Points",
    field: str = "Sprint",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return what is unusual in issues and changes, and what that does to which figure.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`.
    sprints : DataFrame, optional
        As `Jira.sprints` returns them; without it nothing is said of sprints.
    points : str, optional
        The field of estimates; None does not ask for any.
    field : str
        The field of sprints.
    since : Timestamp, optional
        Only issues that were updated, that is had a change or were created, after it.
    until : Timestamp, optional
        As it was then; now by default.
    by : str, optional
        A column of the issues: rows for each of its values.

    Returns
    -------
    DataFrame
        Finding, Issues, Keys (of sprints: their names) and Affects; a row for each finding that there is.
    """
    window = window_of(history_of(issues, changes, workflow), None, since=since, until=until, by=by)
    recent = _recent(window)
    found = [*_of_status(window), *_of_history(window)]
    if points is not None:
        found.append(("No estimate", _without_estimate(window, points)))
    if sprints is not None:
        known = begun(sprints, until=window.cut.end)
        found += _of_sprints(window, known, field)
    rows = []
    for cells, members in window.groups:
        for name, which in found:
            here = members[which[members] & recent[members]]
            if len(here):
                keys = ", ".join(window.history.keys[np.unique(here)])
                rows.append({**cells, "Finding": name, "Issues": len(here), "Keys": keys})
    if sprints is not None and (names := _overlapping(sprints, known)):
        cells = {} if by is None else {by: ""}
        told = ", ".join(names)
        rows.append({**cells, "Finding": "Sprints that overlap", "Issues": 0, "Keys": told})
    if window.history.undated:
        cells = {} if by is None else {by: ""}
        undated = window.history.undated
        row = {"Finding": "Without a creation date", "Issues": len(undated), "Keys": ", ".join(undated)}
        rows.append({**cells, **row})
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), "Finding", "Issues", "Keys"])
    frame["Affects"] = frame["Finding"].map(_AFFECTS).astype("str")
    return window.told(frame)


def _recent(window: Window) -> Any:
    """Return which issues were created or changed in the period."""
    log = window.history.log
    if window.since is None:
        return window.cut.exists
    newest = log.created.copy()
    inside = (log.row >= 0) & (log.when <= naive(window.cut.end))
    # As numbers, for which NumPy has a fast loop.
    np.maximum.at(newest.view(np.int64), log.row[inside], log.when[inside].view(np.int64))
    return window.cut.exists & (newest >= naive(window.since))


def _of_status(window: Window) -> Iterator[tuple[str, Any]]:
    cut = window.cut
    count = len(cut)
    before = np.concatenate([cut.phase[:1], cut.phase[:-1]])
    moved = ~cut.first

    def ever(which: Any) -> Any:
        return np.bincount(cut.issue[which], minlength=count) > 0

    finished = ~np.isnat(cut.finished)
    skipped = finished & np.isnat(cut.started)
    yield "Created done", skipped & window.born_done
    yield "Finished without having been in progress", skipped & ~window.born_done
    yield "Created in progress", ever(cut.first & (cut.phase == IN_PROGRESS))
    yield "Reopened", ever(moved & (before == DONE) & (cut.phase != DONE))
    yield "Moved back to To Do", ever(moved & (before == IN_PROGRESS) & (cut.phase == TO_DO))
    yield "Finished without resolution", finished & _unresolved(window)


def _unresolved(window: Window) -> Any:
    """Return which issues have no resolution, as far as the frame has a column of it."""
    issues = window.history.log.issues
    column = next((name for name in ("Resolution", "Resolved") if name in issues), None)
    return np.ones(len(issues), dtype=bool) if column is None else issues[column].isna().to_numpy()


def _of_history(window: Window) -> Iterator[tuple[str, Any]]:
    log = window.history.log
    count = len(log.issues)
    known = log.row >= 0
    row, when = log.row[known], log.when[known]

    def ever(which: Any) -> Any:
        return np.bincount(row[which], minlength=count) > 0

    yield "Changes before its creation", ever(when < log.created[row])
    yield "Changes in the future", ever(when > naive(window.history.now))
    moves = log.moves(log.find("status"))
    same = np.diff(moves.issue, prepend=-1) == 0
    gap = same & (moves.was != np.concatenate([moves.now[:1], moves.now[:-1]])) & (moves.was >= 0)
    yield "History with gaps", np.bincount(moves.issue[gap], minlength=count) > 0
    if "Entry" in log.changes:
        numbers = pd.to_numeric(log.changes["Entry"], errors="coerce").to_numpy(dtype=np.float64)[known]
        order = np.lexsort((numbers, row))
        back = (np.diff(row[order], prepend=-1) == 0) & (
            np.diff(when[order], prepend=when[:1]).astype(int) < 0
        )
        yield "Clock jumps", ever(order[back])


def _without_estimate(window: Window, points: str) -> Any:
    """Return which issues have no number in a field at the end; none where the data know no such field."""
    try:
        track = estimates(window.history, points)
    except UsageError:
        return np.zeros(len(window.cut), dtype=bool)
    return np.isnan(track.at(naive(window.cut.end)))


def _of_sprints(window: Window, sprints: list[Sprint], field: str) -> Iterator[tuple[str, Any]]:
    history = window.history
    lines = Timelines(history, field, None)
    early, created = np.zeros(len(history.keys), dtype=bool), np.zeros(len(history.keys), dtype=bool)
    for sprint in sprints:
        line = lines.of_sprint(sprint.id)
        rows, born = line.rows, history.log.created[line.rows]
        begin = naive(sprint.begin)
        close = naive(window.cut.end if pd.isna(sprint.close) else sprint.close)
        early[rows] |= line.member.at(begin, rows) & line.done.at(begin, rows) & line.done.at(close, rows)
        created[rows] |= (born > begin) & (born < close) & line.member.at(born, rows)
    yield "Done before its sprint began", early
    yield "Created in a running sprint", created


def _overlapping(sprints: pd.DataFrame, known: list[Sprint]) -> list[str]:
    """Return the sprints of one board of which one begins before the other is closed."""
    board: dict[str, Any] = {}
    if "Board" in sprints:
        ids = [str(int(id)) if isinstance(id, float) else str(id) for id in sprints["Id"]]
        board = dict(zip(ids, cell_texts(sprints["Board"]), strict=True))
    found = []
    for one, other in itertools.combinations(known, 2):
        if board.get(one.id) == board.get(other.id) and (pd.isna(one.close) or one.close > other.begin):
            found += [one.name, other.name]
    return list(dict.fromkeys(found))

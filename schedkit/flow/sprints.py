"""Sprints from the history of their issues: what was committed, added, removed and completed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from schedkit.flow.cycles import measured
from schedkit.flow.elapsed import nearest_rank
from schedkit.flow.frames import as_instant, metric, naive
from schedkit.flow.issue_history import History, history_of
from schedkit.flow.sprint_clock import Sprint, begun, chosen, sprint_words
from schedkit.flow.sprint_outcomes import COMPLETED, OPEN, OUTSIDE, REMOVED, sprint_lines
from schedkit.flow.window import Window, window_of
from schedkit.flow.workflow import Workflow

__all__ = ["predictability", "sprint_issues", "sprint_report", "velocity"]


@metric
def sprint_issues(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    sprints: pd.DataFrame,
    sprint: int | str | None = None,
    points: str | None = "board",
    board: pd.DataFrame | None = None,
    field: str = "Sprint",
    until: Any = None,
    by: str | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return every issue that was in a sprint while it ran, and what became of it.

    All is read from the history: the query ``sprint = X`` loses issues that were removed, since moving them
    replaces the field. A sprint begins when it was activated and ends when it was completed, not at its
    planned end. Carrying an issue over at the close is no removal.

    Parameters
    ----------
    issues, changes, workflow
        As for `cycle_times`. Leave out sub-tasks, as Jira's velocity does.
    sprints : DataFrame
        As `Jira.sprints` returns them.
    sprint : int or str, optional
        The id or the name; by default the sprint that began last.
    points : str, optional
        The field of estimates; by default the board's, or Story Points without a board. None counts issues.
    board : DataFrame, optional
        As `Jira.board` returns it: then done is its last column, as in Jira's reports, instead of the
        workflow's.
    field : str
        The field of sprints.
    until : Timestamp, optional
        As it was then; now by default. A sprint that is not closed is reported so far.
    by : str, optional
        A column of the issues to add.

    Returns
    -------
    DataFrame
        Key, Outcome (Completed, Not completed, Removed, or Completed outside: done before it began or was
        added), Committed (in it at the start and not done), Added, Spilled Over (not completed, and since
        taken into another sprint), Estimate (at the start, or when added), Final Estimate (at the close, or
        when removed), Joined and Left.
    """
    history = history_of(issues, changes, workflow)
    which = chosen(sprints, sprint, _end(history, until))
    window = window_of(history, None, until=until, by=by)
    lines = sprint_lines(history, field, points, board)
    return _told(window, which, lines.outcomes(which, window.cut.end).frame(history), by)


def _end(history: History, until: Any) -> pd.Timestamp:
    return history.now if until is None else as_instant(until)


def _told(window: Window, which: Sprint, frame: pd.DataFrame, by: str | None) -> pd.DataFrame:
    rows = frame.pop("row").to_numpy()
    if by is not None:
        frame[by] = window.groups.column_of(rows)
    frame = window.told(frame, sprint=which.name)
    frame.attrs["period"] = sprint_words(which, window.cut.end)
    return frame


@metric
def sprint_report(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    sprints: pd.DataFrame,
    sprint: int | str | None = None,
    points: str | None = "board",
    board: pd.DataFrame | None = None,
    field: str = "Sprint",
    until: Any = None,
    by: str | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return what happened in a sprint, by number of issues and by points.

    Committed + Added + Re-estimated − Removed − Completed = Not completed, in issues and in points. An issue
    that is added and removed again counts in both.

    Parameters
    ----------
    issues, changes, sprints, sprint, points, board, field, until, workflow
        As for `sprint_issues`.
    by : str, optional
        A column of the issues: rows for each of its values.

    Returns
    -------
    DataFrame
        What, Issues, Points and Keys: Committed, Completed outside, Added, Removed, Re-estimated (the change
        of the estimates while they were in it), Completed (estimates at the close), Not completed, and of
        these Spilled over.
    """
    table = sprint_issues(
        issues, changes, sprints=sprints, sprint=sprint, points=points, board=board, field=field,
        until=until, by=by, workflow=workflow,
    )  # fmt: skip
    groups = [(None, table)] if by is None else list(table.groupby(by, dropna=False))
    rows = []
    for name, part in groups:
        counted = part[part["Outcome"] != OUTSIDE]
        changed = counted["Final Estimate"].fillna(0) - counted["Estimate"].fillna(0)
        again = counted[changed != 0]
        completed, removed = (counted[counted["Outcome"] == what] for what in (COMPLETED, REMOVED))
        chosen_rows = [
            ("Committed", counted[counted["Committed"]], "Estimate"),
            ("Completed outside", part[part["Outcome"] == OUTSIDE], "Estimate"),
            ("Added", counted[counted["Added"]], "Estimate"),
            ("Removed", removed, "Final Estimate"),
            ("Re-estimated", again, None),
            ("Completed", completed, "Final Estimate"),
            ("Not completed", counted[counted["Outcome"] == OPEN], "Final Estimate"),
            ("Spilled over", counted[counted["Spilled Over"]], "Final Estimate"),
        ]
        for what, found, column in chosen_rows:
            sum_of = changed.sum() if column is None else found[column].sum()
            cells = {} if by is None else {by: name}
            keys = ", ".join(found["Key"])
            rows.append({**cells, "What": what, "Issues": len(found), "Points": float(sum_of), "Keys": keys})
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), "What", "Issues", "Points", "Keys"])
    frame.attrs = dict(table.attrs)
    frame.attrs["without_estimate"] = table.loc[table["Final Estimate"].isna(), "Key"].tolist()
    return frame


@metric
def velocity(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    sprints: pd.DataFrame,
    points: str | None = "board",
    board: pd.DataFrame | None = None,
    field: str = "Sprint",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return what was committed and completed in each closed sprint, as Jira Cloud's velocity chart has it.

    Commitment: the estimates at the start of the issues that were in it and not done. Completed: the
    estimates at the close of the issues completed in it, those added while it ran included.

    Parameters
    ----------
    issues, changes, sprints, points, board, field, workflow
        As for `sprint_issues`.
    since, until : Timestamp, optional
        The period: sprints closed in it.
    by : str, optional
        A column of the issues: rows for each of its values.

    Returns
    -------
    DataFrame
        Sprint, Sprint Id, Close, Committed, Completed, Committed Issues, Completed Issues and Done of
        Committed (the first estimates of the committed issues that were completed) with their number.
        ``attrs["spread"]`` has the number of sprints, and the mean, least, median and greatest of Completed.
    """
    history = history_of(issues, changes, workflow)
    window = window_of(history, None, since=since, until=until, by=by)
    lines = sprint_lines(history, field, points, board)
    rows, skipped = [], []
    for sprint in begun(sprints, since, window.cut.end):
        if pd.isna(sprint.close):
            skipped.append(sprint.name)
            continue
        found = lines.outcomes(sprint, window.cut.end)
        for cells, members in window.groups:
            names = {"Sprint": sprint.name, "Sprint Id": sprint.id, "Close": sprint.close}
            rows.append({**cells, **names, **found.sums(members)})
    columns = [
        "Sprint", "Sprint Id", "Close", "Committed", "Completed", "Committed Issues", "Completed Issues",
        "Done of Committed", "Done of Committed Issues",
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=[*([] if by is None else [by]), *columns])
    if rows:
        frame["Close"] = frame["Close"].astype("datetime64[us, UTC]")
    done = np.sort(frame["Completed"].to_numpy(dtype=np.float64))
    spread: dict[str, Any] = {"sprints": len(done)}
    if len(done):
        spread |= {
            "mean": done.mean(),
            "least": done[0],
            "median": nearest_rank(done, 50),
            "greatest": done[-1],
        }
    return window.told(frame, spread=spread, not_closed=skipped)


@metric
def predictability(
    issues: pd.DataFrame | History,
    changes: pd.DataFrame | None = None,
    *,
    sprints: pd.DataFrame,
    points: str | None = "board",
    board: pd.DataFrame | None = None,
    field: str = "Sprint",
    since: Any = None,
    until: Any = None,
    by: str | None = None,
    workflow: Workflow | Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return three figures that are all called predictability, each under a name of its own.

    Parameters
    ----------
    issues, changes, sprints, points, board, field, since, until, by, workflow
        As for `velocity`.

    Returns
    -------
    DataFrame
        For each closed sprint: Sprint, Sprint Id, Completed ÷ Committed (work added while it ran counts as
        completed, so that it may exceed 1), Done ÷ Committed (committed work that was completed, at its first
        estimates), the same two by issues, and Cycle 95 % ÷ 50 %: how far the slowest of the issues finished
        while it ran lie from their median. Missing where the divisor is 0.
    """
    history = history_of(issues, changes, workflow)
    table = velocity(
        history, sprints=sprints, points=points, board=board, field=field, since=since, until=until, by=by
    )
    frame = table[[*([] if by is None else [by]), "Sprint", "Sprint Id"]].copy()
    for suffix in ("", " Issues"):
        divisor = table[f"Committed{suffix}"].astype("float64").replace(0, np.nan)
        frame[f"Completed ÷ Committed{suffix}"] = table[f"Completed{suffix}"] / divisor
        frame[f"Done ÷ Committed{suffix}"] = table[f"Done of Committed{suffix}"] / divisor
    window = window_of(history, None, since=since, until=until, by=by)
    clocks = {each.id: each for each in begun(sprints, since, window.cut.end)}
    members = {"" if by is None else cells[by]: rows for cells, rows in window.groups}
    names = [""] * len(table) if by is None else table[by]
    frame["Cycle 95 % ÷ 50 %"] = [
        _spread(window, clocks[id], members[name]) for name, id in zip(names, table["Sprint Id"], strict=True)
    ]
    frame.attrs = dict(table.attrs)
    return frame


def _spread(window: Window, sprint: Sprint, members: Any) -> float:
    lengths, _ = measured(window, "Cycle", "elapsed", None)
    finished = window.cut.finished
    inside = ~np.isnat(lengths) & (finished > naive(sprint.begin)) & (finished <= naive(sprint.close))
    mine = np.zeros(len(inside), dtype=bool)
    mine[members] = True
    ordered = np.sort(lengths[inside & mine])
    if not len(ordered) or not nearest_rank(ordered, 50):
        return float("nan")
    return float(nearest_rank(ordered, 95) / nearest_rank(ordered, 50))

"""Runs and due times as DataFrames, with the same columns and types when there are none."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from schedkit.core.run import Run
from schedkit.core.states import State

if TYPE_CHECKING:
    from schedkit.core.store.reader import FireRow

__all__ = ["due_times_frame", "runs_frame"]

_DUE_TIMES = {
    "scheduled": "datetime64[us, UTC]",
    "until": "datetime64[us, UTC]",
    "count": "Int64",
    "outcome": "str",
    "run": "str",
    "reason": "str",
}
_HISTORY = {
    "run": "str",
    "task": "str",
    "state": "category",
    "scheduled": "datetime64[us, UTC]",
    "queued": "datetime64[us, UTC]",
    "started": "datetime64[us, UTC]",
    "finished": "datetime64[us, UTC]",
    "seconds": "float64",
    "attempt": "int64",
    "reason": "str",
}


def runs_frame(runs: Iterable[Run]) -> Any:
    """Return runs as a DataFrame."""
    import pandas as pd

    rows = [
        {
            "run": run.id,
            "task": run.task,
            "state": str(run.state),
            "scheduled": run.scheduled_at,
            "queued": run.queued_at,
            "started": run.started_at,
            "finished": run.finished_at,
            "seconds": run.seconds,
            "attempt": run.attempt,
            "reason": run.why,
        }
        for run in runs
    ]
    frame = pd.DataFrame(rows, columns=list(_HISTORY))
    states = pd.CategoricalDtype([str(state) for state in State])
    return frame.astype({**_HISTORY, "state": states})


def due_times_frame(fires: Iterable[FireRow], runs: Iterable[Run], limit: int) -> Any:
    """Return due times as a DataFrame, newest first: those that made a run, and those that made none."""
    import pandas as pd

    rows = [
        {
            "scheduled": fire.scheduled_at,
            "until": fire.until,
            "count": fire.count,
            "outcome": str(fire.disposition),
            "run": "",
            "reason": fire.reason,
        }
        for fire in fires
    ]
    rows += [
        {
            "scheduled": run.scheduled_at,
            "until": run.scheduled_at,
            "count": 1,
            "outcome": str(run.state),
            "run": run.id,
            "reason": run.why,
        }
        for run in runs
    ]
    rows.sort(key=operator.itemgetter("scheduled"), reverse=True)
    return pd.DataFrame(rows[:limit], columns=list(_DUE_TIMES)).astype(_DUE_TIMES)

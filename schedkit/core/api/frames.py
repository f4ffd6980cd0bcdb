"""Runs and due times as DataFrames, with the same columns and types when there are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from schedkit.core.run import Run
from schedkit.core.states import State

if TYPE_CHECKING:
    from schedkit.core.store.reader import FireRow

__all__ = ["fires_frame", "runs_frame"]

_FIRES = {
    "scheduled": "datetime64[us, UTC]",
    "until": "datetime64[us, UTC]",
    "count": "Int64",
    "disposition": "str",
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


def fires_frame(fires: Iterable[FireRow]) -> Any:
    """Return the due times that made no run as a DataFrame."""
    import pandas as pd

    rows = [
        {
            "scheduled": fire.scheduled_at,
            "until": fire.until,
            "count": fire.count,
            "disposition": str(fire.disposition),
            "reason": fire.reason,
        }
        for fire in fires
    ]
    return pd.DataFrame(rows, columns=list(_FIRES)).astype(_FIRES)

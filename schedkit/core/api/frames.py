"""Runs and due times as DataFrames, with the same columns and types when there are none; frames as text."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from schedkit.core.run import Run
from schedkit.core.states import State
from schedkit.values.text import clip

if TYPE_CHECKING:
    from schedkit.core.store.rows import FireRow

__all__ = ["due_times_frame", "frame_text", "runs_frame"]

PREVIEW_ROWS = 50
LONGEST_CELL = 200

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
            "outcome": str(fire.outcome),
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


def frame_text(frame: Any, rows: int = PREVIEW_ROWS) -> dict[str, Any]:
    """Return the head of a DataFrame as ``{"columns", "data", "rows"}``, every cell as short text."""
    head = frame.head(rows)
    cells = [[_cell(value) for value in row] for row in head.itertuples(index=False, name=None)]
    return {"columns": [str(name) for name in frame.columns], "data": cells, "rows": len(frame)}


def _cell(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        text = ", ".join(map(str, value))
    else:
        text = "" if value is None or str(value) in ("<NA>", "NaT", "nan") else str(value)
    return clip(text, LONGEST_CELL)

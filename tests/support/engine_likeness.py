"""Whether one engine knows what another one does."""

from __future__ import annotations

from typing import Any

from support.engine_pairs import parents_of

from schedkit.core.engine.engine import Engine
from schedkit.core.states import State

__all__ = ["describe", "same_engine"]


def describe(engine: Engine) -> dict[str, Any]:
    """Return all that an engine knows and rows hold, as plain values that compare."""
    pending = {run.id for run in engine.runs.values() if run.state is State.PENDING}
    parents = {parent for row in engine.rows.values() for parent in parents_of(row)}
    return {
        "rows": dict(engine.rows),
        "tasks": dict(engine.tasks),
        "runs": dict(engine.runs),
        "order": {task: [run.id for run in engine.live_of(task)] for task in sorted(engine.rows)},
        "alive": {task: engine.alive(task) for task in sorted(engine.rows.keys() | parents)},
        "used": {task: engine.queue.used(f"task:{task}") for task in sorted(engine.tasks)},
        "paused": engine.paused,
        "last": {task: how for task, how in engine.last.items() if task in parents},
        "waits": [w for w in engine.dependencies.rows() if w.run in pending or w.parent_run is None],
        "schedules": engine.schedules.due_times,
        "waiting": {w.id: (w.task, w.rank, w.due, w.keys, w.rate) for w in engine.queue.waiting},
        "places": set(engine.queue.running),
        "active": {a.run: (a.attempt, a.why, a.actor) for a in engine.active.values()},
    }


def same_engine(loaded: Engine, engine: Engine) -> None:
    """Judge that an engine loaded from the rows is the one in memory."""
    there, here = describe(loaded), describe(engine)
    for name, known in here.items():
        assert there[name] == known, f"{name}: {_difference(there[name], known)}"


def _difference(loaded: object, known: object) -> str:
    if isinstance(loaded, dict) and isinstance(known, dict):
        keys = [key for key in loaded | known if loaded.get(key) != known.get(key)]
        loaded, known = ({key: one.get(key) for key in keys} for one in (loaded, known))
    return f"loaded {loaded}, in memory {known}"

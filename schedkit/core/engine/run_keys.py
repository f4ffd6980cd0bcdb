"""The keys of a run besides a slot of the concurrency: of its task, of its limited tags, of its executor."""

from __future__ import annotations

import msgspec

from schedkit.core.engine.queue import AWAY, Waiting, away_key, rank
from schedkit.core.engine.state import EngineState
from schedkit.core.model import Task
from schedkit.core.run import TAG, Run
from schedkit.core.states import Overlap

__all__ = ["Keys", "RunKeys"]


class Keys(msgspec.Struct, frozen=True, gc=False):
    """The keys that each run of a task holds, besides a slot of the concurrency.

    `instances` counts the runs of the task; `others` are its limited tags (`shared`) and its executor;
    `tags` are all its tags.
    """

    instances: tuple[str, ...]
    others: tuple[str, ...]
    shared: tuple[str, ...]
    tags: tuple[str, ...]


class RunKeys:
    """The keys of the runs of each task, made once for each declaration."""

    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._keys: dict[str, tuple[Task, Keys]] = {}

    def forget(self, name: str) -> None:
        """Drop what was made for a task, as when the limits have changed."""
        self._keys.pop(name, None)

    def waiting(self, run: Run, task: Task) -> Waiting:
        """Return what a run needs to start, besides a slot of the concurrency."""
        keys = self.of(task)
        # `max_instances` limits due times, and what follows from others; submitted runs only count.
        limited = run.scheduled is not None or run.cause == "after"
        return Waiting(
            run.id,
            run.task,
            rank(run.due, run.priority),
            run.due,
            (*keys.instances, *keys.others) if limited else keys.others,
            task.rate,
            keys.shared,
            () if limited else keys.instances,
            keys.tags,
            away=task.executor_kind == AWAY,
        )

    def holding(self, run: str, task: Task) -> Waiting:
        """Return what a run holds that is running already."""
        keys = self.of(task)
        return Waiting(
            run,
            task.name,
            0,
            0,
            (*keys.instances, *keys.others),
            shared=keys.shared,
            tags=keys.tags,
            away=task.executor_kind == AWAY,
        )

    def of(self, task: Task) -> Keys:
        """Return the keys that a run of a task holds."""
        known = self._keys.get(task.name)
        if known is None or known[0] is not task:
            limits = self._state.config.limits
            tags = tuple(TAG + tag for tag in task.tags)
            shared = tuple(key for key in tags if key in self._state.limits)
            own: tuple[str, ...] = (task.executor_kind,) if task.executor_kind in limits else ()
            if task.executor_kind == AWAY:
                own = (AWAY, away_key(task.name))
            instances = () if task.overlap is Overlap.ALLOW else (f"task:{task.name}",)
            known = self._keys[task.name] = (task, Keys(instances, (*shared, *own), shared, tags))
        return known[1]

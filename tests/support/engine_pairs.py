"""Which runs of children go with which runs of their parents."""

from __future__ import annotations

from schedkit.core.events import Event, RunQueued, TaskChanged
from schedkit.core.model import TaskRow

__all__ = ["Pairs", "parents_of"]


def parents_of(row: TaskRow) -> set[str]:
    """Return the tasks after which one comes."""
    return set(row.facts["after"])


class Pairs:
    """Each run of a parent, and the tasks that are to have a run for it, as they are declared then.

    Attributes
    ----------
    paired : set of tuple of str and str
        Child and parent's run.
    """

    def __init__(self) -> None:
        self._owed: set[tuple[str, str]] = set()
        self.paired: set[tuple[str, str]] = set()
        self._following: dict[str, set[str]] = {}  # each task, and those that it follows
        self._task_of: dict[str, str] = {}

    @property
    def owed(self) -> set[tuple[str, str]]:
        """Those that are yet to be made."""
        return self._owed - self.paired

    def pair(self, child: str, parent_run: str) -> None:
        """Note that a child has its run for one of a parent."""
        assert (child, parent_run) not in self.paired, f"{child} has a second run for {parent_run}"
        self.paired.add((child, parent_run))

    def follow(self, event: Event) -> None:
        """Note what an event asks for."""
        if isinstance(event, TaskChanged) and event.row is not None:
            row, follows = event.row, set[str]()
            if event.change != "removed" and row.trigger is None:
                follows = parents_of(row)
            self._following[row.name] = follows
            self._owed = {
                (child, run)
                for child, run in self._owed
                if child != row.name or self._task_of[run] in follows
            }
        elif isinstance(event, RunQueued) and event.followed:
            self._task_of[event.run] = event.task
            children = [child for child, parents in self._following.items() if event.task in parents]
            self._owed |= {(child, event.run) for child in children}

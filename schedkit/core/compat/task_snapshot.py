"""One task at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from schedkit.core.model import Task, TaskRow
from schedkit.core.triggers import data as trigger_data
from schedkit.core.triggers.base import Trigger

__all__ = ["ONE_TIME", "TaskSnapshot"]

# Carried by jobs that run once: `get_job` knows them until they have.
ONE_TIME = "one-time"


@dataclass(frozen=True, slots=True)
class TaskSnapshot:
    """A task as declared here (`task`) and as the ledger knows it (`row`); one of them may be None.

    Attributes
    ----------
    alive : int
        Its runs that have not ended.
    """

    name: str
    task: Task | None
    row: TaskRow | None
    alive: int

    @property
    def tags(self) -> Iterable[str]:
        """Its tags."""
        if self.task is not None:
            return self.task.tags
        return () if self.row is None else self.row.facts.get("tags", ())

    @property
    def trigger(self) -> Trigger | None:
        """When it runs."""
        if self.task is not None:
            return self.task.trigger
        text = None if self.row is None else self.row.trigger
        return None if text is None else trigger_data.loads(text)

    @property
    def paused(self) -> bool:
        """Whether its own due times are stopped."""
        return self.row is not None and self.row.paused

    @property
    def next_at(self) -> datetime | None:
        """Its next time, whether it is paused or not."""
        if self.row is not None:
            return self.row.next_at
        trigger, now = self.trigger, datetime.now(UTC)
        return None if trigger is None else trigger.first(now)

    @property
    def over(self) -> bool:
        """Whether it runs only when it is submitted."""
        return self.next_at is None and not self.paused and not self.alive

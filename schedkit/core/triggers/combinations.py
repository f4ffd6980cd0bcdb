"""Several triggers as one: at the times of any of them, or at those that all of them share."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any, Self

from schedkit.core.triggers.base import Trigger
from schedkit.core.triggers.wallclock import TICK

__all__ = ["AllOf", "AnyOf", "Combined"]


@dataclass(frozen=True, repr=False)
class Combined(Trigger):
    """Several triggers as one."""

    triggers: tuple[Trigger, ...]

    @cached_property
    def bound(self) -> bool:
        return all(trigger.bound for trigger in self.triggers)

    def _bind(self, anchor: datetime, tz: tzinfo) -> Self:
        return dataclasses.replace(self, triggers=tuple(t.bind(anchor, tz) for t in self.triggers))

    def display_zone(self) -> tzinfo:
        return self.triggers[0].display_zone()

    def _combined(self, kind: str) -> dict[str, Any]:
        data: dict[str, Any] = {"type": kind, "triggers": [t.data() for t in self.triggers]}
        if self.jitter:
            data["jitter"] = self.jitter
        return data


@dataclass(frozen=True, repr=False)
class AnyOf(Combined):
    """Fires whenever one of its triggers does."""

    def _next(self, after: datetime) -> datetime | None:
        return min((t for trigger in self.triggers if (t := trigger.next(after)) is not None), default=None)

    def data(self) -> dict[str, Any]:
        return self._combined("any_of")

    def text(self, tz: tzinfo | None = None) -> str:
        return " or ".join(trigger.text(tz) for trigger in self.triggers)


@dataclass(frozen=True, repr=False)
class AllOf(Combined):
    """Fires at the times that all of its triggers share."""

    # Two intervals may never meet; a search longer than this is given up.
    MAX_STEPS = 5_000

    def _next(self, after: datetime) -> datetime | None:
        for _ in range(self.MAX_STEPS):
            times = [trigger.next(after) for trigger in self.triggers]
            found = [t for t in times if t is not None]
            if len(found) < len(times):
                return None
            if min(found) == max(found):
                return found[0]
            after = max(found) - TICK
        return None

    def data(self) -> dict[str, Any]:
        return self._combined("all_of")

    def text(self, tz: tzinfo | None = None) -> str:
        return " and ".join(trigger.text(tz) for trigger in self.triggers)

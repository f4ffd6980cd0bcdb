"""A schedule written as data: ``TaskSchedule(schedule_type="cron", cron_expression="0 2 * * *")``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from schedkit.core.states import Overlap
from schedkit.core.triggers import constructors
from schedkit.core.triggers.base import Trigger
from schedkit.errors import TriggerError
from schedkit.values.keywords import check_keywords

__all__ = ["ScheduleType", "TaskSchedule"]


class ScheduleType(StrEnum):
    """Which of a `TaskSchedule`'s fields says when."""

    CRON = "cron"
    INTERVAL = "interval"
    DATE = "date"


_FIELDS = {
    ScheduleType.CRON: "cron_expression",
    ScheduleType.INTERVAL: "interval_seconds",
    ScheduleType.DATE: "run_date",
}


@check_keywords
@dataclass(frozen=True, kw_only=True)
class TaskSchedule:
    """When a `BaseTask` runs, for classes that state it in fields; `cron()` and `every()` say it shorter.

    Parameters
    ----------
    schedule_type : ScheduleType or str
        Which of the following three counts.
    cron_expression : str, optional
        A standard crontab.
    interval_seconds : float, optional
    run_date : datetime or str, optional
    allow_concurrent : bool
        Whether a run may start while another is alive; else its time is recorded as overlapped.

    Examples
    --------
    >>> TaskSchedule(schedule_type="interval", interval_seconds=3600).trigger.text()
    'every 1h'
    """

    schedule_type: ScheduleType | str
    cron_expression: str | None = None
    interval_seconds: float | None = None
    run_date: datetime | str | None = None
    allow_concurrent: bool = False
    timezone: str | None = None

    def __post_init__(self) -> None:
        try:
            kind = ScheduleType(str(self.schedule_type).lower())
        except ValueError:
            words = ", ".join(repr(str(word)) for word in ScheduleType)
            raise TriggerError(
                f"schedule_type={self.schedule_type!r}", hint=f"it is one of {words}"
            ) from None
        object.__setattr__(self, "schedule_type", kind)
        if getattr(self, _FIELDS[kind]) is None:
            raise TriggerError(f"a schedule of type {kind} needs {_FIELDS[kind]}")

    @property
    def trigger(self) -> Trigger:
        """The trigger that it means."""
        if self.schedule_type is ScheduleType.CRON:
            return constructors.cron(self.cron_expression or "", tz=self.timezone)
        if self.schedule_type is ScheduleType.INTERVAL:
            return constructors.every(self.interval_seconds, tz=self.timezone)
        assert self.run_date is not None
        return constructors.at(self.run_date, tz=self.timezone)

    def options(self) -> tuple[Trigger, dict[str, Any]]:
        """Return its trigger and what else it says about its task."""
        return self.trigger, {"overlap": Overlap.ALLOW if self.allow_concurrent else Overlap.SKIP}

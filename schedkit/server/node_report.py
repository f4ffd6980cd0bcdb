"""What the process that runs the tasks tells of itself to the server's, where these are two."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import msgspec

from schedkit.core.api.process_report import ProcessReport
from schedkit.core.api.scheduler import Scheduler
from schedkit.telemetry.process import ProcessFigures, process_figures
from schedkit.values.durations import elapsed_text

__all__ = ["HeardNode", "NodeReport", "node_report"]

# A report comes every second; a process that tells nothing for so long does not run its schedules either.
SILENT_SECONDS = 15.0


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one process tells: what it takes of its machine, and what keeps its runs from starting."""

    process: ProcessFigures
    scheduler: ProcessReport


def node_report(scheduler: Scheduler) -> bytes:
    """Return what this process tells of itself now, as one line of JSON."""
    report = NodeReport(process=process_figures(), scheduler=scheduler.screens.report())
    return msgspec.json.encode(report) + b"\n"


class HeardNode:
    """The process that runs the tasks, as the server's process hears it.

    Parameters
    ----------
    scheduler : Scheduler
        One that watches: its board shows what is heard.
    clock : callable
        Seconds that never run backwards.
    """

    def __init__(self, scheduler: Scheduler, clock: Callable[[], float] = time.monotonic) -> None:
        self._scheduler, self._clock = scheduler, clock
        self._heard_at = -math.inf
        self._process: ProcessFigures | None = None

    def hear(self, line: bytes) -> None:
        """Take a report."""
        report = msgspec.json.decode(line, type=NodeReport)
        self._heard_at, self._process = self._clock(), report.process
        self._scheduler.screens.hear(report.scheduler)

    def figures(self) -> ProcessFigures:
        """Return what that process takes of its machine."""
        return self._process or process_figures()

    def trouble(self) -> str:
        """Return why it may not run its tasks; empty where nothing speaks for that."""
        silent = self._clock() - self._heard_at
        if silent < SILENT_SECONDS:
            return ""
        if self._process is None:
            return "the process that runs the tasks has not been heard yet"
        return f"the process that runs the tasks has not been heard for {elapsed_text(silent)}"

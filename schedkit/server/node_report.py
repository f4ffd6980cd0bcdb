"""Reports of the process that runs the tasks to the server's process, if the server has its own."""

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

# Reports come every second; a process that sends none for so long probably runs no schedules either.
SILENT_SECONDS = 15.0


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report of one process: its use of the machine, and why its runs do not start."""

    process: ProcessFigures
    scheduler: ProcessReport


def node_report(scheduler: Scheduler) -> bytes:
    """Return the report of this process as one line of JSON."""
    report = NodeReport(process=process_figures(), scheduler=scheduler.screens.report())
    return msgspec.json.encode(report) + b"\n"


class HeardNode:
    """The latest report of the process that runs the tasks, kept in the server's process.

    Parameters
    ----------
    scheduler : Scheduler
        One that watches: its board shows the reports.
    clock : callable
        Seconds that never run backwards.
    """

    def __init__(self, scheduler: Scheduler, clock: Callable[[], float] = time.monotonic) -> None:
        self._scheduler, self._clock = scheduler, clock
        self._heard_at = -math.inf
        self._process: ProcessFigures | None = None

    def hear(self, line: bytes) -> None:
        """Keep a report, and show it on the board."""
        report = msgspec.json.decode(line, type=NodeReport)
        self._heard_at, self._process = self._clock(), report.process
        self._scheduler.screens.hear(report.scheduler)

    def figures(self) -> ProcessFigures:
        """Return the CPU, memory and files that the reporting process uses."""
        return self._process or process_figures()

    def trouble(self) -> str:
        """Return why its tasks may not be running; empty: it reports as it should."""
        silent = self._clock() - self._heard_at
        if silent < SILENT_SECONDS:
            return ""
        if self._process is None:
            return "the process that runs the tasks has not been heard yet"
        return f"the process that runs the tasks has not been heard for {elapsed_text(silent)}"

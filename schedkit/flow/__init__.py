"""How work flows, from frames of issues and their changes: what was when, cycle times, throughput."""

from schedkit.flow.calendars import WorkingHours
from schedkit.flow.counts import cumulative_flow, throughput
from schedkit.flow.cycles import cycle_times
from schedkit.flow.history import as_of, spans
from schedkit.flow.stays import status_spans, time_in_status

__all__ = [
    "WorkingHours",
    "as_of",
    "cumulative_flow",
    "cycle_times",
    "spans",
    "status_spans",
    "throughput",
    "time_in_status",
]

"""Metrics of the flow of work, from frames of issues and their changes."""

from schedkit.flow.ageing import ageing, ageing_bands, work_in_progress
from schedkit.flow.balance import flow_balance, littles_law
from schedkit.flow.burn import burndown, burnup
from schedkit.flow.calendars import WorkingHours
from schedkit.flow.counts import cumulative_flow, throughput
from schedkit.flow.cycles import control_chart, cycle_histogram, cycle_percentiles, cycle_times
from schedkit.flow.effort import blocked_time, flow_efficiency, returns
from schedkit.flow.forecast import backtest, forecast_how_many, forecast_when
from schedkit.flow.history import as_of, spans
from schedkit.flow.issue_history import History
from schedkit.flow.pack import Pack, pack
from schedkit.flow.plots import plot
from schedkit.flow.quality import data_quality
from schedkit.flow.service import service_times, sla_attainment, sla_cycles
from schedkit.flow.sprints import predictability, sprint_issues, sprint_report, velocity
from schedkit.flow.stays import status_spans, time_in_status
from schedkit.flow.workflow import Workflow

__all__ = [
    "History",
    "Pack",
    "Workflow",
    "WorkingHours",
    "ageing",
    "ageing_bands",
    "as_of",
    "backtest",
    "blocked_time",
    "burndown",
    "burnup",
    "control_chart",
    "cumulative_flow",
    "cycle_histogram",
    "cycle_percentiles",
    "cycle_times",
    "data_quality",
    "flow_balance",
    "flow_efficiency",
    "forecast_how_many",
    "forecast_when",
    "littles_law",
    "pack",
    "plot",
    "predictability",
    "returns",
    "service_times",
    "sla_attainment",
    "sla_cycles",
    "spans",
    "sprint_issues",
    "sprint_report",
    "status_spans",
    "throughput",
    "time_in_status",
    "velocity",
    "work_in_progress",
]

"""Jira issues as typed DataFrames, complete or saying what is missing."""

from schedkit.jira.client.client import AsyncJira, Jira
from schedkit.jira.export import export_task
from schedkit.jira.history.calendars import WorkingHours
from schedkit.jira.history.flow import cumulative_flow, cycle_times, status_spans, throughput, time_in_status
from schedkit.jira.kept.diff import diff
from schedkit.jira.kept.store import read_parquet
from schedkit.jira.sites import search_sites
from schedkit.jira.table.frame import to_frame

__all__ = [
    "AsyncJira",
    "Jira",
    "WorkingHours",
    "cumulative_flow",
    "cycle_times",
    "diff",
    "export_task",
    "read_parquet",
    "search_sites",
    "status_spans",
    "throughput",
    "time_in_status",
    "to_frame",
]

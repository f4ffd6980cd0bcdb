"""Jira issues as typed DataFrames, complete or saying what is missing."""

from schedkit.jira.calendars import WorkingHours
from schedkit.jira.client import AsyncJira, Jira
from schedkit.jira.diff import diff
from schedkit.jira.export import export_task
from schedkit.jira.flow import cumulative_flow, cycle_times, status_spans, throughput, time_in_status
from schedkit.jira.frame import to_frame
from schedkit.jira.sites import search_sites
from schedkit.jira.store import read_parquet

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

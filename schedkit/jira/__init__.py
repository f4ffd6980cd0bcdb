"""Jira issues as typed DataFrames, complete or saying what is missing."""

from schedkit.jira.client import AsyncJira, Jira
from schedkit.jira.diff import diff
from schedkit.jira.export import export_task
from schedkit.jira.frame import to_frame
from schedkit.jira.sites import search_sites
from schedkit.jira.store import read_parquet

__all__ = ["AsyncJira", "Jira", "diff", "export_task", "read_parquet", "search_sites", "to_frame"]

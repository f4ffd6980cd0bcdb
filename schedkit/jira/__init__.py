"""Jira issues as typed DataFrames that are complete or list what is missing."""

from schedkit.jira.client import AsyncJira, Jira
from schedkit.jira.export import export_task
from schedkit.jira.history.saved import to_changelog
from schedkit.jira.local_store.changes import read_changelog
from schedkit.jira.local_store.diff import diff
from schedkit.jira.local_store.store import read_parquet
from schedkit.jira.sites import search_sites
from schedkit.jira.table.frame import to_frame

__all__ = [
    "AsyncJira",
    "Jira",
    "diff",
    "export_task",
    "read_changelog",
    "read_parquet",
    "search_sites",
    "to_changelog",
    "to_frame",
]

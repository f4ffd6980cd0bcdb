"""Jira issues as typed DataFrames, complete or saying what is missing."""

from schedkit.jira.client import AsyncJira, Jira
from schedkit.jira.export import export_task
from schedkit.jira.frame import to_frame
from schedkit.jira.sites import search_sites

__all__ = ["AsyncJira", "Jira", "export_task", "search_sites", "to_frame"]

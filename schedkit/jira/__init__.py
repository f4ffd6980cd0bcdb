"""Jira issues as typed DataFrames, complete or saying what is missing."""

from schedkit.jira.client import AsyncJira, Jira
from schedkit.jira.frame import to_frame

__all__ = ["AsyncJira", "Jira", "to_frame"]

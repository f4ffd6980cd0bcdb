"""The saved filters of the demo site, and those of its boards."""

from __future__ import annotations

from collections.abc import Iterable

from schedkit.demo.world.model import Project

__all__ = ["saved_filters"]


def saved_filters(projects: Iterable[Project]) -> dict[str, str]:
    """Return the JQL of each filter by its number."""
    boards = {
        str(20_000 + project.board): f"project = {project.key} ORDER BY Rank ASC"
        for project in projects
        if not project.hidden
    }
    return {
        "10000": "project = DEMO AND resolution IS EMPTY ORDER BY priority DESC, key ASC",
        "10001": "assignee = currentUser() OR reporter = currentUser()",
        "10002": "project in (OPS, MOB) AND issuetype = Bug ORDER BY created DESC",
        **boards,
    }

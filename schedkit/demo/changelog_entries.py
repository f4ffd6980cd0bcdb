"""What Jira's changelog says of a change of an issue's status, resolution or project."""

from __future__ import annotations

from schedkit.demo.world.model import Change, Named, Project, Status

__all__ = ["of_project", "of_resolution", "of_status"]


def of_status(old: Status, new: Status) -> Change:
    """Return the entry of a transition."""
    return Change("status", "status", str(old.id), old.name, str(new.id), new.name)


def of_resolution(old: Named | None, new: Named | None) -> Change:
    """Return the entry of a resolution that was set, changed or cleared (None)."""
    was = (str(old.id), old.name) if old else (None, None)
    return Change("resolution", "resolution", *was, *((str(new.id), new.name) if new else (None, None)))


def of_project(old: Project, new: Project) -> Change:
    """Return the entry of a move to another project."""
    return Change("project", "project", str(old.id), old.name, str(new.id), new.name)

"""Errors of the job API that are APScheduler's too: `except JobLookupError` of a program finds them."""

from __future__ import annotations

from apscheduler.jobstores import base as theirs
from apscheduler.schedulers import SchedulerNotRunningError as TheirNotRunning

from schedkit.errors import DeclarationError, NotRunningError, UsageError

__all__ = ["ConflictingIdError", "JobLookupError", "SchedulerNotRunningError"]


class JobLookupError(UsageError, theirs.JobLookupError):  # type: ignore[misc]  # APScheduler ships no types
    """There is no job of that id."""


class ConflictingIdError(DeclarationError, theirs.ConflictingIdError):  # type: ignore[misc]  # as above
    """Another job has that id."""


class SchedulerNotRunningError(NotRunningError, TheirNotRunning):  # type: ignore[misc]  # as above
    """The scheduler is stopped already."""

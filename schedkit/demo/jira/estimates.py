"""The field ``timetracking`` as an edit takes it: durations, and one estimate that moves the other."""

from __future__ import annotations

from typing import Any

from schedkit.demo.world.model import Change, Issue
from schedkit.errors import UsageError
from schedkit.values.durations import parse_duration

__all__ = ["changes", "read"]

_IDS = {"estimate": "timeoriginalestimate", "remaining": "timeestimate"}


def read(issue: Issue, value: Any) -> dict[str, int]:
    """The attributes of an issue that a value of ``timetracking`` sets.

    Raises
    ------
    ValueError
        For what is no duration.
    """
    made = {
        attribute: _seconds(value[name])
        for name, attribute in (("originalEstimate", "estimate"), ("remainingEstimate", "remaining"))
        if name in value
    }
    # As Jira does as long as no work is logged.
    if len(made) == 1 and issue.spent is None:
        made = dict.fromkeys(_IDS, next(iter(made.values())))
    return made


def changes(issue: Issue, wanted: dict[str, int]) -> list[Change]:
    """The items of a changelog."""
    was = {"estimate": issue.estimate, "remaining": issue.left}
    return [
        Change(_IDS[name], _IDS[name], *(_pair(was[name])), *(_pair(value)))
        for name, value in wanted.items()
        if was[name] != value
    ]


def _seconds(text: Any) -> int:
    # A bare number would be of the unit that the site is set to.
    if not isinstance(text, str) or text.strip().isdecimal():
        raise ValueError(f"'{text}' is no duration with units")
    try:
        return int(parse_duration(text))
    except UsageError as error:
        raise ValueError(error.message) from None


def _pair(seconds: int | None) -> tuple[str | None, str | None]:
    text = None if seconds is None else str(seconds)
    return text, text

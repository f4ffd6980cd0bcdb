"""The field ``timetracking`` as an edit takes it: durations, and one estimate that moves the other."""

from __future__ import annotations

import re
from typing import Any

from schedkit.demo.world.model import Change, Issue

__all__ = ["changes", "read"]

# A day of work has eight hours, a week five days.
_UNITS = {"m": 60, "h": 3_600, "d": 8 * 3_600, "w": 40 * 3_600}
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
    if not isinstance(text, str) or not re.fullmatch(r"(\d+[wdhm]\s*)+", text):
        raise ValueError(f"'{text}' is not a duration with units")
    return sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+)([wdhm])", text))


def _pair(seconds: int | None) -> tuple[str | None, str | None]:
    text = None if seconds is None else str(seconds)
    return text, text

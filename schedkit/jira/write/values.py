"""From a cell to what Jira's edit takes, by the kind of the field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from schedkit.errors import UsageError
from schedkit.jira.table.fields import EPIC_LINK, Field
from schedkit.values.timezones import local_timezone

__all__ = [
    "CASCADING",
    "ESTIMATES",
    "MANAGED_BY_JIRA",
    "cell_value",
    "is_user",
    "missing",
    "request_fields",
    "wire_value",
]

# What Jira sets itself.
MANAGED_BY_JIRA = (
    "created", "creator", "updated", "resolutiondate", "lastViewed", "statuscategorychangedate", "workratio",
    "timespent", "aggregatetimespent", "aggregatetimeestimate", "aggregatetimeoriginalestimate",
)  # fmt: skip
# The type of fields whose options have options of their own.
CASCADING = "option-with-child"
# Jira shows them as seconds, and takes them as durations inside another field.
ESTIMATES = {"timeoriginalestimate": "originalEstimate", "timeestimate": "remainingEstimate"}
# What other requests change.
_ELSEWHERE = {
    "status": "use jira.transition(keys, …)",
    "comment": "use jira.comment(keys, …)",
    "worklog": "log work in Jira",
    "attachment": "attach files in Jira",
    "issuelinks": "link issues in Jira",
    **dict.fromkeys(MANAGED_BY_JIRA, "Jira sets it"),
    "project": "move issues in Jira",
    "timetracking": "edit the columns of the original and the remaining estimate",
}


def missing(value: Any) -> bool:
    """Tell whether a cell holds nothing."""
    return value is None or (bool(pd.api.types.is_scalar(value)) and bool(pd.isna(value)))


def is_user(field: Field) -> bool:
    """Tell whether a field holds users, who must be looked up by name."""
    return field.type == "user" or field.items == "user"


def cell_value(value: Any, store: str) -> Any:
    """Return a cell as the frame of that type of column would hold it.

    A list may come as a text with commas (from a workbook), a date as text.
    """
    if store == "list":
        if missing(value):
            return ()
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return tuple(str(item) for item in value)
    if missing(value):
        return None
    if store in ("int", "float"):
        number = float(value)
        return int(number) if store == "int" else number
    if store in ("date", "datetime"):
        stamp = pd.Timestamp(value)
        if store == "date":
            if stamp.tzinfo is not None and stamp != stamp.normalize():
                # Of another zone's midnight the day before is left, in a column in UTC.
                raise ValueError(f"{stamp} is not the midnight of a date")
            return stamp.tz_localize(None).normalize()
        if stamp.tzinfo is None:
            # As triggers and workbooks read it; of an hour that the clock repeats the first.
            stamp = stamp.tz_localize(local_timezone(), ambiguous=True, nonexistent="shift_forward")
        return stamp.tz_convert("UTC")
    return str(value)


def wire_value(field: Field, value: Any) -> Any:
    """Return the JSON that sets `field` to `value` (as `cell_value` gives it).

    Users come as what `is_user` fields are looked up to: ready-made JSON.

    Raises
    ------
    UsageError
        If the field cannot be edited this way.
    """
    if field.id in _ELSEWHERE:
        raise UsageError(f"{field.name!r} cannot be edited", hint=_ELSEWHERE[field.id])
    if field.id in ESTIMATES:
        return None if value is None else _jira_duration(field, value)
    if is_user(field):
        return value
    if field.type == "array":
        wrap = _ITEMS.get(field.items or "")
        if wrap is None:
            raise UsageError(f"{field.name!r} cannot be edited", hint=f"it is a list of {field.items}")
        return [wrap(item) for item in value]
    write = _write_of(field)
    return None if value is None else write(value)


def request_fields(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return ``fields`` of a request that sets values (as `wire_value` gives them) by the fields' ids."""
    made: dict[str, Any] = {}
    for id, value in values:
        if id in ESTIMATES:
            made.setdefault("timetracking", {})[ESTIMATES[id]] = value
        else:
            made[id] = value
    return made


def _jira_duration(field: Field, seconds: float) -> str:
    """Return a duration in hours and minutes: how long a day and a week are is a setting of the site."""
    minutes, rest = divmod(seconds, 60)
    if seconds < 0 or rest:
        raise UsageError(
            f"{field.name!r} cannot be {seconds:g} seconds", hint="Jira takes whole minutes, from 0 on"
        )
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m")) if count]
    return " ".join(parts) or "0m"


def _write_of(field: Field) -> Callable[[Any], Any]:
    if field.custom == EPIC_LINK:
        return str
    write = _TYPES.get(field.type)
    if write is None:
        raise UsageError(f"{field.name!r} cannot be edited", hint=f"its type is {field.type}")
    return write


def _named(value: Any) -> dict[str, str]:
    return {"name": str(value)}


def _option(value: Any) -> dict[str, Any]:
    return {"value": str(value)}


def _cascading(value: Any) -> dict[str, Any]:
    parent, slash, child = str(value).partition(" / ")
    return {"value": parent, "child": {"value": child}} if slash else {"value": parent}


def _number(value: Any) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


_TYPES: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "number": _number,
    "date": lambda stamp: stamp.strftime("%Y-%m-%d"),
    "datetime": lambda stamp: stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp.microsecond // 1000:03d}+0000",
    "option": _option,
    CASCADING: _cascading,
    "issuelink": lambda key: {"key": str(key)},
    **dict.fromkeys(("priority", "resolution", "issuetype", "securitylevel", "version", "group"), _named),
}
_ITEMS: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "option": _option,
    **dict.fromkeys(("component", "version", "group"), _named),
}

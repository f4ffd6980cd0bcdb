"""What surrounds issues (boards, sprints, versions, people) as frames: one row each, typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import pandas as pd

from schedkit.jira.table.batch import typed
from schedkit.jira.table.frame import column_of

__all__ = [
    "BOARDS",
    "BOARD_COLUMNS",
    "SPRINTS",
    "USERS",
    "VERSIONS",
    "board_columns",
    "records",
    "sla_cycles",
]


@dataclass(frozen=True, slots=True)
class Part:
    """One column: where its value is in a row of JSON, and the type of the column."""

    path: str
    store: str = "text"

    def of(self, row: Any) -> Any:
        value = row
        for step in self.path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        if self.store == "text" and value is not None:
            return str(value)
        return value


BOARDS = {
    "Id": Part("id", "int"),
    "Name": Part("name"),
    "Type": Part("type"),
    "Project": Part("location.projectKey"),
}
# Where `activatedDate` is given, it is when the sprint was started; `startDate` is what people wrote.
SPRINTS = {
    "Id": Part("id", "int"),
    "Name": Part("name"),
    "State": Part("state"),
    "Board": Part("originBoardId", "int"),
    "Goal": Part("goal"),
    "Start": Part("startDate", "datetime"),
    "End": Part("endDate", "datetime"),
    "Activated": Part("activatedDate", "datetime"),
    "Completed": Part("completeDate", "datetime"),
}
VERSIONS = {
    "Id": Part("id"),
    "Name": Part("name"),
    "Released": Part("released", "bool"),
    "Archived": Part("archived", "bool"),
    "Start": Part("startDate", "date"),
    "Release": Part("releaseDate", "date"),
    "Description": Part("description"),
}
USERS = {
    "Account": Part("accountId"),
    "Name": Part("displayName"),
    "Email": Part("emailAddress"),
    "User": Part("name"),
    "Active": Part("active", "bool"),
    "Type": Part("accountType"),
    "Time Zone": Part("timeZone"),
}
CYCLES = {
    "Key": Part("key"),
    "Field": Part("field"),
    "Ongoing": Part("ongoing", "bool"),
    "Started": Part("startTime.epochMillis", "millis"),
    "Stopped": Part("stopTime.epochMillis", "millis"),
    "Breach": Part("breachTime.epochMillis", "millis"),
    "Breached": Part("breached", "bool"),
    "Paused": Part("paused", "bool"),
    "Elapsed Hours": Part("elapsedTime.millis", "hours"),
    "Remaining Hours": Part("remainingTime.millis", "hours"),
    "Goal Hours": Part("goalDuration.millis", "hours"),
}
BOARD_COLUMNS = {
    "Column": Part("column"),
    "Status Id": Part("status"),
    "Min": Part("min", "int"),
    "Max": Part("max", "int"),
}


def records(rows: Iterable[Any], parts: Mapping[str, Part]) -> pd.DataFrame:
    """Return rows of JSON as a frame; values that are not objects are left out.

    Examples
    --------
    >>> records([{"id": 7, "name": "Team board", "type": "scrum"}], BOARDS)
       Id        Name   Type Project
    0   7  Team board  scrum     NaN
    """
    held = [row for row in rows if isinstance(row, Mapping)]
    frame = pd.DataFrame(
        {label: _column([part.of(row) for row in held], part) for label, part in parts.items()}
    )
    # Dates are midnights in UTC; what shows the frame shows them without a time.
    times = {label: part for label, part in parts.items() if part.store in ("date", "datetime")}
    if times:
        frame.attrs["fields"] = {
            label: {"id": part.path, "type": part.store} for label, part in times.items()
        }
    return frame


def _column(values: list[Any], part: Part) -> Any:
    if part.store == "bool":
        return pd.array([v if isinstance(v, bool) else None for v in values], dtype="boolean")
    if part.store in ("millis", "hours"):
        numbers = [v if isinstance(v, int) and not isinstance(v, bool) else None for v in values]
        if part.store == "hours":
            return pd.Series([None if n is None else n / 3_600_000 for n in numbers], dtype="float64")
        return pd.to_datetime(pd.Series(numbers, dtype="Int64"), unit="ms", utc=True).dt.as_unit("us")
    return column_of(typed(values, part.store), part.store)


def sla_cycles(frame: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Return the cycles of service levels, one row each: the completed ones, then the ongoing.

    Parameters
    ----------
    frame : DataFrame
        Of issues, with their keys and the structures of the fields.
    labels : mapping
        The name of each service level by the column with its structure.
    """
    rows = [
        {**cycle, "key": key, "field": name, "ongoing": ongoing}
        for column, name in labels.items()
        for key, value in zip(frame["Key"], frame[column], strict=True)
        if isinstance(value, Mapping)
        for ongoing, cycles in (
            (False, value.get("completedCycles") or ()),
            (True, [value["ongoingCycle"]] if value.get("ongoingCycle") else ()),
        )
        for cycle in cycles
        if isinstance(cycle, Mapping)
    ]
    return records(rows, CYCLES)


def board_columns(configuration: Mapping[str, Any]) -> pd.DataFrame:
    """Return the columns of a board with the ids of their statuses, one row each.

    ``attrs["board"]`` holds the board's id, name, type, filter, second condition, estimation field and
    kind of constraint.
    """
    config = configuration.get("columnConfig")
    columns = config.get("columns") if isinstance(config, Mapping) else None
    rows = [
        {"column": column.get("name"), "status": status, "min": column.get("min"), "max": column.get("max")}
        for column in columns or ()
        if isinstance(column, Mapping)
        for status in [*map(itemgetter("id"), column.get("statuses") or ())] or [None]
    ]
    frame = records(rows, BOARD_COLUMNS)
    frame.attrs["board"] = {
        "id": configuration.get("id"),
        "name": configuration.get("name"),
        "type": configuration.get("type"),
        "filter": Part("filter.id").of(configuration),
        "subquery": Part("subQuery.query").of(configuration),
        "estimation": Part("estimation.field.fieldId").of(configuration),
        "constraint": Part("columnConfig.constraintType").of(configuration),
    }
    return frame

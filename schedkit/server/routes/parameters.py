"""Parameters that several routes take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query

__all__ = [
    "NO_CONTROL_CHARACTERS",
    "NO_NUL",
    "RUN_ID",
    "Cursor",
    "IdempotencyKey",
    "Limit",
    "RunId",
    "TaskName",
    "TaskQuery",
]

NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]+$"
NO_NUL = r"^[^\x00]*$"  # in a path or a query it is refused before any route
RUN_ID = r"^[0-9a-zA-Z-]+$"
MOST = 1000

TaskName = Annotated[str, Path(description="The task's name.", max_length=200, pattern=NO_CONTROL_CHARACTERS)]
RunId = Annotated[str, Path(description="The run's id.", max_length=64, pattern=RUN_ID)]
TaskQuery = Annotated[
    str | None, Query(description="Only of this task.", max_length=200, pattern=NO_CONTROL_CHARACTERS)
]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=MOST)]
Cursor = Annotated[
    str | None,
    Query(description="The `next` of the page before.", max_length=200, pattern=NO_CONTROL_CHARACTERS),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="A request that repeats the key of an earlier one makes no second run.",
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
    ),
]

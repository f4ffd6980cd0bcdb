"""The JSON bodies of requests, as structs from which the OpenAPI document is made too."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from schedkit.server.routes.parameters import NO_CONTROL_CHARACTERS, RUN_ID

__all__ = ["TASK_REQUEST", "Changed", "Command", "Ending", "FailedSince", "Login", "Submission", "Window"]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all bodies."""


class Submission(Body, frozen=True):
    """The parameters of a run."""

    params: dict[str, Any] = {}


class Window(Body, frozen=True):
    """A window of due times: times or days, both ends included; without offset, of the server's zone."""

    start: str
    end: str


class Changed(Body, frozen=True):
    """The parameters that differ from those of the run that is run again."""

    params: dict[str, Any] = {}


class FailedSince(Body, frozen=True):
    """The failed runs that are to run again: those queued since a time, of one task or of all."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]
    task: str | None = None


class Command(Body, frozen=True):
    """A command of a button on the board.

    Run a task, run an ended run again, pause or resume a task (or all), cancel a run.
    """

    do: Literal["run", "again", "pause", "resume", "cancel"]
    task: Annotated[str, msgspec.Meta(max_length=200, pattern=NO_CONTROL_CHARACTERS)] | None = None
    run: Annotated[str, msgspec.Meta(max_length=64, pattern=RUN_ID)] | None = None
    params: dict[str, Any] = {}


class Ending(Body, frozen=True):
    """A process by its name, pid or life, and how long its runs may go on: seconds, or text like "5m"."""

    node: str
    deadline: float | str = 30.0


class Login(Body, frozen=True):
    """The token for which a session is opened."""

    token: str


_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": _TEXT, "minItems": 1}
# Of a schema with `anyOf` the generators of clients make a body without fields: the first sentence says it.
TASK_REQUEST: dict[str, Any] = {
    "title": "TaskRequest",
    "type": "object",
    "description": "A task asked for as data; one of `task`, `tags` and `name` is needed. "
    "Its code is that of a declared task, named by `task` or a tag.",
    "minProperties": 1,
    "properties": {
        "name": {**_TEXT, "description": "Its own name; one that is declared elsewhere is refused."},
        "task": {**_TEXT, "description": "The name or a tag of the declared task that runs."},
        "tags": {**_NAMES, "description": "Its tags; without `task`, the declared task that carries one."},
        "task_type": {"enum": ["IMMEDIATE", "SCHEDULED"]},
        "cron_expr": {"type": ["string", "null"], "description": "A crontab; SCHEDULED needs one."},
        "timezone": {"type": ["string", "null"]},
        "priority": {"enum": ["HIGH", "MEDIUM", "LOW"]},
        "parameters": {"type": "object"},
        "metadata": {"type": "object"},
        "owner": {"type": ["string", "null"], "description": "Recorded as the requester."},
        "dependencies": {"type": "array", "items": _TEXT, "description": "Names or ids of tasks."},
        "timeout_seconds": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "retry_policy": {"type": ["object", "null"]},
    },
}

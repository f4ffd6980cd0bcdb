"""The OpenAPI document, made from the structs of bodies and answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schedkit import __version__
from schedkit.server import bodies, shapes
from schedkit.server.problems import Problem

__all__ = ["WITH_BODY", "answers", "body", "make_document"]

REFERENCE = "#/components/schemas/{name}"
PROBLEMS = {
    400: "The request is malformed.",
    401: "A token is needed, or is not valid.",
    403: "The caller may not do this.",
    404: "The task, the run or the file does not exist.",
    408: "The body did not arrive in time.",
    409: "No process can do it now, or the state of the task or the run does not allow it.",
    413: "The body is too large.",
    414: "The path or the query is too long.",
    415: "The body is not JSON.",
    421: "The server does not answer to that host name.",
    422: "A value is wrong.",
    429: "Too many streams are open.",
    431: "There are too many headers, or too long ones.",
    503: "The ledger cannot be reached.",
}
ALWAYS = (400, 401, 403, 414, 421, 422, 431, 503)
WITH_BODY = (408, 413, 415)
JSON, BINARY = "application/json", "application/octet-stream"
_SCHEMAS: Iterable[type] = [
    Problem,
    *(getattr(shapes, name) for name in shapes.__all__),
    bodies.Changed,
    bodies.Command,
    bodies.Ending,
    bodies.FailedSince,
    bodies.Submission,
    bodies.Window,
]
TAGS = {
    "scheduler": "The scheduler and its tasks, as the design documents 002, 003 and 004 show them.",
    "tasks": "Tasks asked for as data, as the design documents 000, 001 and 002 show them.",
    "runs": "Runs, their output and files, and what can be done with them.",
    "board": "What the board shows, and its feed.",
    "nodes": "The processes that run tasks.",
    "system": "Health, metrics and the audit log.",
}


def answers(
    shape: type | None, *problems: int, status: int = 200, media: str = JSON, words: str = ""
) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route.

    Parameters
    ----------
    shape : type, optional
        The struct that it answers with; a list of it as ``list[…]``. None: text, or the
        bytes of a file.
    *problems : int
        The statuses of the problems that it answers with, besides those of every route.
    """
    text = {"type": "string", "format": "binary"} if media == BINARY else {"type": "string"}
    schema = text if shape is None else _schema(shape)
    documented: dict[int | str, dict[str, Any]] = {
        status: {"description": words or "Done.", "content": {media: {"schema": schema}}}
    }
    problem = {"application/problem+json": {"schema": _schema(Problem)}}
    for code in sorted({*ALWAYS, *problems}):
        documented[code] = {"description": PROBLEMS[code], "content": problem}
    return documented


def _schema(shape: type) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=REFERENCE)
    return schema


def body(shape: type | str, *, required: bool = True, example: Any = None) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route that takes a JSON body: a struct, or the name of a schema."""
    content: dict[str, Any] = {
        "schema": {"$ref": REFERENCE.format(name=shape)} if isinstance(shape, str) else _schema(shape)
    }
    if example is not None:
        content["example"] = example
    return {"requestBody": {"required": required, "content": {JSON: content}}}


def make_document(app: FastAPI) -> dict[str, Any]:
    """Return the whole document."""
    document = get_openapi(
        title="schedkit",
        version=__version__,
        description="The scheduler's tasks and runs. Times carry their offset; failures are problem+json.",
        routes=app.routes,
        tags=[{"name": name, "description": words} for name, words in TAGS.items()],
    )
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _not_null(parameter["schema"])
    _, components = msgspec.json.schema_components(_SCHEMAS, ref_template=REFERENCE)
    components["TaskRequest"] = bodies.TASK_REQUEST
    document["components"] = {
        "schemas": dict(sorted({**document["components"]["schemas"], **components}.items())),
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    }
    document["security"] = [{}, {"bearer": []}]
    return document


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter without null, which FastAPI adds and no URL or header can carry."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}

"""``/tasks`` and ``/task_history``: the endpoints of the design documents 000 and 001."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from msgspec import json

from schedkit.core.states import State
from schedkit.server import shapes
from schedkit.server.answers import finished_run
from schedkit.server.document import WITH_BODY, answers, body
from schedkit.server.document_tasks import document_tasks, run_as_task, task_detail
from schedkit.server.pictures import Picture
from schedkit.server.problems import ProblemError
from schedkit.server.routes.parameters import MOST, IdempotencyKey, TaskName
from schedkit.server.service import Service, actor, in_thread, json_body
from schedkit.values.text import clip, did_you_mean

__all__ = ["task_routes"]

REQUEST_EXAMPLE = {
    "name": "JIRA Extraction - Root Ticket",
    "task_type": "IMMEDIATE",
    "tags": ["JIRA_TASK_EXP"],
    "parameters": {"jira_envs": ["env1.jira.com"], "key_type": "root_ticket", "key_value": "PROJ-123"},
}


def task_routes(service: Service) -> APIRouter:
    """Return the routes of a service."""
    router = APIRouter(tags=["tasks"])

    @router.get("/tasks", responses=answers(list[shapes.DocumentTask]))
    async def list_tasks(request: Request) -> Response:
        """Return every task, by name."""
        return await service.kept(
            request, "document tasks", lambda picture: json.encode(document_tasks(picture))
        )

    @router.post(
        "/tasks",
        status_code=201,
        responses=answers(shapes.CreatedTask, 404, 409, *WITH_BODY, status=201),
        openapi_extra=body("TaskRequest", example=REQUEST_EXAMPLE),
    )
    async def create_task(request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Create a task or a run from data; it is durable when this is answered."""
        wanted = await json_body(request, dict[str, Any])
        _refuse_unknown_handler(wanted, await service.pictures.current())
        made = await service.verbs.request(wanted, actor=actor(request), key=idempotency_key)
        service.pictures.outdate()
        if made.run is not None:
            id, words = made.run, f"task {made.task} is queued"
        else:
            id, words = (await service.known(made.task)).id, f"task {made.task} is added to the scheduler"
        return service.answer(shapes.CreatedTask(task_id=id, message=words), 201)

    @router.get("/tasks/status/{status}", responses=answers(list[shapes.DocumentTask]))
    async def tasks_by_status(status: State) -> Response:
        """Return the tasks whose latest run is in a state; PENDING also before the first run."""
        picture = await service.pictures.current()
        return service.answer([task for task in document_tasks(picture) if task.status == status])

    @router.get("/tasks/{id}", responses=answers(shapes.TaskDetail, 404))
    async def get_task(id: TaskName) -> Response:
        """Return a task by its id or name, or a run that ``POST /tasks`` made by its id."""
        picture = await service.pictures.current()
        row = picture.rows.get(id) or next((row for row in picture.rows.values() if row.id == id), None)
        if row is None:
            run = await in_thread(service.view.run, id)
            if run is None:
                raise ProblemError(404, f"there is no task {id!r}", did_you_mean(id, picture.rows))
            known = picture.rows.get(run.task)
            tags = [] if known is None else list(known.facts.get("tags", ()))
            return service.answer(run_as_task(run, tags, id))
        last = (picture.task(row.name) or {}).get("last")
        ended = None if not last else await in_thread(service.view.run, last["run"])
        return service.answer(task_detail(picture, row, ended))

    @router.get("/task_history", responses=answers(list[shapes.FinishedRun]))
    async def finished_runs(limit: int = Query(100, ge=1, le=MOST)) -> Response:
        """Return the runs that have ended, newest first."""
        picture = await service.pictures.current()
        runs = await in_thread(service.view.finished_runs, limit=limit)
        ids = {name: row.id for name, row in picture.rows.items()}
        return service.answer([finished_run(run, ids.get(run.task, "")) for run in runs])

    return router


def _refuse_unknown_handler(wanted: Mapping[str, Any], picture: Picture) -> None:
    """Refuse a request that names no task: none has that name or tag.

    Raises
    ------
    ProblemError
        404, with what there is.
    """
    named = [wanted[key] for key in ("task", "name") if isinstance(wanted.get(key), str)]
    tags = wanted.get("tags")
    named += [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    known = {*picture.rows, *(tag for row in picture.rows.values() for tag in row.facts.get("tags", ()))}
    if known.isdisjoint(named):
        what = ", ".join(map(repr, named[:5])) or "nothing"
        hint = did_you_mean(named[0], known) if named else "give task: a declared task's name, or tags"
        raise ProblemError(404, f"the request names {clip(what, 200)}: no task has that name or tag", hint)

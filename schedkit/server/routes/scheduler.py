"""``/scheduler/…``: the endpoints of the design documents 002, 003 and 004."""

from __future__ import annotations

from fastapi import APIRouter, Query, Request, Response
from msgspec import json

from schedkit.server import shapes
from schedkit.server.answers import history_entry
from schedkit.server.document import answers
from schedkit.server.pictures import Picture
from schedkit.server.problems import ProblemError
from schedkit.server.routes.parameters import MOST, IdempotencyKey, TaskName
from schedkit.server.service import Service, actor, in_thread
from schedkit.values.text import did_you_mean

__all__ = ["scheduler_routes"]


def scheduler_routes(service: Service) -> APIRouter:
    """Return the routes of a service."""
    router = APIRouter(prefix="/scheduler", tags=["scheduler"])

    @router.get("/status", responses=answers(shapes.Status))
    async def scheduler_status(request: Request) -> Response:
        """Return the scheduler's state, its jobs and its tasks."""
        return await service.kept(request, "status", Picture.status)

    @router.get("/tasks", responses=answers(list[shapes.TaskState]))
    async def scheduler_tasks(request: Request) -> Response:
        """Return every task, by name."""
        return await service.kept(request, "tasks", lambda picture: json.encode(picture.tasks))

    @router.get("/tasks/{name}", responses=answers(shapes.TaskState, 404))
    async def scheduler_task(name: TaskName) -> Response:
        """Return one task."""
        await service.known(name)
        picture = await service.pictures.current()
        names = [row["name"] for row in picture.snapshot["tasks"]]
        if name not in names:
            raise ProblemError(404, f"no task is called {name!r}", did_you_mean(name, names))
        return service.encoded(bytes(picture.tasks[names.index(name)]))

    @router.post("/tasks/{name}/trigger", responses=answers(shapes.Triggered, 404, 409))
    async def trigger_task(
        request: Request, name: TaskName, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Run a task now; the run is durable when this is answered."""
        await service.known(name)
        run = await service.verbs.submit(name, {}, actor=actor(request), key=idempotency_key)
        service.pictures.outdate()
        return service.answer(shapes.Triggered(message=f"task {name} is queued", name=name, run_id=run))

    @router.get("/tasks/{name}/history", responses=answers(list[shapes.HistoryEntry], 404))
    async def task_history(name: TaskName, limit: int = Query(10, ge=1, le=MOST)) -> Response:
        """Return the latest runs of a task, newest first."""
        await service.known(name)
        runs = await in_thread(service.view.runs, task=name, limit=limit)
        return service.answer([history_entry(run) for run in runs])

    async def pause(request: Request, name: str) -> None:
        await service.known(name)
        await service.verbs.pause(name, actor=actor(request))
        service.pictures.outdate()

    async def resume(request: Request, name: str) -> None:
        await service.known(name)
        await service.verbs.resume(name, actor=actor(request))
        service.pictures.outdate()

    @router.post("/tasks/{name}/enable", responses=answers(shapes.Message, 404, 409))
    async def enable_task(request: Request, name: TaskName) -> Response:
        """Resume the due times of a task."""
        await resume(request, name)
        return service.answer(shapes.Message(message=f"task {name} is enabled"))

    @router.post("/tasks/{name}/disable", responses=answers(shapes.Message, 404, 409))
    async def disable_task(request: Request, name: TaskName) -> Response:
        """Stop the due times of a task."""
        await pause(request, name)
        return service.answer(shapes.Message(message=f"task {name} is disabled"))

    @router.post("/jobs/{name}/pause", responses=answers(shapes.Message, 404, 409))
    async def pause_job(request: Request, name: TaskName) -> Response:
        """Stop the due times of a job."""
        await pause(request, name)
        return service.answer(shapes.Message(message=f"job {name} is paused"))

    @router.post("/jobs/{name}/resume", responses=answers(shapes.Message, 404, 409))
    async def resume_job(request: Request, name: TaskName) -> Response:
        """Resume the due times of a job."""
        await resume(request, name)
        return service.answer(shapes.Message(message=f"job {name} is resumed"))

    return router

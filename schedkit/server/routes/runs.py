"""``/api/v1/runs``: lists runs, shows their output and files, cancels them and runs them again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter
from starlette.responses import FileResponse

from schedkit.core.run import STORED
from schedkit.core.states import State
from schedkit.errors import SchedkitError
from schedkit.server import shapes
from schedkit.server.answers import run_answer, run_detail
from schedkit.server.bodies import Changed, FailedSince
from schedkit.server.document import WITH_BODY, answers, body
from schedkit.server.problems import ProblemError
from schedkit.server.routes.parameters import Cursor, IdempotencyKey, Limit, RunId, TaskQuery
from schedkit.server.service import Service, access, actor, in_thread, json_body, sees_tracebacks

__all__ = ["run_routes"]

MOST_RETRIED, AT_ONCE = 1000, 50


def run_routes(service: Service) -> APIRouter:
    """Return the routes of a service."""
    router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

    @router.get("", responses=answers(shapes.RunPage))
    async def list_runs(
        task: TaskQuery = None,
        state: Annotated[State | None, Query(description="Only those in this state.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """Return runs, newest first."""
        chosen = {"task": task, "state": state and str(state), "before": cursor}
        runs = await in_thread(service.view.runs, **chosen, limit=limit + 1)
        page = [run_answer(run) for run in runs[:limit]]
        return service.answer(shapes.RunPage(items=page, next=page[-1].id if len(runs) > limit else None))

    @router.post(
        "/retry",
        responses=answers(shapes.Retried, 409, *WITH_BODY),
        openapi_extra=body(FailedSince, example={"since": "2026-11-29T00:00:00+00:00"}),
    )
    async def retry_failed(request: Request) -> Response:
        """Run all runs again that failed or timed out since a time, and were not run again since."""
        wanted = await json_body(request, FailedSince)
        failed = await in_thread(
            service.view.failed_since, _within_calendar(wanted.since), task=wanted.task, limit=MOST_RETRIED
        )
        made: dict[str, str] = {}
        refused: dict[str, str] = {}

        async def retry(run: str) -> None:
            try:
                made[run] = await service.verbs.retry(run, {}, actor=actor(request))
            except SchedkitError as error:  # e.g. its task was removed; the others run again all the same
                refused[run] = str(error)

        for first in range(0, len(failed), AT_ONCE):  # at one moment, so that they share commits
            async with anyio.create_task_group() as group:
                for run in failed[first : first + AT_ONCE]:
                    group.start_soon(retry, run.id)
        service.pictures.outdate()
        ids = [made[run.id] for run in failed if run.id in made]
        return service.answer(shapes.Retried(runs=ids, refused=refused))

    @router.get("/{id}", responses=answers(shapes.RunDetail, 404))
    async def get_run(request: Request, id: RunId) -> Response:
        """Return a run with its whole log, its files and its attempts."""
        run = await service.known_run(id)
        told, attempts = await in_thread(service.view.details, id), await in_thread(service.view.attempts, id)
        traceback = sees_tracebacks(access(request).scopes)
        return service.answer(run_detail(run, told, attempts, traceback=traceback))

    @router.post("/{id}/cancel", responses=answers(shapes.Cancelled, 404, 409))
    async def cancel_run(request: Request, id: RunId) -> Response:
        """Cancel a run: at once if it is waiting, otherwise as soon as its code stops."""
        await service.known_run(id)
        cancelled = await service.verbs.cancel(id, actor=actor(request))
        service.pictures.outdate()
        return service.answer(shapes.Cancelled(cancelled=cancelled))

    @router.post(
        "/{id}/retry",
        status_code=201,
        responses=answers(shapes.RunIds, 404, 409, *WITH_BODY, status=201),
        openapi_extra=body(Changed, required=False, example={"params": {}}),
    )
    async def retry_run(request: Request, id: RunId, idempotency_key: IdempotencyKey = None) -> Response:
        """Run an ended run again, with the same or changed parameters."""
        run = await service.known_run(id)
        if not run.state.final:
            raise ProblemError(409, f"run {id} has not ended", "cancel it first, or submit another run")
        changed = await json_body(request, Changed, missing=Changed())
        made = await service.verbs.retry(id, changed.params, actor=actor(request), key=idempotency_key)
        service.pictures.outdate()
        return service.answer(shapes.RunIds(runs=[made]), 201)

    @router.get(
        "/{id}/artifacts/{number}",
        responses=answers(None, 404, media="application/octet-stream", words="The file."),
        response_class=FileResponse,
    )
    async def get_artifact(id: RunId, number: Annotated[int, PathParameter(ge=0, le=100_000)]) -> Response:
        """Return a file that a run has written."""
        await service.known_run(id)
        files = (await in_thread(service.view.details, id))["artifacts"]
        if number >= len(files):
            raise ProblemError(404, f"run {id} has {len(files)} files, numbered from 0")
        noted = files[number]
        path = Path(noted["path"])
        gone = ProblemError(404, f"the file {path.name} of run {id} no longer exists", "run the task again")
        if STORED.items() <= noted.items():
            try:
                content = await in_thread(service.view.file, noted)
            except FileNotFoundError:
                raise gone from None
            name = quote(_plain_name(path))
            return Response(
                content,
                media_type="application/octet-stream",
                headers={"content-disposition": f"attachment; filename*=utf-8''{name}"},
            )
        if not await in_thread(path.is_file):
            raise gone
        return FileResponse(path, media_type="application/octet-stream", filename=_plain_name(path))

    return router


def _within_calendar(since: datetime) -> datetime:
    try:
        return since.astimezone(UTC)
    except OverflowError:
        raise ProblemError(422, f"since={since} is outside the calendar", "the years 1 to 9999 are") from None


def _plain_name(path: Path) -> str:
    """Return a file's name without characters that a header cannot have."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "_", path.name)

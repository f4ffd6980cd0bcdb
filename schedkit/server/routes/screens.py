"""The board as a page: its files, and the routes that it reads besides the feed."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter
from starlette.responses import HTMLResponse

from schedkit.core.api.due_calendar import MOST_DAYS_AWAY
from schedkit.core.api.screen_commands import MOST_HOURS
from schedkit.core.states import State
from schedkit.errors import UsageError
from schedkit.server import pages, shapes
from schedkit.server.answers import shown_run
from schedkit.server.bodies import Command
from schedkit.server.document import WITH_BODY, answers, body
from schedkit.server.problems import ProblemError
from schedkit.server.routes.parameters import NO_NUL, RunId, TaskQuery
from schedkit.server.service import (
    Service,
    access,
    access_fields,
    actor,
    in_thread,
    json_body,
    sees_tracebacks,
)
from schedkit.server.web_files import WebFiles
from schedkit.values.timezones import parse_timezone

__all__ = ["screen_routes"]

# The field that a command needs; a pause without a task pauses all.
_ABOUT = {"run": "task", "again": "run", "cancel": "run"}


def screen_routes(service: Service) -> APIRouter:
    """Return the routes of a service."""
    router = APIRouter(tags=["board"])
    files = WebFiles()

    @router.get("/board", include_in_schema=False)
    async def board_page() -> Response:
        """Return the board as a page."""
        return HTMLResponse(pages.board(files.modules), headers={"cache-control": "no-cache"})

    @router.get("/web/{file}", include_in_schema=False)
    async def web_file(request: Request, file: Annotated[str, PathParameter(max_length=64)]) -> Response:
        """Return a file of the page."""
        return files.answer(file, request.headers.getlist("if-none-match"))

    @router.get("/api/v1/access", responses=answers(shapes.AccessAnswer))
    async def who(request: Request) -> Response:
        """Return the caller of this request and its scopes."""
        return service.answer(shapes.AccessAnswer(**access_fields(request)))

    @router.get("/api/v1/history", responses=answers(dict[str, Any]))
    async def history(
        request: Request,
        hours: Annotated[float, Query(description="How long the window is.", gt=0, le=MOST_HOURS)] = 24,
        task: TaskQuery = None,
        state: Annotated[State | None, Query(description="Only runs in this state.")] = None,
        first: Annotated[int, Query(description="Where the page of runs begins.", ge=0, le=2**31)] = 0,
    ) -> Response:
        """Return a window of history that ends now: figures, a time line, a page of runs."""
        found = await in_thread(
            service.view.history, hours, task=task or "", state=str(state or ""), first=first
        )
        traceback = sees_tracebacks(access(request).scopes)
        runs = [shown_run(row["id"], row, traceback) for row in found["runs"]]
        return service.answer({**found, "runs": runs})

    @router.get("/api/v1/calendar", responses=answers(dict[str, Any], 404))
    async def calendar(
        first: Annotated[
            int,
            Query(description="How many days after today it begins.", ge=-MOST_DAYS_AWAY, le=MOST_DAYS_AWAY),
        ] = 0,
        zone: Annotated[
            str,
            Query(
                description="The time zone whose days they are; the server's by default.",
                max_length=64,
                pattern=NO_NUL,
            ),
        ] = "",
        task: TaskQuery = None,
    ) -> Response:
        """Return the due times of seven days; those in the past with their outcomes."""
        _refuse_unknown_zone(zone)
        return service.answer(await in_thread(service.view.calendar, first, zone=zone, task=task or ""))

    @router.get("/api/v1/board/runs/{id}", responses=answers(dict[str, Any], 404))
    async def board_run(request: Request, id: RunId) -> Response:
        """Return a run in full as a row of the board, also if the board no longer lists it."""
        await service.known_run(id)
        row = await in_thread(service.view.screen_run, id)
        return service.answer(shown_run(id, row, sees_tracebacks(access(request).scopes)))

    @router.get("/api/v1/runs/{id}/preview", responses=answers(shapes.Preview, 404, 409))
    async def preview(id: RunId) -> Response:
        """Return the first rows of the frame that a run returned, as text."""
        await service.known_run(id)
        return service.answer(await in_thread(service.view.preview, id))

    @router.post(
        "/api/v1/board/commands",
        responses=answers(shapes.Commanded, 404, 409, *WITH_BODY),
        openapi_extra=body(Command, example={"do": "pause", "task": "crawl_site"}),
    )
    async def command(request: Request) -> Response:
        """Carry out a button of the board; the change is durable when this is answered."""
        wanted = await json_body(request, Command)
        needed = _ABOUT.get(wanted.do)
        if needed is not None and getattr(wanted, needed) is None:
            raise ProblemError(422, f"{wanted.do}: {needed} is missing", f"say which {needed}")
        if wanted.task is not None:
            await service.known(wanted.task)
        if wanted.run is not None:
            await service.known_run(wanted.run)
        words, run = await service.verbs.command(msgspec.to_builtins(wanted), actor=actor(request))
        service.pictures.outdate()
        return service.answer(shapes.Commanded(message=words, run=run))

    return router


def _refuse_unknown_zone(zone: str) -> None:
    """Refuse an unknown time zone.

    Raises
    ------
    ProblemError
        404, and not 422: the document does not list the names of time zones.
    """
    try:
        _ = parse_timezone(zone or "UTC")
    except UsageError as error:
        raise ProblemError(404, error.message, error.hint) from None

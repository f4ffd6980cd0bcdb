"""``/api/v1/tasks``, ``…/board`` and ``…/events``: tasks as the board shows them, due times, the feed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import anyio
import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from schedkit.core.board.feed import Feed
from schedkit.server import shapes
from schedkit.server.answers import due_time, iso, shown_message
from schedkit.server.bodies import Submission, Window
from schedkit.server.document import WITH_BODY, answers, body
from schedkit.server.guard import Access, Refusal
from schedkit.server.problems import ProblemError
from schedkit.server.routes.parameters import (
    MOST,
    NO_NUL,
    RUN_ID,
    Cursor,
    IdempotencyKey,
    Limit,
    TaskName,
)
from schedkit.server.service import (
    MOST_STREAMS,
    Service,
    access,
    access_fields,
    actor,
    in_thread,
    json_body,
    sees_tracebacks,
)

__all__ = ["board_routes"]

TICK_SECONDS = 0.25
# Proxies and the page take a stream for broken that sends nothing for longer.
BEAT_SECONDS = 10.0
JUDGE_SECONDS = 1.0

Judge = Callable[[Request], Awaitable[Access | Refusal]]


def board_routes(service: Service, judge: Judge) -> APIRouter:
    """Return the routes of a service; `judge` checks access again while a stream is open."""
    router = APIRouter(prefix="/api/v1", tags=["board"])

    @router.get("/tasks", responses=answers(shapes.TaskPage))
    async def list_board_tasks(limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Return tasks by name, each as the board shows it."""
        picture = await service.pictures.current()
        rows = [row for row in picture.snapshot["tasks"] if cursor is None or row["name"] > cursor]
        page = rows[:limit]
        following = page[-1]["name"] if len(rows) > limit else None
        return service.answer(shapes.TaskPage(items=page, next=following))

    @router.get("/tasks/{name}", responses=answers(dict[str, Any], 404))
    async def get_board_task(name: TaskName) -> Response:
        """Return a task as the board shows it."""
        await service.known(name)
        picture = await service.pictures.current()
        return service.answer(picture.task(name) or {})

    @router.post(
        "/tasks/{name}/runs",
        status_code=201,
        responses=answers(shapes.RunIds, 404, 409, *WITH_BODY, status=201),
        openapi_extra=body(Submission, required=False),
    )
    async def submit(request: Request, name: TaskName, idempotency_key: IdempotencyKey = None) -> Response:
        """Run a task now, with parameters."""
        await service.known(name)
        wanted = await json_body(request, Submission, missing=Submission())
        run = await service.verbs.submit(name, wanted.params, actor=actor(request), key=idempotency_key)
        service.pictures.outdate()
        return service.answer(shapes.RunIds(runs=[run]), 201)

    @router.post(
        "/tasks/{name}/backfill",
        status_code=201,
        responses=answers(shapes.RunIds, 404, 409, *WITH_BODY, status=201),
        openapi_extra=body(Window, example={"start": "2026-11-01", "end": "2026-11-07"}),
    )
    async def backfill(request: Request, name: TaskName) -> Response:
        """Run the past due times of a task that have no run, each once."""
        await service.known(name)
        wanted = await json_body(request, Window)
        runs = await service.verbs.backfill(name, wanted.start, wanted.end, actor=actor(request))
        service.pictures.outdate()
        return service.answer(shapes.RunIds(runs=list(runs)), 201)

    @router.get("/tasks/{name}/due-times", responses=answers(shapes.DueTimes, 404))
    async def due_times(
        name: TaskName,
        ran: Annotated[bool | None, Query(description="Only those that made a run, or none.")] = None,
        limit: Limit = 100,
    ) -> Response:
        """Return the past due times of a task, newest first, each with its outcome."""
        await service.known(name)
        found = await in_thread(service.view.due_times, name, ran=ran, limit=limit)
        return service.answer(shapes.DueTimes(items=[due_time(row) for row in found]))

    @router.get("/tasks/{name}/upcoming", responses=answers(shapes.Upcoming, 404))
    async def upcoming(name: TaskName, limit: int = Query(10, ge=1, le=MOST)) -> Response:
        """Return the next due times of a task; none while it is paused."""
        await service.known(name)
        times = await in_thread(service.view.upcoming, name, limit)
        return service.answer(shapes.Upcoming(items=[iso(time) for time in times]))

    @router.get("/board", responses=answers(dict[str, Any]))
    async def get_board(request: Request) -> Response:
        """Return the whole board, as the first message of its feed."""
        message = await in_thread(Feed(service.board).next)
        assert message is not None
        traceback = sees_tracebacks(access(request).scopes)
        return service.answer(shown_message(message, traceback=traceback))

    @router.get(
        "/events",
        responses=answers(None, 429, media="text/event-stream", words="A stream of server-sent events."),
        response_class=StreamingResponse,
    )
    async def events(
        request: Request,
        run: Annotated[
            str | None,
            Query(description="Also send the log of this run.", max_length=64, pattern=RUN_ID),
        ] = None,
        since: Annotated[
            str,
            Query(
                description="The id of the last message that is known: only what followed is sent.",
                max_length=64,
                pattern=NO_NUL,
            ),
        ] = "",
        last_event_id: Annotated[
            str, Header(description="The same, as browsers send it when they connect again.")
        ] = "",
    ) -> Response:
        """Follow the board: a snapshot, then changes, until the connection is closed."""
        if service.streams >= MOST_STREAMS:
            raise ProblemError(429, f"{MOST_STREAMS} streams are open", "close another page")
        feed = Feed(service.board, service.board.number(last_event_id or since))
        return StreamingResponse(
            _stream(service, judge, request, feed, run),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    return router


async def _stream(
    service: Service, judge: Judge, request: Request, feed: Feed, run: str | None
) -> AsyncIterator[bytes]:
    """Yield the messages of one screen until the server ends, or the caller loses access."""
    began_as = access(request)
    traceback = sees_tracebacks(began_as.scopes)
    service.streams += 1
    try:
        if run is not None:
            await in_thread(service.view.open_run, run)
            feed.open(run)
        yield b"retry: 2000\nevent: access\ndata: " + msgspec.json.encode(access_fields(request)) + b"\n\n"
        sent = judged = anyio.current_time()
        while not service.ending:
            now = anyio.current_time()
            if now - judged >= JUDGE_SECONDS:
                judged = now
                if await judge(request) != began_as:
                    yield b"event: closed\ndata: access ended\n\n"
                    return
            message = await in_thread(feed.next)
            if message is not None:
                shown = shown_message(message, traceback=traceback)
                id = service.board.id(message["seq"]).encode()
                yield b"id: " + id + b"\ndata: " + service.hide(msgspec.json.encode(shown)) + b"\n\n"
                sent = now
            elif now - sent >= BEAT_SECONDS:
                yield b"event: beat\ndata:\n\n"
                sent = now
            await anyio.sleep(TICK_SECONDS)
    finally:
        service.streams -= 1

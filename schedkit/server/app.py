"""The application: routes, guard and document of one scheduler's server."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from schedkit.core.api.live_view import LiveView
from schedkit.core.api.scheduler import Scheduler
from schedkit.errors import SchedkitError
from schedkit.server.adapter import SchedulerVerbs
from schedkit.server.direct import DirectRoutes
from schedkit.server.document import make_document
from schedkit.server.guard import Access, Guard, Refusal
from schedkit.server.options import ServerOptions
from schedkit.server.problems import ProblemError, made, problem_of, response
from schedkit.server.routes.board import board_routes
from schedkit.server.routes.nodes import node_routes
from schedkit.server.routes.runs import run_routes
from schedkit.server.routes.scheduler import scheduler_routes
from schedkit.server.routes.screens import screen_routes
from schedkit.server.routes.system import ADMIN_PATHS, OPEN_ROUTES, system_routes
from schedkit.server.routes.tasks import task_routes
from schedkit.server.service import Service
from schedkit.server.wrapper import Wrapper
from schedkit.values.text import clip
from schedkit.values.validation import pydantic_words

__all__ = ["ServerApp", "asgi"]


class ServerApp:
    """The ASGI application of one scheduler.

    Attributes
    ----------
    routes : FastAPI
        The routes without access control; never serve them directly.
    """

    def __init__(self, service: Service, options: ServerOptions) -> None:
        self._service = service
        guard = Guard(
            by_token=service.tokens.access,
            by_session=service.sessions.access,
            hosts=options.names,
            open_routes=OPEN_ROUTES,
            admin_paths=ADMIN_PATHS,
            loopback=options.loopback,
            proxies=frozenset(options.proxies),
            user_header=options.user_header.lower(),
            proxy_scopes=options.scopes,
        )
        self.routes = _routes(service, self._judge)
        self._wrapper = Wrapper(DirectRoutes(self.routes), guard, service.tokens, service.hide)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._wrapper(scope, receive, send)

    async def _judge(self, request: Request) -> Access | Refusal:
        return await self._wrapper.judged(request.scope)

    def end_streams(self) -> None:
        """Make all open streams end at their next turn."""
        self._service.ending = True


def asgi(scheduler: Scheduler, options: ServerOptions | None = None) -> ServerApp:
    """Return an ASGI application that shows a scheduler and acts on it.

    Parameters
    ----------
    scheduler : Scheduler
        One that runs or watches by the time of the first request.
    options : ServerOptions, optional
        Which clients and proxies it trusts; the address is that of your own server.

    Examples
    --------
    >>> app = FastAPI(lifespan=…)                                   # doctest: +SKIP
    >>> app.mount("/schedkit", asgi(sched))                         # doctest: +SKIP
    """
    return ServerApp(Service(LiveView(scheduler), SchedulerVerbs(scheduler)), options or ServerOptions())


def _routes(service: Service, judge: Callable[[Request], Any]) -> FastAPI:
    app = FastAPI(title="schedkit", docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in (
        scheduler_routes(service),
        task_routes(service),
        run_routes(service),
        board_routes(service, judge),
        screen_routes(service),
        node_routes(service),
        system_routes(service),
    ):
        app.router.routes.extend(router.routes)  # one flat list, which the tests of the guard go through
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.operation_id = route.name  # what generated clients call it
    app.openapi = functools.cache(functools.partial(make_document, app))  # type: ignore[method-assign]  # FastAPI's way
    _answer_failures(app, service)
    return app


def _methods(app: FastAPI, scope: Scope) -> set[str]:
    """Return the methods of all routes of a path; Starlette names those of the first only."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found | ({"HEAD"} if "GET" in found else set())


def _answer_failures(app: FastAPI, service: Service) -> None:
    """Answer every failure with problem+json."""

    def failed(request: Request, error: Exception) -> Response:
        return response(problem_of(error), service.hide)

    def not_routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = clip(request.scope["path"], 200)
        if error.status_code == 404:
            problem = made(404, f"there is no path {path!r}", "GET /openapi.json lists them")
            return response(problem, service.hide)
        if error.status_code == 405:
            methods = ", ".join(sorted(_methods(app, request.scope)))
            problem = made(405, f"{request.method} is not done at {path!r}", f"it takes {methods}")
            return response(problem, service.hide, {"allow": methods})
        return response(made(error.status_code, str(error.detail)), service.hide, error.headers)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {pydantic_words(one)}" for one in error.errors())
        return response(made(422, told, "GET /openapi.json has the parameters"), service.hide)

    for kind, handler in (
        (ProblemError, failed),
        (SchedkitError, failed),
        (Exception, failed),
        (HTTPException, not_routed),
        (RequestValidationError, invalid),
    ):
        app.add_exception_handler(kind, handler)

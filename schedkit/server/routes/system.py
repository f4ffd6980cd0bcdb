"""Health, metrics, sign-in, the audit log and the documentation."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from schedkit.core.store.audit import AuditRow
from schedkit.errors import SchedkitError
from schedkit.server import pages, shapes
from schedkit.server.answers import audit_entry
from schedkit.server.bodies import Login
from schedkit.server.document import WITH_BODY, answers
from schedkit.server.guard import cookie_name
from schedkit.server.pictures import as_whole
from schedkit.server.problems import ProblemError
from schedkit.server.routes.nodes import END_NODE
from schedkit.server.routes.parameters import Limit
from schedkit.server.service import Service, in_thread, json_body
from schedkit.server.sessions import SESSION_SECONDS
from schedkit.telemetry.metrics import exposition

__all__ = ["ADMIN_PATHS", "OPEN_ROUTES", "system_routes"]

# The routes that need no access; all others do.
OPEN_ROUTES = frozenset(
    {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/login"),
        ("POST", "/login"),
        ("GET", "/style.css"),
        ("GET", "/login.js"),
    }
)
ADMIN_PATHS = frozenset({"/api/v1/audit", "/audit", END_NODE})
Before = Annotated[int | None, Query(description="The `next` of the page before.", ge=1, le=2**62)]
Actor = Annotated[str | None, Query(description="Only of this actor.", max_length=200, pattern=r"^[^\x00]+$")]


def system_routes(service: Service) -> APIRouter:
    """Return the routes of a service."""
    router = APIRouter(tags=["system"])

    @router.get("/healthz", responses=answers(shapes.Health))
    async def healthz() -> Response:
        """Answer as long as the server runs."""
        return service.answer(shapes.Health(status="ok"))

    @router.get("/readyz", responses=_readiness())
    async def readyz() -> Response:
        """Tell whether the ledger can be read and the tasks' process reports; 503 if not."""
        try:
            await in_thread(service.view.runs, limit=1)
        except SchedkitError:
            return service.answer(shapes.Health(status="the ledger cannot be read"), 503)
        if service.ending:
            return service.answer(shapes.Health(status="the server is stopping"), 503)
        if trouble := service.trouble():
            return service.answer(shapes.Health(status=trouble), 503)
        return service.answer(shapes.Health(status="ok"))

    @router.get(
        "/metrics",
        responses=answers(None, media="text/plain", words="Metrics as Prometheus reads them."),
        response_class=PlainTextResponse,
    )
    async def metrics(request: Request) -> Response:
        """Return the metrics of the scheduler and its tasks, in the format that the client asks for."""
        picture = await service.pictures.current()
        ledger = await in_thread(service.view.ledger_figures)
        accept = request.headers.get("accept", "")
        data, media = await in_thread(
            exposition,
            as_whole(picture.snapshot),
            picture.rows,
            picture.counts,
            ledger,
            accept,
            service.figures(),
        )
        return Response(data, headers={"content-type": media})

    @router.get("/api/v1/audit", responses=answers(shapes.AuditPage))
    async def audit(actor: Actor = None, before: Before = None, limit: Limit = 100) -> Response:
        """Return the audit log, newest first: who did what."""
        rows, following = await in_thread(service.view.audit, actor=actor, before=before, limit=limit)
        page = shapes.AuditPage(items=[audit_entry(row) for row in rows], next=following or None)
        return service.answer(page)

    @router.get("/audit", include_in_schema=False)
    async def audit_page(
        actor: Actor = None,
        before: Before = None,
        limit: Limit = 100,
        format: Literal["html", "csv"] = "html",
    ) -> Response:
        """Return the audit log as a page, or as CSV for a spreadsheet."""
        rows, following = await in_thread(service.view.audit, actor=actor, before=before, limit=limit)
        if format == "csv":
            headers = {"content-disposition": 'attachment; filename="audit.csv"'}
            return Response(service.hide(_csv(rows)), media_type="text/csv; charset=utf-8", headers=headers)
        return HTMLResponse(pages.audit(rows, following))

    @router.get("/login", include_in_schema=False)
    async def login_page() -> Response:
        """Return a form that takes a token."""
        return HTMLResponse(pages.login())

    @router.post("/login", include_in_schema=False, responses=answers(shapes.Message, *WITH_BODY))
    async def login(request: Request) -> Response:
        """Open a session for a token, and set its cookie."""
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        if form:
            text = dict(parse_qsl((await request.body()).decode("latin-1"))).get("token", "")
        else:
            text = (await json_body(request, Login)).token
        found = await service.signed_in(text.strip())
        if found is None and form:
            return HTMLResponse(pages.login("That token is not valid."), 401)
        if found is None:
            raise ProblemError(401, "the token is not valid", "schedkit token new NAME")
        answer: Response = (
            RedirectResponse("board", 303) if form else service.answer(shapes.Message(message="signed in"))
        )
        _set_cookie(request, answer, service.sessions.open(found.token))
        return answer

    @router.post("/logout", include_in_schema=False)
    async def logout(request: Request) -> Response:
        """End the session."""
        cookie = request.cookies.get(cookie_name(request.scope))
        if cookie:
            service.sessions.close(cookie)
        answer = RedirectResponse("login", 303)
        answer.delete_cookie(cookie_name(request.scope))
        return answer

    @router.get("/style.css", include_in_schema=False)
    async def style() -> Response:
        """Return the style of the pages."""
        return Response(pages.STYLE, media_type="text/css", headers={"cache-control": "max-age=3600"})

    @router.get("/login.js", include_in_schema=False)
    async def login_script() -> Response:
        """Return the script of the form that takes a token."""
        headers = {"cache-control": "max-age=3600"}
        return Response(pages.LOGIN_SCRIPT, media_type="text/javascript", headers=headers)

    @router.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        """Return the documentation as a page that loads nothing from the internet."""
        return HTMLResponse(pages.documentation(request.app.openapi()))

    @router.get("/", include_in_schema=False)
    async def index() -> Response:
        """Redirect to the board."""
        return RedirectResponse("board", 303)

    return router


def _readiness() -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of ``/readyz``: its 503 has the same shape as its 200."""
    documented = answers(shapes.Health)
    content = {**documented[200]["content"], **documented[503]["content"]}
    words = "The ledger cannot be read, the tasks' process is not heard, or the server is stopping."
    return {**documented, 503: {"description": words, "content": content}}


def _set_cookie(request: Request, answer: Response, value: str) -> None:
    answer.set_cookie(
        cookie_name(request.scope),
        value,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path=request.scope.get("root_path", "") or "/",
    )


def _csv(rows: Iterable[AuditRow]) -> bytes:
    """Return rows as CSV in which no text is a formula for a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("at", "actor", "action", "task", "run"))
    for row in rows:
        writer.writerow(map(_cell, (row.at.isoformat(), row.actor, row.action, row.task, row.run)))
    return out.getvalue().encode("utf-8")


def _cell(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

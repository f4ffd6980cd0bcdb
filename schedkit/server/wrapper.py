"""The wrapper around the whole application: limits, access control, headers of every answer."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schedkit.errors import SchedkitError
from schedkit.server import pages
from schedkit.server.guard import Access, Guard, Refusal
from schedkit.server.limits import RequestRefusedError, bounded_body, refused_head
from schedkit.server.problems import Problem, ProblemError, problem_of, response
from schedkit.server.sessions import AGAIN_SECONDS, REFRESH_SECONDS, KnownTokens

__all__ = ["ACCESS", "Wrapper"]

_log = logging.getLogger("schedkit")

# The key of a scope under which a route finds the caller.
ACCESS = "schedkit.access"
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; form-action 'self'; "
        b"base-uri 'none'; frame-ancestors 'none'",
    ),
)


class Wrapper:
    """An ASGI application that passes only allowed requests to another one.

    Parameters
    ----------
    app : ASGI application
        Finds the caller in its scope, under `ACCESS`.
    guard : Guard
        Decides which requests are allowed.
    tokens : KnownTokens
        The tokens that the guard knows.
    hide : callable
        Removes paths from an answer's bytes.
    """

    def __init__(
        self, app: ASGIApp, guard: Guard, tokens: KnownTokens, hide: Callable[[bytes], bytes]
    ) -> None:
        self._app = app
        self._guard = guard
        self._tokens = tokens
        self._hide = hide

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "HEAD":
            # As GET, also to the guard; a stream ends where its body would begin.
            with anyio.CancelScope() as answering:
                sender = _Sender(send, answering.cancel)
                await self._answer({**scope, "method": "GET"}, receive, sender)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _Sender(send))
        else:  # there are no WebSockets here
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: _Sender) -> None:
        try:
            access = refused_head(scope) or await self.judged(scope)
            if isinstance(access, Refusal):
                raise RequestRefusedError(access)
            if scope["method"] != "GET":
                receive = await bounded_body(scope, receive)
            await self._app({**scope, ACCESS: access}, receive, send)
        except RequestRefusedError as error:
            await self._refuse(problem_of(error.refusal), scope, receive, send)
        except (ProblemError, SchedkitError) as error:
            await self._refuse(problem_of(error), scope, receive, send)
        except Exception as error:
            _log.exception("the server failed to answer %s %s", scope["method"], scope["path"])
            if not send.over:  # the routes' own handler of failures raises what it has answered
                await self._refuse(problem_of(error), scope, receive, send)

    async def judged(self, scope: Scope) -> Access | Refusal:
        """Return the caller of a request, or why it is refused, by the tokens valid now."""
        root = scope.get("root_path", "")
        inner = {**scope, "path": scope["path"].removeprefix(root)} if root else scope
        await self._tokens.renew(REFRESH_SECONDS)
        verdict = self._guard.judge(inner, scope["headers"])
        if isinstance(verdict, Refusal) and verdict.unknown_token:
            await self._tokens.renew(AGAIN_SECONDS, wait=True)
            verdict = self._guard.judge(inner, scope["headers"])
        return verdict

    async def _refuse(self, problem: Problem, scope: Scope, receive: Receive, send: _Sender) -> None:
        if send.begun:  # the client sees that the answer is not whole
            raise ConnectionError("an answer broke off")
        if problem.status == 401 and _is_visit(scope):
            await HTMLResponse(pages.login(), 401)(scope, receive, send)
            return
        # Nobody reads the rest of a body that was refused.
        await response(problem, self._hide, {"connection": "close"} if problem.status in (408, 413) else {})(
            scope, receive, send
        )


def _is_visit(scope: Scope) -> bool:
    """Tell whether a browser opens a page: it accepts HTML, and programs do not ask for it."""
    accepted = [value for name, value in scope["headers"] if name == b"accept"]
    return scope["method"] == "GET" and any(b"text/html" in value for value in accepted)


class _Sender:
    """Sends an answer, with the headers of every answer added.

    Parameters
    ----------
    at_body : callable, optional
        Called instead of sending a body: the answer ends after its head.
    """

    def __init__(self, send: Send, at_body: Callable[[], None] | None = None) -> None:
        self._send, self._at_body = send, at_body
        self.begun = self.over = False

    async def __call__(self, message: Message) -> None:
        if self.over:
            return
        if message["type"] == "http.response.start":
            self.begun = True
            known = {name for name, _ in message["headers"]}
            more = [header for header in HEADERS if header[0] not in known]
            message = {**message, "headers": [*message["headers"], *more]}
        await self._send(message)
        self.over = message["type"] == "http.response.body" and not message.get("more_body", False)
        if self._at_body is not None and self.begun:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self.over = True
            self._at_body()

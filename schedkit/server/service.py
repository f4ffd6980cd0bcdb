"""What the routes of one server share."""

from __future__ import annotations

import codecs
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from schedkit.core.model import TaskRow
from schedkit.server.etags import is_known
from schedkit.server.guard import Access
from schedkit.server.hidden_paths import HiddenPaths
from schedkit.server.pictures import Picture, Pictures, SharedBoard
from schedkit.server.ports import SchedulerView, Verbs
from schedkit.server.problems import ProblemError
from schedkit.server.sessions import AGAIN_SECONDS, KnownTokens, Sessions
from schedkit.server.wrapper import ACCESS
from schedkit.telemetry.process import ProcessFigures, process_figures
from schedkit.values.text import clip, did_you_mean

__all__ = ["Service", "access", "access_fields", "actor", "in_thread", "json_body", "sees_tracebacks"]

P = ParamSpec("P")
T = TypeVar("T")

MOST_STREAMS = 64
# What other processes do is on the board a fifth of a second later.
HEARD_SECONDS, HEAR_SECONDS = 2.0, 0.05


class Service:
    """One scheduler behind one server.

    Attributes
    ----------
    view, verbs
        Reads and changes of the scheduler.
    board : SharedBoard
        What feeds read.
    pictures : Pictures
        What answers about the whole scheduler are made of.
    figures : callable
        Returns what the process that runs the tasks takes of its machine.
    trouble : callable
        Returns why that process may not run them; empty: it does.
    ending : bool
        Streams are to end.
    streams : int
        How many are open.
    """

    def __init__(
        self,
        view: SchedulerView,
        verbs: Verbs,
        *,
        figures: Callable[[], ProcessFigures] = process_figures,
        trouble: Callable[[], str] = str,
    ) -> None:
        self.view = view
        self.verbs = verbs
        self.figures, self.trouble = figures, trouble
        self.board = SharedBoard(view)
        self.pictures = Pictures(self.board)
        self.tokens = KnownTokens(view.tokens)
        self.sessions = Sessions(self.tokens)
        self.hide = HiddenPaths(view.private_folders())
        self.ending = False
        self.streams = 0

    def answer(self, shape: Any, status: int = 200) -> Response:
        """Return a struct, or a list of them, as a response."""
        return self.encoded(msgspec.json.encode(shape), status)

    def encoded(self, data: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Return JSON text as a response."""
        return Response(self.hide(data), status, headers, media_type="application/json")

    async def kept(self, request: Request, name: str, make: Callable[[Picture], bytes]) -> Response:
        """Return an answer about the whole board, made once as long as it does not change.

        A client that names the answer it has, by its ETag, is told that it is still the one.
        """
        picture = await self.pictures.current()
        headers = {"etag": picture.etag, "cache-control": "private, no-cache"}
        if is_known(picture.etag, request.headers.getlist("if-none-match")):
            return Response(status_code=304, headers=headers)
        if name not in picture.answers:
            picture.answers[name] = self.hide(make(picture))
        return Response(picture.answers[name], 200, headers, media_type="application/json")

    async def signed_in(self, token: str) -> Access | None:
        """Return what a token allows; one that is not known is looked for in the ledger."""
        found = self.tokens.access(token)
        if found is None:
            await self.tokens.renew(AGAIN_SECONDS, wait=True)
            found = self.tokens.access(token)
        return found

    async def known(self, task: str) -> TaskRow:
        """Return a task.

        Raises
        ------
        ProblemError
            404 if there is none.
        """
        picture = await self.pictures.current()
        if task not in picture.rows and await in_thread(self.view.task, task) is not None:
            picture = await self._heard(task)  # another process has declared it just now
        if task not in picture.rows:
            raise ProblemError(404, f"no task is called {task!r}", did_you_mean(task, picture.rows))
        return picture.rows[task]

    async def _heard(self, task: str) -> Picture:
        """Return a snapshot that has a task of the ledger; the last one if the board gets none."""
        with anyio.move_on_after(HEARD_SECONDS):
            while True:
                self.pictures.outdate()
                picture = await self.pictures.current()
                if task in picture.rows:
                    return picture
                await anyio.sleep(HEAR_SECONDS)
        return await self.pictures.current()

    async def known_run(self, id: str) -> Any:
        """Return a run.

        Raises
        ------
        ProblemError
            404 if there is none.
        """
        run = await in_thread(self.view.run, id)
        if run is None:
            raise ProblemError(404, f"there is no run {id!r}", "GET /api/v1/runs lists them")
        return run


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what blocks for a moment."""
    return await anyio.to_thread.run_sync(functools.partial(function, *args, **kwargs))


def access(request: Request) -> Access:
    """Return who asks."""
    found: Access = request.scope[ACCESS]
    return found


def access_fields(request: Request) -> dict[str, Any]:
    """Return who asks, JSON-able."""
    who = access(request)
    return {"actor": who.actor, "scopes": list(who.scopes), "signed_in": bool(who.token)}


def actor(request: Request) -> str:
    """Return the name under which what is asked for is recorded."""
    return access(request).actor


def sees_tracebacks(scopes: Sequence[str]) -> bool:
    """Tell whether those who have these scopes are shown tracebacks."""
    return "act" in scopes


async def json_body(request: Request, shape: type[T], *, missing: T | None = None) -> T:
    """Return the JSON body of a request.

    Parameters
    ----------
    shape : type
        What it is to be.
    missing
        What an empty body means; None: it is refused.

    Raises
    ------
    ProblemError
        415 if it is not sent as JSON, 422 if it is not of that shape.
    """
    data = (await request.body()).removeprefix(codecs.BOM_UTF8)  # which editors of Windows write
    if not data and missing is not None:
        return missing
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise ProblemError(
            415, f"the body is encoded as {clip(coding, 100)}", "send it without Content-Encoding"
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "the body is not sent as application/json", "Content-Type: application/json")
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ProblemError(
            422, f"the body cannot be read: {error}", "GET /openapi.json has its shape"
        ) from None

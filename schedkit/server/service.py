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
    """What the routes need: one scheduler, tokens, sessions and cached answers.

    Attributes
    ----------
    view, verbs
        Reads and changes of the scheduler.
    board : SharedBoard
        The board that feeds read.
    pictures : Pictures
        Snapshots from which answers about the whole scheduler are made.
    figures : callable
        Returns the CPU, memory and files of the process that runs the tasks.
    trouble : callable
        Returns why that process may not be running them; empty: it is.
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
        """Return an answer about the whole board, encoded once until the board changes.

        A client that sends the ETag of the current answer gets 304.
        """
        picture = await self.pictures.current()
        headers = {"etag": picture.etag, "cache-control": "private, no-cache"}
        if is_known(picture.etag, request.headers.getlist("if-none-match")):
            return Response(status_code=304, headers=headers)
        if name not in picture.answers:
            picture.answers[name] = self.hide(make(picture))
        return Response(picture.answers[name], 200, headers, media_type="application/json")

    async def signed_in(self, token: str) -> Access | None:
        """Return the access of a token; an unknown one is looked up in the ledger."""
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
        """Wait until the board has a task of the ledger; return the latest snapshot."""
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
    """Call a blocking function in a worker thread."""
    return await anyio.to_thread.run_sync(functools.partial(function, *args, **kwargs))


def access(request: Request) -> Access:
    """Return the caller of a request."""
    found: Access = request.scope[ACCESS]
    return found


def access_fields(request: Request) -> dict[str, Any]:
    """Return the caller of a request as values of JSON."""
    who = access(request)
    return {"actor": who.actor, "scopes": list(who.scopes), "signed_in": bool(who.token)}


def actor(request: Request) -> str:
    """Return the name recorded with the change that a request makes."""
    return access(request).actor


def sees_tracebacks(scopes: Sequence[str]) -> bool:
    """Tell whether callers with these scopes see tracebacks."""
    return "act" in scopes


async def json_body(request: Request, shape: type[T], *, missing: T | None = None) -> T:
    """Return the JSON body of a request.

    Parameters
    ----------
    shape : type
        What it is to be.
    missing
        The value of an empty body; None: it is refused.

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

"""The live panel: a board's feed on one side, an anywidget view on the other."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import anyio.to_thread
import msgspec

from schedkit.core.api.screen_commands import Answer
from schedkit.core.board.feed import Feed
from schedkit.errors import UsageError
from schedkit.loop import service
from schedkit.notebook.bundle import script, style
from schedkit.notebook.commands import obey
from schedkit.notebook.handover import move
from schedkit.notebook.publisher import publisher
from schedkit.notebook.static import board_html
from schedkit.notebook.text import board_text
from schedkit.values.extras import requires_extra

with requires_extra("notebook", "panels"):
    import anywidget
    import traitlets
    from IPython.display import publish_display_data

__all__ = ["KINDS", "Panel"]

KINDS = ("tasks", "failing", "runs", "queue", "calendar", "history", "audit")
STATIC_SECONDS = 5.0
# A view that hears nothing for three of these knows that its kernel is gone, or too busy to speak.
BEAT_SECONDS = 5.0

_publish = cast(Callable[..., None], publish_display_data)
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Panel(anywidget.AnyWidget):
    """A widget that shows a scheduler, live while cells are busy.

    Parameters
    ----------
    scheduler : Scheduler
        Whose board to show, and who obeys the buttons.
    kind : {"tasks", "failing", "runs", "queue", "calendar", "history", "audit"}
        The tab to open with.
    run : str, optional
        Show this one run instead of everything.
    task : str, optional
        Show this one task only.

    Examples
    --------
    >>> Panel(sched, "history")  # doctest: +SKIP
    """

    _esm = script()
    _css = style()

    panel = traitlets.Unicode("tasks").tag(sync=True)
    run = traitlets.Unicode("").tag(sync=True)
    task = traitlets.Unicode("").tag(sync=True)
    first = traitlets.Bytes(b"").tag(sync=True)
    still = traitlets.Unicode("").tag(sync=True)

    def __init__(self, scheduler: Any, kind: str = "tasks", *, run: str = "", task: str = "") -> None:
        self._scheduler = scheduler
        self._feed = Feed(scheduler.screens)
        self._still_shown: tuple[int, float] = (-1, 0.0)
        self._spoke = 0.0
        self._moved: tuple[object, dict[str, str] | None] | None = None
        self._unsubscribe: Any = None
        snapshot = self._next()
        super().__init__(panel=kind, run=run, task=task, first=_encode(snapshot))
        self.on_msg(self._heard)
        # ipykernel answers a comm on the shell that last wrote to it, where a busy cell would keep every
        # click waiting; without this (private) router clicks come in on a subshell within milliseconds.
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = None

    @property
    def scheduler(self) -> Any:
        """The scheduler shown."""
        return self._scheduler

    def show(self) -> None:
        """Display the panel, and below it a still picture for the day this notebook has no kernel."""
        if not self.still:
            self.still = f"schedkit-{self.model_id}"
        bundle, metadata = self._live_bundle()
        _publish(bundle, metadata)
        self._show_still(update=False)

    def _ipython_display_(self) -> None:
        self.show()

    def _live_bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_() or ({}, {})
        # What a console shows, which knows no widgets.
        return {**bundle, "text/plain": self._drawn(board_text)}, metadata

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = self._live_bundle()
        return {**bundle, "text/html": self._html()}, metadata

    def _still_bundle(self) -> dict[str, Any]:
        return {"text/html": self._html()}

    def _html(self) -> str:
        return self._drawn(functools.partial(board_html, mark=self.still))

    def _drawn(self, draw: Callable[..., str]) -> str:
        board = self._scheduler.screens.board()
        if self.run and all(row["id"] != self.run for row in board["runs"]):
            # One from further back (the board has the latest runs only), or one that is only asked for yet.
            with contextlib.suppress(UsageError):
                board["runs"].append(self._scheduler.screens.run_detail(self.run))
        return draw(board, self.panel, run=self.run, task=self.task)

    def close(self) -> None:
        """Take the panel away."""
        self._rest()
        super().close()

    def publish(self) -> None:
        """Send what is new; the publisher calls it, on its own thread."""
        message = self._next()
        if message is not None:
            self.send({"kind": "board"}, buffers=[_encode(message)])
        elif time.monotonic() - self._spoke >= BEAT_SECONDS:
            self.send({"kind": "beat"})
        else:
            self._refresh_still()
            return
        self._spoke = time.monotonic()
        self._refresh_still()

    def _next(self) -> dict[str, Any] | None:
        """Return the feed's next message; a notebook adds where the schedule can be moved to."""
        message = self._feed.next()
        if message is not None and message["scheduler"]:
            message["scheduler"] = {**message["scheduler"], "move": self._move(message["scheduler"]["state"])}
        return message

    def _move(self, state: str) -> dict[str, str] | None:
        """Return the button that moves the schedule; worked out again only when its reasons change."""
        if state == "stopped":
            return None
        reasons = (state, self._scheduler.process.declarations, self._scheduler.standing_by)
        if self._moved is None or self._moved[0] != reasons:
            self._moved = (reasons, move(self._scheduler))
        return self._moved[1]

    def _refresh_still(self) -> None:
        seq, at = self._still_shown
        if not self.still or self._feed.seq == seq or time.monotonic() - at < STATIC_SECONDS:
            return
        self._show_still(update=True)

    def _show_still(self, *, update: bool) -> None:
        self._still_shown = (self._feed.seq, time.monotonic())
        _publish(self._still_bundle(), transient={"display_id": self.still}, update=update)

    def _heard(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        """Take a message of the view: on whatever thread it arrives, only pass it on."""
        what, ticket = content.get("do"), content.get("ticket")
        if what == "hello":
            publisher().post(self._begin)
            self._reply(ticket, Answer())
        elif what == "gone":
            self._rest()
        elif what == "close":
            run = str(content.get("run"))
            publisher().post(lambda: self._feed.close(run))
            self._reply(ticket, Answer())
        elif what == "open":
            self._open(str(content.get("run")))
            self._reply(ticket, Answer())
        else:
            service().submit(self._obey, dict(content), ticket)

    def _open(self, run: str) -> None:
        publisher().post(lambda: self._feed.open(run))
        service().submit(anyio.to_thread.run_sync, self._scheduler.screens.open_run, run)

    async def _obey(self, command: dict[str, Any], ticket: object) -> None:
        answer = await obey(self._scheduler, command)
        self._reply(ticket, answer)

    def _reply(self, ticket: object, answer: Answer) -> None:
        content = {"kind": "answer", "ticket": ticket, **answer.content()}
        buffers = [answer.buffer] if answer.buffer is not None else None
        publisher().post(lambda: self.send(content, buffers=buffers))

    def _begin(self) -> None:
        """A view has come: tell it everything, then keep telling."""
        self._feed.restart()
        publisher().add(self)
        if self._unsubscribe is None:
            self._unsubscribe = self._scheduler.subscribe(publisher().poke)

    def _rest(self) -> None:
        publisher().remove(self)
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

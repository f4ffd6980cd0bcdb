"""JupyterLab's sidebar, on the Jupyter Server: the project's schedule, whatever notebook is open.

The browser loads ``share/jupyter/labextensions/schedkit``, and ``jupyter_server_config.d/schedkit.json`` has
the server load this file; the wheel installs both.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec

from schedkit import context
from schedkit.app import App
from schedkit.core.api.at_exit import stop_at_exit
from schedkit.core.api.scheduler import Scheduler
from schedkit.core.api.screen_commands import obey
from schedkit.core.board.feed import Feed
from schedkit.settings.load import read_settings
from schedkit.settings.project import find_project
from schedkit.values.extras import requires_extra

with requires_extra("notebook", "sidebars of JupyterLab"):
    from jupyter_server.auth.decorator import allow_unauthenticated, authorized
    from jupyter_server.base.handlers import APIHandler
    from jupyter_server.utils import url_path_join
    from tornado.iostream import StreamClosedError
    from tornado.web import StaticFileHandler, authenticated

__all__ = ["Watched"]

TICK_SECONDS = 0.25
BEAT_SECONDS = 10.0
# How often it is looked whether the project has a ledger by now.
LOOK_SECONDS = 2.0

_encode = msgspec.json.Encoder(enc_hook=str).encode


class Watched:
    """The scheduler that watches the ledger of a project, from the first look on.

    Parameters
    ----------
    folder : Path
        The server's folder of notebooks, in or below the project's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = asyncio.Lock()
        self._scheduler: Scheduler | None = None

    async def scheduler(self) -> Scheduler | str:
        """Return it, watching; or why there is nothing to watch."""
        async with self._lock:
            if self._scheduler is None or self._scheduler.state == "stopped":
                found = await anyio.to_thread.run_sync(self._begin)
                if isinstance(found, str):
                    return found
                self._scheduler = found
            return self._scheduler

    def _begin(self) -> Scheduler | str:
        project = find_project(self._folder)
        app = App(read_settings(project.file).settings, project.root, project.file)
        ledger = app.ledger()
        if "://" not in ledger and not Path(ledger).is_file():
            return f"No schedule yet: {ledger} does not exist. A notebook that starts one makes it."
        scheduler = app.plain_scheduler(name="JupyterLab")
        scheduler.watch()
        stop_at_exit(scheduler)
        return scheduler


class _Handler(APIHandler):
    auth_resource = "schedkit"

    @property
    def watched(self) -> Watched:
        found: Watched = self.settings["schedkit"]
        return found

    @property
    def user_name(self) -> str:
        """Who asks, as the audit log has it."""
        return str(getattr(self.current_user, "username", "") or "JupyterLab")


class AccessHandler(_Handler):
    """Tells who asks."""

    @authenticated
    @authorized
    async def get(self) -> None:
        self.finish(_encode(self._access()))

    def _access(self) -> dict[str, Any]:
        return {"actor": self.user_name, "scopes": ["read", "act"]}


class EventsHandler(_Handler):
    """The feed of one sidebar."""

    gone = False

    def on_connection_close(self) -> None:
        """Note that the reader has gone."""
        self.gone = True

    @authenticated
    @authorized
    async def get(self) -> None:
        self.set_header("content-type", "text/event-stream")
        self.set_header("cache-control", "no-store")
        self.set_header("x-accel-buffering", "no")
        self.write("retry: 2000\n\n")
        try:
            async for event in _events(self.watched, self.get_query_argument("run", ""), lambda: self.gone):
                self.write(event)
                await self.flush()
        except StreamClosedError:
            pass


async def _events(watched: Watched, run: str, gone: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the messages of one sidebar until its reader is `gone`."""
    while isinstance(scheduler := await watched.scheduler(), str):
        if gone():
            return
        yield b"event: empty\ndata: " + scheduler.replace("\n", " ").encode() + b"\n\n"
        await asyncio.sleep(LOOK_SECONDS)
    feed, sent = Feed(scheduler.screens), 0.0
    if run:
        await anyio.to_thread.run_sync(scheduler.screens.open_run, run)
        feed.open(run)
    clock = asyncio.get_running_loop().time
    while scheduler.state != "stopped" and not gone():
        message = await anyio.to_thread.run_sync(feed.next)
        if message is not None:
            yield b"data: " + _encode(message) + b"\n\n"
            sent = clock()
        elif clock() - sent >= BEAT_SECONDS:
            yield b"event: beat\ndata:\n\n"
            sent = clock()
        await asyncio.sleep(TICK_SECONDS)


class CommandHandler(_Handler):
    """The buttons of a sidebar."""

    @authenticated
    @authorized
    async def post(self) -> None:
        command = self.get_json_body() or {}
        scheduler = await self.watched.scheduler()
        if isinstance(scheduler, str):
            self.finish(_encode({"ok": False, "error": scheduler}))
            return
        with context.acting_as(self.user_name):
            answer = await obey(scheduler, command)
        if answer.buffer is None:
            self.finish(_encode(answer.content()))
            return
        self.finish(answer.buffer, set_content_type="application/octet-stream")


class WebHandler(StaticFileHandler):
    """The files of the view, as every installation has them.

    Behind JupyterHub a module that is imported cannot prove who asks, and would be sent to log in for ever.
    """

    @allow_unauthenticated
    async def get(self, path: str, include_body: bool = True) -> None:
        """Return a file."""
        await super().get(path, include_body)

    @allow_unauthenticated
    async def head(self, path: str) -> None:
        """Return its headers."""
        await super().get(path, include_body=False)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "schedkit.notebook.sidebar"}]


def _load_jupyter_server_extension(server: Any) -> None:
    web = server.web_app
    web.settings["schedkit"] = Watched(Path(server.root_dir))
    path = functools.partial(url_path_join, web.settings["base_url"], "schedkit")
    handlers: list[Any] = [
        (path("access"), AccessHandler),
        (path("events"), EventsHandler),
        (path("commands"), CommandHandler),
        (path("web/(.*)"), WebHandler, {"path": str(files("schedkit") / "web")}),
    ]
    web.add_handlers(".*$", handlers)

"""What the buttons and panels of a screen ask for: a notebook's panel, a web page, JupyterLab's sidebar."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio.to_thread
import msgspec

from schedkit import context
from schedkit.core.api.frames import frame_text
from schedkit.errors import SchedkitError, UsageError

__all__ = ["ACTS", "HISTORY_ROWS", "READS", "Act", "Answer", "carry_out", "frame_preview", "obey"]

HISTORY_ROWS = 50
AUDIT_ROWS = 100
MOST_HOURS = 24 * 366 * 10


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a command: text to show, and data or bytes."""

    ok: bool = True
    words: str = ""
    error: str = ""
    data: dict[str, Any] | None = None
    buffer: bytes | None = None

    def content(self) -> dict[str, Any]:
        """Return everything but the bytes, as JSON-able data."""
        return {"ok": self.ok, "words": self.words, "error": self.error, "data": self.data}


Act = Callable[[Any, Mapping[str, Any]], Awaitable[Answer]]


async def obey(scheduler: Any, command: Mapping[str, Any], more: Mapping[str, Act] | None = None) -> Answer:
    """Carry out a command of a screen; errors are returned as answers.

    Parameters
    ----------
    scheduler : Scheduler
        The scheduler to act on.
    command : mapping
        ``{"do": "run" | "again" | "pause" | "resume" | "cancel" | "download" | "preview" | "history" | …}``
        and the `task`, `run`, `params` or `path` it is about.
    more : mapping, optional
        Further commands of this screen.
    """
    known = {**ACTS, **READS, **(more or {})}
    try:
        return await carry_out(scheduler, command, known)
    except SchedkitError as error:
        return Answer(ok=False, error=str(error))
    except Exception as error:
        return Answer(ok=False, error=f"{type(error).__name__}: {error}")


async def carry_out(scheduler: Any, command: Mapping[str, Any], known: Mapping[str, Act]) -> Answer:
    """Carry out a command that is one of those `known`.

    Raises
    ------
    UsageError
        It is not.
    """
    act = known.get(str(command.get("do")))
    if act is None:
        raise UsageError(f"unknown command {command.get('do')!r}")
    return await act(scheduler, command)


# What changes something


async def _run(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    run = await scheduler.aio.submit(command["task"], **(command.get("params") or {}))
    return Answer(words=f"{command['task']} is queued", data={"run": run.id})


async def _again(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    changed = command.get("params") or {}
    again = await scheduler.aio.retry(command["run"], **changed)
    how = "with these parameters" if changed else "with the same parameters"
    return Answer(words=f"{again.task} is queued again {how}", data={"run": again.id})


async def _pause(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    name = command.get("task")
    await scheduler.aio.pause(name)
    return Answer(words=f"{name} is paused" if name else "The scheduler is paused")


async def _resume(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    name = command.get("task")
    await scheduler.aio.resume(name)
    return Answer(words=f"{name} is resumed" if name else "The scheduler is resumed")


async def _cancel(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.cancel(command["run"])
    return Answer(words="The run is asked to stop")


# What only looks


async def _download(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return a file of a run; other files are refused."""
    path = command["path"]
    row = await anyio.to_thread.run_sync(scheduler.screens.run_detail, str(command["run"]))
    found = [file for file in row["artifacts"] if file["path"] == path]
    if not found:
        raise UsageError(f"{path} is not a file of this run")
    try:
        return Answer(buffer=await anyio.to_thread.run_sync(scheduler.queries.file, found[0]))
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{path} no longer exists", hint="run the task again") from None


async def _history(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return a window of history: ``hours``, ``task``, ``state``, and the page by its ``first`` run."""
    hours, first = float(command.get("hours", 24)), int(command.get("first", 0))
    if not 0 < hours <= MOST_HOURS or first < 0:
        raise UsageError(f"no such window: hours={hours:g}, first={first}")
    choice = {name: str(command.get(name) or "") for name in ("task", "state")}
    window = scheduler.screens.history_window
    seen = functools.partial(window, hours, first=first, rows=HISTORY_ROWS, **choice)
    return Answer(data=await anyio.to_thread.run_sync(seen))


async def _calendar(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return due times by day: from the day ``first`` days after today on, in the zone ``zone``."""
    days = functools.partial(
        scheduler.screens.calendar,
        int(command.get("first", 0)),
        zone=str(command.get("zone") or ""),
        task=str(command.get("task") or ""),
    )
    return Answer(data=await anyio.to_thread.run_sync(days))


async def _audit(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return a page of who did what: what was done before number ``before``."""
    before = int(command.get("before") or 0)
    page = functools.partial(scheduler.screens.audit_page, before=before or None, limit=AUDIT_ROWS)
    return Answer(data=await anyio.to_thread.run_sync(page))


async def _run_detail(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return a run that is no longer on the board."""
    return Answer(data=await anyio.to_thread.run_sync(scheduler.screens.run_detail, str(command["run"])))


async def _preview(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    return Answer(data=await anyio.to_thread.run_sync(frame_preview, scheduler, str(command["run"])))


def frame_preview(scheduler: Any, run: str) -> dict[str, Any]:
    """Return the first rows of a run's frame as text; blocks.

    Raises
    ------
    UsageError
        The run returned no DataFrame.
    """
    with context.use(context.ExecutionContext()):
        frame = scheduler.run(run).result(timeout=30)
    if not (hasattr(frame, "itertuples") and hasattr(frame, "columns")):
        raise UsageError(
            f"run {run} returned {type(frame).__name__}, no DataFrame", hint="only frames have a preview"
        )
    return frame_text(frame)


ACTS: Mapping[str, Act] = {
    "run": _run,
    "again": _again,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
}
READS: Mapping[str, Act] = {
    "download": _download,
    "history": _history,
    "calendar": _calendar,
    "audit": _audit,
    "run_detail": _run_detail,
    "preview": _preview,
}

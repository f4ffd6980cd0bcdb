"""What the buttons of a panel do, and the answers they get."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import anyio.to_thread
import msgspec

from schedkit import context
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import SchedkitError, UsageError
from schedkit.notebook.handover import hand_over, notebook_path
from schedkit.values.text import clip

__all__ = ["Answer", "obey"]

PREVIEW_ROWS = 50
LONGEST_CELL = 200
HISTORY_ROWS = 50
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


async def obey(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Carry out a command of a view; errors are returned as answers.

    Parameters
    ----------
    scheduler : Scheduler
        The scheduler to act on.
    command : mapping
        ``{"do": "run" | "again" | "pause" | "resume" | "cancel" | "remove" | "download" | …}``
        and the `task`, `run` or `path` it is about.
    """
    try:
        act = _ACTS.get(str(command.get("do")))
        if act is None:
            raise UsageError(f"unknown command {command.get('do')!r}")
        return await act(scheduler, command)
    except SchedkitError as error:
        return Answer(ok=False, error=str(error))
    except Exception as error:
        return Answer(ok=False, error=f"{type(error).__name__}: {error}")


async def _run(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.submit(command["task"])
    return Answer(words=f"{command['task']} is queued")


async def _again(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    again = await scheduler.aio.retry(command["run"])
    return Answer(words=f"{again.task} is queued again with the same parameters")


async def _pause(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    name = command.get("task")
    await scheduler.aio.pause(name)
    return Answer(words=f"{name} is paused" if name else "The scheduler is paused")


async def _resume(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    name = command.get("task")
    await scheduler.aio.resume(name)
    return Answer(words=f"{name} is resumed" if name else "The scheduler is resumed")


async def _remove(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.remove(command["task"])
    return Answer(words=f"{command['task']} is removed; a cell or file that declares it adds it again")


async def _reschedule(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    name, text = command["task"], str(command.get("trigger") or "").strip()
    if not text:
        raise UsageError("no schedule was given", hint="write 'every 1h', or a crontab: '0 7 * * mon-fri'")
    trigger = every(text.split(None, 1)[1]) if text.lower().startswith("every ") else cron(text)
    await scheduler.aio.reschedule(name, trigger)
    return Answer(words=f"{name} has another schedule, until a cell or file declares it again")


async def _start(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.start()
    return Answer(words="The scheduler is started")


async def _stop(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.stop()
    return Answer(words="The scheduler is stopped")


async def _cancel(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.cancel(command["run"])
    return Answer(words="The run is asked to stop")


async def _hand_over(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    node = await anyio.to_thread.run_sync(hand_over, scheduler, notebook_path())
    return Answer(words=f"The schedule now runs in {node}")


async def _take_back(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.bring_home()
    return Answer(words="The schedule runs here again")


async def _download(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return a file of a run; other files are refused."""
    path = command["path"]
    row = _run_row(scheduler, command["run"])
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


async def _run_detail(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return a run that is no longer on the board."""
    return Answer(data=await anyio.to_thread.run_sync(scheduler.screens.run_detail, str(command["run"])))


async def _preview(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Return the first rows of a run's frame as text."""

    def read() -> dict[str, Any]:
        with context.use(context.ExecutionContext()):
            return frame_text(scheduler.run(command["run"]).result(timeout=30))

    return Answer(data=await anyio.to_thread.run_sync(read))


def frame_text(frame: Any, rows: int = PREVIEW_ROWS) -> dict[str, Any]:
    """Return the head of a DataFrame as ``{"columns", "data", "rows"}``, every cell as short text."""
    head = frame.head(rows)
    cells = [[_cell(value) for value in row] for row in head.itertuples(index=False, name=None)]
    return {"columns": [str(name) for name in frame.columns], "data": cells, "rows": len(frame)}


def _cell(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        text = ", ".join(map(str, value))
    else:
        text = "" if value is None or str(value) in ("<NA>", "NaT", "nan") else str(value)
    return clip(text, LONGEST_CELL)


def _run_row(scheduler: Any, run: str) -> dict[str, Any]:
    for row in scheduler.screens.board()["runs"]:
        if row["id"] == run:
            return dict(row)
    return dict(scheduler.screens.run_detail(run))


_ACTS: dict[str, Callable[[Any, Mapping[str, Any]], Awaitable[Answer]]] = {
    "run": _run,
    "again": _again,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "remove": _remove,
    "reschedule": _reschedule,
    "start": _start,
    "stop": _stop,
    "download": _download,
    "history": _history,
    "run_detail": _run_detail,
    "preview": _preview,
    "hand_over": _hand_over,
    "take_back": _take_back,
}

"""What the buttons of a panel do in a notebook besides those of every screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio.to_thread

from schedkit.core.api import screen_commands
from schedkit.core.api.screen_commands import Answer
from schedkit.core.triggers.constructors import cron, every
from schedkit.errors import UsageError
from schedkit.notebook.handover import hand_over, notebook_path, take_back

__all__ = ["obey"]


async def obey(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Carry out a command of a view; errors are returned as answers."""
    return await screen_commands.obey(scheduler, command, _ACTS)


async def _hand_over(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    node = await anyio.to_thread.run_sync(hand_over, scheduler, notebook_path())
    return Answer(words=f"The schedule now runs in {node}")


async def _take_back(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await anyio.to_thread.run_sync(take_back, scheduler)
    return Answer(words="The schedule runs here again")


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


_ACTS: Mapping[str, screen_commands.Act] = {
    "hand_over": _hand_over,
    "take_back": _take_back,
    "remove": _remove,
    "reschedule": _reschedule,
    "start": _start,
    "stop": _stop,
}

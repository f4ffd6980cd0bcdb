"""The commands of a notebook's panel: those of every screen, and those that move the schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio.to_thread

from schedkit.core.api import screen_commands
from schedkit.core.api.screen_commands import Answer
from schedkit.notebook.handover import hand_over, notebook_path

__all__ = ["obey"]


async def obey(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    """Carry out a command of a view; errors are returned as answers."""
    return await screen_commands.obey(scheduler, command, _MOVES)


async def _hand_over(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    node = await anyio.to_thread.run_sync(hand_over, scheduler, notebook_path())
    return Answer(words=f"The schedule now runs in {node}")


async def _take_back(scheduler: Any, command: Mapping[str, Any]) -> Answer:
    await scheduler.aio.bring_home()
    return Answer(words="The schedule runs here again")


_MOVES: Mapping[str, screen_commands.Act] = {"hand_over": _hand_over, "take_back": _take_back}

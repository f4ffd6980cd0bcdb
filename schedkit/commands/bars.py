"""Progress bars in a terminal: one per stage of a run, drawn from the scheduler's events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from schedkit.commands.words import one_line
from schedkit.core.events import Event, RunLogged, RunProgressed

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["StageBars"]


class StageBars:
    """A listener that draws a bar per (run, stage); use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._bars: dict[tuple[str, str], TaskID] = {}

    def __enter__(self) -> StageBars:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Take an event; progress is drawn, and a warning stands above the bars."""
        if isinstance(event, RunLogged) and event.level >= logging.WARNING:
            line = one_line(f"{event.task}: {event.message}")
            self._progress.console.print(line, highlight=False, markup=False)
        if not isinstance(event, RunProgressed):
            return
        key = (event.run, event.stage)
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(event.stage, total=event.total)
        self._progress.update(self._bars[key], completed=event.done, total=event.total)

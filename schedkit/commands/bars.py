"""Progress bars in a terminal: one for each stage of a run, drawn from the scheduler's events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from schedkit.core.events import Event, RunLogged, RunProgressed
from schedkit.values.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["StageBars"]


class StageBars:
    """An event listener that draws a bar for each stage of each run; use it as a context manager."""

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
        """Draw progress, and print warnings above the bars."""
        if isinstance(event, RunLogged) and event.level >= logging.WARNING:
            line = one_line(f"{event.task}: {event.message}", 1000)
            self._progress.console.print(line, highlight=False, markup=False)
        if not isinstance(event, RunProgressed):
            return
        key = (event.run, event.stage)
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(event.stage, total=event.total)
        self._progress.update(self._bars[key], completed=event.done, total=event.total)

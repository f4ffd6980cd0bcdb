"""Progress bars in a terminal: one for each stage of a run or of a call."""

from __future__ import annotations

import logging
from collections.abc import Hashable
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from schedkit.context import ExecutionContext
from schedkit.core.events import Event, RunLogged, RunProgressed
from schedkit.values.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Bars", "CallBars", "StageBars"]

LONGEST_LINE = 1000  # characters


class Bars:
    """Draws a bar for each stage, and prints lines above the bars; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<16}", markup=False),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._bars: dict[Hashable, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def draw(self, key: Hashable, stage: str, done: float, total: float | None) -> None:
        """Draw the bar of a stage."""
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(one_line(stage, 60), total=total)
        self._progress.update(self._bars[key], completed=done, total=total)

    def say(self, level: int, line: str) -> None:
        """Print a warning above the bars; lesser lines are left out."""
        if level >= logging.WARNING:
            self._progress.console.print(Text(one_line(line, LONGEST_LINE)))


class StageBars(Bars):
    """An event listener that draws a bar for each stage of each run."""

    def __enter__(self) -> StageBars:
        super().__enter__()
        return self

    def __call__(self, event: Event) -> None:
        """Draw progress, and print warnings above the bars."""
        if isinstance(event, RunLogged):
            self.say(event.level, f"{event.task}: {event.message}")
        elif isinstance(event, RunProgressed):
            self.draw((event.run, event.stage), event.stage, event.done, event.total)


class CallBars(ExecutionContext):
    """Surrounds a call: draws a bar for each of its stages; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._bars = Bars(console)

    def __enter__(self) -> CallBars:
        self._bars.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.__exit__(*error)

    def progress(self, stage: str, done: float, total: float | None) -> None:
        """Draw the bar of a stage."""
        self._bars.draw(stage, stage, done, total)

    def log(self, level: int, message: str) -> None:
        """Print a warning above the bars."""
        self._bars.say(level, message)

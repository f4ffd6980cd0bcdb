"""A progress bar in the cell for a call that takes its time; it vanishes when the call returns.

The default surroundings of blocking calls in a kernel. Drawn by the publisher's thread, so reporting
progress costs the caller a dictionary entry and nothing else.
"""

from __future__ import annotations

import logging
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, cast

from schedkit.context import ExecutionContext
from schedkit.notebook.publisher import publisher
from schedkit.values.durations import elapsed_text
from schedkit.values.extras import requires_extra
from schedkit.values.text import one_line

with requires_extra("notebook", "progress bars in cells"):
    from IPython.display import publish_display_data

__all__ = ["CellBar", "cell_bar"]

PATIENCE_SECONDS = 0.4
WARNINGS = 10

_publish = cast(Callable[..., None], publish_display_data)


class _Stage:
    def __init__(self, now: float) -> None:
        self.started = now
        self.now = now
        self.done = 0.0
        self.total: float | None = None


class CellBar(ExecutionContext):
    """Listens to one call and draws its stages; nothing appears before `patience` seconds have passed.

    Parameters
    ----------
    patience : float
        Seconds; a quick call shows no bar at all.
    clock : callable
        Seconds that never run backwards.
    """

    def __init__(
        self, patience: float = PATIENCE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._started = clock()
        self._stages: dict[str, _Stage] = {}
        self._line = ""
        self._warnings: dict[str, None] = {}
        self._changed = False
        self._shown = ""

    @property
    def warnings(self) -> list[str]:
        """The warnings of the call, each once, in their order."""
        return list(self._warnings)

    def progress(self, stage: str, done: float, total: float | None) -> None:
        """Take note; drawn at most four times a second."""
        now = self._clock()
        known = self._stages.setdefault(stage, _Stage(now))
        known.now, known.done, known.total = now, done, total
        self._tell()

    def log(self, level: int, message: str) -> None:
        """Show the latest line below the bars; warnings are kept for the cell."""
        if level >= logging.WARNING:
            self._warnings[message] = None
        self._line = message
        self._tell()

    def _tell(self) -> None:
        self._changed = True
        publisher().poke()

    def publish(self) -> None:
        """Draw what is new; called on the publisher's thread."""
        if not self._changed or self._clock() - self._started < self._patience:
            return
        self._changed = False
        if not self._shown:
            self._shown = f"schedkit-bar-{uuid.uuid4().hex}"
            _publish({}, transient={"display_id": self._shown})
        self._draw({"text/html": self.html()})

    def finish(self) -> None:
        """Take the bar away; called on the publisher's thread."""
        if self._shown:
            self._draw({})

    def _draw(self, bundle: dict[str, Any]) -> None:
        _publish(bundle, transient={"display_id": self._shown}, update=True)

    def html(self) -> str:
        """Return the bars as HTML."""
        rows = "".join(_row(name, stage) for name, stage in list(self._stages.items()))
        line = f'<div style="opacity:0.7">{escape(self._line)}</div>' if self._line else ""
        return f'<div role="status" style="max-width:560px;line-height:1.5">{rows}{line}</div>'


def _row(name: str, stage: _Stage) -> str:
    share = min(1.0, stage.done / stage.total) if stage.total else None
    elapsed = stage.now - stage.started
    words = [f"{stage.done:,.0f} / {stage.total:,.0f}" if stage.total else f"{stage.done:,.0f}"]
    if share is not None and 0 < share < 1 and elapsed > 0:
        words.append(f"{stage.done / elapsed:,.0f}/s")
        words.append(f"{elapsed_text(elapsed * (1 - share) / share)} left")
    elif elapsed >= 1:
        words.append(elapsed_text(elapsed))
    width = 100 if share is None else round(share * 100, 1)
    colour = "rgba(127,127,127,0.5)" if share is None else "#17794a" if share == 1 else "#2f5bd7"
    return (
        '<div style="display:flex;justify-content:space-between;gap:16px">'
        f"<span>{escape(name)}</span><span>{escape(' · '.join(words))}</span></div>"
        '<div style="height:4px;border-radius:2px;background:rgba(127,127,127,0.2);margin-bottom:4px">'
        f'<div style="height:4px;border-radius:2px;width:{width}%;background:{colour}"></div></div>'
    )


@contextmanager
def cell_bar(patience: float = PATIENCE_SECONDS) -> Iterator[ExecutionContext]:
    """Surround a blocking call in a cell with a bar."""
    bar = CellBar(patience)
    publisher().add(bar)
    try:
        yield bar
    finally:
        publisher().remove(bar)
        publisher().post(bar.finish)
        _warn(bar.warnings)


def _warn(warnings: list[str]) -> None:
    """Show the warnings of a call in its cell."""
    more = len(warnings) - WARNINGS
    lines = [*warnings[:WARNINGS], *([f"and {more} more warnings"] if more > 0 else [])]
    sys.stderr.write("".join(f"schedkit: {one_line(line, 500)}\n" for line in lines))

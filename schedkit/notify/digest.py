"""How often a channel sends: the first notice at once, later ones as digests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from schedkit.notify.notices import TEMPLATES, Kind, Notice, filled, harmless
from schedkit.values.text import clip

__all__ = ["Digest", "Message", "message"]

Message = tuple[str, str, Kind]
_WORST_FIRST: tuple[Kind, ...] = ("failed", "failing", "overdue", "late", "recovered", "done")
_LINES = 20
_KEPT = 1000


class Digest:
    """Gathers notices so that two messages are at least `every` seconds apart; time is an argument."""

    def __init__(self, every: float) -> None:
        self.every = every
        self.dropped = 0
        self._waiting: list[Notice] = []
        self._spoke: float | None = None

    def add(self, notice: Notice) -> None:
        """Take a notice; beyond a thousand waiting only their number is kept."""
        if len(self._waiting) < _KEPT:
            self._waiting.append(notice)
        else:
            self.dropped += 1

    def due(self) -> float | None:
        """Return when the next message may go (a moment of the caller's clock), None if nothing waits."""
        if not self._waiting:
            return None
        return float("-inf") if self._spoke is None else self._spoke + self.every

    def take(self, now: float) -> tuple[list[Notice], int]:
        """Return what waits and how many more were dropped, and count the interval from `now`."""
        taken, dropped = self._waiting, self.dropped
        self._waiting, self.dropped, self._spoke = [], 0, now
        return taken, dropped


def message(notices: Sequence[Notice], dropped: int, templates: Mapping[Kind, str], limit: int) -> Message:
    """Return title, body and kind: one notice in full, several as a digest of at most `limit` characters."""
    if len(notices) == 1 and not dropped:
        (one,) = notices
        body = filled(templates.get(one.kind, TEMPLATES[one.kind]), one.fields)
        return clip(f"{harmless(one.task)}: {one.kind}", 150), clip(body, limit), one.kind
    counts = Counter(notice.kind for notice in notices)
    title = f"{len(notices) + dropped} notices: " + ", ".join(f"{n} {kind}" for kind, n in counts.items())
    lines: list[str] = []
    room = limit - 40
    for notice in notices[:_LINES]:
        text = filled(templates.get(notice.kind, TEMPLATES[notice.kind]), notice.fields)
        line = clip("- " + text.replace("\n", " "), 300)
        if room < len(line) + 1:
            break
        lines.append(line)
        room -= len(line) + 1
    rest = len(notices) - len(lines) + dropped
    if rest:
        lines.append(f"… and {rest} more")
    worst: Kind = next((kind for kind in _WORST_FIRST if counts[kind]), "late")
    return title, "\n".join(lines), worst

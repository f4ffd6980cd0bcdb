"""What a node's clocks say; its engine is told, and reads none itself."""

from __future__ import annotations

import time

from schedkit.values.instants import SECOND

__all__ = ["Clock"]


class Clock:
    """The clocks of this machine, in microseconds."""

    def wall(self) -> int:
        """Return the present since 1970; it may jump."""
        return int(time.time() * SECOND)

    def steady(self) -> int:
        """Return the present on a clock that never jumps."""
        return int(time.monotonic() * SECOND)

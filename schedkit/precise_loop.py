"""An event loop whose timers are exact to some microseconds where the system's own wait is not.

Linux's epoll waits whole milliseconds, and asyncio rounds up: every timer is half a millisecond late on
average and one at worst, a good part of what a due time costs in all. The epoll object is a file like any
other, so `select`, which takes microseconds, can wait for it.
"""

from __future__ import annotations

import asyncio
import select
import selectors

__all__ = ["new_loop"]

# Beyond this a millisecond does not matter, and the wait need not be exact.
EXACT_BELOW_SECONDS = 2.0

if hasattr(select, "epoll"):

    class _Selector(selectors.EpollSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and 0 < timeout < EXACT_BELOW_SECONDS:
                try:
                    select.select([self.fileno()], [], [], timeout)
                except ValueError:  # more than a thousand files are open: select cannot name ours
                    return super().select(timeout)
                timeout = 0
            return super().select(timeout)

    def new_loop() -> asyncio.AbstractEventLoop:
        """Return a new event loop."""
        return asyncio.SelectorEventLoop(_Selector())

else:  # kqueue and Windows' completion ports are exact enough
    new_loop = asyncio.new_event_loop

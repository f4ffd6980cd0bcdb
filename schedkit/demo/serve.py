"""The demo site as a process of its own."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import Any

import msgspec

from schedkit.demo.site import DemoSite


def serve(**knobs: Any) -> int:
    """Run a demo site until SIGINT or SIGTERM; one JSON line on stdout says when it is ready and where.

    Call it from the main thread, which alone may listen to signals.

    Parameters
    ----------
    **knobs
        Those of `DemoSite`, as text or as values.

    Returns
    -------
    int
        The exit code, 0.

    Raises
    ------
    UsageError
        For a knob that is not understood.
    UnavailableError
        For a port that is taken.
    """
    site = DemoSite(**knobs)
    # The issues stay as long as the process: the collector need not look at them.
    gc.freeze()
    server = site.server()

    def end(signum: int, frame: object) -> None:
        server.end()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        site.listen()
        sys.stdout.write(msgspec.json.encode(site.ready()).decode() + "\n")
        sys.stdout.flush()
        asyncio.run(server.serve([site.socket]))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        site.stop()
    return 0

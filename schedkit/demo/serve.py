"""The demo site as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec

from schedkit.demo.site import DemoSite


def serve(**knobs: Any) -> int:
    """Run a demo site until SIGINT or SIGTERM; one JSON line on stdout says when it is ready and where.

    Parameters
    ----------
    **knobs
        Those of `DemoSite`.

    Returns
    -------
    int
        An exit code.
    """
    site = DemoSite(**knobs)
    server = site.server()
    site.socket.listen(2048)
    sys.stdout.write(msgspec.json.encode(site.ready()).decode() + "\n")
    sys.stdout.flush()
    asyncio.run(server.serve([site.socket]))
    site.stop()
    return 0

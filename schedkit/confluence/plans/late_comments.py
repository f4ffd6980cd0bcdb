"""Inline comments that were made or taken off between reading a page and writing it.

They change a page's storage without a new version, so that a PUT of the next version is not refused and
undoes them. The version written upon still has them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

from schedkit import context
from schedkit.confluence.site.dialects import PageState
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.comments import carry_comments, comments_in, only_comments_changed
from schedkit.errors import ConflictError, ForbiddenError, NotFoundError, SiteError

__all__ = ["comments_meanwhile", "restore_comments"]

Write = Callable[[PageState, str], Awaitable[object]]


async def comments_meanwhile(server: Server, state: PageState) -> str | None:
    """Return the version written upon, if inline comments were made or taken off there since it was read."""
    try:
        old = await server.read_old(state.id, state.version)
    except (NotFoundError, ForbiddenError):
        # Old versions may have been purged, or be for others' eyes.
        return None
    except SiteError as error:
        context.log(
            f"{error.message}; whether inline comments were made meanwhile is unknown", logging.WARNING
        )
        return None
    return old.source if only_comments_changed(state.source, old.source) else None


async def restore_comments(
    server: Server, stored: PageState, sent: str, wanted: str, write: Write, until: float
) -> tuple[PageState | None, int]:
    """Write the page with the marks it should have; return it as stored, and how often it was put.

    Parameters
    ----------
    stored : PageState
        The version that was written without them.
    sent, wanted : str
        That version as it was sent, and as it should have been.
    until : float
        When to give up if others keep saving the page.
    """
    if wanted == sent:
        # The words that the comments mark were replaced.
        context.log(f"{stored.name}: inline comments on cells that changed were lost", logging.WARNING)
        return None, 0
    context.log(f"{stored.name}: inline comments changed between reading and writing; restoring them")
    page, source, puts = stored, wanted, 0
    try:
        while True:
            puts += 1
            try:
                await write(page, source)
                return await server.read(stored.id), puts
            except ConflictError:
                if time.monotonic() > until:
                    raise
            # Somebody has saved meanwhile: their page gets the marks.
            page = await server.read(stored.id)
            carried = carry_comments(sent, wanted, page.source)
            if carried is None:
                words = ", ".join(map(repr, comments_in(wanted).values()))
                context.log(f"{page.name}: the marks of inline comments were lost: {words}", logging.WARNING)
                return None, puts
            if carried == page.source:
                return page, puts
            source = carried
    except SiteError as error:
        context.log(f"{error.message}; the marks of inline comments were lost", logging.WARNING)
        return None, puts

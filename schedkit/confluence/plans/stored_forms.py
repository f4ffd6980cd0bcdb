"""What a site made of contents that were sent: remembered on the page, so that they are not sent again.

A site may drop or rewrite part of a cell (an iframe, a style that it does not allow). What it stored then
is its form of what was sent. Both are kept as digests in a content property of the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from schedkit import context
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.canonical import digest
from schedkit.confluence.tables.row_writer import Accepted
from schedkit.errors import SiteError

__all__ = ["accepted_forms", "remember_forms"]

_PROPERTY = "schedkit-stored-forms"
# A property holds 32 KB; a pair takes about 30 bytes.
_MOST = 900


async def accepted_forms(server: Server, page_id: str) -> Accepted:
    """Return the pairs of digests (stored, sent) that a page remembers; none if it cannot be asked."""
    try:
        value, _ = await server.read_property(page_id, _PROPERTY)
    except SiteError as error:
        context.log(f"{error.message}; what the site made of earlier contents is unknown")
        return frozenset()
    return frozenset(_pairs(value))


async def remember_forms(server: Server, page_id: str, contents: Sequence[tuple[str, str]]) -> None:
    """Remember contents as they were stored and sent; the oldest are forgotten beyond what fits."""
    new = [(digest(stored), digest(sent)) for stored, sent in contents]
    for _ in range(2):  # another writer may have come between
        try:
            value, known = await server.read_property(page_id, _PROPERTY)
        except SiteError as error:
            context.log(f"{error.message}; what the site made of the contents is not remembered")
            return
        pairs = [pair for pair in _pairs(value) if pair not in new] + new
        if await server.write_property(page_id, _PROPERTY, {"pairs": pairs[-_MOST:]}, known):
            return


def _pairs(value: object) -> list[tuple[str, str]]:
    listed = value.get("pairs") if isinstance(value, dict) else None
    return [
        (str(pair[0]), str(pair[1]))
        for pair in (listed if isinstance(listed, list) else [])
        if isinstance(pair, list | tuple) and len(pair) == 2
    ]

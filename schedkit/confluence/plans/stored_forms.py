"""What a site made of contents that were sent: remembered on the page, so that they are not sent again.

A site may drop or rewrite part of a cell (an iframe, a style that it does not allow). What it stored then
is its form of what was sent there. Both are kept as digests in a content property of the page, and in this
process where the site lets no property be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schedkit import context
from schedkit.confluence.plans.edit import Replaced
from schedkit.confluence.site.server import Server
from schedkit.confluence.source.canonical import digest
from schedkit.confluence.tables.row_writer import Accepted
from schedkit.errors import SiteError
from schedkit.loop import process_singleton

__all__ = ["accepted_forms", "remember_forms"]

_PROPERTY = "schedkit-stored-forms"
# A property holds 32 KB; a pair takes about 30 bytes.
_MOST = 900
_MOST_REFUSED = 100


async def accepted_forms(server: Server, page_id: str) -> Accepted:
    """Return the pairs of digests (stored, sent) that are known of a page; none if it cannot be asked."""
    here = _pairs(_kept_here().get((server.site.url, page_id)), "pairs")
    try:
        value, _ = await server.read_property(page_id, _PROPERTY)
    except SiteError as error:
        context.log(f"{error.message}; what the site made of earlier contents is unknown")
        return frozenset(here)
    return frozenset([*_pairs(value, "pairs"), *here])


async def remember_forms(
    server: Server, page_id: str, replaced: Sequence[Replaced], *, refused: bool = False
) -> None:
    """Remember contents as they were stored and sent; the oldest are forgotten beyond what fits.

    Contents that were `refused`, so that the page still says what it said before, may have been taken back
    at that moment: they count as the site's form when it refuses them a second time.
    """
    new = [(digest(each.old, each.place), digest(each.new)) for each in replaced]
    for _ in range(2):  # another writer may have come between
        try:
            value, known = await server.read_property(page_id, _PROPERTY)
        except SiteError as error:
            context.log(f"{error.message}; what the site made of the contents is remembered here only")
            break
        if await server.write_property(page_id, _PROPERTY, _with(value, new, refused), known):
            return
    kept = _kept_here()
    kept[server.site.url, page_id] = _with(kept.get((server.site.url, page_id)), new, refused)


def _kept_here() -> dict[tuple[str, str], dict[str, Any]]:
    kept: dict[tuple[str, str], dict[str, Any]] = process_singleton("confluence-stored-forms", dict)
    return kept


def _with(value: object, new: list[tuple[str, str]], refused: bool) -> dict[str, Any]:
    before = _pairs(value, "refused")
    certain = [pair for pair in new if not refused or pair in before]
    waiting = [pair for pair in new if pair not in certain]
    return {
        "pairs": [*(pair for pair in _pairs(value, "pairs") if pair not in certain), *certain][-_MOST:],
        "refused": [*(pair for pair in before if pair not in new), *waiting][-_MOST_REFUSED:],
    }


def _pairs(value: object, name: str) -> list[tuple[str, str]]:
    listed = value.get(name) if isinstance(value, dict) else None
    return [
        (str(pair[0]), str(pair[1]))
        for pair in (listed if isinstance(listed, list) else [])
        if isinstance(pair, list | tuple) and len(pair) == 2
    ]

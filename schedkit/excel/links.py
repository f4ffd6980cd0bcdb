"""Which cells link where: issue keys to their issue, addresses to themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import pyarrow as pa
import pyarrow.compute as pc

from schedkit.excel.limits import MAX_URL_LENGTH
from schedkit.excel.tally import Tally

_ISSUE_KEY = r"^[A-Z][A-Z0-9_]*-[0-9]+$"
_ADDRESS = r"^(https?://|mailto:)[^\s\x00-\x1f]+$"
# Everything a URI may hold; the rest is percent-encoded, as an invalid target makes readers give up.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"


@dataclass(frozen=True)
class LinkOf:
    """How the text of a cell becomes an address: matching texts, put in the place of ``{}``."""

    pattern: str
    target: str

    def addresses(self, texts: pa.Array) -> pa.Array:
        """Return the address of each text, null where it has none."""
        before, after = self.target.split("{}")
        linked = pc.match_substring_regex(texts, self.pattern)
        joined = pc.binary_join_element_wise(
            *(pa.scalar(before, texts.type), texts, pa.scalar(after, texts.type), pa.scalar("", texts.type))
        )
        return pc.if_else(linked, joined, pa.scalar(None, texts.type))


def issue_links(site: str) -> LinkOf:
    """Return links from issue keys to `site`."""
    return LinkOf(_ISSUE_KEY, f"{site.rstrip('/').replace('{', '%7B').replace('}', '%7D')}/browse/{{}}")


ADDRESSES = LinkOf(_ADDRESS, "{}")


@dataclass
class LinkParts:
    """The links of one sheet, as the two XML fragments Excel wants: cell → id and id → address."""

    prefix: str = "link"
    refs: list[bytes] = field(default_factory=list)
    targets: list[bytes] = field(default_factory=list)
    count: int = 0

    def add(self, cells: Iterator[tuple[str, str]]) -> None:
        """Take (cell, address) pairs."""
        for cell, address in cells:
            self.count += 1
            name = f"{self.prefix}{self.count}"
            self.refs.append(f'<hyperlink ref="{cell}" r:id="{name}"/>'.encode())
            self.targets.append(
                f'<Relationship Id="{name}" Type="{_RELATION}" Target={quoteattr(_uri(address))}'
                ' TargetMode="External"/>'.encode()
            )


def _uri(address: str) -> str:
    if _URI.fullmatch(address):
        return address
    return quote(address, safe="-._~:/?#[]@!$&'()*+,;=%")


def within(addresses: pa.Array, room: int, tally: Tally) -> pa.Array:
    """Return the first `room` addresses that are not too long; the others become null, and are counted."""
    fits = pc.less_equal(pc.utf8_length(addresses), MAX_URL_LENGTH).fill_null(False)
    fits = pc.and_(fits, pc.less_equal(pc.cumulative_sum(fits.cast(pa.int64())), room))
    kept = pc.if_else(fits, addresses, pa.scalar(None, addresses.type))
    tally.add("links_as_text", kept.null_count - addresses.null_count)
    return kept

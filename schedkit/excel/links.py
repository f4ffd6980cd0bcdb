"""Which cells link where: issue keys to their issue, addresses to themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from schedkit.errors import WorkbookError
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.limits import MAX_URL_LENGTH
from schedkit.values.text import safe_repr

_ISSUE_KEY = r"^[A-Z][A-Z0-9_]*-[0-9]+$"
_ADDRESS = r"^(?i:https?://|mailto:)[^\s\x00-\x1f]+$"
# Any other kind of address, such as file: or javascript:, is more than a way to a page.
_KINDS = ("http://", "https://", "mailto:")
# Characters that a URI may hold; others are percent-encoded, because readers refuse invalid targets.
_URI_SAFE = "-._~:/?#[]@!$&'()*+,;=%"
_URI = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*"


def relation_kind(name: str = "hyperlink", *, strict: bool = False) -> str:
    """Return the type of a relation, such as the one of a link; ISO 29500 Strict has its own."""
    office = (
        "purl.oclc.org/ooxml/officeDocument" if strict else "schemas.openxmlformats.org/officeDocument/2006"
    )
    return f"http://{office}/relationships/{name}"


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


def is_web_address(text: str) -> bool:
    """Tell whether a text begins as the address of a page or a mailbox."""
    return text.casefold().startswith(_KINDS)


def own_links(header: str, target: str) -> LinkOf:
    """Return links from the cells of a column to `target`, in which ``{}`` stands for the cell's text.

    Raises
    ------
    WorkbookError
        If it has not one ``{}``, or is of another kind than http, https and mailto.
    """
    if not isinstance(target, str) or target.count("{}") != 1:
        raise WorkbookError(
            f"the link of column {header!r} needs exactly one {{}} for the cell's text: {safe_repr(target)}"
        )
    if target.startswith("{}"):
        return LinkOf(_ADDRESS, target)  # the cells are foreign: they must begin as an address does
    if not is_web_address(target):
        raise WorkbookError(
            f"the link of column {header!r} is not an address of the web: {target!r}",
            hint="begin it with https://, http:// or mailto:",
        )
    return LinkOf(r"\S", target)


def issue_links(site: str) -> LinkOf:
    """Return links from issue keys to `site`."""
    return LinkOf(_ISSUE_KEY, f"{site.rstrip('/').replace('{', '%7B').replace('}', '%7D')}/browse/{{}}")


ADDRESSES = LinkOf(_ADDRESS, "{}")


@dataclass
class LinkParts:
    """The links of one sheet as two lists of XML elements: cell → id and id → address."""

    prefix: str = "link"
    refs: list[bytes] = field(default_factory=list)
    targets: list[bytes] = field(default_factory=list)
    count: int = 0
    kind: str = field(default_factory=relation_kind)

    def add(self, cells: pa.Array, addresses: pa.Array) -> None:
        """Take cells (like ``A2``) and their addresses."""
        ids = pa.array(range(self.count + 1, self.count + 1 + len(cells))).cast(cells.type)
        self.count += len(cells)
        self.refs.append(_text('<hyperlink ref="', cells, f'" r:id="{self.prefix}', ids, '"/>'))
        self.targets.append(
            _text(
                f'<Relationship Id="{self.prefix}',
                ids,
                f'" Type="{self.kind}" Target="',
                _attributes(addresses),
                '" TargetMode="External"/>',
            )
        )


def _text(*pieces: str | pa.Array) -> bytes:
    arrays = [pa.scalar(piece, pa.large_string()) if isinstance(piece, str) else piece for piece in pieces]
    joined = pc.binary_join_element_wise(*arrays, pa.scalar("", pa.large_string()))
    return "".join(joined.to_pylist()).encode()


def _attributes(addresses: pa.Array) -> pa.Array:
    """Return addresses as URIs in the form of XML attributes."""
    if not pc.all(pc.match_substring_regex(addresses, f"^{_URI}$"), min_count=0).as_py():
        safe = [quote(address, safe=_URI_SAFE) for address in addresses.to_pylist()]
        addresses = pa.array(safe, addresses.type)
    return pc.replace_substring(addresses, "&", "&amp;")


def within(addresses: pa.Array, room: int, report: ConversionReport) -> pa.Array:
    """Return the first `room` addresses that are not too long; the others become null, and are counted."""
    fits = pc.less_equal(pc.utf8_length(addresses), MAX_URL_LENGTH).fill_null(False)
    fits = pc.and_(fits, pc.less_equal(pc.cumulative_sum(fits.cast(pa.int64())), room))
    kept = pc.if_else(fits, addresses, pa.scalar(None, addresses.type))
    report.add("links_as_text", kept.null_count - addresses.null_count)
    return kept

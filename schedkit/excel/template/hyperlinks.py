"""The links of a sheet: those that stay, those whose cells are written anew, and the new ones."""

from __future__ import annotations

from dataclasses import dataclass

from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import ORDER, Sheet
from schedkit.excel.parts.xml import OFFICE, Element
from schedkit.excel.template.neighbours import Overwritten

_STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"


@dataclass(frozen=True)
class SheetLinks:
    """Where the links of a sheet go, and the ids of relations that no link uses any more."""

    sheet: Sheet
    element: Element | None
    freed: frozenset[str]

    @property
    def place(self) -> int:
        """The offset within the sheet's document where new links are put."""
        if self.element is not None:
            return self.element.inner_end
        document = self.sheet.document
        return document.place(document.root, "hyperlinks", ORDER)

    def written(self, refs: list[bytes]) -> bytes:
        """Return new links as they are put at `place`."""
        if not refs or self.element is not None:
            return b"".join(refs)
        names = "".join(f' {name}="{value}"' for name, value in _namespaces(self.sheet).items())
        return b"<hyperlinks%s>%s</hyperlinks>" % (names.encode(), b"".join(refs))


def _namespaces(sheet: Sheet) -> dict[str, str]:
    """Return what an element declares so that new links may stand in it."""
    own = {} if sheet.namespace is None else {"xmlns": sheet.namespace}
    return {**own, "xmlns:r": _STRICT_OFFICE if sheet.strict else OFFICE}


def keep_links(sheet: Sheet, overwritten: Overwritten, growth: RangeGrowth) -> SheetLinks:
    """Take the links of overwritten cells out of a sheet, and move those of the totals."""
    document = sheet.document
    element = document.root.child("hyperlinks")
    if element is None:
        return SheetLinks(sheet, None, frozenset())
    kept: list[Element] = []
    gone: list[Element] = []
    for link in element.children:
        area = Area.parse(link.get("ref"))
        covered = area is not None and overwritten.covers(area.top, area.left)
        (gone if covered else kept).append(link)
    name = f"{OFFICE} id"
    used = {link.get(name) for link in kept}
    freed = frozenset(link.get(name) for link in gone if link.get(name) and link.get(name) not in used)
    if not kept:
        document.remove(element)
        return SheetLinks(sheet, None, freed)
    for link in gone:
        document.remove(link)
    for link in kept:
        if _is_total(link, growth):
            document.set_attributes(link, ref=growth.areas(link.get("ref")))
    document.set_attributes(element, **_namespaces(sheet))
    return SheetLinks(sheet, element, freed)


def _is_total(link: Element, growth: RangeGrowth) -> bool:
    area = Area.parse(link.get("ref"))
    return area is not None and growth.body.bottom < area.top <= growth.old_end

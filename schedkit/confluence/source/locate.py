"""Find the one table that a region means, or say what is there instead."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from schedkit.confluence.source.reading import own_parameters, text
from schedkit.confluence.source.regions import Anchor, Heading, LocalId, Macro, Nth, Region, region
from schedkit.confluence.source.storage import Element, attributes, elements, is_silent, tokens
from schedkit.errors import RegionError
from schedkit.values.text import near_matches

__all__ = ["PageIndex", "bare_heading", "is_absent", "locate", "names_of"]

_MACROS = {"ac:structured-macro", "ac:macro"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_LISTED = 12
_NEAR = 50


@dataclass(frozen=True)
class PageIndex:
    """A checked page and its landmarks."""

    source: str

    @cached_property
    def elements(self) -> list[Element]:
        return elements(self.source)

    @cached_property
    def tables(self) -> list[Element]:
        """The tables that are in no other table, in document order."""
        return [e for e in self.elements if e.name == "table" and not self.in_table(e)]

    def in_table(self, element: Element) -> bool:
        while element.parent >= 0:
            element = self.elements[element.parent]
            if element.name == "table":
                return True
        return False

    @cached_property
    def headings(self) -> list[tuple[str, Element]]:
        return [(self.content(e), e) for e in self.elements if e.name in _HEADINGS]

    @cached_property
    def texts(self) -> Counter[str]:
        """How often a heading's text occurs."""
        return Counter(name for name, _ in self.headings)

    @cached_property
    def macros(self) -> list[tuple[str, Element]]:
        """Every macro with its name."""
        return [(attributes(e.attrs).get("ac:name", ""), e) for e in self.elements if e.name in _MACROS]

    @cached_property
    def anchors(self) -> list[tuple[str, Element]]:
        return [
            (_anchor_name(own_parameters(self.source, macro)), macro)
            for name, macro in self.macros
            if name == "anchor"
        ]

    @cached_property
    def anchored(self) -> dict[str, Element]:
        """The table each unambiguous anchor means."""
        found = {name: _by_anchor(self, name)[0] for name, _ in self.anchors}
        return {name: tables[0] for name, tables in found.items() if tables}

    @cached_property
    def local_ids(self) -> dict[str, list[Element]]:
        """The elements by their local id."""
        found: dict[str, list[Element]] = {}
        for element in self.elements:
            if "local-id" in element.attrs and (name := attributes(element.attrs).get("ac:local-id")):
                found.setdefault(name, []).append(element)
        return found

    @cached_property
    def anchor_macros(self) -> dict[str, list[Element]]:
        """The anchor macros by their name."""
        found: dict[str, list[Element]] = {}
        for name, macro in self.anchors:
            found.setdefault(name, []).append(macro)
        return found

    def content(self, element: Element) -> str:
        return text(self.source[element.inner : element.outer])

    def within(self, start: int, end: int) -> list[Element]:
        """The outermost tables between two offsets."""
        kept: list[Element] = []
        first = bisect_left(self.elements, start, key=lambda element: element.start)
        for at in range(first, len(self.elements)):
            element = self.elements[at]
            if element.start >= end:
                break
            if element.name == "table" and element.end <= end and (not kept or element.start >= kept[-1].end):
                kept.append(element)
        return kept

    def headings_before(self, offset: int) -> int:
        """How many headings start before an offset."""
        return bisect_left(self.headings, offset, key=lambda named: named[1].start)

    def section_end(self, element: Element) -> int:
        """Where the reach of an anchor or a heading ends: at the next heading, or with its container.

        A heading that follows the element at once belongs to it; one inside a table ends nothing.
        """
        container = element.parent
        while container >= 0 and self.elements[container].name in _HEADINGS:
            container = self.elements[container].parent
        end = self.elements[container].outer if container >= 0 else len(self.source)
        begin = element.end
        for at in range(self.headings_before(begin), len(self.headings)):
            _, heading = self.headings[at]
            if heading.start >= end:
                break
            if self.in_table(heading) and heading.parent != container:
                continue
            if element.name not in _HEADINGS and is_silent(self.source, begin, heading.start):
                begin = heading.end
                continue
            return heading.start
        return end


def _anchor_name(parameters: dict[str, str]) -> str:
    """The parameter without a name; other tools write it with one, editors add others."""
    only = next(iter(parameters.values())) if len(parameters) == 1 else ""
    return parameters.get("", only)


def locate(page: PageIndex, region: Region, what: str = "the page") -> Element:
    """Return the table that `region` means.

    Raises
    ------
    RegionError
        If it means none or several; the message lists the tables of the page.
    """
    found, problem = _candidates(page, region)
    if len(found) == 1:
        return found[0]
    if not problem:
        problem = "it means no table" if not found else f"it means {len(found)} tables"
    raise RegionError(f"{what} has no single table at {region}: {problem}", hint=_listing(page, region))


def _candidates(page: PageIndex, region: Region) -> tuple[list[Element], str]:
    match region:
        case Nth(n):
            return page.tables[n - 1 : n], f"there are {len(page.tables)} tables"
        case LocalId(wanted):
            return _by_local_id(page, wanted)
        case Anchor(wanted):
            return _by_anchor(page, wanted)
        case Macro():
            return _by_macro(page, region)
        case Heading():
            return _by_heading(page, region)


def _by_local_id(page: PageIndex, wanted: str) -> tuple[list[Element], str]:
    owners = page.local_ids.get(wanted, [])
    if len(owners) != 1:
        return [], f"{len(owners)} elements have this local id"
    if owners[0].name == "table":
        return owners, ""
    return page.within(owners[0].inner, owners[0].outer), ""


def _by_anchor(page: PageIndex, wanted: str) -> tuple[list[Element], str]:
    anchors = page.anchor_macros.get(wanted, [])
    if len(anchors) != 1:
        if anchors:
            return [], f"there are {len(anchors)} anchors of this name"
        return [], f"there is no such anchor{_meant(wanted, page.anchor_macros)}"
    anchor = anchors[0]
    end = page.section_end(anchor)
    starts = [macro.start for _, macro in page.anchors]
    after = bisect_left(starts, anchor.end)
    if after < len(starts):
        end = min(end, starts[after])
    tables = page.within(anchor.end, end)[:1]
    return tables, "there is no table between the anchor and the next heading or anchor"


def _by_macro(page: PageIndex, region: Macro) -> tuple[list[Element], str]:
    owners = [
        macro
        for name, macro in page.macros
        if name == region.name
        and (region.value is None or region.value in own_parameters(page.source, macro).values())
    ]
    if len(owners) != 1:
        return [], f"there are {len(owners)} such macros" if owners else "there is no such macro"
    return page.within(owners[0].inner, owners[0].outer), ""


def _by_heading(page: PageIndex, region: Heading) -> tuple[list[Element], str]:
    owners = [e for name, e in page.headings if name == " ".join(region.text.split())]
    if len(owners) != 1:
        if owners:
            return [], f"there are {len(owners)} such headings"
        return [], f"there is no such heading{_meant(region.text, [name for name, _ in page.headings])}"
    tables = page.within(owners[0].end, page.section_end(owners[0]))
    if not tables:
        return [], "there is no table between this heading and the next"
    if region.n is None:
        return tables, ""
    return tables[region.n - 1 : region.n], f"this section has {len(tables)} tables"


def _meant(wanted: str, known: Iterable[str]) -> str:
    near = near_matches(wanted, known)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _listing(page: PageIndex, region: Region) -> str:
    if not page.tables:
        creatable = is_absent(page, region) or bare_heading(page, region)
        return "the page has no table" + ('; create="end" puts one there' if creatable else "")
    lines = []
    for n, table in enumerate(page.tables[:_LISTED], 1):
        names = ", ".join(names_of(page, table))
        lines.append(f"nth:{n} ({names})" if names else f"nth:{n}")
    more = len(page.tables) - _LISTED
    return "the page has " + ", ".join(lines) + (f" and {more} more" if more > 0 else "")


def is_absent(page: PageIndex, region: Region) -> bool:
    """Tell whether the page lacks what a region is named by, so that it can be created."""
    match region:
        case Anchor(name):
            return name not in page.anchor_macros
        case Heading(text, _):
            return " ".join(text.split()) not in page.texts
        case _:
            return False


def bare_heading(page: PageIndex, region: Region) -> Element | None:
    """Return the one heading that a region is named by, if its section has no table yet."""
    if not isinstance(region, Heading) or region.n not in (None, 1):
        return None
    wanted = " ".join(region.text.split())
    found = [heading for name, heading in page.headings if name == wanted]
    if len(found) != 1 or page.in_table(found[0]):
        return None
    return None if page.within(found[0].end, page.section_end(found[0])) else found[0]


def behind_anchor(page: PageIndex, region: Region) -> int | None:
    """Return where the paragraph of the one anchor that a region is named by ends, if no table follows it."""
    if not isinstance(region, Anchor):
        return None
    found = page.anchor_macros.get(region.name, [])
    if len(found) != 1 or _by_anchor(page, region.name)[0]:
        return None
    return _paragraph_end(page.source, found[0].end)


def _paragraph_end(source: str, start: int) -> int:
    """Return where the paragraph that an offset is in ends; the offset if it is in none."""
    end, depth = start, 0
    for token in tokens(source[start:]):
        if token["name"] is None or token["attrs"].endswith("/"):
            continue
        depth += -1 if token["close"] else 1
        if depth < 0:
            if token["name"] in BLOCKS:
                break
            end, depth = start + token.end(), 0
    return end


def names_of(page: PageIndex, table: Element) -> list[str]:
    """Return the spellings of regions that mean this table and no other, besides ``nth:``."""
    names = []
    local_id = attributes(table.attrs).get("ac:local-id") if table.attrs else None
    if local_id:
        names.append(f"local-id:{local_id}")
    names += [
        f"anchor:{name}"
        for name, found in page.anchored.items()
        if found == table and not _ends_placeholder(page, name)
    ]
    last = page.headings_before(table.start)
    # Only the nearest headings can reach so far, be it over some in cells.
    above = reversed(page.headings[max(0, last - _NEAR) : last])
    near = ((name, heading) for name, heading in above if table.end <= page.section_end(heading))
    name, heading = next(near, ("", None))
    if name and heading is not None and page.texts[name] == 1:
        section = page.within(heading.end, page.section_end(heading))
        if table in section:
            # A heading that itself ends in "/2" needs the number to be unambiguous.
            numbered = len(section) > 1 or _NUMBERED.search(name) is not None
            names.append(f"heading:{name}/{section.index(table) + 1}" if numbered else f"heading:{name}")
    return [spelled for spelled in names if _means(page, spelled, table)]


# The elements that may contain a table; the top level may too.
BLOCKS = {"ac:layout-cell", "ac:rich-text-body", "td", "th", "div", "blockquote"}


def _ends_placeholder(page: PageIndex, name: str) -> bool:
    """Tell whether an anchor only marks the end of what a plan filled, so that it names no table."""
    return name.endswith("-end") and name.removesuffix("-end") in page.anchor_macros


_NUMBERED = re.compile(r"/\s*[0-9]+$")


def _means(page: PageIndex, spelled: str, table: Element) -> bool:
    try:
        return _candidates(page, region(spelled))[0] == [table]
    except RegionError:
        return False

"""The few other parts that follow a region: its table, names, charts, pivots, the order of calculation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, unescape

from schedkit.excel.parts.area import Area
from schedkit.excel.parts.growth import Growth
from schedkit.excel.parts.workbook import MAIN, Workbook, relations
from schedkit.excel.template.region import Region

_ENTITIES = {"&quot;": '"', "&apos;": "'"}
_REF = re.compile(r'(\bref=")([^"]*)(")')
_NAME = re.compile(r"(<(?:\w+:)?definedName\b[^>]*>)([^<]*)(</)")
_CHART_REF = re.compile(r"(<(?:\w+:)?f\b[^>]*>)([^<]*)(</(?:\w+:)?f>)")
_PIVOT_SOURCE = re.compile(r"<(?:\w+:)?worksheetSource\b[^>]*>")
_PIVOT_ROOT = re.compile(r"<(?:\w+:)?pivotCacheDefinition\b[^>]*>")
_CALC = re.compile(r"<((?:\w+:)?)calcPr\b([^>]*?)(/?)>")
_CALC_PLACE = re.compile(r"(?:</(?:\w+:)?(?:sheets|functionGroups|externalReferences|definedNames)>)")
_CHAIN_CELL = re.compile(r"<c\b([^>]*)/>")


def carried_parts(book: Workbook, region: Region, growth: Growth, *, formulas: bool) -> dict[str, bytes]:
    """Return the parts that change along with a region, by name.

    Parameters
    ----------
    formulas : bool
        Whether the workbook holds formulas, which Excel then calculates when it opens the file.
    """
    changed = dict(_texts(book, region, growth, formulas))
    return {name: text.encode() for name, text in changed.items() if text.encode() != book.package.read(name)}


def _texts(book: Workbook, region: Region, growth: Growth, formulas: bool) -> Iterator[tuple[str, str]]:
    package = book.package
    workbook = _names(package.read(book.part).decode(), growth)
    yield book.part, _calculated(workbook) if formulas else workbook
    if region.table is not None:
        yield region.table.part, _table(package.read(region.table.part).decode(), growth)
    for name in package.names():
        if name.startswith("xl/charts/") and name.endswith(".xml"):
            yield name, _references(_CHART_REF, package.read(name).decode(), growth, single=True)
        elif name.startswith("xl/pivotCache/pivotCacheDefinition") and name.endswith(".xml"):
            yield name, _pivot(package.read(name).decode(), region, growth)


def _references(pattern: re.Pattern[str], xml: str, growth: Growth, *, single: bool) -> str:
    def change(found: re.Match[str]) -> str:
        before = unescape(found[2], _ENTITIES)
        after = growth.qualified(before, single=single)
        return found[0] if after == before else found[1] + escape(after) + found[3]

    return pattern.sub(change, xml)


def _names(xml: str, growth: Growth) -> str:
    return _references(_NAME, xml, growth, single=False)


def _table(xml: str, growth: Growth) -> str:
    def change(found: re.Match[str]) -> str:
        area = Area.parse(found[2])
        return found[0] if area is None else f"{found[1]}{growth.area(area)}{found[3]}"

    return _REF.sub(change, xml)


def _pivot(xml: str, region: Region, growth: Growth) -> str:
    source = _PIVOT_SOURCE.search(xml)
    root = _PIVOT_ROOT.search(xml)
    if source is None or root is None:
        return xml
    told = {
        name: unescape(value, _ENTITIES) for name, value in re.findall(r'\b([\w:]+)="([^"]*)"', source[0])
    }
    of_table = region.table is not None and told.get("name", "").casefold() == region.table.name.casefold()
    of_sheet = told.get("sheet", "").casefold() == region.sheet.casefold()
    if not (of_table or (of_sheet and "ref" in told)):
        return xml
    grown = _table(source[0], growth) if of_sheet else source[0]
    xml = xml.replace(source[0], grown)
    opening = re.sub(r'\srefreshOnLoad="[^"]*"', "", root[0])
    return xml.replace(root[0], f'{opening[:-1]} refreshOnLoad="1">')


def _calculated(xml: str) -> str:
    """Let Excel calculate all formulas when it opens the file: their cached values are those of old rows."""
    found = _CALC.search(xml)
    if found:
        rest = re.sub(r'\sfullCalcOnLoad="[^"]*"', "", found[2])
        return (
            xml[: found.start()]
            + f'<{found[1]}calcPr{rest} fullCalcOnLoad="1"{found[3]}>'
            + xml[found.end() :]
        )
    place = list(_CALC_PLACE.finditer(xml))[-1]
    prefix = "x:" if "<x:workbook" in xml else ""
    return xml[: place.end()] + f'<{prefix}calcPr fullCalcOnLoad="1"/>' + xml[place.end() :]


def calculation_chain(book: Workbook, region: Region, gone: set[str]) -> tuple[str, bytes] | None:
    """Return the order of calculation without cells that no longer hold a formula; None if none was listed.

    Excel repairs a file whose chain names such a cell; a chain that names too few it completes by itself.
    """
    found = [r.target for r in relations(book.package, book.part) if r.kind == "calcChain"]
    if not found or found[0] not in book.package:
        return None
    number = next(
        (
            node.get("sheetId", "")
            for node in book.root.iter(f"{{{MAIN}}}sheet")
            if node.get("name") == region.sheet
        ),
        "",
    )
    xml = book.package.read(found[0]).decode()
    current = ""
    kept = []
    for cell in _CHAIN_CELL.finditer(xml):
        told = dict(re.findall(r'\b(\w+)="([^"]*)"', cell[1]))
        # A cell without a sheet is on the sheet of the one before it.
        current = told.get("i", current)
        if current == number and told.get("r") in gone:
            continue
        kept.append(re.sub(r'\si="[^"]*"', "", cell[1]).rstrip() + f' i="{current}"')
    if len(kept) == len(_CHAIN_CELL.findall(xml)):
        return None
    start, end = xml.find("<c "), xml.rfind("</")
    return found[0], (
        xml[:start] + "".join(f"<c{cell}/>" for cell in kept) + xml[end:]
    ).encode() if kept else b""

"""Parts that refer to a region: defined names, tables, charts, pivots and controls."""

from __future__ import annotations

import re
from collections.abc import Iterator

from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.references import Uses
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import MAIN, Workbook
from schedkit.excel.parts.xml import Document, Element, utf8
from schedkit.excel.template.region import Region

# The children of a workbook in the order of its schema (ECMA-376 part 1, 18.2.27).
WORKBOOK_ORDER = (
    *("fileVersion", "fileSharing", "workbookPr", "workbookProtection", "bookViews", "sheets"),
    *("functionGroups", "externalReferences", "definedNames", "calcPr", "oleSize"),
    *("customWorkbookViews", "pivotCaches", "smartTagPr", "smartTagTypes", "webPublishing"),
    *("fileRecoveryPr", "webPublishObjects", "extLst"),
)
_FIRST_TAG = re.compile(rb"<((?:[\w.-]+:)?\w+)[\s/>]")
_CHARTS = ("drawingml.chart+xml", "chartex+xml")
_PIVOTS = "pivotCacheDefinition+xml"
_CACHES = ("numCache", "strCache", "multiLvlStrCache", "dlblRangeCache")
# Of a sheet, and of a custom view of it.
_PRINT_TITLES = ("_xlnm.Print_Titles", ".wvu.PrintTitles")
_CONTROLS = "vnd.ms-excel.controlproperties+xml"
# Where a control on a sheet takes its entries from, and where it puts the choice.
_CONTROL_FORMULAS = ("fmlaRange", "fmlaLink", "fmlaTxbx", "fmlaGroup")


class Parts:
    """Parts of a workbook, parsed once, and what they become."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self._documents: dict[str, Document] = {}
        self._rests: dict[str, bytes] = {}

    def document(self, part: str) -> Document:
        """Return a part, parsed; the same each time."""
        if part not in self._documents:
            self._documents[part] = Document(self.book.package.read(part), part)
        return self._documents[part]

    def beginning(self, part: str, until: str) -> Document:
        """Return a part, parsed up to the child of its root that is called `until`."""
        if part not in self._documents:
            xml = utf8(self.book.package.read(part), part)
            root = _FIRST_TAG.search(xml)
            end = re.search(rb"<(?:[\w.-]+:)?%s[\s/>]" % until.encode(), xml)
            if root is not None and end is not None:
                self._rests[part] = xml[end.start() :]
                xml = xml[: end.start()] + b"</%s>" % root[1]
            self._documents[part] = Document(xml, part)
        return self._documents[part]

    def changed(self) -> dict[str, bytes]:
        """Return the parts that changed, by name."""
        return {part: self._result(part) for part, each in self._documents.items() if each.changed}

    def _result(self, part: str) -> bytes:
        document, rest = self._documents[part], self._rests.get(part)
        return document.result() if rest is None else document.result(0, document.root.inner_end) + rest


def grow_dependents(parts: Parts, region: Region, growth: RangeGrowth) -> None:
    """Update the references of other parts to the region."""
    _grow_names(parts.document(parts.book.part), growth)
    _grow_tables(parts, region, growth)
    for kind in _CHARTS:
        for part in parts.book.parts(kind):
            _grow_chart(parts.document(part), growth)
    for part in parts.book.parts(_CONTROLS):
        _grow_control(parts.document(part), growth)
    names = _names_of_region(parts.book, growth)
    for part in parts.book.parts(_PIVOTS):
        # The cache stores every value that the source ever had.
        _grow_pivot(parts.beginning(part, "cacheFields"), region, growth, names)


def recalculate(document: Document) -> None:
    """Make Excel calculate all formulas when it opens the workbook."""
    properties = document.root.child("calcPr")
    if properties is not None:
        document.set_attributes(properties, fullCalcOnLoad="1")
        return
    place = document.place(document.root, "calcPr", WORKBOOK_ORDER)
    prefix = document.prefix(document.root)
    document.splice(place, place, f'<{prefix}calcPr fullCalcOnLoad="1"/>'.encode())


def _grow_names(document: Document, growth: RangeGrowth) -> None:
    for name in document.root.all("definedName"):
        # Rows that are printed on each page are those of headers.
        if not name.get("name").endswith(_PRINT_TITLES):
            document.set_text(name, growth.qualified(name.text))


def _grow_tables(parts: Parts, region: Region, growth: RangeGrowth) -> None:
    """Update the range of the region's table, and the formulas of all tables' columns."""
    for title in parts.book.worksheets:
        for table in tables_of(parts.book, parts.book.sheets[title]):
            document = parts.document(table.part)
            own = title == growth.sheet
            for formula in document.root.all("calculatedColumnFormula", "totalsRowFormula"):
                text = formula.text
                document.set_text(formula, growth.unqualified(text) if own else growth.qualified(text))
            if region.table is not None and region.table.part == table.part:
                _grow_table(document, growth)


def _grow_table(document: Document, growth: RangeGrowth) -> None:
    # Excel's mark of a table that has no row yet.
    document.set_attributes(document.root, insertRow=None, insertRowShift=None)
    for element in [document.root, *document.root.all("autoFilter", "sortState", "sortCondition")]:
        if "ref" in element.attributes:
            document.set_attributes(element, ref=growth.areas(element.get("ref")))


def _grow_chart(document: Document, growth: RangeGrowth) -> None:
    """Update the references of a chart's series, and drop the stored values of changed ones."""
    for filtered in document.root.all("sqref"):
        document.set_text(filtered, growth.qualified(filtered.text, single=True))
    for parent in _parents(document.root):
        formula = parent.child("f")
        if formula is None:
            continue
        text = growth.qualified(formula.text, single=True)
        document.set_text(formula, text)
        if _meets(Uses.of(text), growth):
            for cache in parent.children:
                if cache.name in _CACHES:
                    document.remove(cache)


def _grow_control(document: Document, growth: RangeGrowth) -> None:
    """Update the ranges of a list box or another control."""
    told = {name: document.root.get(name) for name in _CONTROL_FORMULAS if name in document.root.attributes}
    document.set_attributes(document.root, **{name: growth.qualified(told[name]) for name in told})


def _parents(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _parents(child)


def _meets(uses: Uses, growth: RangeGrowth) -> bool:
    """Tell whether a reference covers cells of the region's body."""
    body = Area(growth.body.top, growth.body.left, max(growth.old_end, growth.end), growth.body.right)
    return any(
        sheet is not None and sheet.casefold() == growth.sheet.casefold() and area.overlaps(body)
        for sheet, area in uses.areas
    )


def _names_of_region(book: Workbook, growth: RangeGrowth) -> set[str]:
    """Return the defined names that cover the region's rows."""
    return {
        node.get("name", "").casefold()
        for node in book.root.iter(f"{{{MAIN}}}definedName")
        if _meets(Uses.of(growth.qualified((node.text or "").strip())), growth)
    }


def _grow_pivot(document: Document, region: Region, growth: RangeGrowth, names: set[str]) -> None:
    """Update the source of a pivot cache, and make Excel refresh it when it opens the workbook."""
    for source in document.root.all("worksheetSource", "rangeSet"):
        name = source.get("name").casefold()
        of_table = region.table is not None and name == region.table.name.casefold()
        of_sheet = source.get("sheet").casefold() == growth.sheet.casefold() and "ref" in source.attributes
        if not (of_table or of_sheet or name in names):
            continue
        if of_sheet:
            document.set_attributes(source, ref=growth.areas(source.get("ref")))
        document.set_attributes(document.root, refreshOnLoad="1")

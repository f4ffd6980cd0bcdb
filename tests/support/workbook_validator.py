"""A judge of workbooks that shares no code with the writer: what Excel would have to repair.

The sequences of children are ECMA-376's (part 1, annex A); the rules across parts are those that Excel was
seen to enforce. `violations` gives one text for each kind of fault in each part.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterable, Iterator
from urllib.parse import unquote
from xml.etree import ElementTree

Element = ElementTree.Element
Area = tuple[int, int, int, int]

MAIN = {
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
}
OFFICE = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}",
)
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
ORDERS = {
    "worksheet": "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection"
    " protectedRanges scenarios autoFilter sortState dataConsolidate customSheetViews mergeCells phoneticPr"
    " conditionalFormatting dataValidations hyperlinks printOptions pageMargins pageSetup headerFooter"
    " rowBreaks colBreaks customProperties cellWatches ignoredErrors smartTags drawing legacyDrawing"
    " legacyDrawingHF drawingHF picture oleObjects controls webPublishItems tableParts extLst",
    "sheetData": "row",
    "row": "c extLst",
    "c": "f v is extLst",
    "sheetView": "pane selection pivotSelection extLst",
    "customSheetView": "pane selection rowBreaks colBreaks pageMargins printOptions pageSetup headerFooter"
    " autoFilter extLst",
    "conditionalFormatting": "cfRule extLst",
    "cfRule": "formula colorScale dataBar iconSet extLst",
    "dataValidations": "dataValidation",
    "dataValidation": "formula1 formula2",
    "hyperlinks": "hyperlink",
    "mergeCells": "mergeCell",
    "tableParts": "tablePart",
    "table": "autoFilter sortState tableColumns tableStyleInfo extLst",
    "tableColumns": "tableColumn",
    "tableColumn": "calculatedColumnFormula totalsRowFormula xmlColumnPr extLst",
    "autoFilter": "filterColumn sortState extLst",
    "workbook": "fileVersion fileSharing workbookPr workbookProtection bookViews sheets functionGroups"
    " externalReferences definedNames calcPr oleSize customWorkbookViews pivotCaches smartTagPr smartTagTypes"
    " webPublishing fileRecoveryPr webPublishObjects extLst",
    "styleSheet": "numFmts fonts fills borders cellStyleXfs cellXfs cellStyles dxfs tableStyles colors"
    " extLst",
    "cellXfs": "xf",
    "xf": "alignment protection extLst",
    "comments": "authors commentList extLst",
    "comment": "text commentPr",
    "sst": "si extLst",
    "calcChain": "c extLst",
    "pivotCacheDefinition": "cacheSource cacheFields cacheHierarchies kpis tupleCache calculatedItems"
    " calculatedMembers dimensions measureGroups maps extLst",
}
_RANKS = {parent: {name: rank for rank, name in enumerate(text.split())} for parent, text in ORDERS.items()}
_MANY = {
    "conditionalFormatting",
    "cfRule",
    "row",
    "c",
    "selection",
    "pivotSelection",
    "filterColumn",
    "formula",
}
_MANY |= {"hyperlink", "mergeCell", "tablePart", "tableColumn", "dataValidation", "xf", "si", "smartTagTypes"}
_REF = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]+)(?::\$?([A-Z]{1,3})\$?([0-9]+))?")
_TYPES = {"b", "n", "e", "s", "str", "inlineStr", "d"}


def violations(data: bytes) -> set[str]:
    """Return what Excel would have to repair in a workbook; empty if nothing."""
    return set(_Judge(data).found())


class _Judge:
    def __init__(self, data: bytes) -> None:
        self.zip = zipfile.ZipFile(io.BytesIO(data))
        self.names = [name for name in self.zip.namelist() if not name.endswith("/")]
        self.folded = {name.casefold(): name for name in self.names}
        self.roots: dict[str, Element] = {}

    def found(self) -> Iterator[str]:
        if len(self.folded) < len(self.names):
            yield "two parts have one name"
        if broken := self.zip.testzip():
            yield f"{broken}: damaged"
        for name in self.names:
            if name.endswith((".xml", ".rels")):
                try:
                    self.roots[name] = ElementTree.fromstring(self.zip.read(name))
                except ElementTree.ParseError as error:
                    yield f"{name}: not well-formed ({error.msg.partition(':')[0]})"
        yield from self._types()
        yield from self._relations()
        for name, root in self.roots.items():
            if _space(root) in MAIN:
                for fault in _sequence(root):
                    yield f"{name}: {fault}"
        yield from self._workbook()

    def _part(self, name: str) -> Element | None:
        return self.roots.get(self.folded.get(name.casefold(), ""))

    def _types(self) -> Iterator[str]:
        root = self.roots["[Content_Types].xml"]
        defaults = [e.get("Extension", "").casefold() for e in root if e.tag.endswith("}Default")]
        overrides = [
            e.get("PartName", "").lstrip("/").casefold() for e in root if e.tag.endswith("}Override")
        ]
        for what, names in (("extension", defaults), ("part", overrides)):
            if len(set(names)) < len(names):
                yield f"two content types for one {what}"
        for name in set(overrides) - set(self.folded):
            yield f"a content type for {name}, which is not there"
        for name in self.names:
            extension = name.rpartition(".")[2].casefold()
            if (
                name != "[Content_Types].xml"
                and name.casefold() not in overrides
                and extension not in defaults
            ):
                yield f"{name}: no content type"

    def targets(self, part: str) -> dict[str, tuple[str, str, bool]]:
        """Return the relations of a part: kind, target and whether it is external, by id."""
        folder, name = posixpath.split(part)
        root = self._part(posixpath.join(folder, "_rels", f"{name}.rels"))
        found = {}
        for each in root if root is not None else ():
            target, external = each.get("Target", ""), each.get("TargetMode") == "External"
            if not external:
                base = posixpath.join("/", folder)
                target = posixpath.normpath(posixpath.join(base, unquote(target))).lstrip("/")
            found[each.get("Id", "")] = (each.get("Type", "").rsplit("/", 1)[-1], target, external)
        return found

    def _relations(self) -> Iterator[str]:
        for name, root in self.roots.items():
            if not name.endswith(".rels"):
                continue
            folder, own = posixpath.split(name)
            source = posixpath.join(posixpath.dirname(folder), own.removesuffix(".rels"))
            if source and source.casefold() not in self.folded:
                yield f"{name}: relations of a part that is not there"
            ids = [each.get("Id", "") for each in root]
            if len(set(ids)) < len(ids):
                yield f"{name}: two relations have one id"
            for kind, target, external in self.targets(source).values():
                if not external and target.casefold() not in self.folded and target != "NULL":
                    yield f"{name}: the {kind} {target} is not there"
        for name, root in self.roots.items():
            known = None
            for each in root.iter():
                for key, value in each.attrib.items():
                    if key.startswith(OFFICE) and value:
                        known = self.targets(name) if known is None else known
                        if value not in known:
                            yield f"{name}: <{_local(each)}> refers to a relation that is not there"

    def _workbook(self) -> Iterator[str]:
        books = [target for kind, target, _ in self.targets("").values() if kind == "officeDocument"]
        root = self._part(books[0]) if books else None
        if root is None:
            yield "there is no workbook"
            return
        targets = self.targets(books[0])
        sheets = [each for each in root.iter() if _local(each) == "sheet"]
        for what, values in (
            ("name", [s.get("name", "").casefold() for s in sheets]),
            ("sheetId", [s.get("sheetId", "") for s in sheets]),
        ):
            if len(set(values)) < len(values):
                yield f"two sheets have one {what}"
        names = [
            (each.get("name", "").casefold(), each.get("localSheetId"))
            for each in root.iter()
            if _local(each) == "definedName"
        ]
        if len(set(names)) < len(names):
            yield "two defined names are the same"
        kinds = {kind: target for kind, target, _ in targets.values()}
        formats = _count(self._part(kinds.get("styles", "")), "cellXfs", "xf")
        shared = self._part(kinds.get("sharedStrings", ""))
        strings = None if shared is None else [_text(each) for each in _all(shared, "si")]
        tables: list[tuple[str, str]] = []
        formulas: dict[str, set[str]] = {}
        for sheet in sheets:
            ids = [value for key, value in sheet.attrib.items() if key.startswith(OFFICE)]
            part = targets.get(ids[0], ("", "", False))[1] if ids else ""
            root_of_sheet = self._part(part)
            if root_of_sheet is None or _local(root_of_sheet) != "worksheet":
                continue
            judge = _Sheet(root_of_sheet, formats, strings)
            yield from (f"{part}: {fault}" for fault in judge.found())
            formulas[sheet.get("sheetId", "")] = judge.formulas
            for kind, target, _ in self.targets(part).values():
                table = self._part(target)
                if kind == "table" and table is not None:
                    tables.append((table.get("id", ""), table.get("displayName", "").casefold()))
                    yield from (f"{target}: {fault}" for fault in _table(table, judge))
                if kind == "comments" and table is not None:
                    yield from (f"{target}: {fault}" for fault in _comments(table))
            yield from (f"{part}: {fault}" for fault in judge.overlaps())
        for place, what in enumerate(("id", "name")):
            if len({table[place] for table in tables}) < len(tables):
                yield f"two tables have one {what}"
        yield from self._chain(kinds.get("calcChain", ""), formulas)

    def _chain(self, part: str, formulas: dict[str, set[str]]) -> Iterator[str]:
        root = self._part(part)
        sheet = ""
        for each in root if root is not None else ():
            sheet = each.get("i", sheet)
            if sheet in formulas and each.get("r") not in formulas[sheet]:
                yield f"{part}: a cell without a formula is to be calculated"


class _Sheet:
    def __init__(self, root: Element, formats: int | None, strings: list[str] | None) -> None:
        self.root, self.formats, self.strings = root, formats, strings
        self.texts: dict[tuple[int, int], str | None] = {}
        self.formulas: set[str] = set()
        self.merged: list[Area] = []
        self.tables: list[Area] = []
        self._masters: set[str] = set()
        self._shared: set[str] = set()

    def found(self) -> Iterator[str]:
        number = 0
        for row in _all(self.root, "row"):
            told = int(row.get("r", number + 1))
            if not number < told <= LAST_ROW:
                yield "rows are out of order"
            number = told
            yield from self._row(row, number)
        if self._shared - self._masters:
            yield "a shared formula has no text"
        yield from self._areas()
        yield from self._counts()

    def _row(self, row: Element, number: int) -> Iterator[str]:
        last = 0
        for cell in row:
            if _local(cell) != "c":
                continue
            address = cell.get("r")
            place = _area(address) if address else (number, last + 1, number, last + 1)
            if place is None or place[0] != number or place[1] <= last or place[1] > LAST_COLUMN:
                yield "cells are out of order"
                continue
            last = place[1]
            yield from self._cell(cell, number, last)

    def _cell(self, cell: Element, row: int, column: int) -> Iterator[str]:
        kind = cell.get("t", "n")
        parts = {_local(child): child for child in cell}
        if kind not in _TYPES:
            yield f"a cell has the unknown type {kind}"
        if self.formats is not None and int(cell.get("s", "0")) >= max(self.formats, 1):
            yield "a cell has a format that is not there"
        value = parts["v"].text if "v" in parts else None
        if kind == "s" and value is not None:
            known = self.strings or []
            if not int(value) < len(known):
                yield "a cell has a text that is not there"
            self.texts[row, column] = known[int(value)] if int(value) < len(known) else ""
        elif kind == "inlineStr":
            self.texts[row, column] = _text(cell)
        elif kind == "n" and value is not None:
            try:
                float(value)
            except ValueError:
                yield "a number is none"
            self.texts[row, column] = value
        else:
            self.texts[row, column] = value
        if "f" in parts:
            self.formulas.add(f"{_letters(column)}{row}")
            formula = parts["f"]
            if formula.get("t") == "shared":
                self._shared.add(formula.get("si", ""))
                if formula.text:
                    self._masters.add(formula.get("si", ""))

    def _areas(self) -> Iterator[str]:
        names = {"mergeCell": "ref", "hyperlink": "ref", "autoFilter": "ref", "dimension": "ref", "cfvo": ""}
        names |= {"conditionalFormatting": "sqref", "dataValidation": "sqref", "selection": "sqref"}
        for each in self.root.iter():
            key = names.get(_local(each))
            if not key or key not in each.attrib:
                continue
            for text in each.get(key, "").split() or [""]:
                area = _area(text)
                if area is None:
                    if not re.fullmatch(r"\$?[A-Z]+:\$?[A-Z]+|\$?[0-9]+:\$?[0-9]+", text):
                        yield f"a {_local(each)} is at {text!r}"
                elif area[2] > LAST_ROW or area[3] > LAST_COLUMN or area[0] > area[2] or area[1] > area[3]:
                    yield f"a {_local(each)} lies outside of the sheet"
                elif _local(each) == "mergeCell":
                    self.merged.append(area)

    def _counts(self) -> Iterator[str]:
        for each in self.root:
            name = _local(each)
            if name in ("mergeCells", "hyperlinks", "dataValidations") and not len(each):
                yield f"there is nothing in {name}"
            if name in ("mergeCells", "tableParts") and int(each.get("count", len(each))) != len(each):
                yield f"the count of {name} is wrong"
            if name == "hyperlinks" and len(each) > 65_530:
                yield "there are more than 65,530 links"
            if name == "hyperlinks" and len({link.get("ref") for link in each}) < len(each):
                yield "two links are in one cell"

    def overlaps(self) -> Iterator[str]:
        """Yield which merged cells or tables lie over each other."""
        areas = [*self.tables, *self.merged]
        for place, one in enumerate(areas):
            if any(_meet(one, other) for other in areas[place + 1 :]):
                yield "tables or merged cells lie over each other"


def _table(table: Element, sheet: _Sheet) -> Iterator[str]:
    area = _area(table.get("ref", ""))
    if area is None or area[2] > LAST_ROW:
        yield "the table lies nowhere"
        return
    sheet.tables.append(area)
    columns = list(_all(table, "tableColumn"))
    names = [column.get("name", "") for column in columns]
    header, totals = int(table.get("headerRowCount", "1")), int(table.get("totalsRowCount", "0"))
    if len(columns) != area[3] - area[1] + 1:
        yield "the table has another number of columns than its area"
    for each in table:
        if _local(each) == "tableColumns" and int(each.get("count", len(each))) != len(each):
            yield "the count of columns is wrong"
    if len({name.casefold() for name in names}) < len(names):
        yield "two columns have one name"
    if len({column.get("id") for column in columns}) < len(columns):
        yield "two columns have one id"
    if area[2] - area[0] + 1 - header - totals < 1:
        yield "the table has no row"
    for offset, name in enumerate(names if header else ()):
        text = sheet.texts.get((area[0], area[1] + offset))
        if text is not None and _same(text) != _same(name):
            yield f"the header {name!r} is {text!r} in its cell"
        if text is None:
            yield f"the header {name!r} has no cell"
    for each in table:
        if _local(each) == "autoFilter":
            expected = (area[0], area[1], area[2] - totals, area[3])
            if _area(each.get("ref", "")) != expected:
                yield "the filter has another area than the table"


def _comments(root: Element) -> Iterator[str]:
    places = [each.get("ref") for each in _all(root, "comment")]
    if len(set(places)) < len(places):
        yield "two notes are in one cell"


def _sequence(root: Element) -> Iterator[str]:
    for parent in root.iter():
        ranks = _RANKS.get(_local(parent))
        if ranks is None or _space(parent) not in MAIN:
            continue
        last = -1
        for child in parent:
            name = _local(child)
            if _space(child) not in MAIN:
                continue
            if name not in ranks:
                if (_local(parent), name) not in (("autoFilter", "customFilters"),):
                    yield f"<{name}> within <{_local(parent)}>"
                continue
            if ranks[name] < last or (ranks[name] == last and name not in _MANY):
                yield f"<{name}> out of order within <{_local(parent)}>"
            last = max(last, ranks[name])


def _text(item: Element) -> str:
    hints = {id(text) for hint in _all(item, "rPh") for text in _all(hint, "t")}
    return "".join(text.text or "" for text in _all(item, "t") if id(text) not in hints)


def _count(root: Element | None, parent: str, name: str) -> int | None:
    within = next((each for each in root if _local(each) == parent), None) if root is not None else None
    return None if within is None else sum(_local(each) == name for each in within)


def _all(root: Element, name: str) -> Iterable[Element]:
    return (each for each in root.iter() if _local(each) == name)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _space(element: Element) -> str:
    return element.tag[1:].partition("}")[0]


def _area(text: str) -> Area | None:
    found = _REF.fullmatch(text)
    if found is None:
        return None
    left, top, right, bottom = found.groups()
    return int(top), _number(left), int(bottom or top), _number(right or left)


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(number: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def _meet(one: Area, other: Area) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _same(text: str) -> str:
    # Line breaks are written as _x000a_ in the table's part; Excel compares without case.
    return re.sub(r"_x000[aAdD]_|\s", "", text).casefold()

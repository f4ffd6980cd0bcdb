"""A worksheet part: the elements around its rows as a tree, its rows and their cells as bytes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Container, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from xml.sax.saxutils import escape

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.formula_runs import FormulaCell, FormulaRun, SharedFormula, runs_of
from schedkit.excel.parts.sheet_cells import FormulaXml
from schedkit.excel.parts.sheet_rows import SheetRows
from schedkit.excel.parts.xml import OFFICE, Document, new_parser, plain, utf8
from schedkit.values.failures import translated

# The children of a worksheet in the order of its schema (ECMA-376 part 1, 18.3.1.99).
ORDER = (
    *("sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetCalcPr"),
    *("sheetProtection", "protectedRanges", "scenarios", "autoFilter", "sortState", "dataConsolidate"),
    *("customSheetViews", "mergeCells", "phoneticPr", "conditionalFormatting", "dataValidations"),
    *("hyperlinks", "printOptions", "pageMargins", "pageSetup", "headerFooter", "rowBreaks", "colBreaks"),
    *("customProperties", "cellWatches", "ignoredErrors", "smartTags", "drawing", "legacyDrawing"),
    *("legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems"),
    *("tableParts", "extLst"),
)
_TAG = rb"((?:[^\"'>/]|\"[^\"]*\"|'[^']*')*+)"
_LINKS = re.compile(rb"<((?:[\w.-]+:)?hyperlinks)(?=[\s/>])[^>]*(?<!/)>(.*?)</\1\s*>", re.DOTALL)
LINK = re.compile(rb"<((?:[\w.-]+:)?hyperlink)(?=[\s/>])" + _TAG + rb"(?:/>|>.*?</\1\s*>)", re.DOTALL)
_STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"
# Attributes that a new row takes over: formats and height, not number, extent or state.
_LOOK = {"s", "customFormat", "ht", "customHeight", "thickBot", "thickTop"}

# What tells where a row is.
_PLACING = ("r", "spans")


@dataclass(frozen=True)
class Row:
    """One row: its attributes but for number and extent, and its cells' XML by column."""

    attributes: str
    cells: dict[int, str]

    def xml(self, number: int) -> str:
        """Return the row's element."""
        cells = "".join(self.cells[column] for column in sorted(self.cells))
        return f'<row r="{number}"{self.attributes}>{cells}</row>'

    @property
    def look(self) -> str:
        """The attributes that a new row takes over."""
        attributes = sheet_cells.attributes(self.attributes)
        kept = {name for name in attributes if name in _LOOK or name.endswith(":dyDescent")}
        return "".join(f' {name}="{attributes[name]}"' for name in attributes if name in kept)

    def shown(self) -> Row:
        """Return the row as it is when no filter hides it."""
        return Row(_without(self.attributes, "hidden"), self.cells)


class Sheet:
    """A worksheet part, split into rows and what is around them.

    `document` is the part without its rows and links, of which there may be many; `data` is its ``sheetData``
    element, between whose tags the rows belong; `links` are the elements of its links; `size` is the number
    of bytes of the part.

    Raises
    ------
    WorkbookError
        If the part is damaged or holds no rows at all, as a chart sheet.
    """

    def __init__(self, xml: bytes, part: str, title: str) -> None:
        self.part, self.title = part, title
        xml, (start, inner, tag, closed) = _checked(utf8(xml, part), part, title)
        self.size = len(xml)
        end = inner if closed else xml.rfind(b"</" + tag)
        if closed:
            # An empty element gets an end tag, between which and the start tag there is room.
            shell = xml[:start] + _opened(xml[start:inner], tag) + xml[inner:]
            self._rows = SheetRows(b"", 0, 0, part)
            inner = shell.index(b"></" + tag, start) + 1
        else:
            # The rows are not copied: those of a large sheet have 200 MB.
            self._rows, shell = SheetRows(xml, inner, end, part), xml[:inner] + xml[end:]
        links = _LINKS.search(shell, inner)
        self.links = links[2] if links else b""
        self.document = Document(
            shell if links is None else shell[: links.start(2)] + shell[links.end(2) :], part
        )
        children = {child.name: child for child in self.document.root.children}
        self.data, self._links_element = children["sheetData"], children.get("hyperlinks")
        # A row without a number would get another one if rows are added before it.
        self._changed = {number: self._parsed(number) for number in self._rows.unnumbered}
        self._order = list(self._changed)

    @property
    def prefix(self) -> str:
        """The prefix of the sheet's elements, its colon included; "" if they have none."""
        return self.document.prefix(self.data)

    @property
    def namespace(self) -> str | None:
        """The namespace that elements without a prefix must declare; None if they are in it anyway."""
        if not self.prefix:
            return None
        document = self.document
        attributes: dict[str, str] = {}
        for element in (document.root, self.data):
            attributes |= sheet_cells.attributes(document.xml[element.start : element.inner].decode())
        return attributes["xmlns:" + self.prefix[:-1]]

    @property
    def strict(self) -> bool:
        """Whether the part uses the names of ISO 29500 Strict."""
        return b"http://purl.oclc.org/ooxml/spreadsheetml/main" in self.document.xml

    def column_style(self, column: int) -> int | None:
        """Return the format of cells that a column does not have yet, None if it is the default one."""
        columns = self.document.root.child("cols")
        for each in columns.children if columns is not None else ():
            first, last, style = (each.get(name, "0") for name in ("min", "max", "style"))
            if first.isdecimal() and last.isdecimal() and int(first) <= column <= int(last):
                return int(style) if style.isdecimal() and style != "0" else None
        return None

    def mentions(self, text: str) -> bool:
        """Tell whether something around the rows may refer to the sheet called `text`."""
        written = escape(text.replace("'", "''")).casefold()
        return written in self.document.xml.decode().casefold()

    def numbers(self, first: int = 1, last: int = MAX_ROWS) -> list[int]:
        """Return the numbers of the rows that were there from `first` to `last`, in order."""
        return self._rows.between(first, last)

    @property
    def last_row(self) -> int:
        """The last row that is there, new ones included."""
        return max([0, *self._rows.numbers[-1:], *self._order[-1:]])

    def row(self, number: int) -> Row:
        """Return a row as it is now, blank if it is not there."""
        return self._changed[number] if number in self._changed else self._parsed(number)

    def _parsed(self, number: int) -> Row:
        found = self._rows.row(number)
        if found is None:
            return Row("", {})
        return Row(_without(found.attributes, *_PLACING), sheet_cells.cells_of(found.cells, number))

    def cells(self, number: int, without: Container[int]) -> dict[int, str]:
        """Return the cells of a row as it is now by column, but for some columns, which saves time."""
        if number in self._changed:
            cells = self._changed[number].cells.items()
            return {column: cell for column, cell in cells if column not in without}
        found = self._rows.row(number)
        return {} if found is None else sheet_cells.cells_of(found.cells, number, without)

    def attributes(self, number: int, *, shown: bool = False) -> str | None:
        """Return the attributes of a row as it is now, None if it is not there; see `Row`.

        Parameters
        ----------
        shown : bool
            As they are when no filter hides the row.
        """
        row = self._changed.get(number)
        attributes = self._rows.attributes(number) if row is None else row.attributes
        return None if attributes is None else _without(attributes, *_PLACING, *(["hidden"] if shown else []))

    def hidden_rows(self, first: int, last: int) -> Iterator[int]:
        """Yield the rows from `first` to `last` that are hidden as they are now."""
        for number in self._rows.hidden(first, last):
            if number not in self._changed or "hidden" in self._changed[number].attributes:
                yield number

    def is_filled(self, number: int, left: int, right: int) -> bool:
        """Tell whether a row holds a value in one of the columns."""
        if not self._rows.has_value(number):
            return False
        cells = self.row(number).cells.items()
        return any(left <= column <= right and sheet_cells.is_filled(cell) for column, cell in cells)

    def first_filled(self, area: Area) -> tuple[int, int] | None:
        """Return row and column of the first cell of `area` that holds a value."""
        for number in self.numbers(area.top, area.bottom):
            if self.is_filled(number, area.left, area.right):
                cells = self.row(number).cells
                filled = (c for c in sorted(cells) if sheet_cells.is_filled(cells[c]))
                return number, next(c for c in filled if area.left <= c <= area.right)
        return None

    def formula_runs(self) -> list[FormulaRun]:
        """Return the formulas of the sheet, equal ones of consecutive rows as one."""
        return runs_of(self._formulas())

    def _formulas(self) -> Iterator[FormulaCell]:
        changed: dict[int, None] = {}
        for row, column, attributes, text in self._rows.formulas():
            if row in self._changed:
                changed[row] = None
            elif attributes:
                yield self._formula(sheet_cells.formula_xml(attributes.decode(), text.decode()), column, row)
            else:
                yield FormulaCell(row, column, sheet_cells.formula_text(text.decode()))
        for row in changed:
            for column, cell in self._changed[row].cells.items():
                found = sheet_cells.formula_of(cell)
                if found is not None:
                    yield self._formula(found, column, row)

    def _formula(self, written: FormulaXml, column: int, row: int) -> FormulaCell:
        found = self._resolved(written, column, row)
        spills = Area.parse(found.area) if ":" in found.area and not found.shared else None
        return FormulaCell(row, column, found.text, found.shared, spills)

    @cached_property
    def _shared(self) -> dict[str, SharedFormula]:
        """The shared formulas by their index, as they were before any change."""
        found = {}
        for row, column, attributes, text in self._rows.formulas():
            if not attributes or not text:
                continue
            formula = sheet_cells.formula_xml(attributes.decode(), text.decode())
            if formula.shared:
                found[formula.shared] = SharedFormula(formula.text, column, row)
        return found

    def formula(self, cell: str, column: int, row: int) -> FormulaXml | None:
        """Return the formula of a cell; a shared one as it reads in this cell."""
        found = sheet_cells.formula_of(cell)
        return None if found is None else self._resolved(found, column, row)

    def _resolved(self, written: FormulaXml, column: int, row: int) -> FormulaXml:
        if written.kind != "shared" or written.text:
            return written
        shared = self._shared.get(written.shared)
        text = "" if shared is None else shared.text(column, row)
        return FormulaXml(text, written.kind, written.shared)

    def change(self, number: int, row: Row) -> None:
        """Give a row another content; it may be new."""
        if number not in self._changed:
            insort(self._order, number)
        self._changed[number] = row

    @property
    def changed_rows(self) -> Set[int]:
        """The numbers of the rows that changed."""
        return self._changed.keys()

    @property
    def changed(self) -> bool:
        return bool(self._changed) or self.document.changed

    def result(self) -> bytes:
        """Return the part with all changes."""
        return b"".join([self.opening(), *self.rows(1, MAX_ROWS), *self.closing()])

    def opening(self) -> bytes:
        """Return what comes before the rows."""
        return self.document.result(0, self.data.inner)

    def closing(self, more_links: Sequence[bytes] = ()) -> Iterator[bytes]:
        """Yield what comes after the rows, with more links, whose elements have no prefix."""
        document, element, inner = self.document, self._links_element, self.data.inner
        if element is None:
            place = document.place(document.root, "hyperlinks", ORDER)
            yield document.result(inner, place)
            if more_links:
                names = "".join(f' {name}="{value}"' for name, value in self.link_namespaces.items())
                yield b"<hyperlinks%s>" % names.encode()
                yield from more_links
                yield b"</hyperlinks>"
        elif self.links or more_links:
            place = element.inner_end
            yield document.result(inner, place)
            yield self.links
            yield from more_links
        else:
            # There may be no list of links without a link.
            place = element.end
            yield document.result(inner, element.start)
        yield document.result(place)

    @property
    def link_namespaces(self) -> dict[str, str]:
        """What the list of links declares, so that new ones can be added."""
        own = {} if self.namespace is None else {"xmlns": self.namespace}
        return {**own, "xmlns:r": _STRICT_OFFICE if self.strict else OFFICE}

    def declare_links(self) -> None:
        """Let an existing list of links declare what new ones need."""
        if self._links_element is not None:
            self.document.set_attributes(self._links_element, **self.link_namespaces)

    def rows(self, first: int, last: int) -> Iterator[bytes | memoryview]:
        """Yield the rows from `first` to `last`, the changed ones as they are now."""
        for number in self._order[bisect_left(self._order, first) : bisect_right(self._order, last)]:
            yield self._rows.xml(first, number - 1)
            row = self._changed[number]
            if row.cells or row.attributes:
                yield row.xml(number).encode()
            first = number + 1
        yield self._rows.xml(first, last)


class _Data(NamedTuple):
    """Start and end of the start tag of the rows' element, its name, and whether it is empty."""

    start: int
    inner: int
    tag: bytes
    closed: bool


def _checked(xml: bytes, part: str, title: str) -> tuple[bytes, _Data]:
    """Return a well-formed part without comments, instructions and CDATA, and where its rows begin."""
    parser = new_parser(part)
    found: list[_Data] = []
    odd: list[str] = []

    def start(tag: str, _: object) -> None:
        if tag.rpartition(":")[2] == "sheetData":
            place = parser.CurrentByteIndex
            inner = xml.index(b">", place) + 1
            found.append(_Data(place, inner, tag.encode(), xml[inner - 2 : inner] == b"/>"))
            # The rows are many: from here on only well-formedness counts.
            parser.StartElementHandler = None

    parser.StartElementHandler = start
    parser.CommentHandler = odd.append
    parser.ProcessingInstructionHandler = lambda target, _: odd.append(target)
    parser.StartCdataSectionHandler = lambda: odd.append("CDATA")
    with translated(f"the part {part}", WorkbookError):
        parser.Parse(xml, True)
    if odd:
        return _checked(plain(xml, part), part, title)
    if not found:
        raise WorkbookError(f"the sheet {title!r} has no cells", hint="choose a worksheet, not a chart sheet")
    return xml, found[0]


def _without(attributes: str, *names: str) -> str:
    """Return attributes as they are written, but for some."""
    kept = sheet_cells.attributes(attributes)
    return "".join(f' {name}="{value}"' for name, value in kept.items() if name not in names)


def _opened(tag: bytes, name: bytes) -> bytes:
    return tag[:-2].rstrip() + b"></" + name + b">"

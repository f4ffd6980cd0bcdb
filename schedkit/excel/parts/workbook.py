"""The structure of a workbook: its sheets and their parts, names and calendar."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote
from weakref import WeakKeyDictionary
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.parts.xml import MAIN, OFFICE, STRICT, Document, check, new_parser, utf8
from schedkit.excel.serial_dates import FROM_1900, FROM_1904, Calendar
from schedkit.values.failures import translated

__all__ = [
    "MAIN",
    "OFFICE",
    "Relation",
    "Workbook",
    "open_workbook",
    "parse",
    "relations",
    "relations_part",
    "uses",
]

# Patterns that begin with fixed text are searched for four times as fast as those that do not.
_FORMULA, _PREFIXED_FORMULA = re.compile(rb"<f[\s/>]"), re.compile(rb":f[\s/>]")
# Where a part tells its encoding.
_HEAD = 200
_ENCODING = re.compile(rb"""\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


class Relation(NamedTuple):
    """One relation of a part to another part or, if external, to an address."""

    id: str
    kind: str
    target: str


@dataclass(frozen=True)
class Workbook:
    """The parts of a workbook, found by following its relations."""

    package: Package
    part: str
    sheets: dict[str, str] = field(default_factory=dict)
    _parsed: dict[str, Sheet] = field(default_factory=dict)

    @cached_property
    def root(self) -> ElementTree.Element:
        """The workbook part."""
        return parse(self.package.read(self.part), self.part)

    def sheet(self, title: str) -> Sheet:
        """Return a worksheet, parsed; the same one each time.

        Raises
        ------
        WorkbookError
            If its part is damaged, or holds no cells.
        """
        if title not in self._parsed:
            part = self.sheets[title]
            self._parsed[title] = Sheet(self.package.read(part), part, title)
        return self._parsed[title]

    def opened(self) -> list[Sheet]:
        """Return the worksheets that were parsed, which are all that can have changed."""
        return list(self._parsed.values())

    def calculating(self, about: str) -> list[str]:
        """Return the names of the worksheets whose cells hold formulas, or whose rules may be about a sheet.

        The others need not be taken apart, which takes a second for 100,000 rows.
        """
        known = self._parsed.keys()
        told = escape(about.replace("'", "''")).casefold()
        return [
            each for each in self.worksheets if each in known or self._calculates(self.sheets[each], told)
        ]

    def _calculates(self, part: str, about: str) -> bool:
        xml = self.package.read(part)
        # In another encoding neither tags nor names can be found as bytes.
        told = _ENCODING.search(xml[:_HEAD])
        plain = xml[:2] not in (b"\xff\xfe", b"\xfe\xff") and (told is None or told[1].lower() == b"utf-8")
        if not plain or _FORMULA.search(xml) or _PREFIXED_FORMULA.search(xml):
            return True
        # Without this tag the rows are searched as well.
        around = xml[max(xml.rfind(b"</sheetData"), 0) :]
        return about in around.decode(errors="replace").casefold()

    @property
    def worksheets(self) -> list[str]:
        """The names of the sheets that have cells."""
        parts = {relation.target for relation in relations(self.package, self.part, "worksheet")}
        return [title for title, part in self.sheets.items() if part in parts]

    @cached_property
    def _types(self) -> Document:
        return Document(self.package.read("[Content_Types].xml"), "[Content_Types].xml")

    def parts(self, kind: str) -> Iterator[str]:
        """Yield the names of the parts whose content type ends in `kind`."""
        for override in self._types.root.all("Override"):
            name = override.get("PartName").lstrip("/")
            if override.get("ContentType").endswith(kind) and name in self.package:
                yield self.package.named(name)

    @property
    def calendar(self) -> Calendar:
        """The calendar of the workbook's dates."""
        properties = self.root.find(f"{{{MAIN}}}workbookPr")
        odd = properties is not None and properties.get("date1904", "0") in ("1", "true")
        return FROM_1904 if odd else FROM_1900


def open_workbook(package: Package, name: str) -> Workbook:
    """Find the sheets of a workbook.

    Raises
    ------
    WorkbookError
        If the package is some other Office document.
    """
    found = [r.target for r in relations(package, "") if r.kind == "officeDocument"]
    if not found or found[0] not in package:
        raise WorkbookError(f"{name} holds no workbook", hint="is it a Word or PowerPoint file?")
    workbook = Workbook(package, found[0])
    if workbook.root.tag != f"{{{MAIN}}}workbook":
        raise WorkbookError(f"{name} holds no workbook", hint="is it a Word or PowerPoint file?")
    targets = {relation.id: relation.target for relation in relations(package, workbook.part)}
    for sheet in workbook.root.iter(f"{{{MAIN}}}sheet"):
        target = targets.get(sheet.get(f"{{{OFFICE}}}id", ""), "")
        if target in package:
            workbook.sheets[sheet.get("name", "")] = target
    return workbook


def parse(xml: bytes, part: str = "of the workbook") -> ElementTree.Element:
    """Parse a small part that is only read.

    Raises
    ------
    WorkbookError
        If it is not well-formed.
    """
    xml = utf8(xml, part)
    if b"<!DOCTYPE" in xml:
        # Its entities could expand without bounds; the parser that refuses it raises the error.
        check(xml, part)
    for strict, usual in STRICT.items():
        xml = xml.replace(strict.encode(), usual.encode())
    with translated(f"the part {part}", WorkbookError):
        return ElementTree.fromstring(xml)


def relations_part(part: str) -> str:
    """Return the name of the part that holds the relations of `part` ("" for the package)."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


# Several questions are asked of the relations of a part.
_RELATIONS: WeakKeyDictionary[Package, dict[str, list[Relation]]] = WeakKeyDictionary()


def relations(package: Package, part: str, kind: str | None = None) -> list[Relation]:
    """Return the relations of `part` to other parts, targets as part names.

    Parameters
    ----------
    kind : str, optional
        Which kind of them; by default all but the links of cells, of which a sheet may have 65,530.
    """
    known = _RELATIONS.setdefault(package, {})
    if part not in known:
        known[part] = _parsed_relations(package, part)
    return [relation for relation in known[part] if kind is None or relation.kind == kind]


def uses(package: Package, part: str) -> int:
    """Return how many relations of other parts lead to `part`."""
    targets = (each.target for name in package.names() for each in relations(package, name))
    return sum(target.casefold() == part.casefold() for target in targets)


def _parsed_relations(package: Package, part: str) -> list[Relation]:
    name = relations_part(part)
    if name not in package:
        return []
    found: list[Relation] = []
    # An absolute target starts at the package, a relative one at the part's folder.
    folder = posixpath.join("/", posixpath.dirname(part))

    def start(tag: str, told: dict[str, str]) -> None:
        kind = told.get("Type", "").rpartition("/")[2]
        if kind == "hyperlink" or not tag.endswith("Relationship"):
            return
        target = told.get("Target", "")
        if told.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join(folder, unquote(target))).lstrip("/")
            target = package.named(target)
        found.append(Relation(told.get("Id", ""), kind, target))

    parser = new_parser(name)
    parser.StartElementHandler = start
    with translated(f"the part {name}", WorkbookError):
        parser.Parse(utf8(package.read(name), name), True)
    return found

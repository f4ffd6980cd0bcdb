"""What a workbook says about itself: its sheets and their parts, names, calendar, tables."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from functools import cached_property
from xml.etree import ElementTree

from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.serial import FROM_1900, FROM_1904, Calendar

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# "Strict" workbooks use other names for the same things.
_STRICT = {
    b"http://purl.oclc.org/ooxml/spreadsheetml/main": MAIN.encode(),
    b"http://purl.oclc.org/ooxml/officeDocument/relationships": OFFICE.encode(),
}


@dataclass(frozen=True)
class Relation:
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

    @cached_property
    def root(self) -> ElementTree.Element:
        """The workbook part."""
        return parse(self.package.read(self.part))

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


def parse(xml: bytes) -> ElementTree.Element:
    """Parse a small part."""
    for strict, usual in _STRICT.items():
        xml = xml.replace(strict, usual)
    return ElementTree.fromstring(xml)


def relations_part(part: str) -> str:
    """Return the name of the part that holds the relations of `part` ("" for the package)."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relations(package: Package, part: str) -> list[Relation]:
    """Return the relations of `part`, targets as part names."""
    name = relations_part(part)
    if name not in package:
        return []
    found = []
    for node in ElementTree.fromstring(package.read(name)):
        target = node.get("Target", "")
        if node.get("TargetMode") != "External":
            # An absolute target starts at the package, a relative one at the part's folder.
            target = posixpath.normpath(posixpath.join("/", posixpath.dirname(part), target)).lstrip("/")
        found.append(Relation(node.get("Id", ""), node.get("Type", "").rsplit("/", 1)[-1], target))
    return found

"""Copying sheets of a new workbook to an existing one, with their formats, tables and charts."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr

from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.rewrite import Changes, free_prefix, rewrite
from schedkit.excel.parts.workbook import Workbook, open_workbook, relations, relations_part, uses
from schedkit.excel.parts.xml import OFFICE, Document, Element, greatest
from schedkit.excel.template.copy_styles import StyleCopier
from schedkit.excel.template.dependents import WORKBOOK_ORDER

__all__ = ["copy_sheets"]

_VML = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_NUMBER = re.compile(r"(?<!\d)\d*+(\.\w+)$")


def copy_sheets(data: bytes, name: str, drawn: bytes, titles: Sequence[str]) -> bytes:
    """Return the workbook `data` with the sheets `titles` of the workbook `drawn`.

    A sheet takes the place of one of the same name; a new one comes last.

    Raises
    ------
    WorkbookError
        If the workbook is of a kind that takes no sheets of ours.
    """
    book = open_workbook(Package(data, name), name)
    donor = open_workbook(Package(drawn, "the drawn sheets"), "the drawn sheets")
    if b"purl.oclc.org/ooxml" in book.package.read(book.part):
        raise WorkbookError(
            f"{name} is a Strict Open XML workbook, which takes no new sheets",
            hint="save it as an ordinary Excel workbook (.xlsx) first",
        )
    made = _SheetCopier(book, donor)
    for title in titles:
        made.put(title)
    file = io.BytesIO()
    rewrite(book.package, made.result(), file)
    return file.getvalue()


class _SheetCopier:
    def __init__(self, book: Workbook, donor: Workbook) -> None:
        self._book, self._donor = book, donor
        self._changes = Changes()
        self._styles = StyleCopier(book, donor)
        self._workbook = Document(book.package.read(book.part), book.part)
        self._prefix = self._workbook.prefix(self._workbook.root)
        self._sheets = [node.get("name") for node in self._workbook.root.all("sheet")]
        self._relations: list[bytes] = []
        self._names: list[bytes] = []
        self._new: dict[str, str] = {}

    def put(self, title: str) -> None:
        """Put one sheet of the donor into the workbook."""
        source = self._donor.sheets[title]
        part = self._book.sheets.get(title)
        if part is None:
            part = self._free(source)
            self._list(title, part)
        else:
            self._clear(part)
        self._new[source] = part
        document = Document(self._donor.package.read(source), source)
        self._styles.restyle(document)
        self._changes.parts[part] = document.result()
        self._changes.types[part] = self._type_of(source)
        self._copy_related(source, part)
        self._copy_names(title)

    def result(self) -> Changes:
        """Return what changes in the workbook."""
        changes = self._changes
        if self._names:
            self._append(self._workbook, "definedNames", b"".join(self._names))
        if self._workbook.changed:
            changes.parts[self._book.part] = self._workbook.result()
        if self._relations:
            changes.related[self._book.part] = lambda: self._relations
        changes.parts |= self._styles.changed()
        return changes

    def _append(self, document: Document, name: str, content: bytes) -> None:
        """Append content to a child of the workbook's element, which is added if it is missing."""
        element = document.root.child(name)
        if element is not None:
            document.append(element, content)
            return
        place = document.place(document.root, name, WORKBOOK_ORDER)
        tag = f"{self._prefix}{name}".encode()
        document.splice(place, place, b"<%s>%s</%s>" % (tag, content, tag))

    def _list(self, title: str, part: str) -> None:
        """Add a sheet to the list of the workbook."""
        ids = [node.get("sheetId") for node in self._workbook.root.all("sheet")]
        number = greatest(ids) + 1 + len(self._relations)
        identity = f"{free_prefix(self._book.package, self._book.part)}{number}"
        self._relations.append(
            f'<Relationship Id="{identity}" Type="{OFFICE}/worksheet" Target="/{part}"/>'.encode()
        )
        told = f'name={quoteattr(title)} sheetId="{number}" xmlns:r="{OFFICE}" r:id="{identity}"'
        sheets = self._workbook.root.child("sheets")
        assert sheets is not None
        self._workbook.append(sheets, f"<{self._prefix}sheet {told}/>".encode())
        self._sheets.append(title)

    def _clear(self, part: str) -> None:
        """Remove the drawings and tables of a sheet that is redrawn, and all its links."""
        package, related = self._book.package, relations_part(part)
        for relation in relations(package, part):
            if relation.kind in ("drawing", "comments", "vmlDrawing", "table"):
                self._drop(relation.target)
        if related in package:
            root = Document(package.read(related), related).root
            self._changes.unrelated[part] = {each.get("Id") for each in root.all("Relationship")}

    def _drop(self, part: str) -> None:
        if part in self._book.package and part not in self._changes.dropped:
            self._changes.dropped |= {part, relations_part(part)}
            for relation in relations(self._book.package, part):
                alone = relation.kind == "image" and uses(self._book.package, relation.target) == 1
                if alone or relation.kind in ("chart", "chartStyle", "chartColorStyle"):
                    self._drop(relation.target)

    def _copy_related(self, source: str, part: str) -> None:
        """Copy the parts that a part refers to, and its relations to them."""
        told = []
        for relation in relations(self._donor.package, source):
            if relation.target not in self._donor.package:
                continue
            copy = self._new.get(relation.target)
            if copy is None:
                copy = self._new[relation.target] = self._free(relation.target)
                self._changes.parts[copy] = self._content(relation.target, copy)
                self._changes.types[copy] = self._type_of(relation.target)
                self._copy_related(relation.target, copy)
            kind = f"{OFFICE}/{relation.kind}"
            told.append(f'<Relationship Id="{relation.id}" Type="{kind}" Target="/{copy}"/>'.encode())
        if told:
            self._changes.related[part] = lambda: told

    def _content(self, source: str, copy: str) -> bytes:
        content = self._donor.package.read(source)
        if "/tables/" not in source:
            return content
        document = Document(content, source)
        document.set_attributes(document.root, id=str(self._table_id()))
        return document.result()

    def _table_id(self) -> int:
        package = self._book.package
        tables = [part for part in package.names() if re.fullmatch(r"/?xl/tables/[^/]+\.xml", part)]
        ids = [Document(package.read(part), part).root.get("id") for part in tables]
        return greatest(ids) + sum("/tables/" in copy for copy in self._new.values())

    def _free(self, source: str) -> str:
        """Return a name like that of a donor's part which no part of the workbook has."""
        folder, name = posixpath.split(source)
        stem = _NUMBER.sub("", name)
        suffix = posixpath.splitext(name)[1]
        taken = {*self._book.package.names(), *self._changes.parts, *self._new.values()}
        number = 1
        while f"{folder}/{stem}{number}{suffix}" in taken:
            number += 1
        return f"{folder}/{stem}{number}{suffix}"

    def _type_of(self, source: str) -> str:
        types = Document(self._donor.package.read("[Content_Types].xml"), "[Content_Types].xml")
        for override in types.root.all("Override"):
            if override.get("PartName").lstrip("/") == source:
                return override.get("ContentType")
        return _VML if source.endswith(".vml") else "application/xml"

    def _copy_names(self, title: str) -> None:
        """Copy the print area and the repeated rows of a sheet."""
        place = self._sheets.index(title)
        own = {
            node.get("name"): node
            for node in self._workbook.root.all("definedName")
            if node.get("localSheetId") == str(place)
        }
        for node in _local_names(self._donor, title):
            name = node.get("name")
            if name in own:
                self._workbook.set_text(own[name], node.text)
                continue
            escaped = node.text.replace("&", "&amp;").replace("<", "&lt;")
            tag = f"{self._prefix}definedName"
            told = f'<{tag} name="{name}" localSheetId="{place}">{escaped}</{tag}>'
            self._names.append(told.encode())


def _local_names(donor: Workbook, title: str) -> Iterator[Element]:
    document = Document(donor.package.read(donor.part), donor.part)
    titles = [node.get("name") for node in document.root.all("sheet")]
    for node in document.root.all("definedName"):
        if node.get("localSheetId") == str(titles.index(title)):
            yield node

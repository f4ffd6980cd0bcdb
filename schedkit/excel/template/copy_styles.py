"""Copying cell formats from one workbook to another, unless it has them already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schedkit.errors import WorkbookError
from schedkit.excel.parts.workbook import Workbook, relations
from schedkit.excel.parts.xml import MAIN, Document, Element, greatest

__all__ = ["StyleCopier"]

# The children of a style sheet in the order of its schema (ECMA-376 part 1, 18.8.39).
_ORDER = (
    *("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"),
    *("tableStyles", "colors", "extLst"),
)
_FIRST_OWN_FORMAT = 164
_PARTS = (("fontId", "fonts"), ("fillId", "fills"), ("borderId", "borders"))


def _key(element: Element) -> Any:
    return element.name, tuple(sorted(element.attributes.items())), tuple(map(_key, element.children))


class _List:
    """One list of the target's style sheet, and what is added to it."""

    def __init__(self, document: Document, name: str) -> None:
        self.document, self.name = document, name
        self.element = document.root.child(name)
        self.items = list(self.element.children) if self.element is not None else []
        self.places = {_key(item): place for place, item in reversed(list(enumerate(self.items)))}
        self.added: list[bytes] = []

    def place(self, key: Any, content: bytes) -> int:
        """Return where an item is, added if it is not there."""
        if key not in self.places:
            self.places[key] = len(self.items) + len(self.added)
            self.added.append(content)
        return self.places[key]

    def write(self) -> None:
        if not self.added:
            return
        content, count = b"".join(self.added), str(len(self.items) + len(self.added))
        if self.element is not None:
            self.document.append(self.element, content)
            self.document.set_attributes(self.element, count=count)
            return
        tag = f"{self.document.prefix(self.document.root)}{self.name}".encode()
        place = self.document.place(self.document.root, self.name, _ORDER)
        made = b'<%s count="%s">%s</%s>' % (tag, count.encode(), content, tag)
        self.document.splice(place, place, made)


class StyleCopier:
    """Which format of the target each format of the donor has become."""

    def __init__(self, book: Workbook, donor: Workbook) -> None:
        self._target, self._donor = _styles(book), _styles(donor)
        self._part = self._target.part
        # What is added has no prefix of its own.
        self._space = {"xmlns": MAIN} if self._target.prefix(self._target.root) else {}
        names = ("numFmts", "fonts", "fills", "borders", "cellXfs", "dxfs")
        self._lists = {name: _List(self._target, name) for name in names}
        codes = self._lists["numFmts"].items
        self._codes = {item.get("formatCode"): item.get("numFmtId") for item in codes}
        self._formats = self._mapped_formats()
        self._rules = self._mapped_rules()

    def restyle(self, sheet: Document) -> None:
        """Let a sheet of the donor use the formats of the target."""
        for element in sheet.root.all("c", "row"):
            style = element.get("s")
            if style:
                sheet.set_attributes(element, s=str(self._formats[int(style)]))
        for element in sheet.root.all("col"):
            style = element.get("style")
            if style:
                sheet.set_attributes(element, style=str(self._formats[int(style)]))
        for element in sheet.root.all("cfRule"):
            style = element.get("dxfId")
            if style:
                sheet.set_attributes(element, dxfId=str(self._rules[int(style)]))

    def changed(self) -> dict[str, bytes]:
        """Return the style sheet if formats were added, by its name."""
        for each in self._lists.values():
            each.write()
        return {self._part: self._target.result()} if self._target.changed else {}

    def _mapped(self, name: str) -> list[int]:
        element = self._donor.root.child(name)
        items = element.children if element is not None else []
        return [
            self._lists[name].place(_key(item), self._donor.copied(item, **self._space)) for item in items
        ]

    def _mapped_rules(self) -> list[int]:
        """Map the styles of rules, whose number formats are numbered apart from those of cells."""
        taken = [node for item in self._lists["dxfs"].items for node in item.all("numFmt")]
        codes = {node.get("formatCode"): node.get("numFmtId") for node in taken}
        last = _greatest(codes.values())
        element = self._donor.root.child("dxfs")
        places = []
        for item in element.children if element is not None else []:
            content = self._donor.copied(item, **self._space)
            for node in item.all("numFmt"):
                last += node.get("formatCode") not in codes
                number = codes.setdefault(node.get("formatCode"), str(last))
                old = self._donor.xml[node.start : node.end]
                content = content.replace(old, self._donor.copied(node, numFmtId=number))
                # What is there already is found by it.
                node.attributes["numFmtId"] = number
            places.append(self._lists["dxfs"].place(_key(item), content))
        return places

    def _mapped_formats(self) -> list[int]:
        parts = {attribute: self._mapped(name) for attribute, name in _PARTS}
        formats = self._lists["cellXfs"]
        known = {self._look(item): place for place, item in reversed(list(enumerate(formats.items)))}
        formats.places = known
        element = self._donor.root.child("cellXfs")
        assert element is not None
        places = []
        for item in element.children:
            ids = {name: str(parts[name][int(item.get(name, "0"))]) for name in parts}
            ids["numFmtId"] = self._number_format(item.get("numFmtId", "0"))
            look = (tuple(ids[name] for name in sorted(ids)), tuple(map(_key, item.children)))
            places.append(formats.place(look, self._donor.copied(item, **self._space, **ids, xfId="0")))
        return places

    @staticmethod
    def _look(item: Element) -> Any:
        ids = ("borderId", "fillId", "fontId", "numFmtId")
        return tuple(item.get(name, "0") for name in ids), tuple(map(_key, item.children))

    def _number_format(self, number: str) -> str:
        """Return the number of a format in the target; those below 164 are everywhere the same."""
        if int(number) < _FIRST_OWN_FORMAT:
            return number
        element = next(node for node in self._donor.root.all("numFmt") if node.get("numFmtId") == number)
        code = element.get("formatCode")
        if code not in self._codes:
            self._codes[code] = str(_greatest(self._codes.values()) + 1)
            content = self._donor.copied(element, **self._space, numFmtId=self._codes[code])
            self._lists["numFmts"].place(code, content)
        return self._codes[code]


def _greatest(numbers: Iterable[str]) -> int:
    """Return the greatest number of the formats that a workbook defines itself."""
    return max(_FIRST_OWN_FORMAT - 1, greatest(numbers))


def _styles(book: Workbook) -> Document:
    for relation in relations(book.package, book.part, "styles"):
        part = book.package.named(relation.target)
        return Document(book.package.read(part), part)
    raise WorkbookError(
        f"{book.package.name} has no cell formats, so that it takes no new sheets",
        hint="open it in Excel and save it again",
    )

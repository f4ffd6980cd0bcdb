"""Formats of a template for values its own cell format would not show."""

from __future__ import annotations

from schedkit.excel.column_types import Kind
from schedkit.excel.parts.cell_values import format_kinds
from schedkit.excel.parts.workbook import Workbook, relations
from schedkit.excel.parts.xml import Document, Element

_WANTED = {Kind.DATE: "d", Kind.DATETIME: "d", Kind.TIME: "h", Kind.DURATION: "t"}
# Formats that every program knows by number: a date, one with its time, a time, hours beyond a day
# (ECMA-376 part 1, 18.8.30).
_BUILT_IN = {Kind.DATE: 14, Kind.DATETIME: 22, Kind.TIME: 21, Kind.DURATION: 46}
_LOOK = ("fontId", "fillId", "borderId")


class Formats:
    """The cell formats of a template, and those that are added to it."""

    def __init__(self, book: Workbook) -> None:
        self._kinds = format_kinds(book)
        self._document: Document | None = None
        self._list: Element | None = None
        for relation in relations(book.package, book.part, "styles"):
            if relation.target in book.package:
                self.part = book.package.named(relation.target)
                self._document = Document(book.package.read(self.part), self.part)
                self._list = self._document.root.child("cellXfs")
        self._formats = self._list.children if self._list is not None else []
        self._added: dict[tuple[int, int], int] = {}

    def for_kind(self, style: int | None, kind: Kind) -> int | None:
        """Return `style`, or one like it that shows values of `kind` as what they are."""
        wanted = _WANTED.get(kind)
        if wanted is None or self._kind(style) == wanted:
            return style
        own = self._look(style or 0)
        for place, found in enumerate(self._kinds):
            if found == wanted and self._look(place) == own:
                return place
        return self._add(style or 0, _BUILT_IN[kind])

    def changed(self) -> dict[str, bytes]:
        """Return the part of the formats if one was added, by its name."""
        if self._document is None or self._list is None or not self._added:
            return {}
        xfs = b"".join(
            self._document.copied(self._formats[style], numFmtId=str(number), applyNumberFormat="1")
            for style, number in self._added
        )
        self._document.append(self._list, xfs)
        count = len(self._formats) + len(self._added)
        self._document.set_attributes(self._list, count=str(count))
        return {self.part: self._document.result()}

    def _add(self, style: int, number: int) -> int | None:
        if self._document is None or style >= len(self._formats):
            return style or None
        place = len(self._formats) + len(self._added)
        return self._added.setdefault((style, number), place)

    def _kind(self, style: int | None) -> str:
        place = style or 0
        return self._kinds[place] if place < len(self._kinds) else "n"

    def _look(self, place: int) -> list[str]:
        return [self._formats[place].get(name) for name in _LOOK] if place < len(self._formats) else []

"""Formats of a template for values its own cell format would not show."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from schedkit.excel.model import Kind
from schedkit.excel.parts.values import format_kinds
from schedkit.excel.parts.workbook import MAIN, Workbook, parse, relations

_WANTED = {Kind.DATE: "d", Kind.DATETIME: "d", Kind.DURATION: "t"}
_LIKE = ("fontId", "fillId", "borderId")


class Formats:
    """The cell formats of a template; none is ever added, as its styles stay as they are."""

    def __init__(self, book: Workbook) -> None:
        self._kinds = format_kinds(book)
        self._formats: list[ElementTree.Element] = []
        for relation in relations(book.package, book.part):
            if relation.kind == "styles" and relation.target in book.package:
                self._formats = parse(book.package.read(relation.target)).findall(f"{{{MAIN}}}cellXfs/*")

    def for_kind(self, style: int | None, kind: Kind) -> int | None:
        """Return `style`, or the format most like it that shows dates if values of `kind` need that."""
        wanted = _WANTED.get(kind)
        if wanted is None or self._kind(style) == wanted:
            return style
        fitting = [place for place, found in enumerate(self._kinds) if found == wanted]
        if not fitting:
            return style
        own = self._look(style or 0)
        return max(fitting, key=lambda place: sum(map(_same, own, self._look(place))))

    def shows(self, style: int | None, kind: Kind) -> bool:
        """Tell whether `style` shows values of `kind` as what they are."""
        return kind not in _WANTED or self._kind(style) == _WANTED[kind]

    def _kind(self, style: int | None) -> str:
        place = style or 0
        return self._kinds[place] if place < len(self._kinds) else "n"

    def _look(self, place: int) -> list[Any]:
        return [self._formats[place].get(name) for name in _LIKE] if place < len(self._formats) else []


def _same(one: object, other: object) -> bool:
    return one == other

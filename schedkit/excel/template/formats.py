"""Formats of a template for values its own cell format would not show."""

from __future__ import annotations

import posixpath
from functools import cached_property

from schedkit.excel.column_types import Column, Kind
from schedkit.excel.links import relation_kind
from schedkit.excel.number_formats import shows_time
from schedkit.excel.parts.cell_values import format_kinds
from schedkit.excel.parts.rewrite import Changes
from schedkit.excel.parts.workbook import MAIN, Workbook, relations
from schedkit.excel.parts.xml import Document

_WANTED = {Kind.DATE: "d", Kind.DATETIME: "d", Kind.TIME: "h", Kind.DURATION: "t"}
# Formats that every program knows by number: a date, one with its time, a time, hours beyond a day
# (ECMA-376 part 1, 18.8.30).
_BUILT_IN = {Kind.DATE: 14, Kind.DATETIME: 22, Kind.TIME: 21, Kind.DURATION: 46}
_LOOK = ("fontId", "fillId", "borderId")
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
# What a workbook without formats is shown with.
_STYLES = (
    f'<styleSheet xmlns="{MAIN}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
).encode()


class Formats:
    """The cell formats of a template, and those that are added to it."""

    def __init__(self, book: Workbook) -> None:
        self._kinds = format_kinds(book)
        found = [each.target for each in relations(book.package, book.part, "styles")]
        known = next((name for name in found if name in book.package), None)
        self._book_part, self._new = book.part, known is None
        self.part = book.package.named(known or posixpath.join(posixpath.dirname(book.part), "styles.xml"))
        self._document = Document(_STYLES if known is None else book.package.read(self.part), self.part)
        self._list = self._document.root.child("cellXfs")
        self._formats = self._list.children if self._list is not None else []
        self._added: dict[tuple[int, int], int] = {}

    def for_kind(self, style: int | None, kind: Kind) -> int | None:
        """Return `style`, or one like it that shows values of `kind` as what they are."""
        wanted = _WANTED.get(kind)
        if wanted is None or self._kind(style) == wanted:
            return style
        return self._like(style or 0, wanted, _BUILT_IN[kind])

    def _like(self, style: int, wanted: str, number: int) -> int | None:
        """Return a format that shows what is `wanted` and looks like `style`; a new one has that number."""
        own, timed = self._look(style), number == _BUILT_IN[Kind.DATETIME]
        for place, found in enumerate(self._kinds):
            # A moment is shown with its time, a day without.
            fits = found == wanted and (wanted != "d" or self._timed(place) == timed)
            if fits and self._look(place) == own:
                return place
        return self._add(style, number)

    def for_column(self, style: int | None, column: Column) -> int | None:
        """Return `style`, or one like it that shows the values of a column as what they are.

        Numbers that are no dates are not shown with a format of dates.
        """
        numbers = column.kind in (Kind.INTEGER, Kind.NUMBER) and column.digits.undated is not None
        if not numbers or self._kind(style) == "n":
            return self.for_kind(style, column.kind)
        return self._like(style or 0, "n", 0)

    def store(self, changes: Changes, *, strict: bool) -> None:
        """Store the formats that were added."""
        if self._list is None or not self._added:
            return
        xfs = b"".join(
            self._document.copied(self._formats[style], numFmtId=str(number), applyNumberFormat="1")
            for style, number in self._added
        )
        self._document.append(self._list, xfs)
        count = len(self._formats) + len(self._added)
        self._document.set_attributes(self._list, count=str(count))
        changes.parts[self.part] = self._document.result()
        if self._new:
            changes.types[self.part] = _TYPE
            target = posixpath.relpath(self.part, posixpath.dirname(self._book_part))
            kind = relation_kind("styles", strict=strict)
            changes.relate(
                self._book_part,
                f'<Relationship Id="schedkitStyles" Target="{target}" Type="{kind}"/>'.encode(),
            )

    def _add(self, style: int, number: int) -> int | None:
        if style >= len(self._formats):
            return style or None
        place = len(self._formats) + len(self._added)
        return self._added.setdefault((style, number), place)

    def _kind(self, style: int | None) -> str:
        place = style or 0
        return self._kinds[place] if place < len(self._kinds) else "n"

    def _timed(self, place: int) -> bool:
        number = self._formats[place].get("numFmtId")
        return number == str(_BUILT_IN[Kind.DATETIME]) or shows_time(self._codes.get(number, ""))

    @cached_property
    def _codes(self) -> dict[str, str]:
        formats = self._document.root.child("numFmts")
        found = formats.children if formats is not None else ()
        return {each.get("numFmtId"): each.get("formatCode") for each in found}

    def _look(self, place: int) -> list[str]:
        return [self._formats[place].get(name) for name in _LOOK] if place < len(self._formats) else []

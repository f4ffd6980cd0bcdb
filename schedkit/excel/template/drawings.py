"""Charts, pictures and shapes below a region, which move down when it grows over their place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schedkit.errors import WorkbookError
from schedkit.excel.limits import MAX_ROWS
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.range_growth import RangeGrowth
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.parts.workbook import relations
from schedkit.excel.parts.xml import Element
from schedkit.excel.template.dependents import Parts

# English metric units of a row of 15 points and of a column of 8.43 characters (64 pixels), Excel's defaults.
ROW_HEIGHT, _COLUMN_WIDTH = 190_500, 609_600


@dataclass(frozen=True)
class _Anchor:
    """Where an object of a drawing is: the elements that hold its rows, and the cells that it covers."""

    name: str
    part: str
    element: Element
    area: Area


def move_objects(parts: Parts, sheet: Sheet, growth: RangeGrowth, where: str) -> None:
    """Move charts and pictures below a region by as many rows as its end moves.

    Raises
    ------
    WorkbookError
        If something that was moved would cover cells or another object.
    """
    if growth.shift <= 0:
        return
    body = growth.body
    below = Area(growth.old_end + 1, body.left, MAX_ROWS, body.right)
    anchors = list(_anchors(parts, sheet))
    moved = [anchor for anchor in anchors if anchor.area.overlaps(below) and anchor.area.top >= below.top]
    if not any(anchor.area.top <= growth.end for anchor in moved):
        return
    stays = [anchor for anchor in anchors if anchor not in moved]
    for anchor in moved:
        old = anchor.area
        new = Area(old.top + growth.shift, old.left, old.bottom + growth.shift, old.right)
        _refuse_cover(sheet, anchor, new, stays, where)
        _move(parts, anchor, growth.shift)


def _refuse_cover(sheet: Sheet, anchor: _Anchor, new: Area, stays: list[_Anchor], where: str) -> None:
    covered = next((other.name for other in stays if other.area.overlaps(new)), None)
    cell = sheet.first_filled(Area(max(new.top, anchor.area.bottom + 1), new.left, new.bottom, new.right))
    if covered is None and cell is not None:
        covered = f"the cell in row {cell[0]}, column {cell[1]}"
    if covered is not None or new.bottom > MAX_ROWS:
        raise WorkbookError(
            f"{where} would grow over {anchor.name}, which cannot move down: it would cover"
            f" {covered or 'the end of the sheet'}",
            hint="move it to the side, or to another sheet",
        )


def _anchors(parts: Parts, sheet: Sheet) -> Iterator[_Anchor]:
    for relation in relations(parts.book.package, sheet.part, "drawing"):
        if relation.target not in parts.book.package:
            continue
        for element in parts.document(relation.target).root.children:
            area = _area_of(element)
            if area is not None:
                yield _Anchor(_name_of(element), relation.target, element, area)


def _name_of(anchor: Element) -> str:
    named = next(anchor.all("cNvPr"), None)
    what = {"graphicFrame": "chart", "pic": "picture"}
    kind = next((what[child.name] for child in anchor.children if child.name in what), "shape")
    return f"the {kind} {named.get('name')!r}" if named is not None else f"a {kind}"


def _area_of(anchor: Element) -> Area | None:
    """Return the cells that an object covers; None if it lies at a fixed place, whatever the rows."""
    start, end, size = (anchor.child(name) for name in ("from", "to", "ext"))
    if start is None:
        return None
    top, left = _number(start, "row") + 1, _number(start, "col") + 1
    if end is not None:
        return Area(top, left, max(_number(end, "row") + 1, top), max(_number(end, "col") + 1, left))
    height, width = (int(size.get(name, "0")) if size is not None else 0 for name in ("cy", "cx"))
    return Area(top, left, top + height // ROW_HEIGHT, left + width // _COLUMN_WIDTH)


def _number(marker: Element, name: str) -> int:
    found = marker.child(name)
    text = found.text.strip() if found is not None else ""
    return int(text) if text.isdecimal() else 0


def _move(parts: Parts, anchor: _Anchor, rows: int) -> None:
    document = parts.document(anchor.part)
    for marker in anchor.element.children:
        row = marker.child("row") if marker.name in ("from", "to") else None
        if row is not None:
            document.set_text(row, str(_number(marker, "row") + rows))

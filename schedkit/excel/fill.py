"""The rows put into a drawn workbook or an analyst's template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from xml.sax.saxutils import escape

from schedkit import context
from schedkit.excel import memory
from schedkit.excel.drawn.skeleton import FIRST_ROW, HEADER_ROW, PROTOTYPE_ROWS, TOTALS_LABEL, SheetPlan
from schedkit.excel.frames.cells import Calculated, Data, Ink, Slot, rows
from schedkit.excel.frames.plan import Laid
from schedkit.excel.limits import MAX_LINKS
from schedkit.excel.links import LinkParts
from schedkit.excel.names import letters
from schedkit.excel.parts import sheetxml
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.rewrite import Changes, free_prefix, rewrite, with_links
from schedkit.excel.parts.workbook import Workbook, open_workbook, relations
from schedkit.excel.tally import Tally
from schedkit.excel.template.carry import calculation_chain, carried_parts
from schedkit.excel.template.surroundings import kept_links, without_merged
from schedkit.excel.template.template import Filling

_STAGE = "write workbook"
# 2 GB of XML is the most a part of this many cells was seen to take, with room to spare.
_LARGE_CELLS = 20_000_000


@dataclass
class Progress:
    """Tells the surroundings how many rows are written, and stops when they ask for it."""

    total: int
    done: int = 0

    def add(self, rows: int) -> None:
        self.done += rows
        context.progress(_STAGE, self.done, self.total)
        context.checkpoint()


def fill_drawn(drawn: bytes, laid: Laid, file: IO[bytes], tally: Tally) -> None:
    """Write the workbook `drawn` with the rows laid out to `file`."""
    package = Package(drawn, "the drawn workbook")
    book = open_workbook(package, "the drawn workbook")
    progress = Progress(sum(plan.rows for plan in laid.sheets))
    changes = Changes()
    for plan in laid.sheets:
        _fill_sheet(package, book.sheets[plan.name], plan, changes, tally, progress)
    changes.parts[memory.PART] = memory.to_xml(laid.memory)
    changes.related[book.part] = lambda: [memory.RELATION]
    rewrite(package, changes, file)


def _fill_sheet(
    package: Package, part: str, plan: SheetPlan, changes: Changes, tally: Tally, progress: Progress
) -> None:
    sheet = sheetxml.split(package.read(part), plan.name)
    looks = [sheet.row(row).cells for row in PROTOTYPE_ROWS]
    slots: list[Slot] = []
    room = MAX_LINKS
    for position, column in enumerate(plan.columns, 1):
        link = plan.links.get(position)
        style, linked, moment, duration, _ = (sheetxml.style_of(found.get(position)) for found in looks)
        slots.append(Data(position, column, style, link, linked, moment, duration, room))
        # Columns further right link only if all rows of those before them can.
        room = max(room - plan.rows, 0) if link else room
    ink = Ink(tally)
    used = Area(1, 1, plan.last_row + bool(plan.totals), max(len(slots), 1))

    def stream() -> Iterator[bytes | memoryview]:
        yield sheetxml.head_for(sheet.head, used) + b"<sheetData>" + sheet.rows.get(HEADER_ROW, "").encode()
        for chunk, count in rows(slots, plan.start, plan.stop, FIRST_ROW, ink):
            yield chunk
            progress.add(count)
        if plan.totals:
            yield _totals_row(plan, looks[-1])
        yield b"</sheetData>" + with_links(sheet.tail, [], ink.links)

    changes.streams[part] = stream
    changes.related[part] = lambda: ink.links.targets
    if plan.rows * len(slots) > _LARGE_CELLS:
        changes.large.add(part)


def _totals_row(plan: SheetPlan, looks: dict[int, str]) -> bytes:
    row = plan.last_row + 1
    cells = []
    for position in range(1, len(plan.columns) + 1):
        opening = f'<c r="{letters(position)}{row}" s="{sheetxml.style_of(looks[position])}"'
        total = plan.totals.get(position)
        if total is not None:
            cells.append(f"{opening}><f>{escape(total.formula)}</f><v>{total.value!r}</v></c>")
        elif position == 1:
            cells.append(f'{opening} t="inlineStr"><is><t>{TOTALS_LABEL}</t></is></c>')
        else:
            cells.append(f"{opening}/>")
    return f'<row r="{row}">{"".join(cells)}</row>'.encode()


def fill_template(book: Workbook, filling: Filling, file: IO[bytes], tally: Tally) -> None:
    """Write the template `book` with one region filled to `file`."""
    package, region, sheet = book.package, filling.region, filling.sheet
    ink = Ink(tally, LinkParts(free_prefix(package, region.part)))
    progress = Progress(filling.count)
    tail = sheet.tail
    if filling.match is None:
        tail = without_merged(tail, region, filling.first_row)
    kept, gone = kept_links(tail, filling.overwritten)
    tail = sheetxml.tail_for(tail, filling.growth)

    def stream() -> Iterator[bytes | memoryview]:
        head = sheetxml.head_for(sheet.head, _used(filling))
        yield head + b"<sheetData>" + filling.before.encode()
        for chunk, count in rows(filling.slots, 0, filling.count, filling.first_row, ink, filling.attributes):
            yield chunk
            progress.add(count)
        yield filling.after.encode() + b"</sheetData>" + with_links(tail, kept, ink.links)

    changes = Changes(streams={region.part: stream}, related={region.part: lambda: ink.links.targets})
    if filling.count * len(filling.slots) > _LARGE_CELLS:
        changes.large.add(region.part)
    # An id that a link elsewhere still uses stays.
    used = set(re.findall(rb'\br:id="([^"]*)"', b"".join(kept)))
    freed = set(re.findall(rb'\br:id="([^"]*)"', b"".join(gone))) - used
    changes.unrelated[region.part] = {name.decode() for name in freed}
    changes.parts = carried_parts(book, region, filling.growth, formulas=_has_formulas(book, filling))
    _rechain(book, filling, changes)
    rewrite(package, changes, file)


def _used(filling: Filling) -> Area:
    body = filling.growth.body
    area = Area(1, 1, max([filling.growth.bottom + filling.growth.totals, *filling.sheet.rows]), body.right)
    found = sheetxml.dimension(filling.sheet.head)
    if found is None:
        return area
    return Area(
        min(found.top, filling.growth.header_row),
        min(found.left, body.left),
        area.bottom,
        max(found.right, body.right),
    )


def _has_formulas(book: Workbook, filling: Filling) -> bool:
    if any(isinstance(slot, Calculated) for slot in filling.slots):
        return True
    parts = [part for part in book.sheets.values() if part in book.package]
    return any(b"<f" in book.package.read(part) for part in parts)


def _rechain(book: Workbook, filling: Filling, changes: Changes) -> None:
    body, bottom = filling.growth.body, filling.growth.bottom
    calculated = {slot.position for slot in filling.slots if isinstance(slot, Calculated)}
    gone = set()
    for row in range(filling.first_row, body.bottom + filling.growth.totals + 1):
        for column, cell in filling.sheet.row(row).cells.items():
            if "<f" not in cell or not body.left <= column <= body.right:
                continue
            stays = row <= bottom and column in calculated
            if row > body.bottom:
                stays = stays or not filling.growth.shift
            elif row <= bottom:
                stays = stays or not filling.overwritten.covers(Area(row, column, row, column))
            if not stays:
                gone.add(f"{letters(column)}{row}")
    chain = calculation_chain(book, filling.region, gone) if gone else None
    if chain is None:
        return
    name, content = chain
    if content:
        changes.parts[name] = content
    else:
        changes.dropped.add(name)
        ids = {r.id for r in relations(book.package, book.part) if r.target == name}
        changes.unrelated[book.part] = ids

"""The rows put into a drawn workbook; every other part is copied byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO
from xml.sax.saxutils import escape

from schedkit import context
from schedkit.excel import memory, sheetxml
from schedkit.excel.cells import Slot, rows
from schedkit.excel.limits import MAX_LINKS
from schedkit.excel.links import LinkParts
from schedkit.excel.names import letters
from schedkit.excel.package import Package, Writer
from schedkit.excel.plan import Laid
from schedkit.excel.skeleton import FIRST_ROW, HEADER_ROW, PROTOTYPE_ROWS, TOTALS_LABEL, SheetPlan
from schedkit.excel.tally import Tally
from schedkit.excel.workbook import open_workbook, relations_part

_RELATIONSHIPS = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
)
_RELATIONS_NAMESPACE = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# Elements that stand after hyperlinks in a worksheet (ECMA-376 18.3.1.99); links go before the first.
_AFTER_LINKS = re.compile(
    rb"<(printOptions|pageMargins|pageSetup|headerFooter|rowBreaks|colBreaks|customProperties|cellWatches"
    rb"|ignoredErrors|smartTags|drawing|legacyDrawing|legacyDrawingHF|picture|oleObjects|controls"
    rb"|webPublishItems|tableParts|extLst)\b|</worksheet>"
)
_STAGE = "write workbook"
# 2 GB of XML is the most a part of this many cells was seen to take, with room to spare.
_LARGE_CELLS = 20_000_000


def fill(drawn: bytes, laid: Laid, file: IO[bytes], tally: Tally) -> None:
    """Write the workbook `drawn` with the rows laid out to `file`."""
    package = Package(drawn, "the drawn workbook")
    book = open_workbook(package, "the drawn workbook")
    parts = {book.sheets[plan.name]: plan for plan in laid.sheets}
    total = sum(plan.rows for plan in laid.sheets)
    done = 0
    writer = Writer(file)
    redone = {*parts, *map(relations_part, parts), relations_part(book.part)}
    for name in package.names():
        if name not in redone:
            writer.copy(package, name)
    for name, plan in parts.items():
        done = _fill_sheet(package, name, plan, writer, tally, done, total)
    _add_relations(writer, package, book.part, [memory.RELATION])
    writer.add(memory.PART, [memory.to_xml(laid.memories)])
    writer.close()


def _fill_sheet(
    package: Package, part: str, plan: SheetPlan, writer: Writer, tally: Tally, done: int, total: int
) -> int:
    sheet = sheetxml.split(package.read(part))
    looks = [sheetxml.styles(sheet.rows.get(row, b"")) for row in PROTOTYPE_ROWS]
    slots = []
    room = MAX_LINKS
    for position, column in enumerate(plan.columns, 1):
        link = plan.links.get(position)
        style, linked, moment, duration, _ = (found.get(letters(position)) for found in looks)
        slots.append(Slot(position, column, style, link, linked, moment, duration, room))
        # Columns further right link only if all rows of those before them can.
        room = max(room - plan.rows, 0) if link else room
    links = LinkParts()

    def chunks() -> Iterator[bytes | memoryview]:
        nonlocal done
        yield sheet.head + b"<sheetData>" + sheet.rows.get(HEADER_ROW, b"")
        for chunk, count in rows(slots, plan.start, plan.stop, FIRST_ROW, links, tally):
            yield chunk
            done += count
            context.progress(_STAGE, done, total)
            context.checkpoint()
        if plan.totals:
            yield _totals_row(plan, looks[-1])
        yield b"</sheetData>" + _with_links(sheet.tail, links)

    writer.add(part, chunks(), large=plan.rows * len(slots) > _LARGE_CELLS)
    _add_relations(writer, package, part, links.targets)
    return done


def _totals_row(plan: SheetPlan, styles: dict[str, int]) -> bytes:
    row = plan.last_row + 1
    cells = []
    for position in range(1, len(plan.columns) + 1):
        name = letters(position)
        opening = f'<c r="{name}{row}" s="{styles[name]}"'
        total = plan.totals.get(position)
        if total is not None:
            cells.append(f"{opening}><f>{escape(total.formula)}</f><v>{total.value!r}</v></c>")
        elif position == 1:
            cells.append(f'{opening} t="inlineStr"><is><t>{TOTALS_LABEL}</t></is></c>')
        else:
            cells.append(f"{opening}/>")
    return f'<row r="{row}">{"".join(cells)}</row>'.encode()


def _add_relations(writer: Writer, package: Package, part: str, added: list[bytes]) -> None:
    name = relations_part(part)
    before = package.read(name) if name in package else _RELATIONSHIPS
    start, end = before.rsplit(b"</Relationships>", 1)
    writer.add(name, [start, *added, b"</Relationships>" + end])


def _with_links(tail: bytes, links: LinkParts) -> bytes:
    if not links.count:
        return tail
    place = _AFTER_LINKS.search(tail)
    assert place is not None
    block = b'<hyperlinks xmlns:r="%s">%s</hyperlinks>' % (_RELATIONS_NAMESPACE, b"".join(links.refs))
    return tail[: place.start()] + block + tail[place.start() :]

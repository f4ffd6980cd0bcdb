"""Writing rows into a new workbook or a template."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schedkit import context
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frame_metadata import WorkbookMetadata
from schedkit.excel.frames.cells import CHUNK_ROWS, ColumnRenderer, Data, SheetOutput, rows
from schedkit.excel.frames.layout import Layout
from schedkit.excel.limits import MAX_LINKS, MAX_ROWS
from schedkit.excel.links import LinkParts, relation_kind
from schedkit.excel.names import letters
from schedkit.excel.new_workbook.skeleton import TOTALS_LABEL, SheetPlan
from schedkit.excel.parts import sheet_cells
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.metadata_part import read_metadata, store_metadata
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.rewrite import Changes, free_prefix, rewrite
from schedkit.excel.parts.sheet import Sheet
from schedkit.excel.parts.workbook import Workbook, open_workbook, relations
from schedkit.excel.template.dependents import Parts, grow_dependents, recalculate
from schedkit.excel.template.drawings import move_objects
from schedkit.excel.template.formula_cells import Change, Followed, follow
from schedkit.excel.template.hyperlinks import keep_links
from schedkit.excel.template.neighbours import move_rows_below, without_merged, write_header
from schedkit.excel.template.notes import move_notes
from schedkit.excel.template.results import calculates, store_results, with_results
from schedkit.excel.template.rules_and_filters import clear_filters, grow_other, grow_own
from schedkit.excel.template.stale_formulas import StaleFormulas
from schedkit.excel.template.template import Filling
from schedkit.excel.template.workbook_values import NewCells, WorkbookValues

# What a new workbook is called before it has a file.
DRAWN = "the new workbook"
_STAGE = "write workbook"
# 2 GB of XML is the most a part of this many cells was seen to take, with room to spare.
_LARGE_CELLS = 20_000_000
_LARGE_BYTES = 1 << 31


@dataclass
class Progress:
    """Reports how many rows are written, and stops when the run is cancelled."""

    total: int
    done: int = 0

    def add(self, rows: int) -> None:
        self.done += rows
        context.progress(_STAGE, self.done, self.total)
        context.checkpoint()


def fill_new_workbook(
    drawn: bytes, layout: Layout, file: IO[bytes], report: ConversionReport, name: str = DRAWN
) -> None:
    """Write the workbook `drawn` with the rows laid out, to `file`; `name` is the file it was drawn into."""
    package = Package(drawn, name)
    book = open_workbook(package, name)
    progress = Progress(sum(plan.rows for plan in layout.sheets))
    changes = Changes()
    for plan in layout.sheets:
        _fill_sheet(package, book.sheets[plan.name], plan, changes, report, progress)
    store_metadata(book, read_metadata(book)[1].joined(layout.metadata), changes)
    rewrite(package, changes, file)


def _fill_sheet(
    package: Package,
    part: str,
    plan: SheetPlan,
    changes: Changes,
    report: ConversionReport,
    progress: Progress,
) -> None:
    sheet = Sheet(package.read(part), part, plan.name)
    looks = [sheet.row(row).cells for row in plan.prototype_rows]
    renderers: list[ColumnRenderer] = []
    room = MAX_LINKS
    for position, column in enumerate(plan.columns, 1):
        link = plan.links.get(position)
        style, linked, moment, duration, _ = (sheet_cells.style_of(found.get(position)) for found in looks)
        renderers.append(Data(position, column, style, link, linked, moment, duration, room))
        # Columns further right link only if all rows of those before them can.
        room = max(room - plan.rows, 0) if link else room
    output = SheetOutput(report)
    _set_dimension(sheet, Area(1, 1, plan.last_row + bool(plan.totals), max(len(renderers), 1)))

    attributes = "" if plan.outline is None else plan.outline.attributes()

    def stream() -> Iterator[bytes | memoryview]:
        yield sheet.opening()
        yield from sheet.rows(1, plan.header_row)
        for chunk, count in rows(renderers, plan.start, plan.stop, plan.first_row, output, attributes):
            yield chunk
            progress.add(count)
        if plan.totals:
            yield _totals_row(plan, looks[-1])
        yield from sheet.closing(output.links.refs)

    changes.streams[part] = stream
    changes.related[part] = lambda: output.links.targets
    if plan.rows * len(renderers) > _LARGE_CELLS:
        changes.large.add(part)


def _set_dimension(sheet: Sheet, used: Area) -> None:
    """Update the used range that a sheet declares, if it declares one."""
    dimension = sheet.document.root.child("dimension")
    if dimension is not None:
        sheet.document.set_attributes(dimension, ref=str(used))


def _totals_row(plan: SheetPlan, looks: dict[int, str]) -> bytes:
    row = plan.last_row + 1
    cells = []
    for position in range(1, len(plan.columns) + 1):
        opening = f'<c r="{letters(position)}{row}" s="{sheet_cells.style_of(looks[position])}"'
        total = plan.totals.get(position)
        if total is not None:
            cells.append(f"{opening}><f>{escape(total.formula)}</f><v>{total.value!r}</v></c>")
        elif position == 1:
            cells.append(f'{opening} t="inlineStr"><is><t>{TOTALS_LABEL}</t></is></c>')
        else:
            cells.append(f"{opening}/>")
    return f'<row r="{row}">{"".join(cells)}</row>'.encode()


def fill_template(
    book: Workbook,
    filling: Filling,
    file: IO[bytes],
    report: ConversionReport,
    metadata: WorkbookMetadata | None = None,
) -> None:
    """Write the template `book` with one region filled to `file`; `metadata` is stored in it."""
    sheet, region, growth = filling.sheet, filling.region, filling.growth
    parts = Parts(book)
    followed = _follow_formulas(book, filling, parts)
    grow_dependents(parts, region, growth)
    move_objects(parts, sheet, growth, f"{region} of {book.package.name}")
    report.add("notes_removed", move_notes(parts, region.part, growth, filling.keys))
    _clear_filters(parts, filling, report)
    filling = _with_values(book, filling, followed, report)
    freed = _arrange_sheet(filling)
    changes = Changes(parts={**_sheets_changed(book, sheet), **parts.changed()})
    filling.formats.store(changes, strict=sheet.strict)
    if metadata is not None:
        store_metadata(book, metadata, changes, strict=sheet.strict)
    if followed.lost:
        _drop_calculation_chain(book, changes)
    _stream_sheet(book, filling, freed, changes, report)
    rewrite(book.package, changes, file)


def _follow_formulas(book: Workbook, filling: Filling, parts: Parts) -> Followed:
    """Update all formulas for the new region, and drop values calculated from old rows."""
    growth = filling.growth
    change = Change(growth, filling.overwritten, filling.written, filling.updated_rows)
    followed = follow(book, change)
    if followed.formulas or any(map(calculates, filling.renderers)):
        recalculate(parts.document(book.part))
    for other in book.opened():
        if other is not filling.sheet and other.mentions(growth.sheet):
            grow_other(other, growth)
    return followed


def _with_values(book: Workbook, filling: Filling, followed: Followed, report: ConversionReport) -> Filling:
    """Store the values of formulas that depend on the new rows, as far as they are calculated here."""
    growth, renderers = filling.growth, filling.renderers
    stale = StaleFormulas(book, growth, followed.formulas)
    values = WorkbookValues(book, growth, NewCells(filling.numbers, renderers, filling.attributes), stale)
    report.add("uncalculated", store_results(book, followed.formulas, values))
    return replace(filling, renderers=with_results(renderers, values))


def _clear_filters(parts: Parts, filling: Filling, report: ConversionReport) -> None:
    """Clear the filter of a region, because the hidden rows are replaced by others."""
    if not filling.filtered:
        return
    table, sheet, body = filling.region.table, filling.sheet, filling.region.body
    report.add("filters_cleared", clear_filters(parts.document(table.part) if table else sheet.document))
    for number in sheet.numbers(body.top, body.bottom):
        row = sheet.row(number)
        if "hidden" in row.attributes:
            sheet.change(number, row.shown())


def _arrange_sheet(filling: Filling) -> set[str]:
    """Move what surrounds the new rows; return the ids of relations that no link uses any more."""
    sheet, region, growth = filling.sheet, filling.region, filling.growth
    if region.new:
        write_header(sheet, region)
    move_rows_below(sheet, region, growth)
    grow_own(sheet, growth)
    freed = keep_links(sheet, filling.overwritten, growth)
    if filling.match is None:
        without_merged(sheet, growth, filling.overwritten.first_row)
    if sheet.namespace is not None:
        # Cells are written without a prefix.
        sheet.document.set_attributes(sheet.data, xmlns=sheet.namespace)
    used = sheet.document.root.child("dimension")
    old = Area.parse(used.get("ref")) if used is not None else None
    body, bottom = region.body, max(growth.end, sheet.last_row)
    new = Area(growth.header_row, body.left, bottom, body.right)
    if old is not None:
        new = Area(min(old.top, new.top), min(old.left, new.left), bottom, max(old.right, new.right))
    _set_dimension(sheet, new)
    return freed


def _sheets_changed(book: Workbook, filled: Sheet) -> dict[str, bytes]:
    """Return the other sheets that changed, by part."""
    return {each.part: each.result() for each in book.opened() if each is not filled and each.changed}


def _drop_calculation_chain(book: Workbook, changes: Changes) -> None:
    """Remove the calculation chain: Excel rebuilds a missing one but repairs a file with a wrong one."""
    for relation in relations(book.package, book.part, "calcChain"):
        changes.dropped.add(relation.target)
        changes.unrelated.setdefault(book.part, set()).add(relation.id)


def _stream_sheet(
    book: Workbook, filling: Filling, freed: set[str], changes: Changes, report: ConversionReport
) -> None:
    """Render the filled sheet when it is written, in chunks."""
    sheet, part = filling.sheet, filling.region.part
    kind = relation_kind(strict=sheet.strict)
    output = SheetOutput(report, LinkParts(free_prefix(book.package, part), kind=kind))

    def stream() -> Iterator[bytes | memoryview]:
        yield sheet.opening()
        yield from _body(filling, output)
        yield from sheet.closing(output.links.refs)

    changes.streams[part] = stream
    changes.related[part] = lambda: output.links.targets
    changes.unrelated[part] = freed
    if len(filling.numbers) * len(filling.renderers) > _LARGE_CELLS or sheet.size > _LARGE_BYTES:
        changes.large.add(part)


def _body(filling: Filling, output: SheetOutput) -> Iterator[bytes | memoryview]:
    """Yield all rows of the filled sheet: the new ones and those that stay, in order."""
    sheet, numbers = filling.sheet, filling.numbers
    progress = Progress(len(numbers))
    last = 0
    for low in range(0, len(numbers), CHUNK_ROWS):
        chunk = numbers[low : low + CHUNK_ROWS]
        texts = _rendered(filling, low, low + len(chunk), output)
        ends = np.frombuffer(texts.buffers()[1], np.int64)
        data = memoryview(texts.buffers()[2])
        # Rows that follow each other are written in one go.
        for run in np.split(np.arange(len(chunk)), np.flatnonzero(np.diff(chunk) != 1) + 1):
            first, after = int(run[0]), int(run[-1]) + 1
            yield from sheet.rows(last + 1, int(chunk[first]) - 1)
            yield data[ends[first] : ends[after]]
            last = int(chunk[after - 1])
        progress.add(len(chunk))
    yield from sheet.rows(last + 1, MAX_ROWS)


def _rendered(filling: Filling, low: int, high: int, output: SheetOutput) -> pa.Array:
    """Return the rows `low` to `high` of a filling, each as the XML of its element."""
    string = pa.large_string()
    numbers = pa.array(filling.numbers[low:high]).cast(string)
    by_row = filling.attributes
    attributes = by_row if isinstance(by_row, str) else by_row.slice(low, high - low)
    pieces = [
        piece for renderer in filling.renderers for piece in renderer.render(low, high, numbers, output)
    ]
    texts = ['<row r="', numbers, '"', attributes, ">", *pieces, "</row>"]
    arrays = [pa.scalar(text, string) if isinstance(text, str) else text for text in texts]
    return pc.binary_join_element_wise(*arrays, pa.scalar("", string), null_handling="replace")

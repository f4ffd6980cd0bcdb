"""An existing workbook continued: rows in its tables, new sheets, and its Summary drawn again."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pandas as pd

from schedkit import context
from schedkit.excel.drawn.decorate import provenance
from schedkit.excel.drawn.look import width
from schedkit.excel.drawn.overview import overview
from schedkit.excel.drawn.skeleton import SUMMARY, Front, SheetPlan, draw
from schedkit.excel.fill import fill_drawn, fill_template
from schedkit.excel.frames.cells import Data
from schedkit.excel.frames.plan import lay_out, with_index
from schedkit.excel.jobs import Frames, Job, Look
from schedkit.excel.memory import WorkbookMemory, updated
from schedkit.excel.model import Policy
from schedkit.excel.names import headers
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.remembered import memory_of
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import Workbook, open_workbook
from schedkit.excel.parts.xml import Document
from schedkit.excel.reading import first_frame
from schedkit.excel.tally import Tally
from schedkit.excel.template.graft import graft
from schedkit.excel.template.more_columns import with_more_columns
from schedkit.excel.template.region import Locator, Region
from schedkit.excel.template.template import Counts, Filling, Order, plan_filling
from schedkit.excel.template.widths import set_widths
from schedkit.values.files import file_error

_CORE = "docProps/core.xml"


@dataclass(frozen=True)
class _Step:
    """One frame put into a workbook; `made` tells that it was there already."""

    fill: Callable[[IO[bytes]], None]
    sheets: tuple[str, ...]
    counts: Counts
    rows: int
    made: bool = False

    def done(self) -> bytes:
        file = io.BytesIO()
        self.fill(file)
        return file.getvalue()


def continued_job(frames: Frames, path: Path, order: Order, look: Look, tally: Tally) -> Job:
    """Put frames into the workbook at `path`, one after the other; a sheet it does not have is added."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise file_error(error, path, "read") from None
    return _job(frames, data, path.name, order, look, tally)


def placed_job(frames: Frames, sheet: str, name: str, order: Order, look: Look, tally: Tally) -> Job:
    """Put frames into a new workbook with one blank sheet, at the cells they are meant for."""
    return _job(frames, _blank(sheet, look, order.policy), name, order, look, tally)


def _job(frames: Frames, data: bytes, name: str, order: Order, look: Look, tally: Tally) -> Job:
    steps: list[_Step] = []
    for target, frame in frames.items():
        if steps:
            data = steps[-1].done()
        steps.append(_step(data, name, target, frame, order, look, tally))
    fill = steps[-1].fill
    unchanged = all(step.made for step in steps)
    fronts: tuple[str, ...] = ()
    if not unchanged and _has_summary(data, name):
        (*_, newest) = frames.values()
        fill = _with_summary(steps[-1], name, newest, look, order.policy)
        fronts = (SUMMARY,)
    return Job(
        fill,
        sum(step.rows for step in steps),
        tuple(dict.fromkeys([*fronts, *(sheet for step in steps for sheet in step.sheets)])),
        sum(step.counts.updated for step in steps),
        sum(step.counts.added for step in steps),
        sum(step.counts.removed for step in steps),
        sum(step.counts.marked for step in steps),
        unchanged,
    )


def _step(
    data: bytes, name: str, target: str | None, frame: pd.DataFrame, order: Order, look: Look, tally: Tally
) -> _Step:
    book = open_workbook(Package(data, name), name)
    locator = Locator(book, name)
    if target is not None and not locator.has(target):
        sheet = target.rpartition("!")[0]
        if not sheet:
            return _new_sheet(data, book, target, frame, order, look, tally)
        title = sheet.strip("'").replace("''", "'")
        data = graft(data, name, _blank(title, look, order.policy), [title])
        book = open_workbook(Package(data, name), name)
        locator = Locator(book, name)
    if order.appends is not None:
        region = locator.find(target, headers(with_index(frame).columns))
        if order.appends.made(memory_of(book)[1], region.place):
            return _made(data, region, name)
    if order.key and (order.missing != "keep" or order.mode == "replace"):
        found = locator.find(target, headers(with_index(frame).columns))
        more = with_more_columns(book, locator, found, mark=order.missing == "mark")
        book = book if more is None else open_workbook(Package(more, name), name)
    filling = plan_filling(book, name, target, frame, order, tally)
    if filling.region.new:
        data_slots = [slot for slot in filling.slots if isinstance(slot, Data)]
        set_widths(filling.sheet, {slot.position: width(slot.column, len(frame)) for slot in data_slots})
    counts = filling.counts
    if order.key:
        context.log(f"{filling.region} of {name}: {counts.updated} rows updated, {counts.added} added")
    told = _remembering(book, filling, with_index(frame), order)
    return _Step(
        lambda file: fill_template(book, filling, file, tally, told),
        (filling.region.sheet,),
        counts,
        len(frame),
    )


def _made(data: bytes, region: Region, name: str) -> _Step:
    """Leave a workbook as it is: an earlier attempt of the run has put these rows into it."""
    context.log(
        f"{region} of {name} has these rows from an earlier attempt of this run: none were added",
        logging.WARNING,
    )

    def fill(file: IO[bytes]) -> None:
        file.write(data)

    return _Step(fill, (region.sheet,), Counts(), 0, made=True)


def _remembering(
    book: Workbook, filling: Filling, frame: pd.DataFrame, order: Order
) -> WorkbookMemory | None:
    """Return what the workbook remembers, with what the new rows add to it; None if that is nothing."""
    part, known = memory_of(book)
    table = filling.region.table
    if part is not None and table is not None:
        labels = headers(frame.columns)
        frames = [
            updated(each, frame, labels) if table.name in each.tables else each for each in known.frames
        ]
        known = replace(known, frames=frames)
    if order.appends is not None:
        return order.appends.remembered(known, filling.region.place)
    return known if part is not None else None


def _new_sheet(
    data: bytes, book: Workbook, title: str, frame: pd.DataFrame, order: Order, look: Look, tally: Tally
) -> _Step:
    """Draw a sheet of its own for a frame, as in a new workbook."""
    policy = replace(order.policy, calendar=book.calendar)
    tables = [table.name for sheet in book.worksheets for table in tables_of(book, book.sheets[sheet])]
    laid = lay_out(
        {title: frame},
        policy,
        tally,
        links=order.links,
        totals=look.totals,
        formats=look.formats,
        taken=list(book.sheets),
        tables=tables,
        appends=order.appends,
    )
    drawn = draw(laid.sheets, Front(look.title, provenance(frame.attrs, policy), None, False), policy)
    names = tuple(plan.name for plan in laid.sheets)
    name = book.package.name
    grafted = graft(data, name, drawn, names)
    return _Step(
        lambda file: fill_drawn(grafted, laid, file, tally, name), names, Counts(added=len(frame)), len(frame)
    )


def _blank(title: str, look: Look, policy: Policy) -> bytes:
    """Return a workbook with one blank sheet."""
    plan = SheetPlan(title, "Table", (), 0, 0, {})
    return draw([plan], Front(look.title, (), None, False), policy)


def _has_summary(data: bytes, name: str) -> bool:
    book = open_workbook(Package(data, name), name)
    return SUMMARY in memory_of(book)[1].fronts and SUMMARY in book.sheets


def _with_summary(
    step: _Step, name: str, newest: pd.DataFrame, look: Look, policy: Policy
) -> Callable[[IO[bytes]], None]:
    """Return what writes the workbook of a step with a Summary of the rows that it then has."""

    def fill(file: IO[bytes]) -> None:
        data = step.done()
        book = open_workbook(Package(data, name), name)
        # What is odd about the cells was reported when they were written, or is reported when they are read.
        with context.use(context.Surroundings()):
            frame = first_frame(book)
        frame.attrs |= newest.attrs
        front = Front(
            title=look.title if look.titled else _title(book) or look.title,
            told=provenance(frame.attrs, policy),
            overview=overview(frame, policy, look.history),
            index=False,
        )
        file.write(graft(data, name, draw([], front, policy), [SUMMARY]))

    return fill


def _title(book: Workbook) -> str:
    if _CORE not in book.package:
        return ""
    title = Document(book.package.read(_CORE), _CORE).root.child("title")
    return "" if title is None else title.text

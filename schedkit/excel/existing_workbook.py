"""Writing to an existing workbook: rows of its tables, new sheets, and an updated Summary."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pandas as pd

from schedkit import context
from schedkit.excel.column_types import Policy
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.fill import fill_new_workbook, fill_template
from schedkit.excel.frame_metadata import WorkbookMetadata, updated
from schedkit.excel.frames.cells import Data
from schedkit.excel.frames.labels import with_index
from schedkit.excel.frames.layout import lay_out
from schedkit.excel.names import headers
from schedkit.excel.new_workbook.decorate import provenance
from schedkit.excel.new_workbook.overview import overview
from schedkit.excel.new_workbook.skeleton import SUMMARY, Front, SheetPlan, draw
from schedkit.excel.new_workbook.styles import width
from schedkit.excel.parts.metadata_part import read_metadata
from schedkit.excel.parts.package import Package, damage_as_error
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import Workbook, open_workbook
from schedkit.excel.parts.xml import Document
from schedkit.excel.reading import first_frame
from schedkit.excel.template.added_columns import with_more_columns
from schedkit.excel.template.copy_sheets import copy_sheets
from schedkit.excel.template.pictures import pictures_of, with_pictures
from schedkit.excel.template.region import Locator, Region
from schedkit.excel.template.template import Counts, Filling, FillOptions, plan_filling
from schedkit.excel.template.widths import set_widths
from schedkit.excel.write_plans import Frames, WorkbookOptions, WritePlan
from schedkit.values.files import file_error

_CORE = "docProps/core.xml"


@dataclass(frozen=True)
class _Step:
    """One frame written to a workbook; `made` means that the workbook has it already."""

    fill: Callable[[IO[bytes]], None]
    sheets: tuple[str, ...]
    counts: Counts
    rows: int
    made: bool = False

    def done(self) -> bytes:
        file = io.BytesIO()
        self.fill(file)
        return file.getvalue()


def existing_workbook_plan(
    frames: Frames, path: Path, fill_options: FillOptions, options: WorkbookOptions, report: ConversionReport
) -> WritePlan:
    """Write frames to the workbook at `path`, one after the other; missing sheets are added."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise file_error(error, path, "read") from None
    return _plan(frames, data, path.name, fill_options, options, report)


def placed_plan(
    frames: Frames,
    sheet: str,
    name: str,
    fill_options: FillOptions,
    options: WorkbookOptions,
    report: ConversionReport,
) -> WritePlan:
    """Write frames to a new workbook with one blank sheet, each at its cell."""
    return _plan(frames, _blank(sheet, options, fill_options.policy), name, fill_options, options, report)


def _plan(
    frames: Frames,
    data: bytes,
    name: str,
    fill_options: FillOptions,
    options: WorkbookOptions,
    report: ConversionReport,
) -> WritePlan:
    steps: list[_Step] = []
    for target, frame in frames.items():
        if steps:
            data = steps[-1].done()
        steps.append(_step(data, name, target, frame, fill_options, options, report))
    fill = steps[-1].fill
    unchanged = all(step.made for step in steps)
    fronts: tuple[str, ...] = ()
    if not unchanged and _has_summary(data, name):
        (*_, newest) = frames.values()
        fill = _with_summary(steps[-1], name, newest, options, fill_options.policy)
        fronts = (SUMMARY,)
    return WritePlan(
        fill,
        sum(step.rows for step in steps),
        tuple(dict.fromkeys([*fronts, *(sheet for step in steps for sheet in step.sheets)])),
        steps[0].sheets[0],
        sum(step.counts.updated for step in steps),
        sum(step.counts.added for step in steps),
        sum(step.counts.removed for step in steps),
        sum(step.counts.marked for step in steps),
        unchanged,
    )


def _step(
    data: bytes,
    name: str,
    target: str | None,
    frame: pd.DataFrame,
    fill_options: FillOptions,
    options: WorkbookOptions,
    report: ConversionReport,
) -> _Step:
    book = open_workbook(Package(data, name), name)
    locator = Locator(book, name)
    if target is not None and not locator.has(target):
        sheet = target.rpartition("!")[0]
        if not sheet:
            return _new_sheet(data, book, target, frame, fill_options, options, report)
        title = sheet.strip("'").replace("''", "'")
        data = copy_sheets(data, name, _blank(title, options, fill_options.policy), [title])
        book = open_workbook(Package(data, name), name)
        locator = Locator(book, name)
    if fill_options.appends is not None:
        region = locator.find(target, headers(with_index(frame).columns))
        if fill_options.appends.already_made(read_metadata(book)[1], region.place):
            return _made(data, region, name)
    if fill_options.key and (fill_options.missing != "keep" or fill_options.mode == "replace"):
        found = locator.find(target, headers(with_index(frame).columns))
        more = with_more_columns(book, locator, found, mark=fill_options.missing == "mark")
        book = book if more is None else open_workbook(Package(more, name), name)
    filling = plan_filling(book, name, target, frame, fill_options, report)
    if filling.region.new:
        data_renderers = [renderer for renderer in filling.renderers if isinstance(renderer, Data)]
        set_widths(
            filling.sheet,
            {renderer.position: width(renderer.column, len(frame)) for renderer in data_renderers},
        )
    counts = filling.counts
    if fill_options.key:
        context.log(f"{filling.region} of {name}: {counts.updated} rows updated, {counts.added} added")
    metadata = _metadata(book, filling, with_index(frame), fill_options)
    return _Step(
        lambda file: fill_template(book, filling, file, report, metadata),
        (filling.region.sheet,),
        counts,
        len(frame),
    )


def _made(data: bytes, region: Region, name: str) -> _Step:
    """Return a step that writes the workbook unchanged: an earlier attempt of the run added these rows."""
    context.log(
        f"{region} of {name} has these rows from an earlier attempt of this run: none were added",
        logging.WARNING,
    )

    def fill(file: IO[bytes]) -> None:
        file.write(data)

    return _Step(fill, (region.sheet,), Counts(), 0, made=True)


def _metadata(
    book: Workbook, filling: Filling, frame: pd.DataFrame, fill_options: FillOptions
) -> WorkbookMetadata | None:
    """Return the metadata of the workbook with the new rows, None if there is none to store."""
    part, known = read_metadata(book)
    table = filling.region.table
    if part is not None and table is not None:
        labels = headers(frame.columns)
        frames = [
            updated(each, frame, labels) if table.name in each.tables else each for each in known.frames
        ]
        known = replace(known, frames=frames)
    if fill_options.appends is not None:
        return fill_options.appends.recorded(known, filling.region.place)
    return known if part is not None else None


def _new_sheet(
    data: bytes,
    book: Workbook,
    title: str,
    frame: pd.DataFrame,
    fill_options: FillOptions,
    options: WorkbookOptions,
    report: ConversionReport,
) -> _Step:
    """Add a new sheet for a frame, with the layout of a new workbook."""
    policy = replace(fill_options.policy, calendar=book.calendar)
    tables = [table.name for sheet in book.worksheets for table in tables_of(book, book.sheets[sheet])]
    layout = lay_out(
        {title: frame},
        policy,
        report,
        options.columns,
        taken=list(book.sheets),
        tables=tables,
        appends=fill_options.appends,
    )
    drawn = draw(layout.sheets, Front(options.title, provenance(frame.attrs, policy), None, False), policy)
    names = tuple(plan.name for plan in layout.sheets)
    name = book.package.name
    copied = copy_sheets(data, name, drawn, names)
    return _Step(
        lambda file: fill_new_workbook(copied, layout, file, report, name),
        names,
        Counts(added=len(frame)),
        len(frame),
    )


def _blank(title: str, options: WorkbookOptions, policy: Policy) -> bytes:
    """Return a workbook with one blank sheet."""
    plan = SheetPlan(title, "Table", (), 0, 0, {})
    return draw([plan], Front(options.title, (), None, False), policy)


def _has_summary(data: bytes, name: str) -> bool:
    book = open_workbook(Package(data, name), name)
    return SUMMARY in read_metadata(book)[1].fronts and SUMMARY in book.sheets


def _with_summary(
    step: _Step, name: str, newest: pd.DataFrame, options: WorkbookOptions, policy: Policy
) -> Callable[[IO[bytes]], None]:
    """Return a function that writes the workbook of a step with a Summary of all its rows."""

    def fill(file: IO[bytes]) -> None:
        data = step.done()
        book = open_workbook(Package(data, name), name)
        # Warnings about these cells are given when they are written or read, not here.
        with context.use(context.ExecutionContext()), damage_as_error(f"the rows of {name}"):
            frame = first_frame(book)
        frame.attrs |= newest.attrs
        front = Front(
            title=options.title if options.titled else _title(book) or options.title,
            origin=provenance(frame.attrs, policy),
            overview=overview(frame, policy, options.history),
            index=False,
        )
        # People's pictures stay on the sheet, and ours.
        pictures = pictures_of(book, SUMMARY)
        made = copy_sheets(data, name, draw([], front, policy), [SUMMARY])
        file.write(with_pictures(made, name, pictures, SUMMARY) if pictures else made)

    return fill


def _title(book: Workbook) -> str:
    if _CORE not in book.package:
        return ""
    title = Document(book.package.read(_CORE), _CORE).root.child("title")
    return "" if title is None else title.text

"""Plans of what `write` does: a CSV or Parquet file, a new workbook, or a filled template."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.chart import PlacedChart
from schedkit.excel.column_types import Policy
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.fill import DRAWN, fill_new_workbook, fill_template
from schedkit.excel.frame_metadata import WorkbookMetadata
from schedkit.excel.frames.changes import lay_out_changes
from schedkit.excel.frames.column_options import ColumnOptions
from schedkit.excel.frames.flat_files import WRITERS
from schedkit.excel.frames.layout import Layout, lay_out
from schedkit.excel.new_workbook.decorate import provenance
from schedkit.excel.new_workbook.overview import overview
from schedkit.excel.new_workbook.skeleton import INDEX, SUMMARY, Front, draw
from schedkit.excel.parts.metadata_part import read_metadata
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.rewrite import as_workbook
from schedkit.excel.parts.workbook import Workbook, open_workbook
from schedkit.excel.picture import PlacedPicture
from schedkit.excel.template.pictures import with_pictures
from schedkit.excel.template.properties import with_properties
from schedkit.excel.template.template import Filling, FillOptions, plan_filling
from schedkit.values.files import file_error
from schedkit.values.text import did_you_mean

# The kind of workbook that Excel creates from each kind of template.
_MADE_FROM = {".xltx": ".xlsx", ".xltm": ".xlsm"}

Frames = Mapping[str | None, pd.DataFrame]


@dataclass(frozen=True)
class WritePlan:
    """What is going to be written, and how.

    `first_sheet` is the first of the sheets with rows; `unchanged` means that the file has all of it already.
    """

    fill: Callable[[IO[bytes]], None]
    rows: int
    sheets: tuple[str, ...] = ()
    first_sheet: str = ""
    updated: int = 0
    added: int = 0
    removed: int = 0
    marked: int = 0
    unchanged: bool = False


@dataclass(frozen=True)
class WorkbookOptions:
    """What a workbook shows besides its rows; `titled` means that the caller chose the title.

    `changes` is what `jira.diff` returned.
    """

    title: str
    columns: ColumnOptions = field(default_factory=ColumnOptions)
    summary: bool = False
    history: pd.DataFrame | None = None
    titled: bool = True
    changes: pd.DataFrame | None = None
    pictures: Sequence[PlacedPicture] = ()
    charts: Sequence[PlacedChart] = ()
    properties: Mapping[str, str] = field(default_factory=dict)


def flat_file_plan(frames: Frames, suffix: str, policy: Policy, report: ConversionReport) -> WritePlan:
    """Return the plan of a CSV or Parquet file with one frame."""
    if len(frames) != 1:
        raise WorkbookError(
            f"a {suffix} file holds one frame, not {len(frames)}",
            hint="write an .xlsx, or one file per frame",
        )
    (frame,) = frames.values()
    return WritePlan(lambda file: WRITERS[suffix](frame, policy, file, report), len(frame))


def new_workbook_plan(
    frames: Mapping[str, pd.DataFrame],
    options: WorkbookOptions,
    fill_options: FillOptions,
    report: ConversionReport,
) -> WritePlan:
    """Return the plan of a new workbook."""
    policy = fill_options.policy
    first = next(iter(frames.values()), pd.DataFrame())
    front = Front(
        title=options.title,
        origin=provenance(first.attrs, policy),
        overview=overview(first, policy, options.history) if options.summary else None,
        index=len(frames) > 1,
    )
    fronts = ((SUMMARY, options.summary), (INDEX, front.index))
    taken = [name for name, shown in fronts if shown]
    layout = lay_out(
        frames,
        policy,
        report,
        options.columns,
        taken=taken,
        fronts=taken,
        appends=fill_options.appends,
    )
    if options.changes is not None:
        tables = [sheet.table for sheet in layout.sheets]
        names = [*taken, *(sheet.name for sheet in layout.sheets)]
        more = lay_out_changes(options.changes, first.attrs, policy, report, taken=names, tables=tables)
        layout = Layout([*layout.sheets, *more.sheets], layout.metadata.joined(more.metadata))
    renamed = {frame.name: frame.sheets[0] for frame in layout.metadata.frames}
    drawn = draw(layout.sheets, front, policy, _charts_by_sheet(options.charts, layout, renamed))
    if options.pictures:
        drawn = with_pictures(drawn, DRAWN, options.pictures, layout.sheets[0].name, renamed)
    drawn = with_properties(drawn, DRAWN, options.properties)
    return WritePlan(
        lambda file: fill_new_workbook(drawn, layout, file, report),
        sum(map(len, frames.values())),
        (*taken, *(plan.name for plan in layout.sheets)),
        layout.sheets[0].name,
    )


def _charts_by_sheet(
    charts: Sequence[PlacedChart], layout: Layout, renamed: Mapping[str, str]
) -> dict[str, list[PlacedChart]]:
    titles = {str(name).casefold(): name for name in (plan.name for plan in layout.sheets)}
    titles |= {str(old).casefold(): new for old, new in renamed.items()}
    found: dict[str, list[PlacedChart]] = {}
    for each in charts:
        title = layout.sheets[0].name if each.sheet is None else titles.get(each.sheet.casefold())
        if title is None:
            raise WorkbookError(
                f"charts: there is no sheet {each.sheet!r} with rows",
                hint=did_you_mean(each.sheet or "", list(titles.values())),
            )
        found.setdefault(title, []).append(each)
    return found


def template_plan(
    frames: Frames, template: Path, suffix: str, fill_options: FillOptions, report: ConversionReport
) -> WritePlan:
    """Return the plan that fills a template, one region after the other."""
    kind = template.suffix.lower()
    made = _MADE_FROM.get(kind, kind)
    if made not in (".xlsx", ".xlsm"):
        raise WorkbookError(
            f"{template.name} is not a workbook that can be filled", hint="give an .xlsx or .xlsm template"
        )
    if made != suffix:
        raise WorkbookError(
            f"a {kind} template makes a {made} workbook, not a {suffix}",
            hint=f"use a file name that ends in {made}",
        )
    try:
        data = template.read_bytes()
    except OSError as error:
        raise file_error(error, f"the template {template}", "read") from None
    if kind in _MADE_FROM:
        data = as_workbook(data, template.name)
    fillings: list[Filling] = []
    *first, (target, frame) = frames.items()
    for other, other_frame in first:
        book, filling = _planned(data, template.name, other, other_frame, fill_options, report)
        fillings.append(filling)
        between = io.BytesIO()
        fill_template(book, filling, between, report, _metadata(book, filling, fill_options))
        data = between.getvalue()
    book, filling = _planned(data, template.name, target, frame, fill_options, report)
    fillings.append(filling)
    metadata = _metadata(book, filling, fill_options)
    return WritePlan(
        lambda file: fill_template(book, filling, file, report, metadata),
        sum(map(len, frames.values())),
        tuple(dict.fromkeys(found.region.sheet for found in fillings)),
        fillings[0].region.sheet,
        sum(found.counts.updated for found in fillings),
        sum(found.counts.added for found in fillings),
        sum(found.counts.removed for found in fillings),
        sum(found.counts.marked for found in fillings),
    )


def _metadata(book: Workbook, filling: Filling, fill_options: FillOptions) -> WorkbookMetadata | None:
    """Return the metadata that is added to a template, None if there is none."""
    if fill_options.appends is None:
        return None
    return fill_options.appends.recorded(read_metadata(book)[1], filling.region.place)


def _planned(
    data: bytes,
    name: str,
    target: str | None,
    frame: pd.DataFrame,
    fill_options: FillOptions,
    report: ConversionReport,
) -> tuple[Workbook, Filling]:
    book = open_workbook(Package(data, name), name)
    filling = plan_filling(book, name, target, frame, fill_options, report)
    if fill_options.key:
        counts = filling.counts
        context.log(f"{filling.region} of {name}: {counts.updated} rows updated, {counts.added} added")
    return book, filling

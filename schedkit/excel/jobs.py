"""What a call of `write` amounts to: a plain file, a drawn workbook, or an analyst's template filled."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.drawn.column_formats import ColumnFormat
from schedkit.excel.drawn.decorate import provenance
from schedkit.excel.drawn.overview import overview
from schedkit.excel.drawn.skeleton import INDEX, SUMMARY, Front, draw
from schedkit.excel.fill import fill_drawn, fill_template
from schedkit.excel.frames.flat import WRITERS
from schedkit.excel.frames.plan import lay_out
from schedkit.excel.memory import WorkbookMemory
from schedkit.excel.model import Policy
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.remembered import memory_of
from schedkit.excel.parts.rewrite import as_workbook
from schedkit.excel.parts.workbook import Workbook, open_workbook
from schedkit.excel.tally import Tally
from schedkit.excel.template.template import Filling, Order, plan_filling
from schedkit.values.files import file_error

# What Excel makes of its two kinds of templates.
_MADE_FROM = {".xltx": ".xlsx", ".xltm": ".xlsm"}

Frames = Mapping[str | None, pd.DataFrame]


@dataclass(frozen=True)
class Job:
    """What is going to be written, and how; `unchanged` tells that the file has it all already."""

    fill: Callable[[IO[bytes]], None]
    rows: int
    sheets: tuple[str, ...] = ()
    updated: int = 0
    added: int = 0
    removed: int = 0
    marked: int = 0
    unchanged: bool = False


@dataclass(frozen=True)
class Look:
    """What a drawn workbook shows besides its rows; `titled` tells that the caller chose its title."""

    title: str
    links: bool | Mapping[str, str]
    totals: bool | Mapping[str, str]
    summary: bool
    history: pd.DataFrame | None
    titled: bool = True
    formats: Mapping[str, ColumnFormat] = field(default_factory=dict)


def flat_job(frames: Frames, suffix: str, policy: Policy, tally: Tally) -> Job:
    """Write one frame as CSV or Parquet."""
    if len(frames) != 1:
        raise WorkbookError(
            f"a {suffix} file holds one frame, not {len(frames)}",
            hint="write an .xlsx, or one file per frame",
        )
    (frame,) = frames.values()
    return Job(lambda file: WRITERS[suffix](frame, policy, file, tally), len(frame))


def drawn_job(frames: Mapping[str, pd.DataFrame], look: Look, order: Order, tally: Tally) -> Job:
    """Draw a workbook and fill it."""
    policy = order.policy
    first = next(iter(frames.values()), pd.DataFrame())
    front = Front(
        title=look.title,
        told=provenance(first.attrs, policy),
        overview=overview(first, policy, look.history) if look.summary else None,
        index=len(frames) > 1,
    )
    fronts = ((SUMMARY, look.summary), (INDEX, front.index))
    taken = [name for name, shown in fronts if shown]
    laid = lay_out(
        frames,
        policy,
        tally,
        links=look.links,
        totals=look.totals,
        formats=look.formats,
        taken=taken,
        fronts=taken,
        appends=order.appends,
    )
    drawn = draw(laid.sheets, front, policy)
    return Job(
        lambda file: fill_drawn(drawn, laid, file, tally),
        sum(plan.rows for plan in laid.sheets),
        (*taken, *(plan.name for plan in laid.sheets)),
    )


def template_job(frames: Frames, template: Path, suffix: str, order: Order, tally: Tally) -> Job:
    """Fill an analyst's workbook, one region after the other."""
    kind = template.suffix.lower()
    made = _MADE_FROM.get(kind, kind)
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
        book, filling = _planned(data, template.name, other, other_frame, order, tally)
        fillings.append(filling)
        between = io.BytesIO()
        fill_template(book, filling, between, tally, _remembering(book, filling, order))
        data = between.getvalue()
    book, filling = _planned(data, template.name, target, frame, order, tally)
    fillings.append(filling)
    told = _remembering(book, filling, order)
    return Job(
        lambda file: fill_template(book, filling, file, tally, told),
        sum(map(len, frames.values())),
        tuple(dict.fromkeys(found.region.sheet for found in fillings)),
        sum(found.counts.updated for found in fillings),
        sum(found.counts.added for found in fillings),
        sum(found.counts.removed for found in fillings),
        sum(found.counts.marked for found in fillings),
    )


def _remembering(book: Workbook, filling: Filling, order: Order) -> WorkbookMemory | None:
    """Return what a template remembers besides what it does already; None if that is nothing."""
    if order.appends is None:
        return None
    return order.appends.remembered(memory_of(book)[1], filling.region.place)


def _planned(
    data: bytes, name: str, target: str | None, frame: pd.DataFrame, order: Order, tally: Tally
) -> tuple[Workbook, Filling]:
    book = open_workbook(Package(data, name), name)
    filling = plan_filling(book, name, target, frame, order, tally)
    if order.key:
        counts = filling.counts
        context.log(f"{filling.region} of {name}: {counts.updated} rows updated, {counts.added} added")
    return book, filling

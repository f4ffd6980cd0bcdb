"""Frames laid out as sheets: valid names, index levels as columns, split at the row limit, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from schedkit.errors import WorkbookError
from schedkit.excel.column_types import Column, Kind, Policy
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.frame_metadata import FrameMetadata, WorkbookMetadata, metadata_of
from schedkit.excel.frames.column_options import ColumnOptions
from schedkit.excel.frames.columns import column
from schedkit.excel.frames.labels import index_levels, with_index
from schedkit.excel.idempotency import AppendGuard
from schedkit.excel.limits import MAX_COLUMNS, MAX_ROWS
from schedkit.excel.links import ADDRESSES, LinkOf, is_web_address, issue_links, own_links
from schedkit.excel.names import header_text, headers, sheet_names, table_names
from schedkit.excel.new_workbook.column_formats import checked_formats, fitting_formats
from schedkit.excel.new_workbook.header_rows import HeaderRows
from schedkit.excel.new_workbook.skeleton import SheetPlan
from schedkit.excel.new_workbook.totals import totals_of
from schedkit.values.dates import field_type

_NUMBERS = (Kind.INTEGER, Kind.NUMBER)
_KEY_HEADERS = {"key", "parent", "epic link", "issue key"}
_KEY_FIELDS = {"issuekey", "key", "parent"}
# A column of addresses is recognised by its first values.
_SAMPLE_ROWS = 500


def columns_of(frame: pd.DataFrame, policy: Policy, report: ConversionReport) -> tuple[Column, ...]:
    """Return the columns of a sheet for those of `frame`.

    Raises
    ------
    WorkbookError
        If there are more columns than a sheet holds.
    """
    if frame.shape[1] > MAX_COLUMNS:
        raise WorkbookError(
            f"the frame has {frame.shape[1]:,} columns, a sheet holds {MAX_COLUMNS:,}",
            hint="choose the columns you need, or split the frame over several sheets",
        )
    labels = headers(frame.columns)
    report.add(
        "renamed_columns", sum(new != _as_given(old) for new, old in zip(labels, frame.columns, strict=True))
    )
    return tuple(column_at(frame, place, label, policy) for place, label in enumerate(labels))


def column_at(frame: pd.DataFrame, place: int, header: str, policy: Policy) -> Column:
    """Return one column of `frame`, by its position, as a column of a sheet."""
    kind = field_type(frame.attrs, frame.columns[place])
    return column(frame.iloc[:, place], header, policy, kind)


def _as_given(label: Any) -> str:
    # Joining levels or writing a number as text is what any writer must do; only the rest is renaming.
    return header_text(label) if isinstance(label, tuple) else str(label)


@dataclass(frozen=True)
class Layout:
    """Frames laid out: the sheets to draw, and the metadata that the workbook keeps of the frames."""

    sheets: list[SheetPlan]
    metadata: WorkbookMetadata


def lay_out(
    frames: Mapping[str, pd.DataFrame],
    policy: Policy,
    report: ConversionReport,
    options: ColumnOptions,
    *,
    taken: Sequence[str] = (),
    tables: Sequence[str] = (),
    fronts: Sequence[str] = (),
    appends: AppendGuard | None = None,
) -> Layout:
    """Lay out `frames` as sheets, each split where it exceeds the rows of one;
    names of sheets that are `taken`, and of `tables`, are avoided. `fronts` are sheets without rows.
    With `appends`, the rows of each table are recorded as one append."""
    parts: list[tuple[str, int, int]] = []
    wanted: list[str] = []
    prepared = {name: with_index(frame, report) for name, frame in frames.items()}
    drafts = {name: _draft(frames[name], frame, policy, options, report) for name, frame in prepared.items()}
    for name, frame in prepared.items():
        starts = range(
            0, max(len(frame), 1), room := MAX_ROWS - drafts[name].header_row - bool(options.totals)
        )
        report.add("split_sheets", len(starts) - 1)
        parts += [(name, start, min(start + room, len(frame))) for start in starts]
        wanted += [name, *(f"{name} ({number})" for number in range(2, len(starts) + 1))]
    names = sheet_names(wanted, taken)
    report.add("renamed_sheets", sum(new != old for new, old in zip(names, wanted, strict=True)))
    columns = {name: draft.columns for name, draft in drafts.items()}
    totals = {name: options.totals_of(frame, columns[name]) for name, frame in prepared.items()}
    sheets = [
        replace(
            drafts[name],
            name=sheet,
            table=table,
            start=start,
            stop=stop,
            totals=totals_of(
                _shown(prepared[name], drafts[name], start, stop), columns[name], table, totals[name]
            ),
        )
        for sheet, table, (name, start, stop) in zip(names, table_names(names, tables), parts, strict=True)
    ]
    frame_metadata = [
        _placed(
            metadata_of(name, frame, columns[name], index_levels(frames[name]) or [], frames[name].columns),
            name,
            parts,
            sheets,
        )
        for name, frame in prepared.items()
    ]
    metadata = WorkbookMetadata(frame_metadata, list(fronts))
    if appends is not None:
        for sheet in sheets:
            metadata = appends.recorded(metadata, sheet.table)
    return Layout(sheets, metadata)


def _shown(frame: pd.DataFrame, plan: SheetPlan, start: int, stop: int) -> pd.DataFrame:
    """Return the rows that totals count: hidden ones are left out."""
    rows = frame.iloc[start:stop]
    return rows if plan.outline is None else rows[~plan.outline.hidden[start:stop]]


def _draft(
    given: pd.DataFrame,
    frame: pd.DataFrame,
    policy: Policy,
    options: ColumnOptions,
    report: ConversionReport,
) -> SheetPlan:
    """Return the sheet of all rows of a frame, whose index `frame` has as columns; it has no name yet."""
    columns = columns_of(frame, policy, report)
    header = HeaderRows()
    if isinstance(frame.columns, pd.MultiIndex):
        header = HeaderRows.of(list(frame.columns), [column.header for column in columns])
        columns = _evenly_shown(columns, header)
    return SheetPlan(
        name="",
        table="",
        columns=columns,
        start=0,
        stop=len(frame),
        links=links_of(frame, columns, options.links_of(frame, columns)),
        attrs=frame.attrs,
        formats=fitting_formats(
            checked_formats(options.formats_of(frame, columns), columns), columns, len(frame)
        ),
        index=len(index_levels(given) or []),
        header=header,
        outline=options.outline_of(frame, columns),
    )


def _evenly_shown(columns: tuple[Column, ...], header: HeaderRows) -> tuple[Column, ...]:
    """Return columns of which those of one group show as many decimals as each other."""
    made = list(columns)
    for group in header.groups[0] if header.groups else ():
        places = range(group.left - 1, group.right)
        shown = [columns[place].digits.decimals for place in places if columns[place].kind in _NUMBERS]
        decimals = max((count for count in shown if count is not None), default=None)
        for place in places:
            column = columns[place]
            if decimals is not None and column.kind in _NUMBERS and column.digits.decimals is not None:
                made[place] = replace(column, digits=replace(column.digits, decimals=decimals))
    return tuple(made)


def _placed(
    metadata: FrameMetadata, name: str, parts: Sequence[tuple[str, int, int]], sheets: Sequence[SheetPlan]
) -> FrameMetadata:
    own = [sheet for sheet, (of, _, _) in zip(sheets, parts, strict=True) if of == name]
    return replace(metadata, sheets=[sheet.name for sheet in own], tables=[sheet.table for sheet in own])


def links_of(
    frame: pd.DataFrame, columns: tuple[Column, ...], links: bool | Mapping[str, str]
) -> dict[int, LinkOf]:
    """Return which columns link, by 1-based position.

    Raises
    ------
    WorkbookError
        If a column is named that does not exist, or a pattern without its ``{}``, or of no page.
    """
    if links is False:
        return {}
    given = {} if links is True else dict(links)
    by_header = {column.header: place for place, column in enumerate(columns, 1)}
    for header in given:
        if header not in by_header:
            raise WorkbookError(f"no column {header!r} to link", hint=f"columns are {', '.join(by_header)}")
    own = {header: own_links(header, target) for header, target in given.items()}
    site, fields = frame.attrs.get("site"), frame.attrs.get("fields") or {}
    found = {}
    for place, col in enumerate(columns, 1):
        if col.kind is not Kind.TEXT:
            continue
        field = fields.get(col.header) or {}
        if col.header in given:
            found[place] = own[col.header]
        elif is_web_address(str(site)) and (
            field.get("id") in _KEY_FIELDS or col.header.casefold() in _KEY_HEADERS
        ):
            found[place] = issue_links(str(site))
        elif _holds_addresses(col, len(frame)):
            found[place] = ADDRESSES
    return found


def _holds_addresses(column: Column, rows: int) -> bool:
    texts = column.cells(0, min(rows, _SAMPLE_ROWS), ConversionReport()).texts
    return texts is not None and bool(
        pc.any(pc.match_substring_regex(texts, ADDRESSES.pattern), min_count=0).as_py()
    )

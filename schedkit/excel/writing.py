"""`write`: frames into a file, by its suffix."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

import pandas as pd

from schedkit import context
from schedkit.errors import WorkbookError
from schedkit.excel.chart import Chart, placed_charts
from schedkit.excel.column_types import Infinite, Policy
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.existing_workbook import existing_workbook_plan, placed_plan
from schedkit.excel.finishing import finished
from schedkit.excel.frames.column_options import ColumnOptions
from schedkit.excel.frames.flat_files import WRITERS
from schedkit.excel.idempotency import AppendGuard
from schedkit.excel.new_workbook.column_formats import ColumnFormat
from schedkit.excel.office_locks import opened_by
from schedkit.excel.option_checks import check_history, check_mode, check_values, key_columns, share_of_rows
from schedkit.excel.parts.area import Area
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.workbook import open_workbook
from schedkit.excel.picture import placed_pictures
from schedkit.excel.result import WarningCollector, Written
from schedkit.excel.template.missing_rows import with_mark_column
from schedkit.excel.template.properties import checked_properties
from schedkit.excel.template.template import FillOptions, Missing, Mode, check_key
from schedkit.excel.write_plans import (
    Frames,
    WorkbookOptions,
    WritePlan,
    flat_file_plan,
    new_workbook_plan,
    template_plan,
)
from schedkit.values.files import file_lock, names_beside, replacing
from schedkit.values.keywords import check_keywords
from schedkit.values.mappings import plain_mapping
from schedkit.values.paths import given_path
from schedkit.values.scalars import plain_text
from schedkit.values.text import label_text, safe_repr
from schedkit.values.timezones import parse_timezone, timezone_name

_WORKBOOKS = (".xlsx", ".xlsm")
# A cell of a sheet, which frames are put at.
_PLACED = re.compile(r".+!\$?[A-Z]{1,3}\$?[0-9]+")


@check_keywords
def write(
    data: pd.DataFrame | Mapping[str, pd.DataFrame],
    path: str | Path,
    *,
    sheet: str | None = None,
    at: str | None = None,
    template: str | Path | None = None,
    mode: Mode = "replace",
    key: Hashable | Sequence[Hashable] | None = None,
    missing: Missing = "keep",
    max_drop: str | float | None = 0.5,
    title: str | None = None,
    links: bool | Mapping[Any, str] = True,
    totals: bool | Mapping[Any, str] = False,
    formats: Mapping[Any, ColumnFormat] | None = None,
    outline: bool | str = False,
    collapse: int | None = None,
    summary: bool = False,
    history: pd.DataFrame | None = None,
    changes: pd.DataFrame | None = None,
    images: Mapping[str, Any] | None = None,
    charts: Mapping[str, Chart] | None = None,
    properties: Mapping[str, str | Sequence[str]] | None = None,
    tz: str | tzinfo | None = None,
    inf: Infinite = "text",
) -> Written:
    """Write frames as a workbook, CSV or Parquet; an existing file is replaced whole or not at all.

    Parameters
    ----------
    data : DataFrame or mapping of sheet name to DataFrame
        Index levels become leading columns; an unnamed index that only counts the rows is left out. Columns
        of several levels get merged headers above the last level, whose cells hold the whole label
        ("Points / sum"); rows of several levels show a repeated label once.
    path : str or Path
        Ends in ``.xlsx``, ``.csv`` (UTF-8, guarded against formula injection) or ``.parquet``. Missing
        folders are made.
    sheet : str, optional
        The sheet's name for a single frame; by default the file's name. With a template, which table, named
        range, sheet or cell (``Data!B4``) to fill; by default the one whose headers fit. The names of a
        mapping mean the same. A workbook that is continued gets a sheet that it does not have yet.
    at : str, optional
        The cell of the sheet that the header begins in, such as ``"B4"``. The workbook at `path` is continued
        if there is one, so that several frames find room on one sheet; what lies there already is replaced,
        or continued by `mode`.
    template : str or Path, optional
        An analyst's workbook (``.xlsx`` or ``.xlsm``) to fill. Columns are matched by header; formats and
        calculated columns are continued. Formulas, rules, validations, names, charts and pivots of every
        sheet follow the rows; totals, notes and what is drawn below move along; values that were calculated
        from old rows are dropped, and Excel calculates when it opens the file. All else stays byte for byte.
    mode : {"replace", "append", "upsert"}
        What becomes of rows already there: replaced, kept above the new ones, or updated by `key`. The last
        two continue the workbook at `path` if there is one; "replace" does so with a `key`. Columns that
        the frame does not have keep what people typed. When a run begins again, rows that an earlier attempt
        has appended are not appended once more; `Written.notes` says so.
    key : label or sequence of labels, optional
        The columns that tell rows apart, index levels included.
    missing : {"keep", "mark", "delete"}
        With "upsert", what becomes of rows whose key the frame does not have: they stay as they are, get
        the present moment in a column ``Missing since``, or go.
    max_drop : str, float or None
        With "mark", "delete", or "replace" and a `key`: which share of the rows may be missing at most, 0.5
        or "50%", of ten or more; None: any.
    title : str, optional
        What the workbook is about, for its Summary, Index and properties; by default the file's name.
    links : bool or mapping of column to address
        True links issue keys (where ``df.attrs["site"]`` holds the site) and addresses. A mapping adds
        columns of your own, ``{"Build": "https://ci.example.org/{}"}``. False links nothing.
    totals : bool or mapping of column to function
        A totals row whose formulas follow the table's filter: True sums every column of amounts, a mapping
        names "sum", "average", "count", "max" or "min" for columns of your choice.
    formats : mapping of column to number format, "bar" or colours
        ``{"Share": "0.0%", "Age": "bar", "Status": {"Done": "#C6EFCE"}}``: how the columns of a new sheet are
        shown. Colours are by the text of a cell. Here as in `links` and `totals`, a column is named by its
        header or its label; of columns with several levels the first ones name them all.
    outline : bool or str
        Group the rows by their level, each below its summary row: True by the column ``Level`` that
        ``jira.root`` gives, a text by another column of whole numbers from 0.
    collapse : int, optional
        The last level of the outline whose rows are shown; the others are hidden until they are opened.
    summary : bool
        Put a Summary sheet first: figures, counts and charts of the first frame.
    history : DataFrame, optional
        What ``jira.changelog`` returned, or status changes with the columns ``Key``, ``At`` (aware datetime)
        and ``Status Category``: for the summary's cumulative flow, which else tells open from done only.
    changes : DataFrame, optional
        What ``jira.diff`` returned: a sheet Changes tells which issues are new, changed and gone.
    images : mapping of cell to picture
        ``{"Summary!H2": figure, "B30": "logo.png"}``: PNG, JPEG and GIF files, bytes, matplotlib figures, or
        `Picture` for an alternative text and a width. Without a sheet, the first one with rows is meant. A
        picture that was put at the same cell before is replaced, where people moved it.
    charts : mapping of cell to Chart
        ``{"H2": Chart("columns", "Period", "Finished")}``: native charts of a new workbook's rows.
    properties : mapping, optional
        What Excel shows of the file: "author", "keywords", "subject", "comments", "category".
    tz : str or tzinfo, optional
        The zone that aware datetimes are shown in, as Excel knows no zones; the machine's by default. An
        IANA name, "UTC", "local", an offset such as "+02:00", or a tzinfo.
    inf : {"text", "omit", "error"}
        What infinite numbers become.

    Returns
    -------
    Written
        Where the file is and what had to be altered; the same facts go to the surrounding run.

    Raises
    ------
    WorkbookError
        If the frame cannot be a sheet.
    FileError
        If the file cannot be written, or another writer holds it for too long.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> written = write(pd.DataFrame({"Key": ["A-1"], "Summary": ["=1+1"]}), folder / "bugs.xlsx")
    >>> written.rows, written.sheets, written.altered
    (1, ('bugs',), {})
    """
    with context.surrounded() as listener, context.use(notes := WarningCollector(listener)):
        started = time.perf_counter()
        given = _destination(path)
        # Temporary files and lock files are in the folder of the link's target.
        target, suffix = Path(os.path.realpath(given)), given.suffix.lower()
        zone = parse_timezone("local" if tz is None else tz)
        policy = Policy(zone, timezone_name(zone), inf)
        report = ConversionReport()
        keys, most = key_columns(key), share_of_rows(max_drop)
        links, totals, formats = map(plain_mapping, (links, totals, formats))
        images, charts, properties = map(plain_mapping, (images, charts, properties))
        check_mode(suffix, template, mode, keys, missing)
        check_values(inf=inf, title=title, sheet=sheet)
        check_history(history)
        if suffix in WRITERS and (images or charts or changes is not None):
            raise WorkbookError(
                f"a {suffix} file has no place for images, charts or changes", hint="write an .xlsx"
            )
        if suffix in WRITERS:
            plan = flat_file_plan(_frames(data, None), suffix, policy, report)
            where = _put(target, plan)
        else:
            placed = sheet if at is None else _cell(sheet or given.stem, at)
            frames = _frames(data, placed)
            options = WorkbookOptions(
                title=title or given.stem,
                columns=ColumnOptions(
                    links, totals, formats or {}, outline, collapse, tuple(frames.values())
                ),
                summary=summary,
                history=history,
                titled=bool(title),
                changes=changes,
                pictures=placed_pictures(images or {}),
                charts=placed_charts(charts or {}),
                properties=checked_properties(properties or {}, title),
            )
            effects = context.current().effects() if mode == "append" else None
            appends = None if effects is None else AppendGuard(effects, target.name)
            fill_options = FillOptions(policy, mode, keys, options.columns, missing, most, appends)
            # Reading, changing and replacing the workbook is one step for other writers.
            with file_lock(target):
                if missing == "mark":
                    frames = {name: with_mark_column(frame) for name, frame in frames.items()}
                plan = _plan(target, suffix, frames, template, fill_options, options, report)
                where = target if plan.unchanged else _put(target, plan)
                if appends is not None:
                    appends.done()
        where = given if where == target else where
        written = Written(
            path=where,
            rows=plan.rows,
            sheets=plan.sheets,
            altered=report.as_dict(),
            notes=tuple(notes.warnings),
            timezone=policy.zone_name,
            bytes=where.stat().st_size,
            seconds=time.perf_counter() - started,
            updated=plan.updated,
            added=plan.added,
            removed=plan.removed,
            marked=plan.marked,
        )
        context.artifact(where)
        context.fact("workbook", written.facts())
        return written


def _destination(path: object) -> Path:
    """Return the file to write.

    Raises
    ------
    WorkbookError
        If `path` is not a path, or its suffix is not supported.
    """
    if not isinstance(path, str | os.PathLike):
        raise WorkbookError(
            f"cannot write to a {type(path).__name__}", hint="give a path; for bytes, read the file it makes"
        )
    given = given_path(path)
    if given.suffix.lower() not in {*_WORKBOOKS, *WRITERS}:
        raise WorkbookError(
            f"unsupported file extension in {given.name!r}", hint="use .xlsx, .csv or .parquet"
        )
    return given


def _plan(
    target: Path,
    suffix: str,
    frames: Frames,
    template: str | Path | None,
    fill_options: FillOptions,
    options: WorkbookOptions,
    report: ConversionReport,
) -> WritePlan:
    """Return the plan for a workbook: an existing one, a template, or a new one."""
    placed = [name for name in frames if name is not None and _PLACED.fullmatch(name)]
    continued = fill_options.mode != "replace" or fill_options.key or (placed and template is None)
    source = target if continued and os.path.isfile(target) else template
    first = next(iter(frames.values()))
    if options.charts and (source is not None or placed):
        raise WorkbookError(
            "charts are drawn in a new workbook only",
            hint="add them to the template or the workbook that is there",
        )
    if source is not None:
        if source is target:
            plan = existing_workbook_plan(frames, target, fill_options, options, report)
        else:
            _refuse_with_template(options)
            # A template may lose all its rows: they are examples.
            fill_options = replace(fill_options, max_drop=1.0)
            plan = template_plan(frames, given_path(source), suffix, fill_options, report)
        return finished(plan, Path(source).name, options, first.attrs, fill_options.policy, report)
    if placed:
        sheet = placed[0].rpartition("!")[0].strip("'").replace("''", "'")
        plan = placed_plan(frames, sheet, target.name, fill_options, options, report)
        return finished(plan, target.name, options, first.attrs, fill_options.policy, report)
    if suffix == ".xlsm":
        raise WorkbookError("macros require a template", hint="name a template, or write an .xlsx")
    named = {str(name or target.stem): frame for name, frame in frames.items()}
    for frame in named.values():
        check_key(frame, fill_options.key, fill_options.policy)
    plan = new_workbook_plan(named, options, fill_options, report)
    _tell_sheets_that_go(target, plan)
    return replace(plan, added=plan.rows if continued else 0)


def _tell_sheets_that_go(target: Path, plan: WritePlan) -> None:
    """Say which sheets of the workbook that is replaced are not in the new one."""
    # A name that is too long is no file; the error is given when it is written.
    if not os.path.isfile(target) or opened_by(target) is not None:  # else it goes to a file beside it
        return
    try:
        there = open_workbook(Package(target.read_bytes(), target.name), target.name).sheets
    except (WorkbookError, OSError):
        return  # what cannot be read is replaced: it is no workbook of anybody's
    kept = {name.casefold() for name in plan.sheets}
    if gone := [name for name in there if name.casefold() not in kept]:
        listed = ", ".join(map(repr, gone[:5])) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
        context.log(
            f'{target.name} was replaced without its sheets {listed}: mode="append" keeps them',
            logging.WARNING,
        )


def _refuse_with_template(options: WorkbookOptions) -> None:
    columns = options.columns
    given = {
        "summary": options.summary,
        "totals": columns.totals,
        "formats": columns.formats,
        "outline": columns.outline,
    }
    if names := [name for name, value in given.items() if value]:
        raise WorkbookError(
            f"{' and '.join(names)} cannot be combined with a template",
            hint="add them to the template, or leave them out",
        )


def _put(target: Path, plan: WritePlan) -> Path:
    """Write the file and return its path, which is another one if `target` is open in a program."""
    place = target
    # A copy may be the only file with the new rows, so it does not replace an earlier copy.
    fresh = bool(plan.added or plan.updated)
    program = opened_by(target)
    if program is not None:
        place = next((name for name in names_beside(target, fresh=fresh) if opened_by(name) is None), target)
    with replacing(place, aside="fresh" if fresh else True) as new:
        plan.fill(new.file)
    if new.path != target:
        context.log(
            f"{target.name} is open in {program or 'another program'}; the new file is {new.path.name}",
            logging.WARNING,
        )
    return new.path


def _frames(data: pd.DataFrame | Mapping[str, pd.DataFrame], sheet: str | None) -> Frames:
    if isinstance(data, pd.DataFrame):
        return {sheet if sheet is None else plain_text(sheet): data}
    for other in data.values() if isinstance(data, Mapping) else [data]:
        if not isinstance(other, pd.DataFrame):
            raise WorkbookError(f"cannot write a {type(other).__name__}", hint=_instead(other))
    if not data:
        raise WorkbookError("there is no frame to write", hint="a mapping needs at least one sheet")
    return {label_text(name): frame for name, frame in data.items()}


def _cell(sheet: str, at: str) -> str:
    """Return the address of a cell of a sheet.

    Raises
    ------
    WorkbookError
        If `at` is not a cell.
    """
    if Area.parse(at.upper()) is None:
        raise WorkbookError(f"at={safe_repr(at)} is not a cell", hint='e.g. at="B4"')
    quoted = sheet.replace("'", "''")
    return f"'{quoted}'!{at.upper()}"


def _instead(data: object) -> str:
    """Return what to write instead of a value that is not a frame."""
    if isinstance(data, pd.Series):
        return "write series.reset_index(), or series.to_frame()"
    if type(data).__name__ == "Styler":
        return "write its frame, styler.data; colours and formats go into formats="
    if callable(getattr(data, "to_pandas", None)):
        return f"write the {type(data).__name__.lower()}'s to_pandas()"
    if callable(getattr(data, "compute", None)):
        return f"write the {type(data).__name__.lower()}'s compute()"
    return "give a DataFrame, or several by sheet"

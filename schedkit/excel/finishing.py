"""Add a sheet of changes, pictures and document properties to a workbook that has its rows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import IO, Any

import pandas as pd

from schedkit.excel.column_types import Policy
from schedkit.excel.conversion_report import ConversionReport
from schedkit.excel.fill import fill_new_workbook
from schedkit.excel.frames.changes import CHANGES, is_changes, lay_out_changes
from schedkit.excel.new_workbook.skeleton import Front, draw
from schedkit.excel.parts.metadata_part import read_metadata
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.tables import tables_of
from schedkit.excel.parts.workbook import open_workbook
from schedkit.excel.template.copy_sheets import copy_sheets
from schedkit.excel.template.pictures import with_pictures
from schedkit.excel.template.properties import with_properties
from schedkit.excel.write_plans import WorkbookOptions, WritePlan

__all__ = ["finished"]


def finished(
    plan: WritePlan,
    name: str,
    options: WorkbookOptions,
    attrs: Mapping[Any, Any],
    policy: Policy,
    report: ConversionReport,
) -> WritePlan:
    """Return a plan that also applies the options that are not about rows.

    Parameters
    ----------
    name : str
        The name of the workbook in error messages.
    attrs : mapping
        The attributes of its first frame.
    """
    if plan.unchanged or (options.changes is None and not options.pictures and not options.properties):
        return plan
    buffer, sheets = io.BytesIO(), list(plan.sheets)
    plan.fill(buffer)
    data = buffer.getvalue()
    if options.changes is not None:
        title, data = _with_changes(data, name, options.title, options.changes, attrs, policy, report)
        sheets.append(title)
    if options.pictures:
        data = with_pictures(data, name, options.pictures, plan.first_sheet)
    data = with_properties(data, name, options.properties)

    def fill(file: IO[bytes]) -> None:
        file.write(data)

    return replace(plan, fill=fill, sheets=tuple(dict.fromkeys(sheets)))


def _with_changes(
    data: bytes,
    name: str,
    title: str,
    changes: pd.DataFrame,
    attrs: Mapping[Any, Any],
    policy: Policy,
    report: ConversionReport,
) -> tuple[str, bytes]:
    """Return the name of the sheet of changes and the workbook with it; an earlier sheet is replaced."""
    book = open_workbook(Package(data, name), name)
    ours = [front for front in read_metadata(book)[1].fronts if is_changes(front) and front in book.sheets]
    wanted = ours[0] if ours else CHANGES
    others = [each for each in book.sheets if each not in ours]
    tables = [
        table.name
        for title in book.worksheets
        if title in others
        for table in tables_of(book, book.sheets[title])
    ]
    policy = replace(policy, calendar=book.calendar)
    layout = lay_out_changes(changes, attrs, policy, report, title=wanted, taken=others, tables=tables)
    drawn = draw(layout.sheets, Front(title, (), None, False), policy)
    titles = [sheet.name for sheet in layout.sheets]
    copied = copy_sheets(data, name, drawn, titles)
    file = io.BytesIO()
    fill_new_workbook(copied, layout, file, report, name)
    return titles[0], file.getvalue()

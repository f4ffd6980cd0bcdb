"""Filters are cleared when rows change, and told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.excel_templates import issues_frame, issues_table, patched, text_of

from schedkit import excel


def filtered(path: Path, *, table: bool) -> Path:
    """Write rows of which a filter hides the first; the second is hidden by hand."""

    def hide(book: xlsxwriter.Workbook, sheet: Any) -> None:
        sheet.set_row(1, None, None, {"hidden": True})

    if table:
        issues_table(path, hide)
        column = '<filterColumn colId="1"><filters><filter val="2"/></filters></filterColumn>'
        return patched(
            path,
            {
                "xl/tables/table1.xml": (
                    '<autoFilter ref="A1:B3"/>',
                    f'<autoFilter ref="A1:B3">{column}</autoFilter>',
                )
            },
        )
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Data")
    for row, values in enumerate((["Key", "Points"], ["OLD-1", 1], ["OLD-2", 2])):
        sheet.write_row(row, 0, values)
    sheet.autofilter("A1:B3")
    sheet.filter_column("B", "x == 2")
    hide(book, sheet)
    book.close()
    return path


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
def test_a_filter_that_hides_rows_is_cleared_and_told(table: bool, mode: str, tmp_path: Path) -> None:
    template = filtered(tmp_path / "t.xlsx", table=table)
    frame = pd.DataFrame({"Key": ["OLD-2", "NEW"], "Points": [5, 6]})
    key = {"key": "Key"} if mode == "upsert" else {}
    written = excel.write(frame, tmp_path / "f.xlsx", template=template, mode=mode, **key)
    assert written.altered == {"filters_cleared": 1}
    sheet = openpyxl.load_workbook(written.path)["Data"]
    last = {"replace": 3, "append": 5, "upsert": 4}[mode]
    assert not any(sheet.row_dimensions[row].hidden for row in range(1, last + 1))
    auto = sheet.tables["Issues"].autoFilter if table else sheet.auto_filter
    assert auto.ref == f"A1:B{last}"
    assert not auto.filterColumn


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_rows_hidden_by_hand_stay_so(mode: str, tmp_path: Path) -> None:
    template = issues_table(
        tmp_path / "t.xlsx", lambda book, sheet: sheet.set_row(1, 30, None, {"hidden": True})
    )
    frame = pd.DataFrame({"Key": ["OLD-1"], "Points": [5]})
    key = {"key": "Key"} if mode == "upsert" else {}
    written = excel.write(frame, tmp_path / "f.xlsx", template=template, mode=mode, **key)
    assert written.altered == {}
    assert openpyxl.load_workbook(written.path)["Data"].row_dimensions[2].hidden


def test_a_filter_button_that_is_hidden_stays_so(tmp_path: Path) -> None:
    template = issues_table(tmp_path / "t.xlsx")
    button = '<autoFilter ref="A1:B3"><filterColumn colId="0" hiddenButton="1"/></autoFilter>'
    patched(template, {"xl/tables/table1.xml": ("<autoFilter[^>]*/>", button)})
    written = excel.write(issues_frame(4), tmp_path / "f.xlsx", template=template)
    assert written.altered == {}
    assert re.search(
        'ref="A1:B5"><filterColumn colId="0" hidden', text_of(written.path, "xl/tables/table1.xml")
    )


def test_the_order_of_sorting_grows_or_goes_with_the_filter(tmp_path: Path) -> None:
    sort = '<sortState ref="A2:B3"><sortCondition ref="B2:B3"/></sortState>'
    template = issues_table(tmp_path / "t.xlsx")
    patched(template, {"xl/tables/table1.xml": ("<tableColumns", sort + "<tableColumns")})
    path = excel.write(issues_frame(4), tmp_path / "f.xlsx", template=template).path
    assert '<sortState ref="A2:B5"><sortCondition ref="B2:B5"/>' in text_of(path, "xl/tables/table1.xml")

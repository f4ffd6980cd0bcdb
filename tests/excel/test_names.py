"""Names of sheets, headers and tables that Excel accepts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from schedkit import excel
from schedkit.excel.names import headers, sheet_names, table_names

Cells = Callable[..., list[list[Any]]]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (["'a"], ["a"]),
        (["x" * 40], ["x" * 31]),
        (["\N{GRINNING FACE}" * 16], ["\N{GRINNING FACE}" * 15]),
        (["History"], ["History (2)"]),
        (["a", "A", "a (2)"], ["a", "A (3)", "a (2)"]),
        (["x" * 31, "x" * 35], ["x" * 31, "x" * 27 + " (2)"]),
        (["[a]:b*c?d/e\\f"], ["a b c d e f"]),
        (["", " ' "], ["Sheet", "Sheet (2)"]),
        (["x" * 30 + "'y"], ["x" * 30]),
    ],
)
def test_sheet_names(wanted: list[str], got: list[str]) -> None:
    assert sheet_names(wanted) == got


def test_headers_are_what_a_table_accepts() -> None:
    got = headers(["a", "A", "a_2", None, 1, "two\nlines", float("nan"), ("x", "", 2), "h" * 300])
    assert got == ["a", "A_3", "a_2", "Column 4", "1", "two lines", "Column 7", "x / 2", "h" * 255]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("A1", "_A1"),
        ("R1C1", "_R1C1"),
        ("c", "_c"),
        ("", "Table"),
        ("\u00dcber 9", "\u00dcber_9"),
        ("9", "_9"),
    ],
)
def test_table_names(wanted: str, got: str) -> None:
    assert table_names([wanted]) == [got]


def test_table_and_cells_have_the_same_headers(tmp_path: Path, cells: Cells) -> None:
    labels = ["a", "A", "a_2", None, 1, "two\nlines", "=x", "_x0041_"]
    frame = pd.DataFrame([range(8)], columns=pd.Index(labels, dtype=object))
    written = excel.write(frame, tmp_path / "open bugs.xlsx")
    sheet = openpyxl.load_workbook(written.path)["open bugs"]
    (table,) = sheet.tables.values()
    assert table.displayName == "open_bugs"
    assert table.ref == "A1:H2"
    assert [column.name for column in table.tableColumns] == cells(written.path)[0]
    assert written.altered == {"renamed_columns": 3}
    assert list(excel.read(written.path).columns) == labels

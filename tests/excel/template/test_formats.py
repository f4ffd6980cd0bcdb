"""Dates, times and durations are shown as such in every template; numbers never as ####."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from support.excel_zoo import parts_of
from support.workbook_validator import violations

from schedkit import excel

FRAME = pd.DataFrame(
    {
        "Key": ["a", "b"],
        "Due": [dt.date(2026, 1, 2), None],
        "At": pd.to_datetime(["2026-01-02 03:04", None]),
        "Time": [dt.time(12, 30), None],
        "Spent": pd.to_timedelta(["26h", None]),
        "Mixed": [1, dt.datetime(2026, 1, 2, 3, 4)],
    }
)
CODES = {"Due": "y", "At": "h", "Time": "h", "Spent": "[h]", "Mixed": "h"}


def header_only(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(list(FRAME.columns))
    book.save(path)


def with_numbers(path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(list(FRAME.columns))
    for _ in range(3):
        book.active.append(["x", *[1] * (len(FRAME.columns) - 1)])
    book.save(path)


def with_formatted_columns(path: Path) -> None:
    header_only(path)
    book = openpyxl.load_workbook(path)
    for column in "BCDEF":
        book.active.column_dimensions[column].number_format = "0.00"
    book.save(path)


def without_formats(path: Path) -> None:
    """Write what the smallest writers write: a workbook without a part of formats."""
    with_numbers(path)
    parts = parts_of(path)
    del parts["xl/styles.xml"]
    for name, pattern in (
        ("[Content_Types].xml", 'PartName="/xl/styles.xml"'),
        ("xl/_rels/workbook.xml.rels", "styles.xml"),
    ):
        text = parts[name].decode()
        at = text.index(pattern)
        start, end = text.rindex("<", 0, at), text.index("/>", at) + 2
        parts[name] = (text[:start] + text[end:]).encode()
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)


TEMPLATES = [header_only, with_numbers, with_formatted_columns, without_formats]


def shown(path: Path, sheet: str | None = None) -> dict[str, str]:
    book = openpyxl.load_workbook(path)
    found = book[sheet] if sheet else book.active
    rows = list(found.iter_rows())
    header = next(row for row in rows if any(cell.value == "Key" for cell in row))
    first = next(row for row in rows if any(cell.value == "a" for cell in row))
    names = [cell.value for cell in header]
    cells = dict(zip(names, first, strict=True))
    cells["Mixed"] = rows[rows.index(first) + 1][names.index("Mixed")]
    return {name: cell.number_format for name, cell in cells.items() if name in CODES}


@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_dates_are_shown_as_dates(template: Any, mode: str, tmp_path: Path) -> None:
    template(tmp_path / "t.xlsx")
    key = {"key": "Key"} if mode == "upsert" else {}
    made = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", mode=mode, **key)
    formats = shown(made.path)
    assert all(code in formats[name].lower() for name, code in CODES.items()), formats
    assert not violations(made.path.read_bytes())


@pytest.mark.parametrize("start", ["new", "there"])
def test_dates_at_a_cell_are_shown_as_dates(start: str, tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    if start == "there":
        with_formatted_columns(path)
    excel.write(FRAME, path, sheet="Other", at="C20")
    for cell in ("C4", "C12"):
        excel.write(FRAME.assign(Key=["c", "d"]), path, sheet="Other", at=cell)
    for _ in range(2):
        formats = shown(path, "Other")
        assert all(code in formats[name].lower() for name, code in CODES.items()), formats
        assert "h" not in formats["Due"].lower()
        excel.write(FRAME, path, sheet="Other", at="C20", mode="append")


def test_a_column_that_gets_dates_later_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    excel.write(FRAME.assign(Key=["x", "y"], **dict.fromkeys(CODES, 1.5)), path)
    excel.write(FRAME, path, mode="append")
    formats = shown(path)
    assert all(code in formats[name].lower() for name, code in CODES.items()), formats


def test_new_cells_look_like_their_column(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Key", "Share"])
    book.active.column_dimensions["B"].number_format = "0.0%"
    book.save(tmp_path / "t.xlsx")
    frame = pd.DataFrame({"Key": ["a"], "Share": [0.5]})
    made = excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx")
    assert openpyxl.load_workbook(made.path).active["B2"].number_format == "0.0%"


@pytest.mark.parametrize("values", [[-1, 2], [3_000_000, 1], [-0.5, 0.5]])
def test_numbers_that_are_no_dates_are_shown_as_numbers(values: list[float], tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Key", "n"])
    book.active.append(["x", dt.datetime(2026, 1, 2)])
    book.active["B2"].number_format = "yyyy-mm-dd"
    book.save(tmp_path / "t.xlsx")
    frame = pd.DataFrame({"Key": ["a", "b"], "n": values})
    made = excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", mode="append")
    sheet = openpyxl.load_workbook(made.path).active
    assert [sheet[cell].number_format for cell in ("B2", "B3")] == ["yyyy-mm-dd", "General"]

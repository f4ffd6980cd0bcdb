"""Rows are found by key whatever type the key has in the frame and in the workbook."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.excel_templates import patched

from schedkit import excel
from schedkit.errors import WorkbookError

BERLIN = ZoneInfo("Europe/Berlin")
KEYS: dict[str, list[Any]] = {
    "text": ["A-1", "A-2", "A-3"],
    "texts like dates": ["2026-13-45", "2026-11-28", "1850-01-01 09:30"],
    "texts longer than a cell": ["x" * 40_000, "\U0001f41e" * 20_000, "y"],
    "integers": [1, 2, 3],
    "floats": [0.1, 0.2, 0.1 + 0.2],
    "integers as text": ["101", "102", "-103"],
    "long integers": [12345678901234567890, 12345678901234567891, 3],
    "decimals": [Decimal("1.10"), Decimal("2.25"), Decimal("3")],
    "dates": [dt.date(2026, 11, 28), dt.date(2026, 11, 29), dt.date(1850, 1, 1)],
    "naive": [
        pd.Timestamp("2026-11-28 09:30:15.123"),
        pd.Timestamp("2026-11-28"),
        pd.Timestamp("2026-11-29"),
    ],
    "aware": [pd.Timestamp(f"2026-11-2{day}T23:30", tz="UTC") for day in (7, 8, 9)],
    "times": [dt.time(9, 30), dt.time(9, 31), dt.time(17)],
    "durations": [pd.Timedelta("1h"), pd.Timedelta("1h 1s"), pd.Timedelta("-1h")],
    "booleans": [True, False, None],
    "mixed": ["A", 1, pd.Timestamp("2026-11-28")],
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_second_run_updates_every_row(kind: str, tmp_path: Path) -> None:
    values = [value for value in KEYS[kind] if value is not None]
    frame = pd.DataFrame({"When": pd.Series(values, dtype=object).infer_objects(), "n": range(len(values))})
    path = tmp_path / "r.xlsx"
    first = excel.write(frame, path, mode="upsert", key="When", tz="Europe/Berlin")
    assert (first.updated, first.added) == (0, len(values))
    again = excel.write(frame.assign(n=7), path, mode="upsert", key="When", tz="Europe/Berlin")
    assert (again.updated, again.added) == (len(values), 0)
    assert excel.read(path)["n"].tolist() == [7] * len(values)


def test_a_key_of_several_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"Day": pd.to_datetime(["2026-11-28", "2026-11-28", "2026-11-29"]), "Team": ["a", "b", "a"], "n": 1}
    )
    path = tmp_path / "r.xlsx"
    for rows in (2, 3):
        written = excel.write(frame.head(rows), path, mode="upsert", key=["Day", "Team"])
    assert (written.updated, written.added) == (2, 1)


def test_an_index_may_be_the_key(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.to_datetime(["2026-11-28", "2026-11-29"]).rename("Day"))
    for _ in range(2):
        written = excel.write(frame, tmp_path / "r.xlsx", mode="upsert", key="Day")
    assert (written.updated, written.added) == (2, 0)


def test_what_people_typed_anew_is_the_same_key(tmp_path: Path) -> None:
    """Excel makes a number of typed digits and a date of a typed day; people leave blanks."""
    path = tmp_path / "r.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Data")
    columns = [{"header": "Key"}, {"header": "n"}]
    sheet.add_table("A1:B6", {"name": "T", "columns": columns})
    sheet.write_column("A2", [101, "102", " A-1 ", 2.0])
    sheet.write_datetime("A6", dt.datetime(2026, 11, 28), book.add_format({"num_format": "yyyy-mm-dd"}))
    book.close()
    frame = pd.DataFrame({"Key": ["101", 102, "A-1", Decimal("2.00"), "2026-11-28"], "n": 1})
    written = excel.write(frame, path, mode="upsert", key="Key")
    assert (written.updated, written.added) == (5, 0)


def test_leading_zeros_make_another_key(tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"Key": ["007"], "n": [1]}), tmp_path / "r.xlsx").path
    written = excel.write(pd.DataFrame({"Key": [7], "n": [1]}), path, mode="upsert", key="Key")
    assert (written.updated, written.added) == (0, 1)


def test_the_calendar_of_the_workbook_counts(tmp_path: Path) -> None:
    path = tmp_path / "mac.xlsx"
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["Day", "n"])
    book.active.append([dt.datetime(2026, 11, 28), 1])
    book.save(path)
    frame = pd.DataFrame({"Day": pd.to_datetime(["2026-11-28"]), "n": [2]})
    written = excel.write(frame, path, mode="upsert", key="Day")
    assert (written.updated, written.added) == (1, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.to_datetime(["2026-11-28", "2026-11-28"]), r"Key 4\d+ appears in several rows of the frame"),
        (pd.to_datetime(["2026-11-28", None]), "row 1 of the frame has no Key"),
        ([1, "1"], "Key 1 appears in several rows"),
    ],
)
def test_keys_that_tell_no_rows_apart_are_refused_before_the_first_write(
    values: Any, message: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"Key": values})
    with pytest.raises(WorkbookError, match=message):
        excel.write(frame, tmp_path / "r.xlsx", mode="upsert", key="Key")
    assert not list(tmp_path.iterdir())


def test_a_key_that_is_no_number_is_told(tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"Day": [1, 2]}), tmp_path / "keys.xlsx").path
    patched(path, {"xl/worksheets/sheet1.xml": ("<v>2</v>", "<v>2x</v>")})
    with pytest.raises(WorkbookError, match="cannot read the keys of the workbook: it is damaged"):
        excel.write(pd.DataFrame({"Day": [1]}), path, mode="upsert", key="Day")

"""Number formats and widths of columns."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from schedkit import excel


def drawn(path: Path) -> openpyxl.Workbook:
    return openpyxl.load_workbook(path)


@pytest.mark.parametrize(
    ("header", "values", "want"),
    [
        ("Points", [1.0, 2.0, None], "#,##0"),
        ("Points", [0.5, 1e9], "#,##0.0"),
        ("Points", [0.25, 1], "#,##0.00"),
        ("Issue id", [1.0, 2.0], "0"),
        ("Year", [1.5], "General"),
    ],
)
def test_numbers_show_the_places_they_need(
    header: str, values: list[float | None], want: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({header: pd.Series(values, dtype="float64")})
    sheet = drawn(excel.write(frame, tmp_path / "n.xlsx").path).active
    assert sheet["A2"].number_format == want


@pytest.mark.parametrize(
    ("header", "values", "number_format"),
    [
        ("p", [0.00012, 0.5], "#,##0.00000"),
        ("p", [0.004, 0.5], "#,##0.000"),
        ("p", [1e-8, 0.5], "General"),
        ("x", [0.1 + 0.2 - 0.3, 1.25], "#,##0.00"),
        ("x", [0.0, 0.0], "#,##0"),
        ("FY", [2024, 2025], "0"),
        ("FY 2024", [1.5, 2.5], "General"),
        ("Started", [2024, 2025], "0"),
        ("Build", [9999, 10115], "0"),
        ("accountId", [1, 123456], "0"),
        ("Runs", [10115, 10116], "0"),
        ("Amount", [900, 45000], "#,##0"),
        ("Paid", [900, 45000], "#,##0"),
        ("Amount", [900.5, 45000], "#,##0.0"),
        ("Price", [Decimal("0.00012"), Decimal(1)], "#,##0.00000"),
        ("Took", pd.to_timedelta([0.25, 2], "s"), "[h]:mm:ss.000"),
        ("Took", pd.to_timedelta([0.25, 7200], "s"), "[h]:mm:ss"),
        ("At", [time(9, 30), time(17, 5, 1)], "hh:mm:ss"),
    ],
)
def test_numbers_are_shown_with_the_digits_that_matter(
    header: str, values: Any, number_format: str, tmp_path: Path
) -> None:
    frame = pd.DataFrame({header: values})
    written = excel.write(frame, tmp_path / "n.xlsx")
    assert drawn(written.path).active["A2"].number_format == number_format
    assert excel.read(written.path)[header].tolist() == frame[header].astype(object).map(plain).tolist()


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def test_columns_are_as_wide_as_what_they_show(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": [1_234_567, 123_456_789, 1_234_567_890],
            "中文": ["一二三四五六七八九十一二三四五六七八"] * 3,
            "Überschrift mit Umlauten": [1, 2, 3],
            "x": [-1.5, 2, 3e6],
        }
    )
    sheet = drawn(excel.write(frame, tmp_path / "w.xlsx", totals=True).path).active
    widths = {name: sheet.column_dimensions[name].width for name in "ABCD"}
    assert widths["A"] >= len("1,359,259,246") + 1
    assert 36 <= widths["B"] <= 40
    assert widths["C"] >= len("Überschrift mit Umlauten")
    assert widths["D"] >= len("3,000,000.5") + 1


def test_a_column_of_texts_and_moments_fits_both(tmp_path: Path) -> None:
    values = ["x", pd.Timestamp("2026-01-02 10:00"), None]
    frame = pd.DataFrame({"a": pd.Series(values, dtype=object)})
    sheet = openpyxl.load_workbook(excel.write(frame, tmp_path / "mixed.xlsx").path).active
    assert sheet.column_dimensions["A"].width >= len("2026-01-02 10:00")

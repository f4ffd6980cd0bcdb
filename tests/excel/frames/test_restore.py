"""Columns of a frame that come back with the values they were written with."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pandas as pd
from support.workbook_edits import SHEET, patched

from schedkit import excel


def test_dates_come_back_as_dates(tmp_path: Path) -> None:
    days = [dt.date(2026, 11, 28), None, dt.date(1899, 1, 1)]
    frame = pd.DataFrame({"Key": ["a", "b", "c"], "Day": days})
    path = excel.write(frame, tmp_path / "d.xlsx").path
    assert excel.read(path)["Day"].tolist() == [days[0], None, "1899-01-01"]
    later = pd.DataFrame({"Key": ["c"], "Day": [dt.date(2026, 12, 1)]})
    excel.write(later, path, mode="upsert", key="Key")
    assert excel.read(path)["Day"].tolist() == [days[0], None, dt.date(2026, 12, 1)]


def test_a_time_that_was_typed_among_dates_is_kept(tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"Day": [dt.date(2026, 11, 28)] * 2}), tmp_path / "d.xlsx").path
    patched(path, SHEET, (r'(<c r="A3"[^>]*><v>)[^<]*</v>', r"\g<1>46354.5</v>"))
    assert excel.read(path)["Day"].tolist() == [dt.date(2026, 11, 28), dt.datetime(2026, 11, 28, 12)]


def test_moments_of_other_programs_have_no_stray_microsecond(tmp_path: Path) -> None:
    times = [dt.datetime(2026, 11, 28) + dt.timedelta(minutes=minute) for minute in range(0, 1440, 7)]
    book = openpyxl.Workbook()
    book.active.append(["At", "Took"])
    for time in times:
        book.active.append([time, time - times[0]])
    book.active["A4"] = None
    book.save(tmp_path / "o.xlsx")
    back = excel.read(tmp_path / "o.xlsx")
    assert back["At"].dropna().tolist() == [*times[:2], *times[3:]]
    assert back["Took"].tolist() == [time - times[0] for time in times]

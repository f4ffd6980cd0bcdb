"""The zone of a column's times outlives programs that drop what they do not know of a workbook."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from openpyxl.comments import Comment

from schedkit import excel

NIGHT = pd.to_datetime(["2026-07-01T22:30Z", None, "2026-10-25T00:30Z"], utc=True)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A workbook of ours that another program has saved: the types of its columns are lost."""
    frame = pd.DataFrame({"Key": ["A-1", "A-2", "A-3"], "When": NIGHT, "Day": NIGHT.tz_localize(None)})
    path = excel.write(frame, tmp_path / "a.xlsx", tz="Europe/Berlin").path
    book = openpyxl.load_workbook(path)
    book.save(path)
    return path


def noted(path: Path, text: str | None) -> pd.Series:
    """Return the times of a workbook whose header has another note."""
    book = openpyxl.load_workbook(path)
    book.active["B1"].comment = Comment(text, "somebody") if text is not None else None
    book.save(path)
    return excel.read(path)["When"]


def test_times_come_back_in_the_zone_of_their_note(saved: Path) -> None:
    back = excel.read(saved)
    assert str(back["When"].dtype) == "datetime64[us, Europe/Berlin]"
    # Of the hour that the clock repeats the first one is taken, as for all workbooks.
    assert back["When"].tolist()[:2] == [NIGHT[0], pd.NaT]
    assert back["When"][2] == NIGHT[2]
    assert back["Day"].dt.tz is None, "a column that had no zone gets none"


@pytest.mark.parametrize(
    ("note", "zone"),
    [
        (None, None),
        ("Times in the morning", None),
        ("Times in Europe/Nowhere", None),
        ("times in utc", None),
        ("Field: due (datetime)\nTimes in +05:30", "UTC+05:30"),
        ("Seen by Ann.\nTimes in America/New_York \n<b>&amp;", "America/New_York"),
    ],
)
def test_other_notes_name_a_zone_or_none(saved: Path, note: str | None, zone: str | None) -> None:
    times = noted(saved, note)
    assert (times.dt.tz if zone is None else str(times.dt.tz)) == zone
    assert times.dt.tz_localize(None)[0] == pd.Timestamp("2026-07-02 00:30")


def test_a_note_beside_other_values_changes_nothing(saved: Path) -> None:
    book = openpyxl.load_workbook(saved)
    for cell in ("A1", "B3", "F9"):
        book.active[cell].comment = Comment("Times in Asia/Tokyo", "somebody")
    book.save(saved)
    assert excel.read(saved)["Key"].tolist() == ["A-1", "A-2", "A-3"]
    assert str(excel.read(saved)["When"].dt.tz) == "Europe/Berlin"


@pytest.mark.parametrize(
    "damage", [b"<comments", b"", b"<!DOCTYPE a [<!ENTITY b 'c'>]><comments>&b;</comments>"]
)
def test_damaged_notes_leave_the_cells_readable(saved: Path, damage: bytes) -> None:
    with zipfile.ZipFile(saved) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    (notes,) = [name for name in parts if "/comments/" in name]
    with zipfile.ZipFile(saved, "w") as new:
        for name, content in (parts | {notes: damage}).items():
            new.writestr(name, content)
    assert excel.read(saved)["When"].dt.tz is None

"""Rows that have left the frame stay, are marked or go; what people typed stays with its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from openpyxl.comments import Comment

from schedkit import excel
from schedkit.errors import WorkbookError


def frame(keys: str, status: str = "Open") -> pd.DataFrame:
    return pd.DataFrame({"Key": list(keys), "Status": status})


@pytest.fixture
def living(tmp_path: Path) -> Path:
    """A table whose Comment people fill in, whose Twice calculates, and with notes on two rows."""
    path = tmp_path / "living.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Data")
    columns = [
        {"header": "Key"},
        {"header": "Status"},
        {"header": "Points"},
        {"header": "Twice", "formula": "=[@Points]*2"},
        {"header": "Comment"},
    ]
    rows = [[key, "Open", number, None, f"about {key}"] for number, key in enumerate("ABCD", 1)]
    sheet.add_table("B2:F6", {"name": "Bugs", "columns": columns, "data": rows})
    sheet.write_number("E4", 99)
    sheet.write_formula("F5", "=D5+1", None, 4)
    book.close()
    loaded = openpyxl.load_workbook(path)
    for cell in ("B4", "B5"):
        loaded.active[cell].comment = Comment(f"note of {loaded.active[cell].value}", "Ann")
    loaded.save(path)
    return path


def rows(path: Path) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(path).active
    return [[cell.value for cell in row] for row in sheet.iter_rows(min_row=3, min_col=2)]


def notes(path: Path) -> dict[str, str]:
    cells = (cell for row in openpyxl.load_workbook(path).active.iter_rows() for cell in row)
    return {str(cell.value): cell.comment.text for cell in cells if cell.comment}


def test_rows_stay_unless_it_is_said_otherwise(living: Path) -> None:
    written = excel.write(frame("BE", "Done"), living, mode="upsert", key="Key")
    assert (written.updated, written.added, written.removed) == (1, 1, 0)
    assert [row[:2] for row in rows(living)] == [
        ["A", "Open"],
        ["B", "Done"],
        ["C", "Open"],
        ["D", "Open"],
        ["E", "Done"],
    ]


def test_deleted_rows_leave_and_the_others_keep_what_people_typed(living: Path) -> None:
    written = excel.write(frame("ECB", "Done"), living, mode="upsert", key="Key", missing="delete")
    assert (written.updated, written.added, written.removed) == (2, 1, 2)
    assert rows(living)[:3] == [
        ["B", "Done", 2, 99, "about B"],
        ["C", "Done", 3, "=[[#This Row],Points]*2", "=D4+1"],
        ["E", "Done", None, "=[[#This Row],Points]*2", None],
    ]
    assert openpyxl.load_workbook(living).active.tables["Bugs"].ref == "B2:F5"
    assert notes(living) == {"B": "note of B", "C": "note of C"}


def test_replaced_rows_keep_what_people_typed_by_key(living: Path) -> None:
    written = excel.write(frame("ECB", "Done"), living, key="Key")
    assert (written.updated, written.added, written.removed) == (2, 1, 2)
    assert rows(living)[:3] == [
        ["E", "Done", None, "=[[#This Row],Points]*2", None],
        ["C", "Done", 3, "=[[#This Row],Points]*2", "=D4+1"],
        ["B", "Done", 2, 99, "about B"],
    ]
    assert notes(living) == {"B": "note of B", "C": "note of C"}


def test_marked_rows_tell_since_when(tmp_path: Path) -> None:
    path = tmp_path / "r.xlsx"
    before = pd.Timestamp.now("UTC").floor("s").tz_localize(None)

    def run(keys: str) -> excel.Written:
        return excel.write(frame(keys), path, mode="upsert", key="Key", missing="mark", tz="UTC")

    assert run("ABC").marked == 0
    first = run("AB")
    assert (first.updated, first.marked, first.removed) == (2, 1, 0)
    since = excel.read(path).set_index("Key")["Missing since"]
    assert since[["A", "B"]].isna().all()
    assert before <= since["C"] <= pd.Timestamp.now("UTC").tz_localize(None)
    assert run("A").marked == 1
    assert excel.read(path).set_index("Key")["Missing since"]["C"] == since["C"]
    assert run("ABC").marked == 0
    assert excel.read(path)["Missing since"].isna().all()
    run("AB")
    assert openpyxl.load_workbook(path).active["C4"].is_date


@pytest.mark.parametrize("beside", [(), ("Owner",), ("Owner", "Missing since")])
def test_a_table_without_the_column_gets_it_when_rows_are_marked(
    living: Path, beside: tuple[str, ...]
) -> None:
    loaded = openpyxl.load_workbook(living)
    for place, text in enumerate(beside):
        loaded.active.cell(2, 7 + place, text)
    loaded.save(living)
    for _ in range(2):
        excel.write(frame("A"), living, mode="upsert", key="Key", missing="mark")
    back = excel.read(living)
    names = list(dict.fromkeys([*beside, "Missing since"]))
    assert list(back.columns) == ["Key", "Status", "Points", "Twice", "Comment", *names]
    assert back["Missing since"].notna().tolist() == [False, True, True, True]
    table = openpyxl.load_workbook(living).active.tables["Bugs"]
    assert table.ref == table.autoFilter.ref == f"B2:{'GHI'[len(names) - 1]}6"
    assert [column.name for column in table.tableColumns][5:] == names


def test_the_time_looks_like_its_row(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "Made": pd.Timestamp("2026-11-01 09:30"), "By": "Ada"})
    path = excel.write(frame, tmp_path / "bugs.xlsx", mode="upsert", key="Key").path
    excel.write(frame.head(1), path, mode="upsert", key="Key", missing="mark")
    made, by, since = openpyxl.load_workbook(path).worksheets[0]["B3:D3"][0]
    assert since.number_format == made.number_format
    assert repr(since.font) == repr(by.font)


def test_a_range_without_the_column_gets_it_too(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Key", "Status"], ["A", "Open"], ["B", "Open"]):
        book.active.append(row)
    book.save(tmp_path / "r.xlsx")
    excel.write(frame("A"), tmp_path / "r.xlsx", mode="upsert", key="Key", missing="mark")
    assert excel.read(tmp_path / "r.xlsx")["Missing since"].notna().tolist() == [False, True]


@pytest.mark.parametrize(("cell", "text"), [("G4", "in the way"), ("G2", "Status")])
def test_a_table_with_something_in_the_columns_place_cannot_be_marked(
    living: Path, cell: str, text: str
) -> None:
    loaded = openpyxl.load_workbook(living)
    loaded.active[cell] = text
    loaded.save(living)
    with pytest.raises(WorkbookError, match="has no column 'Missing since' to mark rows in"):
        excel.write(frame("A"), living, mode="upsert", key="Key", missing="mark")


@pytest.mark.parametrize("how", [{"mode": "upsert", "missing": "delete"}, {"mode": "replace"}])
def test_losing_most_rows_is_refused(how: dict[str, Any], tmp_path: Path) -> None:
    path = excel.write(frame("ABCDEFGHIJ"), tmp_path / "r.xlsx").path
    before = path.read_bytes()
    with pytest.raises(WorkbookError, match=r"6 of 10 rows of .* \(if that is right, .*max_drop=0.61"):
        excel.write(frame("ABCD"), path, key="Key", **how)
    assert path.read_bytes() == before
    assert excel.write(frame("ABCDE"), path, key="Key", **how).removed == 5
    assert excel.write(frame("A"), path, key="Key", **how).removed == 4


def test_a_row_without_a_key_is_not_deleted_silently(living: Path) -> None:
    loaded = openpyxl.load_workbook(living)
    loaded.active["B3"].value = None
    loaded.save(living)
    with pytest.raises(WorkbookError, match=r"row 3 of table 'Bugs' of living\.xlsx has no key"):
        excel.write(frame("BCD"), living, mode="upsert", key="Key", missing="delete")


def test_the_examples_of_a_template_may_all_go(tmp_path: Path) -> None:
    template = excel.write(frame("ABCDEFGHIJKL"), tmp_path / "template.xlsx").path
    written = excel.write(frame("xyz"), tmp_path / "r.xlsx", template=template, key="Key")
    assert excel.read(written.path)["Key"].tolist() == ["x", "y", "z"]


@pytest.mark.parametrize("how", [{"mode": "upsert", "missing": "delete"}, {"mode": "replace"}])
def test_what_people_typed_beside_the_table_goes_with_its_key(how: dict[str, Any], tmp_path: Path) -> None:
    path = excel.write(frame("AB"), tmp_path / "r.xlsx").path
    loaded = openpyxl.load_workbook(path)
    loaded.active["C1"], loaded.active["C3"] = "Owner", "Bo"
    loaded.save(path)
    excel.write(frame("BC", "Done"), path, key="Key", **how)
    back = excel.read(path)
    assert back["Key"].tolist() == ["B", "C"]
    assert back["Owner"].fillna("").tolist() == ["Bo", ""]

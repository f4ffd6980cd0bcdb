"""Simple calculated columns carry their values, for programs that do not calculate."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook
from support.excel_templates import issues_table
from support.office import converted

from schedkit import excel

COLUMNS = ("Key", "Points", "Rate", "Due", "Done")
FRAME = pd.DataFrame(
    {
        "Key": ["A-1", "B & <2>", None],
        "Points": pd.array([3, -4, None], "Int64"),
        "Rate": [0.5, 0.25, 2.0],
        "Due": pd.to_datetime(["2026-11-29 00:00", "2026-11-30 12:00", None]),
        "Done": pd.array([True, False, None], "boolean"),
    }
)


def template(path: Path, *formulas: str, rows: int = 1) -> Path:
    columns: list[dict[str, Any]] = [{"header": name} for name in COLUMNS]
    columns += [{"header": f"Made {n}", "formula": text} for n, text in enumerate(formulas, 1)]
    return issues_table(path, columns=columns, rows=rows)


def this(name: str) -> str:
    return f"Issues[[#This Row],[{name}]]"


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        (f"={this('Points')}*2", [6, -8, 0]),
        (f"={this('Points')}*{this('Rate')}+1", [2.5, 0, 1]),
        (f"=({this('Points')}+1)*-2", [-8, 6, -2]),
        (f"=-{this('Points')}--1", [-2, 5, 1]),
        (f"={this('Rate')}-{this('Points')}/4-1", [-1.25, 0.25, 1]),
        (f"={this('Rate')}*50%", [0.25, 0.125, 1]),
        (f"=+{this('Rate')}", [0.5, 0.25, 2]),
        (f"={this('Rate')}*1.5E1", [7.5, 3.75, 30]),
        (f"={this('Points')}", [3, -4, 0]),
        ("=1+1", [2, 2, 2]),
        (f'="https://x/"&{this("Key")}', ["https://x/A-1", "https://x/B & <2>", "https://x/"]),
        (f'={this("Key")}&": ""q"" "&{this("Points")}', ['A-1: "q" 3', 'B & <2>: "q" -4', ': "q" ']),
        (f"={this('Points')}/({this('Rate')}-2)", [-2, 4 / 1.75, ""]),
        (f"={this('Key')}*2", ["", "", 0]),
        (f"={this('Key')}&{this('Rate')}", ["", "", "2"]),
        (f"={this('Done')}*2", ["", "", 0]),
        (f"={this('Due')}+1", [46356, 46357.5, 1]),
        (f"=SUM({this('Points')})", [3, -4, 0]),
        (f"={this('Points')}^2", [9, 16, 0]),
        (f"=-{this('Points')}^2", [9, 16, 0]),
        (f"={this('Points')}^0.5", [3**0.5, "", 0]),
        ("=SUM(Issues[Points])", [-1, -1, -1]),
        ("=COUNTA(Issues[Key])+COUNT([Points])", [4, 4, 4]),
        (f"={this('Points')}>={this('Rate')}", [True, False, False]),
        (f'={this("Key")}="a-1"', [True, False, False]),
        (f'={this("Key")}<>""', [True, True, False]),
        ("=SUM(Issues[Points], 1, )", ["", "", ""]),
        ("=SUM(Nothing[Points])", ["", "", ""]),
        ("=Missing!A1*2", ["", "", ""]),
        ("=[1]Data!B2*2", ["", "", ""]),
        ("=B2:B4*2", ["", "", ""]),
        ("=UNKNOWN(B2)", ["", "", ""]),
        ("=B2 C2", ["", "", ""]),
        ("=$B$2*10", [30, 30, 30]),
        ("=Unnamed*10", ["", "", ""]),
        (f"={this('Points')}*{this('None')}", ["", "", ""]),
        ("=[@Points]*2", [6, -8, 0]),
        ("=Issues[[#This Row], [Points]]*2", [6, -8, 0]),
        ("=Other[[#This Row],[Points]]", ["", "", ""]),
        (f"={this('Points')}*", ["", "", ""]),
        (f"=({this('Points')}", ["", "", ""]),
        (f"={this('Points')} 2", ["", "", ""]),
        ("=B1*2", ["", 6, -8]),
        ("=1E300*1E300", ["", "", ""]),
    ],
)
def test_what_can_be_told_is_told(formula: str, values: list[Any], tmp_path: Path) -> None:
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=template(tmp_path / "t.xlsx", formula)).path
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("Data").to_python(skip_empty_area=False)
    made = [row[5] if len(row) > 5 else "" for row in rows[1:]]
    assert (
        made == pytest.approx(values) if all(isinstance(v, int | float) for v in values) else made == values
    )
    assert openpyxl.load_workbook(path)["Data"]["F2"].value is not None


def test_values_that_cannot_be_told_are_missed_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = excel.write(
        FRAME, tmp_path / "f.xlsx", template=template(tmp_path / "t.xlsx", "=EXP([@Points])")
    ).path
    assert excel.read(path)["Made 1"].isna().all()
    (record,) = [each for each in caplog.records if each.name == "schedkit" and "formulas" in each.message]
    assert (
        "3 cells hold formulas whose values are not stored and are read as missing (Made 1)" in record.message
    )


def test_formulas_may_use_each_other(tmp_path: Path) -> None:
    first, second = f"={this('Points')}*2", f"={this('Made 1')}+1"
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=template(tmp_path / "t.xlsx", first, second)).path
    made = pd.read_excel(path, engine="calamine")
    assert made["Made 2"].tolist() == [7, -7, 1]
    later = f"={this('Made 2')}+1"
    path = excel.write(FRAME, tmp_path / "g.xlsx", template=template(tmp_path / "t.xlsx", later, first)).path
    assert pd.read_excel(path, engine="calamine")["Made 1"].tolist() == [7, -7, 1]
    path = excel.write(FRAME, tmp_path / "h.xlsx", template=template(tmp_path / "t.xlsx", later, second)).path
    assert pd.read_excel(path, engine="calamine")[["Made 1", "Made 2"]].isna().all(axis=None)


def test_cells_of_a_plain_range_are_known_by_their_column(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Key", "Points", "Twice", "Typed", "More"])
    book.active.append(["x", 1, "=B2*2+$B2", "by hand", '=D2&"!"'])
    book.save(tmp_path / "t.xlsx")
    frame = pd.DataFrame({"Key": ["a", "b"], "Points": [5, 6]})
    path = excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx").path
    made = pd.read_excel(path, engine="calamine")
    assert made["Twice"].tolist() == [15, 18]
    # What people typed went with its row.
    assert made["More"].tolist() == ["!", "!"]


def test_rows_that_are_updated_are_calculated_anew(tmp_path: Path) -> None:
    path = template(tmp_path / "t.xlsx", f"={this('Points')}*2")
    excel.write(FRAME.head(2), path, mode="upsert", key="Key")
    excel.write(FRAME.head(2).assign(Points=[10, 20]), path, mode="upsert", key="Key")
    made = pd.read_excel(path, engine="calamine")
    assert made["Made 1"].tolist()[1:] == [20, 40]
    assert openpyxl.load_workbook(path)["Data"]["F4"].value == f"={this('Points')}*2"


def test_an_exception_in_a_row_stays_one(tmp_path: Path) -> None:
    path = template(tmp_path / "t.xlsx", f"={this('Points')}*2")
    excel.write(FRAME.head(2), path, mode="append")
    book = openpyxl.load_workbook(path)
    book["Data"]["F3"] = 99
    book.save(path)
    excel.write(FRAME.head(2).assign(Points=[10, 20]), path, mode="upsert", key="Key")
    assert pd.read_excel(path, engine="calamine")["Made 1"].tolist()[1:] == [99, 40]


@pytest.mark.xdist_group("office")
def test_libreoffice_calculates_the_same(tmp_path: Path) -> None:
    formulas = (
        f"=({this('Points')}+1)*-2",
        f"={this('Rate')}*50%-{this('Points')}/3",
        f'={this("Key")}&":"&{this("Points")}',
        f"={this('Due')}+{this('Rate')}",
    )
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=template(tmp_path / "t.xlsx", *formulas)).path
    (saved,) = converted([path], tmp_path)
    ours, theirs = (
        CalamineWorkbook.from_path(str(each)).get_sheet_by_name("Data").to_python() for each in (path, saved)
    )
    for mine, other in zip(ours[1:], theirs[1:], strict=False):
        for one, two in zip(mine[5:], other[5:], strict=True):
            if isinstance(two, dt.datetime):
                two = (two - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)
            assert one == (pytest.approx(two) if isinstance(two, float) else two)

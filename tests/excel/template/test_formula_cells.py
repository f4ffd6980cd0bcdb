"""Formulas anywhere in the workbook follow a region, and lose the values calculated from old rows."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.excel_zoo import parts_of

from schedkit import excel

FRAME = pd.DataFrame({"Key": list("abcd"), "Points": [1, 2, 3, 4]})


def template(path: Path, formulas: dict[str, Any], *, table: bool = True, names: bool = False) -> Path:
    """Write a sheet Data of two rows and a sheet Dash; formulas by address, all with the value 99."""
    book = xlsxwriter.Workbook(str(path))
    data = book.add_worksheet("Data")
    sheets = {"Data": data, "Dash": book.add_worksheet("Dash")}
    if table:
        columns = [{"header": "Key"}, {"header": "Points"}]
        data.add_table("A1:B3", {"name": "Issues", "columns": columns, "data": [["x", 1], ["y", 2]]})
    else:
        for row, values in enumerate([["Key", "Points"], ["x", 1], ["y", 2]]):
            data.write_row(row, 0, values)
    if names:
        book.define_name("Scores", "=Data!$B$2:$B$3")
        book.define_name("Twice", "=SUM(Scores)*2")
    for address, formula in formulas.items():
        sheet, cell = address.split("!")
        if isinstance(formula, tuple):
            sheets[sheet].write_array_formula(cell, *formula)
        else:
            sheets[sheet].write_formula(cell.partition(":")[0], formula, None, 99)
    book.close()
    return path


def cells_of(path: Path, sheet: int) -> dict[str, tuple[str, str | None]]:
    """Return formula and cached value of each cell that has a formula."""
    xml = parts_of(path)[f"xl/worksheets/sheet{sheet}.xml"].decode()
    found = re.findall(r'<c r="(\w+)"[^>]*><f[^>]*>([^<]*)</f>(?:<v>([^<]*)</v>)?', xml)
    return {cell: (formula, value or None) for cell, formula, value in found}


@pytest.mark.parametrize("table", [True, False])
def test_formulas_of_other_sheets_grow_and_lose_their_old_values(table: bool, tmp_path: Path) -> None:
    formulas = {
        "Dash!A1": "=SUM(Data!B2:B3)",
        "Dash!A2": "=VLOOKUP(A9,Data!$A$1:$B$3,2,FALSE)",
        "Dash!A3": "=A1*2",
        "Dash!A4": '=A3&"Data!B2:B3"',
        "Dash!B1": "=SUM(C1:C2)",
        "Dash!B2": "=TODAY()",
        "Dash!B3": "=COUNTA(Data!B:B)",
        "Dash!B4": "=Data!B2",
        "Dash!B5": "=Data!Z99",
        "Dash!B6": "=SUM(Data!D2:D3)",
        "Data!E1": "=SUM(B2:B3)",
        "Data!E2": "=B2*10",
        "Data!F9": "=Dash!A1",
    }
    made = excel.write(
        FRAME, tmp_path / "f.xlsx", template=template(tmp_path / "t.xlsx", formulas, table=table)
    )
    assert cells_of(made.path, 2) == {
        "A1": ("SUM(Data!B2:B5)", "10"),
        "A2": ("VLOOKUP(A9,Data!$A$1:$B$5,2,FALSE)", None),
        "A3": ("A1*2", "20"),
        "A4": ('A3&amp;"Data!B2:B3"', "20Data!B2:B3"),
        "B1": ("SUM(C1:C2)", "99"),
        "B2": ("TODAY()", "99"),
        "B3": ("COUNTA(Data!B:B)", "5"),
        "B4": ("Data!B2", "1"),
        "B5": ("Data!Z99", "99"),
        "B6": ("SUM(Data!D2:D3)", "99"),
    }
    assert cells_of(made.path, 1) == {
        "E1": ("SUM(B2:B5)", "10"),
        "E2": ("B2*10", "10"),
        "F9": ("Dash!A1", "10"),
    }
    assert openpyxl.load_workbook(made.path).calculation.fullCalcOnLoad


def test_values_stay_where_nothing_that_they_depend_on_changes(tmp_path: Path) -> None:
    formulas = {
        "Data!D2": "=Issues[[#This Row],[Points]]*2",
        "Data!D3": "=B3*2",
        "Dash!A1": "=SUM(Issues[Points])",
        "Dash!A2": "=D2",
        "Dash!A3": "=Data!D2+1",
        "Dash!A4": "=SUM(Dash!A1:A1)",
    }
    path = template(tmp_path / "t.xlsx", formulas)
    excel.write(FRAME, path, mode="append")
    # Rows that stay keep their values: only what counts the whole table is stale.
    assert {cell: value for cell, (_, value) in cells_of(path, 1).items()} == {"D2": "99", "D3": "99"}
    assert {cell: value for cell, (_, value) in cells_of(path, 2).items()} == {
        "A1": "13",
        "A2": "99",
        "A3": "99",
        "A4": "13",
    }


def test_names_lead_to_what_they_stand_for(tmp_path: Path) -> None:
    formulas = {
        "Dash!A1": "=SUM(Scores)",
        "Dash!A2": "=Twice",
        "Dash!A3": "=Unknown",
        "Dash!A4": '=INDIRECT("x")',
    }
    path = template(tmp_path / "t.xlsx", formulas, names=True)
    excel.write(FRAME, path, template=path)
    assert {cell: value for cell, (_, value) in cells_of(path, 2).items()} == {
        "A1": "10",
        "A2": None,
        "A3": "99",
        "A4": None,
    }
    book = openpyxl.load_workbook(path)
    assert book.defined_names["Scores"].attr_text == "Data!$B$2:$B$5"


@pytest.mark.parametrize("order", ["down", "up"])
def test_chains_of_formulas_are_followed_to_their_end(order: str, tmp_path: Path) -> None:
    rows = range(1, 101)
    formulas = {"Dash!A1" if order == "down" else "Dash!A100": "=SUM(Data!B2:B3)"}
    for row in rows:
        other = row - 1 if order == "down" else row + 1
        if other in rows:
            formulas[f"Dash!A{row}"] = f"=A{other}+1"
    path = template(tmp_path / "t.xlsx", formulas)
    excel.write(FRAME, path, template=path)
    made = {cell: int(value or 0) for cell, (_, value) in cells_of(path, 2).items()}
    assert [made[f"A{row}"] for row in rows] == [*range(10, 110)][:: 1 if order == "down" else -1]


def test_array_formulas_lose_all_the_values_that_they_fill(tmp_path: Path) -> None:
    path = template(tmp_path / "t.xlsx", {"Dash!A1:A3": ("{=Data!B2:B4*2}", None, 99), "Dash!B1": "=A3"})
    book = openpyxl.load_workbook(path)
    book["Dash"]["A2"], book["Dash"]["A3"], book["Dash"]["C3"] = 98, 97, 96
    book.save(path)
    excel.write(FRAME, path, template=path)
    xml = parts_of(path)["xl/worksheets/sheet2.xml"].decode()
    assert re.findall("<v>([^<]+)</v>", xml) == ["96"]


def shared(path: Path, rows: int) -> Path:
    """Write a sheet with a column of one shared formula within the range and one beside it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    sheet.append(["Key", "Points", "Twice"])
    for row in range(2, rows + 2):
        sheet.append([f"k{row}", row, "=0", None, "=0"])
    book.save(path)
    parts = parts_of(path)
    name = "xl/worksheets/sheet1.xml"
    xml = parts[name].decode()
    for index, (column, text) in enumerate((("C", "B2*2"), ("E", f"SUM(B2:B${rows + 1})"))):
        for row in range(2, rows + 2):
            told = (
                f' ref="{column}2:{column}{rows + 1}" si="{index}">{text}</f>'
                if row == 2
                else f' si="{index}"/>'
            )
            xml = re.sub(
                rf'(<c r="{column}{row}"[^>]*>)<f>0</f><v\s*/?>(</v>)?',
                rf'\1<f t="shared"{told}<v>9</v>',
                xml,
            )
    with zipfile.ZipFile(path, "w") as package:
        for part, content in {**parts, name: xml.encode()}.items():
            package.writestr(part, content)
    return path


def test_shared_formulas_whose_master_goes_keep_their_text(tmp_path: Path) -> None:
    path = shared(tmp_path / "t.xlsx", 3)
    excel.write(pd.DataFrame({"Key": ["k2"], "Points": [7], "Twice": [5]}), path, mode="upsert", key="Key")
    assert openpyxl.load_workbook(path).active["C2"].value == 5
    assert [openpyxl.load_workbook(path).active[f"C{row}"].value for row in (3, 4)] == ["=B3*2", "=B4*2"]


def test_shared_formulas_grow_each_for_itself(tmp_path: Path) -> None:
    path = shared(tmp_path / "t.xlsx", 3)
    excel.write(FRAME.assign(Key=["n1", "n2", "n3", "n4"]), path, mode="append")
    sheet = openpyxl.load_workbook(path).active
    assert [sheet[f"E{row}"].value for row in (2, 3, 4)] == ["=SUM(B2:B$8)", "=SUM(B3:B$8)", "=SUM(B4:B$8)"]
    assert [sheet[f"C{row}"].value for row in range(2, 9)] == [f"=B{row}*2" for row in range(2, 9)]


def test_totals_that_move_are_still_referred_to(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    for row in (["Key", "Points"], ["x", 1], ["y", 2], [], ["Total", "=SUM(B2:B3)"], ["Half", "=B5/2"]):
        sheet.append(row)
    dash = book.create_sheet("Dash")
    dash["A1"], dash["A2"] = "=Data!B5", "=SUM(Data!B5:B6)"
    sheet["D5"] = "=B5"
    book.save(tmp_path / "t.xlsx")
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx").path
    made = openpyxl.load_workbook(path)
    assert [made["Data"][cell].value for cell in ("A7", "B7", "A8", "B8")] == [
        "Total",
        "=SUM(B2:B5)",
        "Half",
        "=B7/2",
    ]
    assert made["Data"]["D5"].value == "=B7"
    assert [made["Dash"][cell].value for cell in ("A1", "A2")] == ["=Data!B7", "=SUM(Data!B7:B8)"]


def test_an_update_leaves_the_values_of_formulas_that_it_does_not_concern(tmp_path: Path) -> None:
    formulas = {
        "Data!E2": "=B2*10",
        "Data!E3": "=B3*10",
        "Data!F2": "=E2+1",
        "Dash!A1": "=SUM(Issues[Points])",
        "Dash!A2": "=Data!B2",
        "Dash!A3": "=Data!E3",
    }
    path = template(tmp_path / "t.xlsx", formulas)
    excel.write(pd.DataFrame({"Key": ["y"], "Points": [7]}), path, mode="upsert", key="Key")
    values = {**cells_of(path, 1), **cells_of(path, 2)}
    changed = {cell: value for cell, (_, value) in values.items() if value != "99"}
    assert changed == {"E3": "70", "A1": "8", "A3": "70"}
    excel.write(pd.DataFrame({"Key": ["z"], "Points": [7]}), path, mode="upsert", key="Key")
    assert cells_of(path, 1)["E2"] == ("B2*10", "99")


def test_a_mark_makes_formulas_on_its_row_stale(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    sheet = book.add_worksheet("Data")
    columns = [{"header": name} for name in ("Key", "Missing since")]
    sheet.add_table("A1:B3", {"name": "Issues", "columns": columns, "data": [["x"], ["y"]]})
    for row in (2, 3):
        sheet.write_formula(f"D{row}", f"=ISBLANK(B{row})", None, 99)
    book.close()
    written = excel.write(
        pd.DataFrame({"Key": ["x"]}), tmp_path / "t.xlsx", mode="upsert", key="Key", missing="mark"
    )
    assert written.marked == 1
    assert cells_of(written.path, 1)["D3"] == ("ISBLANK(B3)", None)

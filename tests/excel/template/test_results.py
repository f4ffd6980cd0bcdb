"""Formulas that depend on new rows carry their new values, or it is told that they have none."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.formula import ArrayFormula
from python_calamine import CalamineWorkbook
from support.excel_templates import issues_table
from support.office import converted
from support.random_formulas import RandomFormulas

from schedkit import excel

FRAME = pd.DataFrame(
    {"Key": list("abcd"), "Points": [1.5, 2, -3, 4], "Status": ["Done", "Open", None, "done"]}
)
RUNNING = [
    ["Key", "Points", "Status", "Run", "So far", "Twice", "Size"],
    ["x", 10, "Open", "=B2", "=SUM(B$2:B2)", "=B2*2", '=IF(B2>2,"big","small")'],
    ["y", 20, "Done", "=D2+B3", "=SUM(B$2:B3)", "=B3*2", '=IF(B3>2,"big","small")'],
    ["Total", "=SUM(B2:B3)", "=COUNTA(C2:C3)", None, "=MAX(E2:E3)", "=SUBTOTAL(9,F2:F3)", "=B4*2"],
]
DASHBOARD = {
    "A1": "=SUM(Data!B2:B3)",
    "A2": "=A1*2",
    "A3": '=COUNTIF(Data!C2:C3,"done")',
    "A4": '=SUMIF(Data!C2:C3,"Done",Data!B2:B3)',
    "A5": "=ROUND(AVERAGE(Data!B:B),1)",
    "A6": "=SUM(Data!2:3)",
    "A7": '="Points: "&COUNT(Data!B2:B3)',
    "A8": "=MIN(Scores)+ABS(Data!B4)",
    "A9": '=COUNTIF(Data!B2:B3,">=2")',
}


def values(path: Path, sheet: str = "Data") -> list[list[Any]]:
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python(skip_empty_area=False)


def running(path: Path) -> Path:
    """Write a plain range with running totals, a row of totals, and a dashboard; no formula has a value."""
    book = openpyxl.Workbook()
    book.active.title = "Data"
    for row in RUNNING:
        book.active.append(row)
    dash = book.create_sheet("Dash")
    for address, formula in DASHBOARD.items():
        dash[address] = formula
    book.defined_names["Scores"] = DefinedName("Scores", attr_text="Data!$B$2:$B$3")
    book.save(path)
    return path


@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
def test_totals_running_totals_and_a_dashboard_carry_their_values(mode: str, tmp_path: Path) -> None:
    key = {"key": "Key"} if mode == "upsert" else {}
    made = excel.write(FRAME, tmp_path / "f.xlsx", template=running(tmp_path / "t.xlsx"), mode=mode, **key)
    old = [] if mode == "replace" else [10.0, 20.0]
    points = [*old, *FRAME["Points"]]
    body = values(made.path)[1:-1]
    new = body[len(old) :]
    so_far = np.cumsum(points)[len(old) :]
    assert [row[4] for row in new] == pytest.approx(so_far)
    assert [row[5] for row in new] == [2 * each for each in FRAME["Points"]]
    assert [row[6] for row in new] == ["big" if each > 2 else "small" for each in FRAME["Points"]]
    if mode == "replace":
        assert [row[3] for row in new] == pytest.approx(so_far)
    total = values(made.path)[-1]
    assert total[1:3] == [sum(points), 3 + len(old)]
    assert total[6] == 2 * sum(points)
    dash = [row[0] for row in values(made.path, "Dash")]
    done = [*old[1:], 1.5, 4.0]
    mean = 2 * sum(points) / (len(points) + 1)
    assert dash[:5] == [sum(points), 2 * sum(points), len(done), sum(done), pytest.approx(mean, abs=0.05)]
    assert dash[6] == f"Points: {len(points)}"
    assert dash[7:] == [min(points) + abs(sum(points)), sum(each >= 2 for each in points)]


def test_the_totals_row_follows_every_run(tmp_path: Path) -> None:
    frame = FRAME.assign(Count=range(4))
    path = tmp_path / "f.xlsx"
    formulas = {"Points": "sum", "Status": "count", "Count": "average"}
    assert excel.write(frame, path, mode="append", totals=formulas).altered == {}
    for expected in ([9, 6, 1.5], [13.5, 9, 1.5]):
        made = excel.write(frame, path, mode="append")
        assert values(path, "f")[-1][1:] == expected
        assert made.altered == {}
    book = tmp_path / "u.xlsx"
    excel.write(frame, book, totals=formulas)
    excel.write(frame.assign(Points=[10, 20, 30, 40]).iloc[1:], book, mode="upsert", key="Key")
    assert values(book, "u")[-1][1:] == [91.5, 3, 1.5]


def test_what_cannot_be_calculated_is_told(tmp_path: Path) -> None:
    def extra(book: Any, sheet: Any) -> None:
        dash = book.add_worksheet("Dash")
        dash.write_formula("A1", '=VLOOKUP("x",Data!A2:B3,2)', None, 99)
        dash.write_formula("A2", "=A1+1", None, 99)
        dash.write_formula("A3", "=SUM(Issues[Points])", None, 99)
        dash.write_formula("A4", "=1/(A3-A3)", None, 99)
        dash.write_formula("A5", "=A5+A3", None, 99)
        dash.write_array_formula("B1:B2", "=Data!B2:B3", None, 99)

    path = issues_table(tmp_path / "t.xlsx", extra)
    made = excel.write(FRAME, path, mode="append")
    assert made.altered == {"uncalculated": 5, "unplaced_columns": 1}
    assert "left without a value until a program calculates them: 5" in repr(made)
    assert [row[0] for row in values(path, "Dash")] == ["", "", 7.5]
    assert openpyxl.load_workbook(path).calculation.fullCalcOnLoad


@pytest.mark.parametrize("hide", ["row", "outline"])
def test_a_subtotal_over_hidden_rows_is_left_to_the_program(hide: str, tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    excel.write(FRAME, path, totals={"Points": "sum"})
    book = openpyxl.load_workbook(path)
    book["f"].row_dimensions[3].hidden = True
    book.save(path)
    made = excel.write(FRAME, path, mode="append")
    assert made.altered == {"uncalculated": 1}
    assert values(path, "f")[-1][1] == ""


def test_rows_beside_and_nested_subtotals_are_not_counted_twice(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Key", "Points"], ["x", 1], ["part", "=SUBTOTAL(9,B2:B2)"], ["y", 2]):
        book.active.append(row)
    book.active["D1"] = "=SUBTOTAL(9,B2:B4)"
    book.active["D2"] = "=SUM(B2:B4)"
    book.save(tmp_path / "t.xlsx")
    made = excel.write(
        FRAME[["Key", "Points"]], tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", mode="append"
    )
    assert made.altered == {"uncalculated": 1}
    assert [row[3] for row in values(made.path, "Sheet")[:2]] == ["", 13]


def test_formulas_of_a_long_column_are_calculated_row_by_row(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": [f"k{n}" for n in range(500)], "Points": np.arange(500.0)})
    made = excel.write(frame, tmp_path / "f.xlsx", template=running(tmp_path / "t.xlsx"), mode="append")
    body = values(made.path)[3:-1]
    assert [row[4] for row in body] == (30 + np.cumsum(frame["Points"])).tolist()
    assert values(made.path)[-1][1] == 30 + frame["Points"].sum()
    assert values(made.path)[-1][4] == 30 + frame["Points"].sum()


def test_an_array_formula_is_told(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Key", "Points", "Made"], ["x", 1]):
        book.active.append(row)
    book.active["C2"] = ArrayFormula("C2", "=SUM(B2:B2*2)")
    book.save(tmp_path / "t.xlsx")
    made = excel.write(FRAME[["Key", "Points"]], tmp_path / "f.xlsx", template=tmp_path / "t.xlsx")
    assert made.altered == {"uncalculated": 4}


def without_values(path: Path, out: Path) -> Path:
    """Copy a workbook without the stored values of its formulas."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name.startswith("xl/worksheets/sheet"):
                part = re.sub(rb"(</f>|<f[^>]*/>)<v>[^<]*</v>", rb"\1", part)
            new.writestr(name, part)
    return out


@pytest.mark.xdist_group("office")
@pytest.mark.filterwarnings("ignore")
def test_libreoffice_agrees_on_random_formulas(tmp_path: Path) -> None:
    random = RandomFormulas(seed=16)
    book = openpyxl.Workbook()
    book.active.title = "Data"
    book.active.append(["Key", *"ABCD"])
    for row in range(6):
        book.active.append([f"o{row}", *(random.value() for _ in range(4))])
    dash = book.create_sheet("Dash")
    for _ in range(800):
        dash.append([f"={random.formula()}"])
    book.save(tmp_path / "t.xlsx")
    columns = {name: pd.Series([random.value() for _ in range(12)], dtype=object) for name in "ABCD"}
    frame = pd.DataFrame({"Key": [f"n{row}" for row in range(12)], **columns})
    made = excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", mode="append")
    (saved,) = converted([without_values(made.path, tmp_path / "bare.xlsx")], tmp_path)
    formulas, ours, theirs = (
        [row[0] for row in openpyxl.load_workbook(path, data_only=only)["Dash"].iter_rows(values_only=True)]
        for path, only in ((made.path, False), (made.path, True), (saved, True))
    )
    told = [each for each in zip(formulas, ours, theirs, strict=True) if each[1] is not None]
    assert len(told) > 100
    for formula, mine, other in told:
        assert (isinstance(mine, bool), mine) == (isinstance(other, bool), pytest.approx(other)), formula


@pytest.mark.xdist_group("office")
def test_libreoffice_calculates_the_same(tmp_path: Path) -> None:
    template = running(tmp_path / "t.xlsx")
    ours = [
        excel.write(FRAME, tmp_path / "replaced.xlsx", template=template).path,
        excel.write(FRAME, tmp_path / "updated.xlsx", template=template, mode="upsert", key="Key").path,
    ]
    excel.write(FRAME, tmp_path / "totals.xlsx", totals=True)
    ours.append(excel.write(FRAME, tmp_path / "totals.xlsx", mode="append").path)
    bare = [without_values(path, tmp_path / f"bare-{path.name}") for path in ours]
    for mine, theirs in zip(ours, converted(bare, tmp_path), strict=True):
        for sheet in CalamineWorkbook.from_path(str(mine)).sheet_names:
            for left, right in zip(values(mine, sheet), values(theirs, sheet), strict=False):
                for one, two in zip(left, right, strict=False):
                    assert one in ("", two) or one == pytest.approx(two), (mine, sheet, left, right)

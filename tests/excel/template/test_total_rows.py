"""Totals below a plain range are known by what they sum up, and stay below it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from schedkit import excel
from schedkit.errors import WorkbookError

FRAME = pd.DataFrame({"Key": list("abcd"), "Points": [1, 2, 3, 4]})
HEAD = [["Key", "Points"], ["x", 1], ["y", 2]]


def filled(tmp_path: Path, rows: list[list[Any]], mode: str, frame: pd.DataFrame = FRAME) -> list[list[Any]]:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    key = {"key": "Key"} if mode == "upsert" else {}
    path = excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", mode=mode, **key).path
    return [list(row) for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True)]


@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
@pytest.mark.parametrize(
    "formula", ["=SUM(B2:B3)", "=SUBTOTAL(109,B2:B3)", "=AVERAGE($B$2:$B$3)", "=SUM(B1:B3)"]
)
@pytest.mark.parametrize("blank", [0, 1, 2])
def test_totals_stay_below(mode: str, formula: str, blank: int, tmp_path: Path) -> None:
    made = filled(tmp_path, [*HEAD, *[[]] * blank, ["Total", formula]], mode)
    old = [] if mode == "replace" else HEAD[1:]
    last = 5 if mode == "replace" else 7
    grown = formula.replace("B3", f"B{last}").replace("$B$3", f"$B${last}")
    body = [["a", 1], ["b", 2], ["c", 3], ["d", 4]]
    assert made == [HEAD[0], *old, *body, *[[None, None]] * blank, ["Total", grown]]


def test_totals_move_up_with_fewer_rows(tmp_path: Path) -> None:
    for rows in (0, 1, 2):
        made = filled(tmp_path, [*HEAD, ["Total", "=SUM(B2:B3)"]], "replace", FRAME.head(rows))
        body = FRAME.head(rows).to_numpy().tolist() or [[None, None]]
        assert made == [HEAD[0], *body, ["Total", f"=SUM(B2:B{max(rows, 1) + 1})"]]


def test_several_totals_with_a_note_below_move_as_one(tmp_path: Path) -> None:
    rows = [*HEAD, ["Total", "=SUM(B2:B3)"], ["Mean", "=AVERAGE(B2:B3)"], ["Twice", "=B4*2"], ["as of today"]]
    made = filled(tmp_path, rows, "append")
    assert [row[0] for row in made] == [
        "Key",
        "x",
        "y",
        "a",
        "b",
        "c",
        "d",
        "Total",
        "Mean",
        "Twice",
        "as of today",
    ]
    assert [row[1] for row in made[7:10]] == ["=SUM(B2:B7)", "=AVERAGE(B2:B7)", "=B8*2"]


@pytest.mark.parametrize(
    "rows",
    [
        [["Key", "Points", "Sum"], ["x", 1, "=SUM(B$2:B2)"], ["y", 2, "=SUM(B$2:B3)"]],
        [["Key", "Points", "Sum"], ["x", 1, 1], ["y", 2, "=C2+B3"]],
        [["Key", "Points", "Sum"], ["x", 1, "=SUM(A2:B2)"], ["y", 2, "=SUM(A3:B3)"]],
        [["Key", "Points", "Sum"], ["x", 1, None], ["y", 2, "=SUM(B2:B3)"]],
    ],
)
def test_formulas_of_rows_are_no_totals(rows: list[list[Any]], tmp_path: Path) -> None:
    made = filled(tmp_path, rows, "append")
    assert [row[:2] for row in made] == [["Key", "Points"], *HEAD[1:], *FRAME.to_numpy().tolist()]


def test_a_long_block_below_is_no_totals(tmp_path: Path) -> None:
    rows = [*HEAD, [], ["Total", "=SUM(B2:B3)"], *[["list", n] for n in range(9)]]
    with pytest.raises(WorkbookError, match="would grow over the cell A6"):
        filled(tmp_path, rows, "append")


def test_a_text_between_body_and_sum_stops(tmp_path: Path) -> None:
    rows = [["Key", "Points"], ["x", 1], [], ["a remark"], ["Total", "=SUM(B2:B2)"]]
    with pytest.raises(WorkbookError, match="would grow over the cell A4"):
        filled(tmp_path, rows, "replace")


def test_array_formulas_of_totals_move_with_their_area(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in HEAD:
        book.active.append(row)
    book.active["A4"], book.active["B4"] = "Total", ArrayFormula("B4", "=SUM(B2:B3*2)")
    book.active["C5"] = "=SUM(B2:B3)"
    book.active["B5"] = "=SUM(B2:B3)"
    book.save(tmp_path / "t.xlsx")
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx").path
    total = openpyxl.load_workbook(path).active["B6"].value
    assert (total.ref, total.text) == ("B6", "=SUM(B2:B5*2)")

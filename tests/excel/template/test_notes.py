"""Notes move with the key of their row, or leave with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.excel_templates import issues_frame, issues_table, patched, text_of

from schedkit import excel

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def noted(path: Path, *, key: str = "Key", rows: int = 3) -> Path:
    def notes(book: xlsxwriter.Workbook, sheet: Any) -> None:
        for cell in ("A1", "A2", "B3", "A4", "D3", "B5"):
            sheet.write_comment(cell, f"note of {cell}")

    columns = [{"header": key, "total_string": "Total"}, {"header": "Points", "total_function": "sum"}]
    return issues_table(path, notes, rows=rows, columns=columns, total_row=True)


def notes_of(path: Path) -> dict[str, str]:
    sheet = openpyxl.load_workbook(path)["Data"]
    return {c.coordinate: c.comment.text.strip() for row in sheet.iter_rows() for c in row if c.comment}


def boxes_of(path: Path) -> set[tuple[int, int]]:
    """Return row and column of the boxes, from 1."""
    drawing = text_of(path, "xl/drawings/vmlDrawing1.vml")
    found = re.findall(r"<x:Row>(\d+)</x:Row>\s*<x:Column>(\d+)</x:Column>", drawing)
    return {(int(row) + 1, int(column) + 1) for row, column in found}


def test_notes_follow_their_key_when_rows_are_replaced(tmp_path: Path) -> None:
    template = noted(tmp_path / "t.xlsx")
    frame = pd.DataFrame({"Key": ["NEW", "OLD-3", "X", "Y", "OLD-2"], "Points": range(5)})
    written = excel.write(frame, tmp_path / "f.xlsx", template=template)
    assert notes_of(written.path) == {
        "A1": "note of A1",
        "A3": "note of A4",
        "B6": "note of B3",
        "D3": "note of D3",
        "B7": "note of B5",
    }
    assert boxes_of(written.path) == {(1, 1), (3, 1), (6, 2), (3, 4), (7, 2)}
    assert written.altered == {"notes_removed": 1}


def test_notes_stay_where_rows_stay(tmp_path: Path) -> None:
    template = noted(tmp_path / "t.xlsx")
    frame = pd.DataFrame({"Key": ["OLD-2", "NEW"], "Points": [7, 8]})
    for mode, key in (("append", None), ("upsert", "Key")):
        written = excel.write(frame, tmp_path / f"{mode}.xlsx", template=template, mode=mode, key=key)
        moved = 2 if mode == "append" else 1
        expected = {cell: f"note of {cell}" for cell in ("A1", "A2", "B3", "A4", "D3")}
        assert notes_of(written.path) == {**expected, f"B{5 + moved}": "note of B5"}
        assert written.altered == {}


def test_notes_of_rows_without_a_key_leave(tmp_path: Path) -> None:
    template = noted(tmp_path / "t.xlsx", key="Name")
    frame = issues_frame(3).rename(columns={"Key": "Name"})
    written = excel.write(frame, tmp_path / "f.xlsx", template=template)
    assert notes_of(written.path) == {"A1": "note of A1", "D3": "note of D3", "B5": "note of B5"}
    assert written.altered == {"notes_removed": 3}


def test_threaded_comments_follow_too(tmp_path: Path) -> None:
    template = noted(tmp_path / "t.xlsx")
    threads = (
        '<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments">'
        '<threadedComment ref="A2" id="{1}"><text>one</text></threadedComment>'
        '<threadedComment ref="B3" id="{2}"><text>two</text></threadedComment></ThreadedComments>'
    )
    kind = "application/vnd.ms-excel.threadedcomments+xml"
    relation = (
        '<Relationship Id="rIdT" Target="../threadedComments/threadedComment1.xml"'
        ' Type="http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"/></Relationships>'
    )
    override = (
        f'<Override PartName="/xl/threadedComments/threadedComment1.xml" ContentType="{kind}"/></Types>'
    )
    patched(
        template,
        {
            "xl/threadedComments/threadedComment1.xml": threads.encode(),
            "xl/worksheets/_rels/sheet1.xml.rels": ("</Relationships>", relation),
            "[Content_Types].xml": ("</Types>", override),
        },
    )
    frame = pd.DataFrame({"Key": ["NEW", "OLD-2"], "Points": [1, 2]})
    written = excel.write(frame, tmp_path / "f.xlsx", template=template)
    after = text_of(written.path, "xl/threadedComments/threadedComment1.xml")
    assert re.findall('ref="([A-Z0-9]+)"', after) == ["B3"]
    # A thread and the note that stands for it are one.
    assert written.altered == {"notes_removed": 2}


@pytest.mark.parametrize(
    "drawing", [b"<xml><br></xml>", b"<xml/>", b"<xml><shape><ClientData/></shape></xml>"]
)
def test_a_drawing_that_is_not_read_stays(drawing: bytes, tmp_path: Path) -> None:
    template = patched(noted(tmp_path / "t.xlsx"), {"xl/drawings/vmlDrawing1.vml": drawing})
    path = excel.write(issues_frame(1), tmp_path / "f.xlsx", template=template).path
    assert text_of(path, "xl/drawings/vmlDrawing1.vml").encode() == drawing


def test_a_note_below_makes_room(tmp_path: Path) -> None:
    def notes(book: xlsxwriter.Workbook, sheet: Any) -> None:
        for cell in ("A5", "A7"):
            sheet.write_comment(cell, f"note of {cell}")

    template = issues_table(tmp_path / "t.xlsx", notes)
    written = excel.write(issues_frame(4), tmp_path / "f.xlsx", template=template)
    # It would be in the cell of another one.
    assert notes_of(written.path) == {"A7": "note of A7"}
    assert written.altered == {"notes_removed": 1}
    written = excel.write(issues_frame(5), tmp_path / "g.xlsx", template=template)
    assert notes_of(written.path) == {"A7": "note of A7", "A8": "note of A5"}

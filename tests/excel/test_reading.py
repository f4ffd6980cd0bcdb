"""Reading: our own files after people changed them, and workbooks of others."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from support.workbook_edits import patched

from schedkit import excel
from schedkit.errors import FileError, WorkbookError

SHEET = "xl/worksheets/sheet1.xml"


def test_a_column_whose_cells_no_longer_fit_is_inferred(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, 2], "int64"),
            "when": pd.to_datetime(["2024-01-01", "2024-01-02"]).as_unit("us"),
            "took": pd.to_timedelta(["1h", "2h"]).as_unit("us"),
            "ok": [True, False],
            "text": ["a", "b"],
        }
    )
    path = excel.write(frame, tmp_path / "f.xlsx").path
    patched(
        path,
        SHEET,
        (r'<c r="A3"[^>]*><v>2</v></c>', '<c r="A3" t="inlineStr"><is><t>two</t></is></c>'),
        (r'<c r="B3"[^>]*><v>[^<]*</v></c>', '<c r="B3" t="b"><v>1</v></c>'),
        (r'<c r="C3"[^>]*><v>[^<]*</v></c>', '<c r="C3" t="b"><v>0</v></c>'),
        (r'<c r="D3"[^>]*><v>0</v></c>', '<c r="D3" t="inlineStr"><is><t>maybe</t></is></c>'),
        (r'<c r="E3"[^>]*>.*?</c>', '<c r="E3"><v>5.5</v></c>'),
    )
    back = excel.read(path)
    assert back["n"].tolist() == [1, "two"]
    assert back["when"].tolist() == [pd.Timestamp("2024-01-01"), True]
    assert back["took"].tolist() == [pd.Timedelta("1h"), False]
    assert back["ok"].tolist() == [True, "maybe"]
    assert back["text"].tolist() == ["a", 5.5]


def test_cleared_cells_are_missing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1, 2], "ok": [True, False], "text": ["a", "b"]})
    path = excel.write(frame, tmp_path / "f.xlsx").path
    patched(path, SHEET, (r'<c r="[ABC]3"[^>]*>.*?</c>', ""))
    want = pd.DataFrame(
        {
            "n": pd.array([1, None], "Int64"),
            "ok": pd.array([True, None], "boolean"),
            "text": pd.Series(["a", None], dtype="str"),
        }
    )
    pd.testing.assert_frame_equal(excel.read(path), want)


def test_other_notations_of_dates_and_durations_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"when": pd.to_datetime(["2024-01-01"]).as_unit("us"), "took": pd.to_timedelta(["1h"]).as_unit("us")}
    )
    path = excel.write(frame, tmp_path / "f.xlsx").path
    patched(
        path,
        SHEET,
        (r'<c r="A2"[^>]*>.*?</c>', '<c r="A2" t="d"><v>2024-02-29T12:00:00</v></c>'),
        (r'<c r="B2"[^>]*>.*?</c>', '<c r="B2" t="inlineStr"><is><t>-1 days +23:00:00</t></is></c>'),
    )
    back = excel.read(path)
    assert back["when"].tolist() == [pd.Timestamp("2024-02-29 12:00")]
    assert back["took"].tolist() == [pd.Timedelta("-1h")]


def test_rows_people_add_to_the_table_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1"], "n": [1]})
    path = excel.write(frame, tmp_path / "f.xlsx").path
    patched(
        path,
        SHEET,
        ("</sheetData>", '<row r="3"><c r="A3" t="inlineStr"><is><t>A-2</t></is></c></row></sheetData>'),
    )
    patched(path, "xl/tables/table1.xml", ("A1:B2", "A1:B3"))
    assert excel.read(path)["Key"].tolist() == ["A-1", "A-2"]


def test_columns_people_move_are_found(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1"], "n": [1]})
    path = excel.write(frame, tmp_path / "f.xlsx").path
    patched(
        path,
        SHEET,
        ("<t>Key</t>", "<t>swap</t>"),
        ("<t>n</t>", "<t>Key</t>"),
        ("<t>swap</t>", "<t>n</t>"),
    )
    back = excel.read(path)
    assert back["Key"].tolist() == [1]
    assert back["n"].tolist() == ["A-1"]


def foreign(path: Path) -> Path:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Plain")
    formats = {
        code: book.add_format({"num_format": code})
        for code in ("yyyy-mm-dd", "[h]:mm", '0.0 "days"', "[Red]0.00", "dd.mm.yy;@", "h:mm")
    }
    sheet.write_row(
        "B3", ["n", "x", "when", "took", "days", "red", "ok", "rich", "error", "n", None, "mixed"]
    )
    for row in (3, 4):
        sheet.write_number(row, 1, row)
        sheet.write_number(row, 2, row + 0.5)
        sheet.write_datetime(row, 3, dt.datetime(2024, 1, row), formats["yyyy-mm-dd"])
        sheet.write_number(row, 4, row / 24, formats["[h]:mm"])
        sheet.write_number(row, 5, row, formats['0.0 "days"'])
        sheet.write_number(row, 6, row, formats["[Red]0.00"])
        sheet.write_boolean(row, 7, row == 3)
        sheet.write_rich_string(row, 8, "plain ", book.add_format({"bold": True}), "bold")
        sheet.write_formula(row, 9, "=1/0", None, "#DIV/0!")
        sheet.write_string(row, 10, f"second n {row}")
        sheet.write(row, 12, "text" if row == 3 else 1)
    sheet.write_datetime(5, 12, dt.datetime(2024, 1, 1), formats["yyyy-mm-dd"])
    sheet.write_number(6, 12, 0.5, formats["[h]:mm"])
    sheet.write_number(7, 12, 1.5)
    sheet.write_formula(3, 13, '=""', None, "")
    book.add_worksheet("Blank")
    other = book.add_worksheet("Tables")
    other.write("A1", "a title, not a header")
    other.add_table(
        "B3:C5", {"name": "T", "columns": [{"header": "a"}, {"header": "b"}], "data": [[1, "x"], [2, "y"]]}
    )
    chart = book.add_chart({"type": "pie"})
    chart.add_series({"values": "=Tables!$B$4:$B$5"})
    book.add_chartsheet("Chart").set_chart(chart)
    book.close()
    return path


def test_workbooks_of_others_are_inferred(tmp_path: Path) -> None:
    frames = excel.read_all(foreign(tmp_path / "other.xlsx"))
    assert list(frames) == ["Plain", "Tables"]
    plain = frames["Plain"]
    assert plain.shape == (5, 12)
    assert list(plain)[:2] + list(plain)[9:11] == ["n", "x", "n_2", "Column 11"]
    assert {name: str(dtype) for name, dtype in plain.dtypes.items()} == {
        "n": "Int64",
        "x": "float64",
        "when": "datetime64[us]",
        "took": "timedelta64[us]",
        "days": "Int64",
        "red": "Int64",
        "ok": "boolean",
        "rich": "str",
        "error": "str",
        "n_2": "str",
        "Column 11": "str",
        "mixed": "object",
    }
    assert plain["when"].tolist()[:2] == [pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04")]
    assert plain["took"].tolist()[:2] == [pd.Timedelta("3h"), pd.Timedelta("4h")]
    assert plain["rich"][0] == "plain bold"
    assert plain["error"].isna().all()
    assert plain["mixed"].tolist() == ["text", 1, pd.Timestamp("2024-01-01"), pd.Timedelta("12h"), 1.5]
    pd.testing.assert_frame_equal(
        excel.read(tmp_path / "other.xlsx", "Tables"),
        pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": ["x", "y"]}),
    )


def test_the_calendar_of_1904(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "mac.xlsx"), {"date_1904": True})
    sheet = book.add_worksheet("Data")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.add_table("A1:B2", {"name": "T", "columns": [{"header": "Key"}, {"header": "Day", "format": day}]})
    sheet.write("A2", "A-1")
    sheet.write_datetime("B2", dt.datetime(2024, 2, 29), day)
    book.close()
    assert excel.read(tmp_path / "mac.xlsx")["Day"].tolist() == [pd.Timestamp("2024-02-29")]
    frame = pd.DataFrame({"Key": ["B-1", "B-2"], "Day": pd.to_datetime(["2025-01-01", "1903-01-01"])})
    written = excel.write(frame, tmp_path / "filled.xlsx", template=tmp_path / "mac.xlsx")
    assert excel.read(written.path)["Day"].tolist() == [pd.Timestamp("2025-01-01"), "1903-01-01 00:00:00"]
    assert written.altered == {"dates_as_text": 1}


def test_what_is_no_workbook_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("no zip")
    with pytest.raises(WorkbookError, match=r"text\.xlsx is not an \.xlsx or \.xlsm workbook"):
        excel.read(tmp_path / "text.xlsx")
    with pytest.raises(FileError, match=r"cannot read .*absent\.xlsx: no such file"):
        excel.read(tmp_path / "absent.xlsx")
    blank = tmp_path / "blank.xlsx"
    openpyxl.Workbook().save(blank)
    with pytest.raises(WorkbookError, match=r"blank\.xlsx has no sheet with rows"):
        excel.read(blank)
    path = excel.write(pd.DataFrame({"a": [1]}), tmp_path / "a.xlsx").path
    with pytest.raises(WorkbookError, match=r"has no sheet 'b' \(known: a\)"):
        excel.read(path, "b")
    patched(path, "_rels/.rels", ('officeDocument"', 'somethingElse"'))
    with pytest.raises(WorkbookError, match="holds no workbook"):
        excel.read(path)
    word = excel.write(pd.DataFrame({"a": [1]}), tmp_path / "word.xlsx").path
    patched(word, "xl/workbook.xml", ("<workbook", "<document"), ("</workbook", "</document"))
    with pytest.raises(WorkbookError, match="holds no workbook"):
        excel.read(word)


def test_a_renamed_sheet_is_read_as_it_is_found(tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"n": [1]}), tmp_path / "a.xlsx").path
    patched(path, "xl/workbook.xml", ('name="a"', 'name="renamed"'))
    assert list(excel.read_all(path)) == ["renamed"]


def test_labels_and_attributes_come_back(tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=pd.Index([dt.date(2024, 1, 1), 5, 1.5], dtype=object))
    frame.attrs = {"jql": 'text ~ "<&>\ud800"', "site": "https://x.example", "other": object()}
    back = excel.read(excel.write(frame, tmp_path / "a.xlsx").path)
    assert list(back.columns) == ["2024-01-01", 5, 1.5]
    assert back.attrs == {"jql": 'text ~ "<&>\ud800"', "site": "https://x.example"}


def test_someone_elses_custom_xml_is_no_memory(tmp_path: Path) -> None:
    path = excel.write(pd.DataFrame({"n": [1.5]}), tmp_path / "a.xlsx").path
    patched(path, "customXml/item1.xml", ("urn:schedkit:workbook", "urn:other"))
    assert excel.read(path)["n"].tolist() == [1.5]

"""Reading: our own files after people changed them, and workbooks of others."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from support.workbook_edits import SHEET, patched, retyped

from schedkit import context, excel
from schedkit.errors import FileError, WorkbookError
from schedkit.excel.frames.restore import Body
from schedkit.excel.parts.cell_values import cells, format_kinds, shared_strings
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.workbook import open_workbook


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
    # An empty value that is not declared as text may be one that was never calculated.
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
    assert plain.shape == (5, 13)
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
        "Column 13": "str",
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


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "Points": [1, 2]})
    return excel.write(frame, tmp_path / "ours.xlsx", sheet="Bugs").path


TABLE = "xl/tables/table1.xml"


def test_a_renamed_header_is_read_as_it_stands(ours: Path) -> None:
    patched(ours, SHEET, ("<t>Points</t>", "<t>Story points</t>"))
    patched(ours, TABLE, ('"Points"', '"Story points"'))
    assert excel.read(ours).to_dict("list") == {"Key": ["A-1", "A-2"], "Story points": [1, 2]}


@pytest.mark.parametrize("grown", [True, False], ids=["in the table", "beside the table"])
def test_columns_and_rows_that_people_add_are_read(grown: bool, ours: Path) -> None:
    added = [(1, "Comment"), (2, "by Ann"), (3, "by Bob")]
    for row, text in added:
        cell = f'<c r="C{row}" t="inlineStr"><is><t>{text}</t></is></c>'
        patched(ours, SHEET, (f'(<row r="{row}".*?)</row>', rf"\1{cell}</row>"))
    below = '<row r="4"><c r="A4" t="inlineStr"><is><t>A-3</t></is></c></row>'
    patched(ours, SHEET, ("</sheetData>", f"{below}</sheetData>"))
    if grown:
        patched(
            ours,
            TABLE,
            ("A1:B3", "A1:C4"),
            ("</tableColumns>", '<tableColumn id="3" name="Comment"/></tableColumns>'),
        )
    back = excel.read(ours)
    assert back["Key"].tolist() == ["A-1", "A-2", "A-3"]
    assert back["Comment"].tolist()[:2] == ["by Ann", "by Bob"]
    assert back["Points"].dtype == "Int64"


@pytest.mark.parametrize("moved", [True, False], ids=["with the table", "without the table"])
def test_rows_inserted_above_move_the_frame(moved: bool, ours: Path) -> None:
    """openpyxl and others insert rows without moving the table."""
    with zipfile.ZipFile(ours) as package:
        xml = package.read(SHEET).decode()
    start = xml.index("<sheetData>")
    lower = re.sub(
        r'(<row r="|<c r="[A-Z]+)(\d+)', lambda found: found[1] + str(int(found[2]) + 2), xml[start:]
    )
    patched(ours, SHEET, (re.escape(xml[start:]), lower.replace("\\", "\\\\")))
    if moved:
        patched(ours, TABLE, ("A1:B3", "A3:B5"))
    pd.testing.assert_frame_equal(
        excel.read(ours), pd.DataFrame({"Key": ["A-1", "A-2"], "Points": [1, 2]}), check_dtype=moved
    )


def test_a_table_turned_into_a_plain_range_keeps_its_types(ours: Path) -> None:
    patched(ours, SHEET, (r"<tableParts.*?</tableParts>", ""))
    patched(ours, "xl/worksheets/_rels/sheet1.xml.rels", (r"<Relationship [^>]*table1\.xml[^>]*/>", ""))
    title = '<c r="D9" t="inlineStr"><is><t>a note</t></is></c>'
    patched(ours, SHEET, ("</sheetData>", f'<row r="9">{title}</row></sheetData>'))
    back = excel.read(ours)
    assert back["Key"].tolist()[:2] == ["A-1", "A-2"]
    assert list(back) == ["Key", "Points", "Column 3", "Column 4"]


def test_sheets_and_tables_that_people_add_are_read(tmp_path: Path, ours: Path) -> None:
    book = openpyxl.load_workbook(ours)
    people = book.create_sheet("People")
    people.append(["who"])
    people.append(["Ann"])
    for row in (["Team", "Size"], ["a", 3], ["b", 4]):
        book["Bugs"].append([None, None, None, *row])
    table = openpyxl.worksheet.table.Table(displayName="Teams", ref="D4:E6")
    book["Bugs"].add_table(table)
    book.save(tmp_path / "more.xlsx")
    frames = excel.read_all(tmp_path / "more.xlsx")
    assert list(frames) == ["Bugs", "Teams", "People"]
    assert frames["Teams"].to_dict("list") == {"Team": ["a", "b"], "Size": [3, 4]}
    assert excel.read(tmp_path / "more.xlsx", "teams").equals(frames["Teams"])
    assert frames["People"]["who"].tolist() == ["Ann"]
    assert frames["Bugs"]["Key"].tolist() == ["A-1", "A-2"]


def test_our_own_front_sheets_are_read_only_by_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Key": ["A-1"]})
    path = excel.write({"a": frame, "b": frame}, tmp_path / "r.xlsx", summary=True).path
    assert list(excel.read_all(path)) == ["a", "b"]
    assert len(excel.read(path, "index")) > 1


def test_values_that_do_not_fit_the_type_are_kept(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "Priority": pd.Categorical(["Low", "High"], ["Low", "High"], ordered=True),
            "p": [0.5, 1.5],
            "n": [1, 2],
            "when": pd.to_datetime(["2026-01-01", "2026-01-02"]),
        }
    )
    path = excel.write(frame, tmp_path / "r.xlsx").path
    retyped(retyped(path, "A2", "Urgent"), "B2", "nan")
    patched(
        path,
        SHEET,
        (r'<c r="C2".*?</c>', '<c r="C2"><v>2.0</v></c>'),
        (r'<c r="D2"[^>]*>', '<c r="D2">'),
    )
    back = excel.read(path)
    assert back["Priority"].tolist() == ["Urgent", "High"]
    assert list(back["Priority"].cat.categories) == ["Low", "High", "Urgent"]
    assert back["Priority"].cat.ordered
    assert back["p"].tolist() == ["nan", 1.5]
    assert back["n"].tolist() == [2, 2]
    assert back["when"].tolist() == [46023, pd.Timestamp("2026-01-02")]


@pytest.mark.parametrize("value", ["", "<v/>", "<v></v>"])
def test_formulas_without_values_and_errors_are_told(value: str, tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    book = openpyxl.Workbook()
    for row in (["a", "b", "c"], ["=1+1", 5, "=NA()"], ["=2+2", 6, 7]):
        book.active.append(row)
    book.save(path)
    patched(path, SHEET, (r'<c r="C2"[^>]*><f>NA\(\)</f><v\s*/></c>', '<c r="C2" t="e"><v>#N/A</v></c>'))
    patched(path, SHEET, (r"<v\s*/>", value))
    told: list[str] = []

    class Listener(context.ExecutionContext):
        def log(self, level: int, message: str) -> None:
            told.append(message)

    with context.use(Listener()):
        back = excel.read(path)
    assert back["a"].isna().all()
    assert back.shape == (2, 3)
    assert told == [
        "Sheet: 2 cells hold formulas whose values are not stored and are read as missing (a); "
        "open and save the workbook in Excel to store them",
        "Sheet: 1 cell holds errors such as #N/A and is read as missing (c)",
    ]


@pytest.mark.parametrize("damage", [r"\{.*\}", '"columns"', '"frames"', '"header"', r"\["])
def test_damaged_memory_is_no_memory(damage: str, ours: Path) -> None:
    patched(ours, "customXml/item1.xml", (damage, "[1"))
    assert excel.read(ours)["Points"].tolist() == [1, 2]


def serials(path: Path, formats: dict[str, list[float]], **options: Any) -> list[Any]:
    """Write numbers with date formats and read them back."""
    book = xlsxwriter.Workbook(str(path), options)
    sheet = book.add_worksheet("Data")
    row = 0
    for code, numbers in formats.items():
        for number in numbers:
            row += 1
            sheet.write_number(row, 0, number, book.add_format({"num_format": code}))
    sheet.write_string(0, 0, "v")
    sheet.write_string(row + 1, 0, "mixed")
    book.close()
    values: list[Any] = excel.read(path)["v"].tolist()
    return values[:-1]


def test_times_of_day_and_the_first_sixty_days(tmp_path: Path) -> None:
    assert serials(
        tmp_path / "s.xlsx",
        {
            "hh:mm": [0.4, 0.999999999, 1.5, 46024.5],
            "yyyy-mm-dd": [0, 1, 59, 60, 61, -1, 3e6],
            "mm:ss": [0.5],
            "[h]:mm": [1.5],
            "General": [0.5],
        },
    ) == [
        dt.time(9, 36),
        dt.time(23, 59, 59, 999914),
        pd.Timestamp("1900-01-01 12:00"),
        pd.Timestamp("2026-01-02 12:00"),
        dt.time(0),
        pd.Timestamp("1900-01-01"),
        pd.Timestamp("1900-02-28"),
        pd.Timestamp("1900-02-28"),
        pd.Timestamp("1900-03-01"),
        -1,
        3_000_000,
        dt.time(12),
        pd.Timedelta("36h"),
        0.5,
    ]
    assert serials(tmp_path / "m.xlsx", {"hh:mm": [0.5], "yyyy-mm-dd": [0, 1]}, date_1904=True) == [
        dt.time(12),
        pd.Timestamp("1904-01-01"),
        pd.Timestamp("1904-01-02"),
    ]


def test_formats_of_rules_make_no_dates(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["day"])
    book.active.append([dt.date(2026, 11, 28)])
    book.active["A2"].number_format = "mm-dd-yy"
    path = tmp_path / "dxf.xlsx"
    book.save(path)
    rule = '<dxfs count="1"><dxf><numFmt numFmtId="14" formatCode="0.00%"/></dxf></dxfs>'
    patched(path, "xl/styles.xml", ("<tableStyles", f"{rule}<tableStyles"))
    assert excel.read(path)["day"].tolist() == [pd.Timestamp("2026-11-28")]


def same(ours: Any, theirs: Any) -> bool:
    """Tell whether two readers mean the same; calamine rounds to milliseconds and makes text of errors."""
    if theirs == "" or theirs is None:
        return bool(pd.isna(ours)) or ours == ""
    if isinstance(theirs, dt.time):
        moment = dt.datetime.combine(dt.date(2000, 1, 1), ours)
        return abs(moment - dt.datetime.combine(dt.date(2000, 1, 1), theirs)) < dt.timedelta(milliseconds=1)
    if isinstance(theirs, dt.date | dt.timedelta):
        kind = pd.Timedelta if isinstance(theirs, dt.timedelta) else pd.Timestamp
        return bool(abs(kind(ours) - kind(theirs)) < pd.Timedelta("1ms"))
    return bool(ours == theirs)


def test_real_workbooks_are_read_as_calamine_reads_them(shared_data: Path) -> None:
    compared = 0
    for path in sorted((shared_data / "excel").rglob("*.xlsx")):
        book = CalamineWorkbook.from_path(str(path))
        source = open_workbook(Package(path.read_bytes(), path.name), path.name)
        strings, kinds = shared_strings(source), format_kinds(source)
        for sheet, part in source.sheets.items():
            if "/worksheets/" not in part:
                continue
            rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            for column, found in cells(source, part, strings, kinds).items():
                body = Body.of(found, 1, len(rows)).with_values()
                for row, ours in enumerate(body.objects(source.calendar)):
                    # calamine's area may end before cells that hold nothing but a formula.
                    theirs = rows[row][column - 1] if column <= len(rows[row]) else ""
                    assert same(ours, theirs), (path.name, sheet, row + 1, column, ours, theirs)
                    compared += 1
    assert compared > 3000


def test_a_table_without_header_row_has_the_names_of_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("People")
    sheet.add_table("B2:C3", {"name": "T", "header_row": False, "data": [[1, "x"], [2, "y"]]})
    book.add_worksheet("T").write("A1", "a")
    other = book.add_worksheet("More")
    for name, place in (("U", "A1:A2"), ("V", "C1:C2")):
        other.add_table(place, {"name": name, "columns": [{"header": name}], "data": [[1]]})
    book.add_worksheet("V").write_column("A1", ["v", 2])
    book.add_worksheet("Blank")
    book.close()
    frames = excel.read_all(path)
    assert frames["People"].to_dict("list") == {"Column1": [1, 2], "Column2": ["x", "y"]}
    assert list(frames) == ["People", "T", "More", "V", "V!V"]
    with pytest.raises(WorkbookError, match=r"the sheet 'Blank' of .* has no rows"):
        excel.read(path, "Blank")

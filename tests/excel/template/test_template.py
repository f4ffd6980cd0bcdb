"""An analyst's template with everything in it, filled: what grows, what stays byte for byte."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from openpyxl.worksheet.cell_range import MultiCellRange
from openpyxl.worksheet.table import Table
from openpyxl.worksheet.worksheet import Worksheet
from support.excel_zoo import MAY_CHANGE, TOP, parts_of, zoo
from support.workbook_edits import patched

from schedkit import context, excel
from schedkit.errors import FileError, WorkbookError

Cells = Callable[..., list[list[Any]]]


def issues(rows: int, first: int = 1, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "key": [f"NEW-{n}" for n in range(first, first + rows)],
            "Summary": pd.Series(["=x & <y>"] * rows, dtype="str"),
            "Created": pd.date_range("2024-05-01 12:00", periods=rows, tz="UTC"),
            "Points": pd.array([float(n) for n in range(rows)], "Float64"),
            **columns,
        }
    )
    frame.attrs["site"] = "https://jira.example.org"
    return frame


def sheet_of(path: Path, name: str = "Data") -> Worksheet:
    with warnings.catch_warnings():
        # openpyxl says which extensions it would lose; here they need only survive in the file.
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(path)[name]


def formulas(path: Path, part: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}>([^<]*)</{tag}>", parts_of(path)[part].decode())


@pytest.mark.parametrize("suffix", [".xlsx", ".xlsm"])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 9])
def test_untouched_parts_stay_byte_for_byte(suffix: str, rows: int, tmp_path: Path) -> None:
    template = zoo(tmp_path / f"zoo{suffix}")
    written = excel.write(issues(rows), tmp_path / f"filled{suffix}", template=template, tz="UTC")
    before, after = parts_of(template), parts_of(written.path)
    assert set(before) == set(after)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= MAY_CHANGE
    for survivor in (
        "slicers/slicer1",
        "pivotTables/pivotTable1",
        "drawings/drawing1",
        "media/image1",
        "charts/chart2",
    ):
        assert any(survivor in name and before[name] == after[name] for name in before), survivor
    if suffix == ".xlsm":
        assert after["xl/vbaProject.bin"] == b"\xd0\xcf\x11\xe0 a VBA project"
    assert "sparkline" in after["xl/worksheets/sheet1.xml"].decode()


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_everything_about_the_table_follows_its_rows(rows: int, totals: bool, tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx", totals=totals)
    path = excel.write(issues(rows), tmp_path / "filled.xlsx", template=template, tz="UTC").path
    last = TOP + rows
    sheet = sheet_of(path)
    table = sheet.tables["Issues"]
    assert table.ref == f"B{TOP}:G{last + totals}"
    assert table.autoFilter.ref == f"B{TOP}:G{last}"
    assert sheet.tables["Team"].ref == f"K{TOP}:L{TOP + 2}"
    assert sheet["C2"].value == f'=COUNTIF(B{TOP + 1}:B{last},"*B6:B8*")'
    assert sheet["D2"].value == f"=SUM(E{TOP + 1}:E{last})+LOG10(100)+SUM(Lookup!A1:A2)"
    workbook = parts_of(path)["xl/workbook.xml"].decode()
    names = dict(re.findall(r'<definedName name="([^"]*)"[^>]*>([^<]*)<', workbook))
    assert names == {
        "Points": f"Data!$E${TOP + 1}:$E${last}",
        "Whole": f"Data!$B${TOP}:$G${last}",
        "Elsewhere": "Lookup!$A$1:$A$2",
        "_xlnm.Print_Area": f"Data!$A$1:$I${last + totals}",
    }
    assert 'fullCalcOnLoad="1"' in workbook
    assert formulas(path, "xl/charts/chart1.xml", "c:f") == [
        f"Data!$E${TOP}",
        f"Data!$B${TOP + 1}:$B${last}",
        f"Data!$E${TOP + 1}:$E${last}",
    ]
    assert formulas(path, "xl/worksheets/sheet1.xml", "xm:f") == [f"Data!E{TOP + 1}:E{last}"]
    assert f"E{TOP + 1}:E{last}" in formulas(path, "xl/worksheets/sheet1.xml", "xm:sqref")
    assert {area.sqref for area in sheet.conditional_formatting} == {
        MultiCellRange(f"E{TOP + 1}:E{last}"),
        MultiCellRange(f"C{TOP + 1}:C{last}"),
    }
    (validation,) = sheet.data_validations.dataValidation
    assert validation.sqref == MultiCellRange(f"G{TOP + 1}:G{last}")
    assert b'refreshOnLoad="1"' in parts_of(path)["xl/pivotCache/pivotCacheDefinition1.xml"]
    assert sheet.dimensions == "A1:L20"


def test_rows_formats_and_formulas(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    written = excel.write(issues(7, Extra=1), tmp_path / "filled.xlsx", template=template, tz="UTC")
    assert written.rows == 7
    assert written.sheets == ("Data",)
    assert written.altered == {"unplaced_columns": 1, "uncalculated": 1}
    sheet = sheet_of(written.path)
    for row in range(TOP + 1, TOP + 8):
        assert sheet[f"B{row}"].value == f"NEW-{row - TOP}"
        assert sheet[f"B{row}"].hyperlink.target == f"https://jira.example.org/browse/NEW-{row - TOP}"
        assert sheet[f"C{row}"].value == "=x & <y>"
        assert sheet[f"C{row}"].data_type == "s"
        assert sheet[f"D{row}"].number_format == "dd.mm.yyyy"
        assert sheet[f"D{row}"].fill.fgColor.rgb == "FFFFF2CC"
        assert sheet[f"E{row}"].font.bold
        assert sheet[f"F{row}"].value == "=Issues[[#This Row],[Points]]*2"
        assert sheet[f"G{row}"].value is None
        assert sheet[f"G{row}"].border.left.style == "thin"
    assert sheet[f"B{TOP + 8}"].value == "Total"
    assert sheet[f"E{TOP + 8}"].value == "=SUBTOTAL(109,Issues[Points])"
    assert sheet["A1"].value == "Issues of the week"
    assert sheet["A2"].hyperlink.target == "https://example.org/keep"
    assert sheet[f"A{TOP + 2}"].value == "beside"
    assert sheet[f"I{TOP + 1}"].value == f"=E{TOP + 1}*10"
    assert sheet["L7"].value == 2
    assert sheet["I20"].value == "below, beside"
    assert "OLD" not in str([cell.value for row in sheet.iter_rows() for cell in row])


def test_append_keeps_what_is_there(tmp_path: Path, cells: Cells) -> None:
    path = tmp_path / "daily.xlsx"
    template = zoo(tmp_path / "zoo.xlsx")
    for day in range(3):
        excel.write(issues(2, first=10 * day), path, template=template, mode="append", tz="UTC")
    sheet = sheet_of(path)
    keys = [sheet[f"B{row}"].value for row in range(TOP + 1, TOP + 11)]
    assert keys == [
        *(f"OLD-{n}" for n in (1, 2, 3)),
        "NEW-0",
        "NEW-1",
        "NEW-10",
        "NEW-11",
        "NEW-20",
        "NEW-21",
        "Total",
    ]
    assert [sheet[f"G{row}"].value for row in range(TOP + 1, TOP + 4)] == ["typed 1", "typed 2", "typed 3"]
    assert sheet[f"B{TOP + 1}"].hyperlink.target == "https://example.org/old"
    assert sheet[f"B{TOP + 9}"].hyperlink.target == "https://jira.example.org/browse/NEW-21"
    assert sheet[f"D{TOP + 9}"].number_format == "dd.mm.yyyy"
    assert sheet.tables["Issues"].ref == f"B{TOP}:G{TOP + 10}"


def test_append_starts_a_workbook_and_continues_it(tmp_path: Path) -> None:
    path = tmp_path / "log.xlsx"
    first, second = issues(2), issues(3, first=3)
    excel.write(first, path, mode="append", tz="UTC")
    excel.write(second, path, mode="append", tz="UTC")
    excel.write(issues(0), path, mode="append", tz="UTC")
    pd.testing.assert_frame_equal(excel.read(path), pd.concat([first, second], ignore_index=True))


class Listener(context.ExecutionContext):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, level: int, message: str) -> None:
        self.lines.append(message)


def test_upsert_keeps_typed_columns_and_unknown_rows(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    frame = issues(3)
    frame["key"] = ["NEW-1", "OLD-3", "OLD-1"]
    path = tmp_path / "upserted.xlsx"
    written = excel.write(frame, path, template=template, mode="upsert", key="Key", tz="UTC")
    assert (written.rows, written.updated, written.added) == (3, 2, 1)
    sheet = sheet_of(path)
    told = [tuple(sheet[f"{column}{row}"].value for column in "BCEG") for row in range(TOP + 1, TOP + 6)]
    assert told == [
        ("OLD-1", "=x & <y>", 2, "typed 1"),
        ("OLD-2", "old summary 2", 2, "typed 2"),
        ("OLD-3", "=x & <y>", 1, "typed 3"),
        ("NEW-1", "=x & <y>", 0, None),
        ("Total", None, "=SUBTOTAL(109,Issues[Points])", None),
    ]
    assert sheet[f"F{TOP + 4}"].value == "=Issues[[#This Row],[Points]]*2"
    links = {row: sheet[f"B{row}"].hyperlink for row in range(TOP + 1, TOP + 5)}
    assert links[TOP + 2] is None
    assert links[TOP + 1].target == "https://jira.example.org/browse/OLD-1"
    assert sheet[f"A{TOP + 2}"].value == "beside"
    assert set(parts_of(path)) == set(parts_of(template))
    again = excel.write(frame, path, mode="upsert", key="Key", tz="UTC")
    assert (again.updated, again.added) == (3, 0)
    sheet = sheet_of(path)
    assert [
        tuple(sheet[f"{column}{row}"].value for column in "BCEG") for row in range(TOP + 1, TOP + 6)
    ] == told


def test_upsert_of_nothing_changes_no_row(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    written = excel.write(issues(0), tmp_path / "u.xlsx", template=template, mode="upsert", key="Key")
    before, after = sheet_of(template), sheet_of(written.path)
    assert [[c.value for c in row] for row in after.iter_rows()] == [
        [c.value for c in row] for row in before.iter_rows()
    ]


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        (["A", "A"], "Key", "Key A appears in several rows"),
        (["A", None], "Key", "row 1 of the frame has no Key"),
        (["A", "B"], "Comment", "the key Comment is not a column of both"),
    ],
)
def test_upsert_refuses_keys_that_tell_nothing(
    keys: list[Any], key: str, message: str, tmp_path: Path
) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    with pytest.raises(WorkbookError, match=message):
        excel.write(
            issues(2).assign(key=keys), tmp_path / "u.xlsx", template=template, mode="upsert", key=key
        )
    assert not (tmp_path / "u.xlsx").exists()
    # The first write draws a workbook: a key that tells nothing would be found by the second one only.
    with pytest.raises(WorkbookError, match=message.partition(" of ")[0]):
        excel.write(
            issues(2).assign(key=keys).drop(columns="Comment", errors="ignore"),
            tmp_path / "u.xlsx",
            mode="upsert",
            key=key,
        )
    assert not (tmp_path / "u.xlsx").exists()


def test_several_regions_of_one_template(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    team = pd.DataFrame({"Column1": ["Grace", "Linus", "Ken"], "Column2": [3, 4, 5]})
    written = excel.write(
        {"issues": issues(5), "Team": team}, tmp_path / "both.xlsx", template=template, tz="UTC"
    )
    sheet = sheet_of(written.path)
    assert written.rows == 8
    assert sheet.tables["Team"].ref == f"K{TOP}:L{TOP + 3}"
    assert sheet.tables["Issues"].ref == f"B{TOP}:G{TOP + 6}"
    assert [sheet[f"K{row}"].value for row in range(TOP, TOP + 5)] == [
        "Column1",
        "Grace",
        "Linus",
        "Ken",
        None,
    ]
    assert [sheet[f"B{row}"].value for row in (TOP + 1, TOP + 5, TOP + 6)] == ["NEW-1", "NEW-5", "Total"]


@pytest.mark.parametrize("target", ["Issues", "Whole", "Data", "Data!B5", None])
def test_a_region_may_be_named_in_several_ways(target: str | None, tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    written = excel.write(issues(4), tmp_path / "f.xlsx", template=template, sheet=target)
    assert sheet_of(written.path).tables["Issues"].ref == f"B{TOP}:G{TOP + 5}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sheet": "Nope"}, "the template zoo.xlsx has no 'Nope' .*table Issues.*name Points.*sheet 'Data'"),
        ({"mode": "merge"}, "unknown mode 'merge'"),
        ({"mode": "upsert"}, 'mode="upsert" needs a key'),
        ({"mode": "append", "key": "Key"}, 'mode="append" has no key'),
        ({"missing": "mark"}, 'missing="mark" needs mode="upsert"'),
        ({"missing": "gone"}, "unknown missing='gone'"),
        ({"summary": True}, "summary cannot be combined with a template"),
        ({"formats": {"Key": "0"}, "totals": True}, "totals and formats cannot be combined with a template"),
        ({"template": "absent.xlsx"}, "cannot read the template absent.xlsx"),
        ({"sheet": "Team"}, "table 'Team' of zoo.xlsx has no header of the frame's columns"),
        ({"sheet": "Lookup"}, "has no header of the frame's columns"),
    ],
)
def test_what_cannot_be_filled_is_said_before_anything_is_written(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    with pytest.raises((WorkbookError, FileError), match=message):
        excel.write(issues(2), tmp_path / "f.xlsx", **{"template": template, **change})
    assert [file.name for file in tmp_path.iterdir()] == ["zoo.xlsx"]


def test_a_template_of_another_kind_is_refused(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsm")
    with pytest.raises(WorkbookError, match=r"a \.xlsm template makes a \.xlsm workbook"):
        excel.write(issues(2), tmp_path / "f.xlsx", template=template)
    with pytest.raises(WorkbookError, match="macros require a template"):
        excel.write(issues(2), tmp_path / "f.xlsm")
    with pytest.raises(WorkbookError, match=r"a \.csv file has no template"):
        excel.write(issues(2), tmp_path / "f.csv", template=template)
    (tmp_path / "not.xlsx").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(WorkbookError, match=r"not\.xlsx is not an \.xlsx or \.xlsm workbook"):
        excel.write(issues(2), tmp_path / "f.xlsx", template=tmp_path / "not.xlsx")


def test_what_is_below_is_never_overwritten(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Key", "Points"])
    sheet.append(["A-1", 1])
    sheet.append([])
    sheet.append(["a remark"])
    book.save(tmp_path / "plain.xlsx")
    frame = issues(3).rename(columns={"key": "Key"})
    with pytest.raises(WorkbookError, match="would grow over the cell A4"):
        excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "plain.xlsx")
    assert excel.write(frame.head(2), tmp_path / "f.xlsx", template=tmp_path / "plain.xlsx").rows == 2
    assert sheet_of(tmp_path / "f.xlsx", "Sheet")["A4"].value == "a remark"
    stacked = openpyxl.load_workbook(tmp_path / "plain.xlsx")
    stacked.active["A4"], stacked.active["B4"], stacked.active["A5"] = "Key2", "Other", 1
    stacked.active.add_table(Table(displayName="Upper", ref="A1:B2"))
    stacked.active.add_table(Table(displayName="Lower", ref="A4:B5"))
    stacked.save(tmp_path / "stacked.xlsx")
    with pytest.raises(WorkbookError, match="would grow over the table 'Lower'"):
        excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "stacked.xlsx")
    long = pd.DataFrame({"Key": ["A"] * 1_048_575, "Points": 1})
    with pytest.raises(WorkbookError, match="would end in row 1,048,581"):
        excel.write(long, tmp_path / "f.xlsx", template=template, sheet="Issues", links=False)


@pytest.mark.parametrize(
    ("template", "made", "other"), [("t.xltx", "o.xlsx", "o.xlsm"), ("t.xltm", "o.xlsm", "o.xlsx")]
)
def test_excels_own_templates_make_workbooks(template: str, made: str, other: str, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.template = True
    book.active.append(["Key", "Summary"])
    book.save(tmp_path / "t.xltx")
    path = (tmp_path / "t.xltx").rename(tmp_path / template)
    if template.endswith("m"):
        kind = "application/vnd.ms-excel.template.macroEnabled.main+xml"
        patched(
            path,
            r"[Content_Types].xml",
            (r"application/vnd\.openxmlformats-officedocument\.spreadsheetml\.template\.main\+xml", kind),
        )
    written = excel.write(pd.DataFrame({"Key": ["A-1"]}), tmp_path / made, template=path)
    with zipfile.ZipFile(written.path) as package:
        types = package.read("[Content_Types].xml").decode()
    assert ".template." not in types
    assert ("sheet.macroEnabled.main+xml" in types) == made.endswith("m")
    assert excel.read(written.path)["Key"].tolist() == ["A-1"]
    with pytest.raises(WorkbookError, match=r"a \.xlt. template makes a"):
        excel.write(pd.DataFrame({"Key": ["A-1"]}), tmp_path / other, template=path)

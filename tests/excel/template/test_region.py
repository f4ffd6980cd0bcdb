"""Templates without a table, formulas of every kind, and the parts that follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.formula import ArrayFormula
from support.excel_templates import patched
from support.excel_zoo import PIVOT_CACHE, TOP, parts_of, zoo

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.excel.parts.formula import Formula

FRAME = pd.DataFrame({"Key": ["A-1", "A-2", "A-3"], "n": [1, 2, 3]})


def plain(path: Path) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Data"
    sheet["B3"], sheet["C3"], sheet["D3"] = "KEY", "N", "Twice"
    sheet["B4"], sheet["C4"], sheet["D4"] = "OLD-1", 7, "=C4*2+$C$4+SUM(C$4:C4)"
    sheet["C4"].number_format = "0.00"
    sheet.row_dimensions[4].height = 33
    return book


def values(path: Path, sheet: str = "Data") -> list[list[Any]]:
    return [list(row) for row in openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)]


@pytest.mark.parametrize("target", [None, "Data", "Data!B3", "'Data'!$B$3:$D$4", "Block", "block"])
def test_a_region_without_a_table(target: str | None, tmp_path: Path) -> None:
    book = plain(tmp_path / "t.xlsx")
    book.defined_names["Block"] = DefinedName("Block", attr_text="Data!$B$3:$D$4")
    book.defined_names["Broken"] = DefinedName("Broken", attr_text="#REF!")
    book.save(tmp_path / "t.xlsx")
    written = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", sheet=target)
    assert values(written.path)[2:] == [
        [None, "KEY", "N", "Twice"],
        [None, "A-1", 1, "=C4*2+$C$4+SUM(C$4:C4)"],
        [None, "A-2", 2, "=C5*2+$C$4+SUM(C$4:C5)"],
        [None, "A-3", 3, "=C6*2+$C$4+SUM(C$4:C6)"],
    ]
    made = openpyxl.load_workbook(written.path)
    assert made["Data"]["C6"].number_format == "0.00"
    assert made["Data"].row_dimensions[6].height == 33
    assert made.defined_names["Block"].attr_text == "Data!$B$3:$D$6"
    assert made.calculation.fullCalcOnLoad
    with pytest.raises(WorkbookError, match=r"'Broken' of t\.xlsx is not one area"):
        excel.write(FRAME, tmp_path / "g.xlsx", template=tmp_path / "t.xlsx", sheet="Broken")


def test_a_name_may_cover_the_rows_without_their_header(tmp_path: Path) -> None:
    book = plain(tmp_path / "t.xlsx")
    book["Data"]["B5"], book["Data"]["C5"], book["Data"]["D5"] = "OLD-2", 8, "=C5"
    book.defined_names["Rows"] = DefinedName("Rows", attr_text="Data!$B$4:$D$5")
    book.save(tmp_path / "t.xlsx")
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", sheet="Rows").path
    assert [row[1:3] for row in values(path)[2:]] == [["KEY", "N"], ["A-1", 1], ["A-2", 2], ["A-3", 3]]
    assert openpyxl.load_workbook(path).defined_names["Rows"].attr_text == "Data!$B$4:$D$6"
    other = FRAME.set_axis(["x", "y"], axis=1)
    with pytest.raises(WorkbookError, match="has no header of the frame's columns"):
        excel.write(other, tmp_path / "g.xlsx", template=tmp_path / "t.xlsx", sheet="Rows")


def test_a_name_may_cover_the_body_of_a_table(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    patched(template, {"xl/workbook.xml": (r"Data!\$B\$5:\$G\$8", "Data!$B$6:$G$8")})
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=template, sheet="Whole").path
    assert b'ref="B5:G9"' in parts_of(path)["xl/tables/table1.xml"]


def test_a_blank_sheet_gets_header_and_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Data"
    book.save(tmp_path / "t.xlsx")
    written = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx")
    assert values(written.path) == [["Key", "n"], ["A-1", 1], ["A-2", 2], ["A-3", 3]]


def test_a_blank_cell_gets_header_and_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Data"
    book.active["A1"], book.active["C3"], book.active["D4"] = "title", None, "beside"
    book.active["B3"].font = openpyxl.styles.Font(bold=True)
    book.save(tmp_path / "t.xlsx")
    written = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", sheet="Data!B3")
    assert values(written.path) == [
        ["title", None, None, None],
        [None, None, None, None],
        [None, "Key", "n", None],
        [None, "A-1", 1, "beside"],
        [None, "A-2", 2, None],
        [None, "A-3", 3, None],
    ]
    assert openpyxl.load_workbook(written.path)["Data"]["B3"].font.bold


def test_append_and_upsert_without_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    plain(path).save(path)
    excel.write(FRAME.head(1), path, mode="append")
    excel.write(pd.DataFrame({"Key": ["A-1", "B-1"], "n": [9, 4]}), path, mode="upsert", key=["key"])
    assert values(path)[3:] == [
        [None, "OLD-1", 7, "=C4*2+$C$4+SUM(C$4:C4)"],
        [None, "A-1", 9, "=C5*2+$C$4+SUM(C$4:C5)"],
        [None, "B-1", 4, "=C6*2+$C$4+SUM(C$4:C6)"],
    ]


def test_keys_may_be_numbers(tmp_path: Path) -> None:
    path = tmp_path / "n.xlsx"
    excel.write(pd.DataFrame({"id": [1, 2], "day": ["mon", "mon"], "x": [0.5, 0.5]}), path)
    more = pd.DataFrame({"id": [2.0, 3.0], "day": ["mon", "mon"], "x": [7.0, 8.0]})
    written = excel.write(more, path, mode="upsert", key=["id", "day"])
    assert (written.updated, written.added) == (1, 1)
    assert values(path, "n")[1:] == [[1, "mon", 0.5], [2, "mon", 7], [3, "mon", 8]]


def test_shared_and_array_formulas_are_carried(tmp_path: Path) -> None:
    book = plain(tmp_path / "t.xlsx")
    sheet = book["Data"]
    sheet["E3"], sheet["F3"], sheet["F1"] = "Array", "Shared", "=1+A1"
    sheet["E4"] = ArrayFormula("E4", "=SUM(C4:D4)")
    sheet["F4"] = "=C4&\"'x' <&> C4\"&'My & Data'!B4"
    sheet["G3"], sheet["G4"] = "Later", "=C4"
    book.create_sheet("My & Data")
    book.save(tmp_path / "t.xlsx")
    patched(
        tmp_path / "t.xlsx",
        {
            "xl/worksheets/sheet1.xml": (
                r'<c r="F1"><f>1\+A1</f><v\s*/?>(</v>)?</c>(.*)<c r="G4"><f>C4</f><v\s*/?>(</v>)?</c>',
                r'<c r="F1"><f t="shared" ref="F1:G4" si="0">1+A1</f></c>\2'
                r'<c r="G4"><f t="shared" si="0"/></c>',
            )
        },
    )
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", sheet="Data").path
    xml = parts_of(path)["xl/worksheets/sheet1.xml"].decode()
    for row in (4, 5, 6):
        assert f'<c r="E{row}"><f t="array" ref="E{row}">SUM(C{row}:D{row})</f></c>' in xml
        assert f"<f>C{row}&amp;\"'x' &lt;&amp;&gt; C4\"&amp;'My &amp; Data'!B{row}</f>" in xml
        assert f"<f>1+B{row}</f>" in xml


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("B5*$C$1", ("B", 0, "*$C$1")),
        ("SUM(B$1:B4)", ("SUM(B$1:B", -1, ")")),
        ("Issues[[#This Row],[B5]]&LOG10(C6)", ("Issues[[#This Row],[B5]]&amp;LOG10(C", 1, ")")),
        ('"B5"&Data!$B5', ('"B5"&amp;Data!$B', 0)),
        ("1+2", ("1+2",)),
    ],
)
def test_formulas_are_cut_where_rows_change(text: str, pieces: tuple[str | int, ...]) -> None:
    assert Formula.parse(text, 5).pieces == pieces


def test_a_pivot_on_cells_grows_and_is_refreshed(tmp_path: Path) -> None:
    template = zoo(tmp_path / "zoo.xlsx")
    part = "xl/pivotCache/pivotCacheDefinition1.xml"
    source = f'ref="B{TOP}:G{TOP + 3}" sheet="Data"'
    patched(template, {part: PIVOT_CACHE.format(source=source).encode()})
    frame = pd.DataFrame({"Key": [f"A-{n}" for n in range(9)]})
    cache = parts_of(excel.write(frame, tmp_path / "f.xlsx", template=template).path)[part].decode()
    assert f'ref="B{TOP}:G{TOP + 9}" sheet="Data"' in cache
    assert cache.count('refreshOnLoad="1"') == 1
    other = PIVOT_CACHE.format(source='ref="A1:A2" sheet="Lookup"').encode()
    patched(template, {part: other})
    assert parts_of(excel.write(frame, tmp_path / "g.xlsx", template=template).path)[part] == other
    external = PIVOT_CACHE.replace("<worksheetSource {source}/>", "").encode()
    patched(template, {part: external})
    assert parts_of(excel.write(frame, tmp_path / "h.xlsx", template=template).path)[part] == external


CHAIN = (
    '<?xml version="1.0"?><calcChain xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    "{cells}</calcChain>"
)


def chained(path: Path, cells: str) -> Path:
    zoo(path)
    relation = (
        '<Relationship Id="rIdC" Target="calcChain.xml" Type="http://schemas.openxmlformats.org/'
        'officeDocument/2006/relationships/calcChain"/></Relationships>'
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.calcChain+xml"
    override = f'<Override PartName="/xl/calcChain.xml" ContentType="{kind}"/></Types>'
    return patched(
        path,
        {
            "xl/calcChain.xml": CHAIN.format(cells=cells).encode(),
            "xl/_rels/workbook.xml.rels": ("</Relationships>", relation),
            "[Content_Types].xml": ("</Types>", override),
        },
    )


def test_the_calculation_chain_goes_when_a_cell_of_it_does(tmp_path: Path) -> None:
    template = chained(tmp_path / "zoo.xlsx", '<c r="F6" i="1"/><c r="F7"/><c r="C2"/><c r="E9"/>')
    frame = pd.DataFrame({"Key": ["A-1", "A-2"], "Points": [1, 2]})
    after = parts_of(excel.write(frame, tmp_path / "f.xlsx", template=template).path)
    assert "xl/calcChain.xml" not in after
    assert b"calcChain" not in after["[Content_Types].xml"]
    assert b"calcChain" not in after["xl/_rels/workbook.xml.rels"]


def test_the_calculation_chain_stays_when_all_its_cells_do(tmp_path: Path) -> None:
    template = chained(tmp_path / "zoo.xlsx", '<c r="F6" i="1"/>')
    frame = pd.DataFrame({"Key": ["OLD-1"], "Points": [2]})
    upserted = excel.write(frame, tmp_path / "u.xlsx", template=template, mode="upsert", key="Key")
    assert parts_of(upserted.path)["xl/calcChain.xml"] == parts_of(template)["xl/calcChain.xml"]


def test_merged_cells_of_old_rows_are_taken_apart(tmp_path: Path) -> None:
    book = plain(tmp_path / "t.xlsx")
    book["Data"].merge_cells("C4:D4")
    book["Data"].merge_cells("B1:C1")
    book.save(tmp_path / "t.xlsx")
    path = excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx").path
    assert [str(merged) for merged in openpyxl.load_workbook(path)["Data"].merged_cells.ranges] == ["B1:C1"]
    book["Data"].unmerge_cells("B1:C1")
    book.save(tmp_path / "t.xlsx")
    path = excel.write(FRAME, tmp_path / "g.xlsx", template=tmp_path / "t.xlsx").path
    assert b"mergeCells" not in parts_of(path)["xl/worksheets/sheet1.xml"]


def test_dates_take_the_format_that_fits_best(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    sheet = book.add_worksheet("Data")
    bold = book.add_format({"bold": True})
    sheet.write_row("A1", ["When", "Took", "Mixed"])
    sheet.write_row("A2", ["x", "x", "x"], bold)
    sheet.write("F1", 1, book.add_format({"num_format": "yyyy"}))
    sheet.write("F2", 1, book.add_format({"num_format": "dd.mm.yyyy", "bold": True}))
    book.close()
    frame = pd.DataFrame(
        {
            "When": pd.to_datetime(["2024-01-01"]),
            "Took": pd.to_timedelta(["1h"]),
            "Mixed": pd.Series([pd.Timestamp("2024-01-01")], dtype=object).where([True], "text"),
        }
    )
    path = excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx").path
    sheet = openpyxl.load_workbook(path)["Data"]
    assert sheet["A2"].number_format == "dd.mm.yyyy"
    assert sheet["A2"].font.bold
    # No format of the template shows hours beyond a day: a built-in one does, on the same look.
    assert sheet["B2"].number_format == "[h]:mm:ss"
    assert sheet["B2"].font.bold


def test_dates_get_a_format_where_the_template_has_none(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    book.add_worksheet("Data").add_table("A1:C2", {"columns": [{"header": h} for h in ("Day", "At", "Took")]})
    book.close()
    frame = pd.DataFrame(
        {
            "Day": pd.to_datetime(["2026-01-02"]),
            "At": pd.to_datetime(["2026-01-02 03:04"]),
            "Took": pd.to_timedelta(["30h"]),
        }
    )
    path = excel.write(frame, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx").path
    sheet = openpyxl.load_workbook(path)["Data"]
    assert [sheet[cell].number_format for cell in ("A2", "B2", "C2")] == [
        "mm-dd-yy",
        "m/d/yy h:mm",
        "[h]:mm:ss",
    ]
    assert pd.read_excel(path, engine="calamine").loc[0, "At"] == pd.Timestamp("2026-01-02 03:04")


def test_two_tables_that_fit_equally_well_are_asked_about(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    sheet = book.add_worksheet("Data")
    for name, area in (("One", "A1:B2"), ("Two", "D1:E2")):
        sheet.add_table(area, {"name": name, "columns": [{"header": "Key"}, {"header": "n"}]})
    sheet.add_table("G1:H2", {"name": "Bare", "header_row": False})
    book.close()
    with pytest.raises(WorkbookError, match=r"table 'Bare' of t\.xlsx has no header row"):
        excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx", sheet="Bare")
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    sheet = book.add_worksheet("Data")
    for name, area in (("One", "A1:B2"), ("Two", "D1:E2")):
        sheet.add_table(area, {"name": name, "columns": [{"header": "Key"}, {"header": "n"}]})
    book.close()
    with pytest.raises(WorkbookError, match=r"table 'One' and table 'Two' of t\.xlsx fit equally well"):
        excel.write(FRAME, tmp_path / "f.xlsx", template=tmp_path / "t.xlsx")


def test_no_frame_no_workbook(tmp_path: Path) -> None:
    with pytest.raises(WorkbookError, match="there is no frame to write"):
        excel.write({}, tmp_path / "f.xlsx")
    for stranger in (5, "frame", FRAME["Key"], {"one": FRAME, "two": [1]}, None):
        with pytest.raises(WorkbookError, match=r"cannot write a (int|str|Series|list|NoneType) \("):
            excel.write(stranger, tmp_path / "f.xlsx")
    assert not (tmp_path / "f.xlsx").exists()

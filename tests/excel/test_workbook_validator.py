"""The judge of workbooks finds each kind of fault, and none where there is none."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from support.excel_zoo import parts_of, zoo
from support.workbook_corpus import frame_for, targets, workbooks
from support.workbook_validator import violations

from schedkit import excel
from schedkit.errors import SchedkitError

TYPES = "[Content_Types].xml"
SHEET, TABLE, BOOK = "xl/worksheets/sheet1.xml", "xl/tables/table1.xml", "xl/workbook.xml"
RELATIONS = "xl/worksheets/_rels/sheet1.xml.rels"
# A part, what is changed in it, and the fault that is then found.
FAULTS = [
    (SHEET, "<sheetData>", "<sheetData", "not well-formed"),
    (SHEET, "(<cfRule [^>]*>)", r"\1<hyperlinks/>", "<hyperlinks> within <cfRule>"),
    (SHEET, "(<hyperlinks>.*</hyperlinks>)(.*?)(<pageMargins[^>]*>)", r"\2\3\1", "<hyperlinks> out"),
    (SHEET, "<dimension", "<dimension/><dimension", "<dimension> out of order"),
    (SHEET, '<row r="5"', '<row r="2"', "rows are out of order"),
    (SHEET, r'<c r="C5"', '<c r="B5"', "cells are out of order"),
    (SHEET, r'<c r="C5"', '<c r="C6"', "cells are out of order"),
    (SHEET, r'(<c r="B6"[^>]*?) t="s"', r'\1 t="x"', "unknown type x"),
    (SHEET, r'<c r="D6" s="\d+"', '<c r="D6" s="999"', "a format that is not there"),
    (SHEET, r'(<c r="B6"[^>]*><v>)\d+', r"\g<1>9999", "a text that is not there"),
    (SHEET, r'(<c r="D6"[^>]*><v>)\d+', r"\g<1>one", "a number is none"),
    (SHEET, r"<f>E6\*10</f>", '<f t="shared" si="7"/>', "shared formula has no text"),
    (SHEET, r'<mergeCell ref="A3:C3"/>', '<mergeCell ref="B5:C6"/>', "lie over each other"),
    (SHEET, r'<mergeCells count="1">', '<mergeCells count="2">', "count of mergeCells"),
    (SHEET, r'<mergeCell ref="A3:C3"/>', "", "nothing in mergeCells"),
    (SHEET, r'<conditionalFormatting sqref="[^"]*"', '<conditionalFormatting sqref=""', "Formatting is at"),
    (SHEET, r'<dimension ref="[^"]*"', '<dimension ref="A1:A1048577"', "outside of the sheet"),
    (SHEET, r'<hyperlink ref="A2"', '<hyperlink ref="B6"', "two links are in one cell"),
    (SHEET, r'<drawing r:id="[^"]*"', '<drawing r:id="none"', "<drawing> refers to a relation"),
    (RELATIONS, r'Id="rId2"', 'Id="rId1"', "two relations have one id"),
    (RELATIONS, r"tables/table1\.xml", "tables/none.xml", "tables/none.xml is not there"),
    (TABLE, r'ref="B5:G9"', 'ref="B5:H9"', "another number of columns"),
    (TABLE, r'ref="B5:G9"', 'ref="B5:G6"', "the table has no row"),
    (TABLE, r'ref="B5:G9"', 'ref="nowhere"', "the table lies nowhere"),
    (TABLE, r'ref="B5:G8"', 'ref="B5:G9"', "the filter has another area"),
    (TABLE, r'name="Summary"', 'name="Title"', "the header 'Title' is 'Summary'"),
    (TABLE, r'name="Summary"', 'name="KEY"', "two columns have one name"),
    (TABLE, r'id="2" name', 'id="1" name', "two columns have one id"),
    (TABLE, r'tableColumns count="6"', 'tableColumns count="5"', "count of columns"),
    (TABLE, r'displayName="Issues"', 'displayName="team"', "two tables have one name"),
    (TABLE, r'<table ([^>]*) id="1"', r'<table \1 id="2"', "two tables have one id"),
    (BOOK, r'name="Charts"', 'name="data"', "two sheets have one name"),
    (BOOK, r'sheetId="2"', 'sheetId="1"', "two sheets have one sheetId"),
    (BOOK, r'definedName name="Whole"', 'definedName name="points"', "two defined names"),
    (BOOK, r"<calcPr", "<oleSize/><calcPr", "<calcPr> out of order"),
    (TYPES, r'<Default Extension="png"[^>]*/>', "", "no content type"),
    (TYPES, r"</Types>", '<Override PartName="/a" ContentType="b"/></Types>', "type for a"),
    (TYPES, r"(<Override[^>]*/>)", r"\1\1", "two content types for one part"),
    ("xl/comments1.xml", r"(<comment ref.*?</comment>)", r"\1\1", "two notes are in one cell"),
    ("_rels/.rels", r"xl/workbook\.xml", "xl/none.xml", "there is no workbook"),
    ("xl/none/_rels/a.xml.rels", "", '<Relationships xmlns="x"/>', "relations of a part that is not there"),
    ("XL/workbook.xml", "", "<a/>", "two parts have one name"),
]  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return parts_of(zoo(tmp_path_factory.mktemp("zoo") / "zoo.xlsx"))


def judged(parts: dict[str, bytes]) -> set[str]:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return violations(data.getvalue())


def test_nothing_is_found_where_nothing_is_wrong(good: dict[str, bytes]) -> None:
    assert judged(good) == set()


@pytest.mark.parametrize(("part", "pattern", "new", "fault"), FAULTS)
def test_each_fault_is_found(part: str, pattern: str, new: str, fault: str, good: dict[str, bytes]) -> None:
    before = good.get(part, b"").decode()
    after, count = re.subn(pattern, new, before, count=1, flags=re.DOTALL)
    assert count
    assert any(fault in each for each in judged({**good, part: after.encode()}))


def test_a_chain_of_calculation_names_formulas_only(good: dict[str, bytes]) -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relation = f'<Relationship Id="rIdC" Type="{office}/calcChain" Target="calcChain.xml"/></Relationships>'
    name = "xl/_rels/workbook.xml.rels"
    for cell, faults in (("C2", 0), ("A1", 1)):
        chain = f'<calcChain xmlns="{main}"><c r="{cell}" i="1"/></calcChain>'
        parts = {**good, "xl/calcChain.xml": chain.encode()}
        parts[name] = good[name].replace(b"</Relationships>", relation.encode())
        assert len(judged(parts)) == faults


@pytest.mark.filterwarnings("ignore")
def test_real_workbooks_are_filled_with_fewer_more_and_no_rows(shared_data: Path, tmp_path: Path) -> None:
    """Whatever is written is judged; collisions, headers and pivots are refused, never by a raw error."""
    filled, refused = 0, []
    for path in workbooks(shared_data / "excel"):
        for target, headers, rows in targets(path):
            for count in sorted({0, max(rows - 1, 1), rows + 4}):
                try:
                    excel.write(frame_for(headers, count), tmp_path / "f.xlsx", template=path, sheet=target)
                    filled += 1
                except SchedkitError as error:
                    refused.append(str(error))
    assert filled > 250
    reasons = ("would grow over", "has no header", "lies in the pivot table")
    assert all(any(reason in each for reason in reasons) for each in refused)
    assert len(refused) < filled // 5

"""Worksheets in every notation that other programs use: filled like any other."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook
from support.excel_zoo import parts_of

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.excel.parts.sheet import Row, Sheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
FRAME = pd.DataFrame({"Key": ["A-1", "A-2", "A-3"], "n": [1, 2, 3]})
SHEET = (
    f'<worksheet xmlns="{MAIN}"><dimension ref="A1:C5"/><sheetData>'
    '<row r="1"><c r="A1" t="inlineStr"><is><t>Key</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>n</t></is></c></row>'
    '<row r="2"><c r="A2" t="inlineStr"><is><t>OLD</t></is></c>'
    '<c r="B2"><v>9</v></c><c r="C2"><v>7</v></c></row>'
    '<row r="7"><c r="A7" t="inlineStr"><is><t>far below</t></is></c></row></sheetData>'
    '<pageMargins left="1" right="1" top="1" bottom="1" header="0" footer="0"/></worksheet>'
)


def book_with(path: Path, sheet: str | bytes) -> Path:
    """Write a workbook whose one sheet is the given XML."""
    openpyxl.Workbook().save(path)
    parts = parts_of(path)
    parts["xl/worksheets/sheet1.xml"] = sheet if isinstance(sheet, bytes) else sheet.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def prefixed(xml: str) -> str:
    """Give every element a prefix, as OpenXML SDK writes them."""
    xml = re.sub(r"<(/?)(\w)", r"<\1x:\2", xml)
    return xml.replace(f'xmlns="{MAIN}"', f'xmlns:x="{MAIN}"')


def without_addresses(xml: str) -> str:
    """Take the addresses of rows and cells away where their order tells them."""
    return re.sub(r'(<row|<c) r="[A-Z]*[0-6]"', r"\1", xml)


FORMS = {
    "prefixed": prefixed(SHEET),
    "without addresses": without_addresses(SHEET),
    "prefixed, without addresses": prefixed(without_addresses(SHEET)),
    "single quotes": SHEET.replace('"', "'"),
    "comments": SHEET.replace("<row", "<!-- <row r='9'> --><row").replace("<v>9", "<v><!-- 8 -->9"),
    "CDATA": SHEET.replace("<t>far below</t>", "<t>far <![CDATA[below]]></t>"),
    "processing instructions": SHEET.replace("<sheetData>", "<sheetData><?x <row?>"),
    "line breaks": SHEET.replace("><", ">\n  <"),
    "UTF-16": ('<?xml version="1.0" encoding="UTF-16"?>' + SHEET).encode("utf-16"),
    "ISO 8859-1": ('<?xml version="1.0" encoding="ISO-8859-1"?>' + SHEET).encode("latin-1"),
    "byte order mark": b"\xef\xbb\xbf" + SHEET.encode(),
    "strict": SHEET.replace(MAIN, STRICT),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
def test_every_notation_is_filled(form: str, mode: str, tmp_path: Path) -> None:
    path = book_with(tmp_path / "t.xlsx", FORMS[form])
    site = FRAME.head(2)
    site.attrs["site"] = "https://jira.example.org"
    key = {"key": "Key"} if mode == "upsert" else {}
    for _ in range(2):
        excel.write(site, path, template=path, mode=mode, **key)
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    old = [["OLD", 9, 7]]
    new = [["A-1", 1, ""], ["A-2", 2, ""]]
    body = {"replace": [["A-1", 1, 7], new[1]], "append": old + new + new, "upsert": old + new}[mode]
    assert rows[: 1 + len(body)] == [["Key", "n", ""], *body]
    assert rows[6][0] == "far below"
    if form != "strict":  # openpyxl does not know them
        sheet = openpyxl.load_workbook(path).worksheets[0]
        assert sheet.cell(1 + len(body), 1).hyperlink.target == "https://jira.example.org/browse/A-2"


def test_a_blank_sheet_may_be_one_closed_element(tmp_path: Path) -> None:
    for number, data in enumerate(("<sheetData/>", "<sheetData />", "<sheetData></sheetData>")):
        xml = f'<worksheet xmlns="{MAIN}">{data}</worksheet>'
        path = book_with(tmp_path / f"{number}.xlsx", xml)
        for form in (xml, prefixed(xml)):
            book_with(path, form)
            excel.write(FRAME, path, template=path)
            assert pd.read_excel(path, engine="calamine").equals(FRAME)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (SHEET.replace("</row>", "", 1), "its XML is malformed: mismatched tag: line 1, column"),
        (SHEET.replace('r="7"', 'r="2"', 1), "row 2 comes after row 2"),
        (SHEET.replace('r="7"', 'r="1048577"', 1), "row 1048577 comes after row 2"),
        (SHEET.replace('r="7"', 'r="99999999999999999999999"', 1), "row 9999999999999999999… comes after"),
        (f'<chartsheet xmlns="{MAIN}"/>', "the sheet 'Sheet' has no cells"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + SHEET, "it has a document type declaration"),
        (SHEET[:200], "its XML is malformed: no element found|unclosed token"),
        (b"<?xml version='1.0' encoding='klingon'?>" + SHEET.encode(), "unknown encoding 'klingon'"),
        (b"<?xml version='1.0' encoding='utf-16'?>" + SHEET.encode(), "malformed|not valid"),
        ("<a>" * 300 + "</a>" * 300, "has no cells|nested too deeply"),
    ],
)
def test_a_damaged_sheet_is_told(xml: str | bytes, message: str) -> None:
    data = xml if isinstance(xml, bytes) else xml.encode()
    with pytest.raises(WorkbookError, match=message) as caught:
        Sheet(data, "xl/worksheets/sheet1.xml", "Sheet")
    assert "\n" not in str(caught.value)


def test_rows_that_change_are_written_between_those_that_stay() -> None:
    sheet = Sheet(SHEET.encode(), "sheet1.xml", "Sheet")
    assert not sheet.changed
    sheet.change(4, Row(' ht="20"', {1: '<c r="A4"><v>1</v></c>'}))
    sheet.change(2, Row("", {}))
    assert sheet.changed
    assert sheet.last_row == 7
    text = sheet.result().decode()
    assert re.findall(r'<row r="(\d+)"', text) == ["1", "4", "7"]
    assert '<row r="4" ht="20"><c r="A4"><v>1</v></c></row>' in text
    assert text.startswith(SHEET[:100])
    assert text.endswith(SHEET[-100:])

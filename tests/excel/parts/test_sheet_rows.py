"""The rows of a sheet, found by number in the bytes of its part."""

from __future__ import annotations

import pytest

from schedkit.errors import WorkbookError
from schedkit.excel.parts.sheet_rows import RowXml, SheetRows

ROWS = (
    b'<row r="1" ht="20"><c r="A1"><f>B1</f><v>1</v></c></row>'
    b"<row r='3'/>"
    b'<row spans="1:2"><c r="B4" t="s"/></row>\n'
    b'<row r="7"><c r="A7"><v>2</v></c><c r="B7"><f>A7</f></c></row>'
)


def rows_of(rows: bytes) -> SheetRows:
    around = b"<sheetData>", b"</sheetData>"
    return SheetRows(rows.join(around), len(around[0]), len(around[0] + rows), "sheet1.xml")


@pytest.mark.parametrize("prefix", [b"", b"x:"])
def test_rows_are_found_by_their_numbers(prefix: bytes) -> None:
    xml = ROWS.replace(b"</", b"<\0").replace(b"<", b"<" + prefix).replace(prefix + b"\0", b"/" + prefix)
    rows = rows_of(xml)
    assert rows.numbers == [1, 3, 4, 7]
    assert rows.unnumbered == [4]
    assert rows.between(2, 4) == [3, 4]
    assert rows.row(3) == RowXml(" r='3'", "")
    assert rows.row(2) is None
    assert rows.row(4) == RowXml(' spans="1:2"', f'<{prefix.decode()}c r="B4" t="s"/>')
    assert rows.attributes(1) == ' r="1" ht="20"'
    assert rows.attributes(2) is None
    assert [rows.has_value(number) for number in (1, 2, 3, 4, 7)] == [True, False, False, False, True]
    assert list(rows.formulas()) == [(1, 1, b"", b"B1"), (7, 2, b"", b"A7")]
    assert bytes(rows.xml(1, 9)) == xml
    assert bytes(rows.xml(3, 6)) == xml[xml.index(b"<" + prefix + b"row r='3'") : xml.index(b"\n") + 1]
    assert bytes(rows.xml(5, 6)) == b""


def test_rows_without_formulas() -> None:
    assert list(rows_of(b'<row r="1"><c r="A1" t="str"><v>a:f</v></c></row>').formulas()) == []
    assert list(rows_of(b"").formulas()) == []
    font = b'<c r="A1" t="inlineStr"><is><r><rPr><family val="2"/></rPr><t>x</t></r></is></c>'
    assert list(rows_of(b'<row r="1">' + font + b"</row>").formulas()) == []


@pytest.mark.parametrize(
    ("cells", "formulas"),
    [
        ('<c r="A5" s="1"/><c r="AB5" s="2"><f>A5*2</f><v>4</v></c>', [(28, "", "A5*2")]),
        ('<c r="B5"><f t="shared" si="0"/></c>', [(2, ' t="shared" si="0"', "")]),
        ("<c s='1' r='A5'/><c r='B5'><f>1</f></c><c><f>2</f></c>", [(2, "", "1"), (3, "", "2")]),
        ('<c r="B5" cm=">"><f ca="1">1</f></c>', [(2, ' ca="1"', "1")]),
        ('<x:c r="B5"><x:f>1</x:f></x:c>', [(2, "", "1")]),
        ('<c r="B5"><f  t="array" ref=">"\n>1</f ></c>', [(2, '  t="array" ref=">"\n', "1")]),
    ],
)
def test_formulas_in_every_notation(cells: str, formulas: list[tuple[int, str, str]]) -> None:
    rows = rows_of(f'<row r="5">{cells}</row><row r="7"><c r="A7"><f>9</f></c></row>'.encode())
    found = [(row, column, told.decode(), text.decode()) for row, column, told, text in rows.formulas()]
    assert found == [*((5, *formula) for formula in formulas), (7, 1, "", "9")]


@pytest.mark.parametrize("number", ["1", "0", "1048577", "99999999999999999999", "x"])
def test_rows_out_of_order_are_refused(number: str) -> None:
    with pytest.raises(WorkbookError, match=r"row .* comes after row 1"):
        rows_of(f'<row r="1"/><row r="{number}"/>'.encode())

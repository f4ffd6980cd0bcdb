"""Cells found by the places of their tags are those that an XML parser finds; anything else is left to it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from schedkit import excel
from schedkit.excel.parts.cell_values import cells
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.scan import IrregularSheetError, Meaning, scan
from schedkit.excel.parts.workbook import open_workbook

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MEANING = Meaning(pa.array(["shared", ""], pa.large_string()), ["n", "d", "t"])
PART = "xl/worksheets/sheet1.xml"


def sheet(rows: str, prefix: str = "") -> bytes:
    name = f"{prefix}:" if prefix else ""
    space = f'xmlns:{prefix}="{MAIN}"' if prefix else f'xmlns="{MAIN}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><{name}worksheet {space}><{name}sheetData>{rows}'
        f"</{name}sheetData></{name}worksheet>"
    ).encode()


def scanned(xml: bytes) -> dict[int, list[tuple[int, str, Any]]]:
    found: dict[int, list[tuple[int, str, Any]]] = {}
    for block in scan(io.BytesIO(xml), MEANING):
        letters = block.kinds.tobytes().decode()
        rows = zip(block.rows.tolist(), letters, block.values.to_pylist(), strict=True)
        found.setdefault(block.column, []).extend(rows)
    return found


def parsed(xml: bytes, tmp_path: Path) -> dict[int, list[tuple[int, str, Any]]]:
    """The same by the XML parser: a comment is nothing that the scanner reads."""
    book = openpyxl.Workbook()
    path = tmp_path / "p.xlsx"
    book.save(path)
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts[PART] = xml.replace(b"sheetData>", b"sheetData><!-- -->", 1)
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    source = open_workbook(Package(path.read_bytes(), path.name), path.name)
    found = cells(source, PART, MEANING.strings.to_pylist(), MEANING.formats)
    return {
        column: list(zip(each.rows.tolist(), each.kinds, each.texts.to_pylist(), strict=True))
        for column, each in found.items()
    }


NOTATIONS = {
    '<row r="1"><c r="A1"><v>1</v></c><c r="C1" s="1"><v>2.5</v></c></row>': {
        1: [(1, "n", "1")],
        3: [(1, "d", "2.5")],
    },
    '<row><c t="s" r="A1"><v>0</v></c></row>': None,
    '<row r="1048576" spans="1:2"><c r="XFD1048576" s="2" t="n"><v>1E3</v></c></row>': {
        16384: [(1048576, "t", "1E3")]
    },
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>in</t></is></c></row>': {
        1: [(1, "s", "shared")],
        2: [(1, "s", "in")],
    },
    '<row r="1"/><row r="2"><c r="A2" s="1"/><c r="B2" t="b"><v>1</v></c></row>': {2: [(2, "b", "1")]},
    '<row r="1"><c r="A1"><f>B1*2</f></c><c r="B1"><f t="shared" si="0"/><v>4</v></c></row>': {
        1: [(1, "f", None)],
        2: [(1, "n", "4")],
    },
    '<row r="1"><c r="A1"><f>B1*2</f><v/></c><c r="B1" t="b"><f>TRUE()</f><v></v></c>'
    '<c r="C1" t="str"><f>""</f><v></v></c><c r="D1" t="str"><f>""</f><v/></c></row>': {
        1: [(1, "f", None)],
        2: [(1, "f", None)],
    },
    '<row r="1"><c r="A1" t="str"><f>""</f><v></v></c><c r="B1" t="e"><v>#N/A</v></c></row>': {
        2: [(1, "e", "#N/A")]
    },
    '<row r="1"><c r="A1" t="inlineStr"><is><t/></is></c><c r="B1"><v/></c></row>': {1: [(1, "s", "")]},
    '<row r="1"><c r="A1" t="d"><v>2026-11-28</v></c></row>': {1: [(1, "i", "2026-11-28")]},
    '<row r="1"><c r="A1" t="str"><v>a &gt; b > c &#10;&#x41;&amp;amp; _x0009_ &quot;</v></c></row>': {
        1: [(1, "s", 'a > b > c \nA&amp; \t "')]
    },
    '<row r="1"><c r="A1" t="str"><v>a\r\nb\rc</v></c></row>': {1: [(1, "s", "a\nb\nc")]},
    '<row r="1"><c r="A1" t="inlineStr"><is><r><t>rich</t></r><r><t> text</t></r></is></c></row>': None,
    '<row r="1"><c><v>1</v></c></row>': None,
    '<row r="1"><c r="A1"><v><![CDATA[1]]></v></c></row>': None,
    '<row r="1"><c r="A1" t="str"><v>1</v><extLst><ext/></extLst></c></row>': None,
    '<row r="1"><c r="a1"><v>1</v></c></row>': None,
    '<row r="1"><c r="A1" t="odd"><v>1</v></c></row>': None,
    "": {},
}


@pytest.mark.parametrize("rows", NOTATIONS)
@pytest.mark.parametrize("prefix", ["", "x"])
def test_notations(rows: str, prefix: str, tmp_path: Path) -> None:
    for tag in ("row", "c", "v", "is", "t", "f", "r", "extLst", "ext") if prefix else ():
        rows_with = rows.replace(f"<{tag}>", f"<{prefix}:{tag}>").replace(f"<{tag} ", f"<{prefix}:{tag} ")
        rows = rows_with.replace(f"</{tag}>", f"</{prefix}:{tag}>").replace(f"<{tag}/>", f"<{prefix}:{tag}/>")
    plain = rows.replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</") if prefix else rows
    expected = NOTATIONS[plain]
    xml = sheet(rows, prefix)
    if expected is None:
        with pytest.raises(IrregularSheetError):
            scanned(xml)
        return
    assert scanned(xml) == expected
    assert parsed(xml, tmp_path) == expected


@pytest.mark.parametrize(
    "damage",
    [
        (b"</sheetData>", b""),
        (b"<sheetData>", b"<data>"),
        (b'encoding="UTF-8"', b'encoding="latin-1"'),
        (b"</v>", b"</c>"),
        (b"<v>1", b"<v>\xff"),
        (b"</row></sheet", b"</sheet"),
        (b"<v>1</v>", b"<v"),
        (b'r="A1"', b'r="A1" s="x"'),
    ],
)
def test_damage_is_left_to_the_parser(damage: tuple[bytes, bytes]) -> None:
    xml = sheet('<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="s"><v>9</v></c></row>')
    whole = xml.replace(b"<v>9</v>", b"<v>0</v>")
    assert scanned(whole) == {1: [(1, "n", "1")], 2: [(1, "s", "shared")]}
    broken = whole.replace(*damage)
    assert broken != whole
    with pytest.raises(IrregularSheetError):
        scanned(broken)
    with pytest.raises(IrregularSheetError):
        scanned(xml)


def test_blocks_are_cut_between_rows(tmp_path: Path) -> None:
    """Five megabytes are more than a block; one row may be longer than a block as well."""
    text = "x" * 5_000
    frame = pd.DataFrame({"n": range(1_100), "t": [text] * 1_100})
    pd.testing.assert_frame_equal(excel.read(excel.write(frame, tmp_path / "long.xlsx").path), frame)
    wide = pd.DataFrame([[text * 6] * 200])
    assert excel.read(excel.write(wide, tmp_path / "wide.xlsx").path).shape == (1, 200)


def test_a_column_without_cells_is_scanned_like_any_other() -> None:
    xml = sheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="B2"><v>2</v></c></row>')
    assert [(block.column, block.rows.tolist()) for block in scan(io.BytesIO(xml), MEANING, {2})] == [
        (2, [2])
    ]
    assert list(scan(io.BytesIO(xml), MEANING, {3})) == []

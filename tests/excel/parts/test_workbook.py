"""What a workbook says about its parts."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from support.excel_zoo import parts_of

from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.workbook import Relation, open_workbook, relations

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"


def package_with(relationships: str) -> Package:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
        parts.writestr("xl/tables/Table1.xml", "<table/>")
        parts.writestr("xl/worksheets/_rels/sheet1.xml.rels", relationships)
    return Package(file.getvalue(), "book.xlsx")


def relationship(number: int, kind: str, target: str, more: str = "") -> str:
    return f'<r:Relationship Id="r{number}" Type="{OFFICE}/{kind}" Target="{target}"{more}/>'


def test_relations_are_told_but_for_the_links_of_cells() -> None:
    links = [relationship(n, "hyperlink", f"https://x.org/{n}", ' TargetMode="External"') for n in range(3)]
    others = [
        relationship(10, "table", "../tables/table1.xml"),
        relationship(11, "drawing", "/xl/drawings/a%20b.xml"),
        relationship(12, "externalLink", "file:///a/b.xlsx", ' TargetMode="External"'),
    ]
    package = package_with(f'<r:Relationships xmlns:r="x">{"".join(links + others)}</r:Relationships>')
    assert relations(package, SHEET) == [
        Relation("r10", "table", "xl/tables/Table1.xml"),
        Relation("r11", "drawing", "xl/drawings/a b.xml"),
        Relation("r12", "externalLink", "file:///a/b.xlsx"),
    ]
    assert [each.id for each in relations(package, SHEET, "drawing")] == ["r11"]
    assert relations(package, "xl/worksheets/sheet2.xml") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("<Relationships>", "malformed"), ("<!DOCTYPE a []><Relationships/>", "document type declaration")],
)
def test_damaged_relations_are_told(text: str, message: str) -> None:
    with pytest.raises(WorkbookError, match=message):
        relations(package_with(text), SHEET)


def test_only_sheets_that_formulas_can_concern_are_told(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "b.xlsx"))
    data = book.add_worksheet("R&D data")
    sheets = {name: book.add_worksheet(name) for name in ("Cell", "Rule", "Own rule", "Text", "Blank")}
    data.write("A1", "text")
    sheets["Cell"].write_formula("A1", "=1+1")
    for name, criteria in (("Rule", "='R&D data'!$A$1=1"), ("Own rule", "=$A$1=1")):
        sheets[name].conditional_format("A1:B2", {"type": "formula", "criteria": criteria})
    sheets["Text"].write("A1", "it is of the R&D data, :f or <f>")
    book.close()
    opened = open_workbook(Package((tmp_path / "b.xlsx").read_bytes(), "b.xlsx"), "b.xlsx")
    assert opened.calculating("R&D data") == ["Cell", "Rule"]
    opened.sheet("Blank")
    assert opened.calculating("r&d DATA") == ["Cell", "Rule", "Blank"]


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", []), ("latin-1", ["Sheet"]), ("utf-16", ["Sheet"])])
def test_sheets_in_other_encodings_are_taken_apart(encoding: str, told: list[str], tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    openpyxl.Workbook().save(path)
    parts = parts_of(path)
    sheet = f'<?xml version="1.0" encoding="{encoding}"?>{parts["xl/worksheets/sheet1.xml"].decode()}'
    with zipfile.ZipFile(path, "w") as package:
        for name, content in (parts | {"xl/worksheets/sheet1.xml": sheet.encode(encoding)}).items():
            package.writestr(name, content)
    assert open_workbook(Package(path.read_bytes(), "b.xlsx"), "b.xlsx").calculating("Other") == told

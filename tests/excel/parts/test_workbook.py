"""What a workbook says about its parts."""

from __future__ import annotations

import io
import zipfile

import pytest

from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.workbook import Relation, relations

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

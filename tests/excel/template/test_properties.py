"""The properties of workbooks: our own, and those of other programs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from openpyxl.packaging.core import DocumentProperties
from support.workbook_validator import violations

from schedkit import excel
from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.workbook import relations
from schedkit.excel.template.properties import checked_properties, with_properties

GIVEN = {"author": "Ada & Co", "keywords": ["bugs", "weekly"], "comments": "<none>", "category": "Web"}


def properties_of(data: bytes) -> Any:
    package = Package(data, "book")
    # openpyxl looks in docProps only; SDKs name the part after its content.
    (relation,) = relations(package, "", "core-properties")
    return DocumentProperties.from_tree(ElementTree.fromstring(package.read(relation.target)))


@pytest.mark.parametrize(
    "name", ["closedxml/BasicTable.xlsx", "openxlsx/pandas.xlsx", "closedxml/sheet-names.xlsx"]
)
def test_workbooks_of_other_programs(shared_data: Path, name: str) -> None:
    data = (shared_data / "excel" / name).read_bytes()
    made = with_properties(data, name, checked_properties(GIVEN, "Bugs"))
    found, before = properties_of(made), properties_of(data)
    assert (found.title, found.creator, found.keywords) == ("Bugs", "Ada & Co", "bugs, weekly")
    assert (found.description, found.category) == ("<none>", "Web")
    assert (found.subject, found.created) == (before.subject, before.created)
    assert violations(made) <= violations(data)
    # What is so already is not written again.
    assert with_properties(made, name, checked_properties(GIVEN, "Bugs")) is made


def test_a_workbook_without_properties_gets_some(tmp_path: Path) -> None:
    written = excel.write(pd.DataFrame({"a": [1]}), tmp_path / "a.xlsx").path.read_bytes()
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "_rels/.rels":
                start = content.index(b"<Relationship ", content.index(b"core-properties") - 120)
                content = content[:start] + content[content.index(b"/>", start) + 2 :]
            if name == "[Content_Types].xml":
                start = content.index(b'<Override PartName="/docProps/core.xml"')
                content = content[:start] + content[content.index(b"/>", start) + 2 :]
            if name != "docProps/core.xml":
                new.writestr(name, content)
    assert violations(file.getvalue()) == set()
    made = with_properties(file.getvalue(), "a.xlsx", {"author": "Ada"})
    assert properties_of(made).creator == "Ada"
    assert violations(made) == set()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"title": "x"}, "the title has an option of its own .write title"),
        ({"autor": "x"}, "no property 'autor' .did you mean 'author'"),
        ({"author": 5}, "5 is not a text for author"),
        ({"keywords": ["a", 5]}, "is not a text for keywords"),
    ],
)
def test_misuse(given: dict[str, Any], told: str) -> None:
    with pytest.raises(WorkbookError, match=told):
        checked_properties(given, None)

"""Parts that are added or left out, with their relations and content types."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from support.excel_zoo import HEADER

from schedkit.excel.parts.package import Package
from schedkit.excel.parts.rewrite import Changes, free_prefix, rewrite

KINDS = "http://schemas.openxmlformats.org/package/2006"
TYPES = (
    f'{HEADER}<Types xmlns="{KINDS}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/gone.xml" ContentType="application/x-gone"/></Types>'
)
RELATIONS = (
    f'{HEADER}<Relationships xmlns="{KINDS}/relationships">'
    '<Relationship Id="rId1" Type="t/one" Target="one.xml"/>'
    "<Relationship Target='two.xml' Type='t/two' Id='rId2'></Relationship></Relationships>"
)
NEW = b'<Relationship Id="link1" Type="t/link" Target="https://example.org" TargetMode="External"/>'
Form = Callable[[str], str]


def prefixed(xml: str) -> str:
    """Give the elements a prefix."""
    for name in ("Types", "Default", "Override", "Relationships", "Relationship"):
        xml = xml.replace(f"<{name} ", f"<p:{name} ").replace(f"</{name}>", f"</p:{name}>")
    return xml.replace("xmlns=", "xmlns:p=")


def rewritten(changes: Changes, relations: str | None = RELATIONS, types: str = TYPES) -> dict[str, str]:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        package.writestr("[Content_Types].xml", types)
        for name in ("xl/book.xml", "xl/gone.xml"):
            package.writestr(name, "<a/>")
        if relations is not None:
            package.writestr("xl/_rels/book.xml.rels", relations)
    out = io.BytesIO()
    rewrite(Package(data.getvalue(), "a.xlsx"), changes, out)
    with zipfile.ZipFile(out) as package:
        return {name: package.read(name).decode() for name in package.namelist()}


@pytest.mark.parametrize("form", [str, prefixed])
def test_relations_are_added_and_taken_away(form: Form) -> None:
    changes = Changes(related={"xl/book.xml": lambda: [NEW]}, unrelated={"xl/book.xml": {"rId2"}})
    after = rewritten(changes, form(RELATIONS), form(TYPES))["xl/_rels/book.xml.rels"]
    assert 'Id="rId1"' in after
    assert "rId2" not in after
    assert 'Id="link1"' in after
    assert (f'<Relationship xmlns="{KINDS}/relationships" Id="link1"' in after) == (form is prefixed)


@pytest.mark.parametrize("end", ["/>", "></Relationships>"])
def test_an_empty_list_takes_relations(end: str) -> None:
    empty = f'<Relationships xmlns="{KINDS}/relationships"{end}'
    after = rewritten(Changes(related={"xl/book.xml": lambda: [NEW]}), empty)["xl/_rels/book.xml.rels"]
    assert after.endswith(f"{NEW.decode()}</Relationships>")


def test_a_part_without_relations_gets_some_and_their_type() -> None:
    after = rewritten(Changes(related={"xl/book.xml": lambda: [NEW]}), None)
    assert NEW.decode() in after["xl/_rels/book.xml.rels"]
    assert '<Default Extension="rels"' in after["[Content_Types].xml"]
    assert "xl/_rels/book.xml.rels" not in rewritten(Changes(related={"xl/book.xml": list}), None)


@pytest.mark.parametrize("form", [str, prefixed])
def test_every_part_has_a_content_type(form: Form) -> None:
    changes = Changes(
        parts={"xl/new.xml": b"<a/>", "xl/new.bin": b"x", "xl/typed.xml": b"<a/>"},
        types={"xl/typed.xml": "application/x-typed"},
        dropped={"xl/gone.xml"},
    )
    after = rewritten(changes, types=form(TYPES))
    assert {"xl/new.xml", "xl/new.bin", "xl/typed.xml"} <= set(after)
    assert "xl/gone.xml" not in after
    types = after["[Content_Types].xml"]
    assert "gone" not in types
    assert "/xl/new.xml" not in types
    assert 'PartName="/xl/new.bin" ContentType="application/xml"' in types
    assert 'PartName="/xl/typed.xml" ContentType="application/x-typed"' in types


def test_ids_of_new_relations_are_free() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        package.writestr("[Content_Types].xml", TYPES)
        package.writestr("xl/_rels/book.xml.rels", RELATIONS.replace("rId1", "link7"))
    package_of = Package(data.getvalue(), "a.xlsx")
    assert free_prefix(package_of, "xl/book.xml") == "linkx"
    assert free_prefix(package_of, "xl/other.xml") == "link"

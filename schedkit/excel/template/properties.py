"""The properties of a workbook: title, author, keywords, as Excel shows them under File, Info."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from schedkit.errors import WorkbookError
from schedkit.excel.parts.package import Package
from schedkit.excel.parts.rewrite import Changes, rewrite
from schedkit.excel.parts.workbook import relations
from schedkit.excel.parts.xml import Document
from schedkit.excel.text import excel_escape
from schedkit.values.scalars import plain_text
from schedkit.values.text import did_you_mean, safe_repr

__all__ = ["checked_properties", "with_properties"]

_PART = "docProps/core.xml"
_TYPE = "application/vnd.openxmlformats-package.core-properties+xml"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_CORE, _DUBLIN = f"{_PACKAGE}/metadata/core-properties", "http://purl.org/dc/elements/1.1/"
_EMPTY = f'<?xml version="1.0" encoding="UTF-8"?>\n<coreProperties xmlns="{_CORE}"></coreProperties>'.encode()
_RELATION = (
    f'<Relationship Id="core" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="{_PART}"/>'
)
# The element and its namespace by the name in Excel (ECMA-376 part 2, 11.1).
_ELEMENTS = {
    "author": ("creator", _DUBLIN),
    "category": ("category", _CORE),
    "comments": ("description", _DUBLIN),
    "keywords": ("keywords", _CORE),
    "subject": ("subject", _DUBLIN),
    "title": ("title", _DUBLIN),
}


def checked_properties(given: Mapping[str, str | Sequence[str]], title: str | None) -> dict[str, str]:
    """Return properties by their names in Excel, with several keywords joined to one text.

    Raises
    ------
    WorkbookError
        If a property is not known, or is no text.
    """
    if not isinstance(given, Mapping):
        raise WorkbookError(
            f"properties={safe_repr(given)} is not a mapping of names to texts",
            hint='e.g. properties={"author": "Team Web"}',
        )
    known = [name for name in _ELEMENTS if name != "title"]
    found = {} if title is None else {"title": title}
    for name, value in given.items():
        if name == "title":
            raise WorkbookError("properties: the title has an option of its own", hint="write title=...")
        if name not in known:
            raise WorkbookError(
                f"properties: there is no property {safe_repr(name)}", hint=did_you_mean(str(name), known)
            )
        texts = [value] if isinstance(value, str) else _listed(value)
        if texts is None or not all(isinstance(text, str) for text in texts):
            raise WorkbookError(
                f"properties: {safe_repr(value)} is not a text for {name}",
                hint='e.g. properties={"author": "Team Web", "keywords": ["bugs", "weekly"]}',
            )
        found[name] = ", ".join(map(plain_text, texts))
    return found


def _listed(value: object) -> list[Any] | None:
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        return None
    return list(value)


def with_properties(data: bytes, name: str, properties: Mapping[str, str]) -> bytes:
    """Return a workbook with these properties set; other properties are kept."""
    if not properties:
        return data
    package = Package(data, name)
    parts = [each.target for each in relations(package, "", "core-properties") if each.target in package]
    part = package.named(parts[0]) if parts else _PART
    document = Document(package.read(part) if parts else _EMPTY, part)
    for key, text in properties.items():
        _set(document, *_ELEMENTS[key], excel_escape(text))
    if not document.changed:
        return data
    changes = Changes(parts={part: document.result()})
    if not parts:
        changes.types[part] = _TYPE
        changes.related[""] = lambda: [_RELATION.encode()]
    file = io.BytesIO()
    rewrite(package, changes, file)
    return file.getvalue()


def _set(document: Document, name: str, space: str, text: str) -> None:
    element = next(
        (each for each in document.root.children if (each.name, each.space) == (name, space)), None
    )
    if element is None:
        document.append(document.root, f'<{name} xmlns="{space}">{escape(text)}</{name}>'.encode())
    else:
        document.set_text(element, text)

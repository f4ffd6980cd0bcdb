"""The part of a workbook that stores the metadata of its frames."""

from __future__ import annotations

import posixpath
from itertools import count

from schedkit.excel import frame_metadata
from schedkit.excel.frame_metadata import WorkbookMetadata
from schedkit.excel.links import relation_kind
from schedkit.excel.parts.rewrite import Changes
from schedkit.excel.parts.workbook import Workbook, relations

_ID = "schedkitMemory"


def read_metadata(book: Workbook) -> tuple[str | None, WorkbookMetadata]:
    """Return the name of the part and what it holds; None and nothing if there is none of ours."""
    for relation in relations(book.package, book.part, "customXml"):
        if relation.target in book.package:
            found = frame_metadata.from_xml(book.package.read(relation.target))
            if found.frames or found.appends:
                return book.package.named(relation.target), found
    return None, WorkbookMetadata()


def store_metadata(
    book: Workbook, metadata: WorkbookMetadata, changes: Changes, *, strict: bool = False
) -> None:
    """Store metadata in a workbook, in a new part if it has none yet."""
    part, _ = read_metadata(book)
    if part is None:
        names = (f"customXml/item{number}.xml" for number in count(1))
        part = next(name for name in names if name not in book.package)
        target = posixpath.relpath(part, posixpath.dirname(book.part))
        kind = relation_kind("customXml", strict=strict)
        relation = f'<Relationship Id="{_ID}" Target="{target}" Type="{kind}"/>'.encode()
        changes.relate(book.part, relation)
        for damaged in relations(book.package, book.part, "customXml"):
            if damaged.id == _ID:
                changes.unrelated.setdefault(book.part, set()).add(_ID)
                changes.dropped.add(damaged.target)
    changes.parts[part] = frame_metadata.to_xml(metadata)

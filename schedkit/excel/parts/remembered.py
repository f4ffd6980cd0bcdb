"""The part of a workbook in which its memory of frames is kept."""

from __future__ import annotations

import posixpath
from itertools import count

from schedkit.excel import memory
from schedkit.excel.links import relation_kind
from schedkit.excel.memory import WorkbookMemory
from schedkit.excel.parts.rewrite import Changes
from schedkit.excel.parts.workbook import Workbook, relations

_ID = "schedkitMemory"


def memory_of(book: Workbook) -> tuple[str | None, WorkbookMemory]:
    """Return the name of the part and what it holds; None and nothing if there is none of ours."""
    for relation in relations(book.package, book.part, "customXml"):
        if relation.target in book.package:
            found = memory.from_xml(book.package.read(relation.target))
            if found.frames or found.appends:
                return book.package.named(relation.target), found
    return None, WorkbookMemory()


def keep_memory(book: Workbook, told: WorkbookMemory, changes: Changes, *, strict: bool = False) -> None:
    """Let a workbook remember what is `told`, in a new part if it has none of ours yet."""
    part, _ = memory_of(book)
    if part is None:
        names = (f"customXml/item{number}.xml" for number in count(1))
        part = next(name for name in names if name not in book.package)
        target = posixpath.relpath(part, posixpath.dirname(book.part))
        kind = relation_kind("customXml", strict=strict)
        relation = f'<Relationship Id="{_ID}" Target="{target}" Type="{kind}"/>'.encode()
        changes.related[book.part] = lambda: [relation]
        for damaged in relations(book.package, book.part, "customXml"):
            if damaged.id == _ID:
                changes.unrelated.setdefault(book.part, set()).add(_ID)
                changes.dropped.add(damaged.target)
    changes.parts[part] = memory.to_xml(told)

"""The part of a workbook in which its memory of frames is kept."""

from __future__ import annotations

from schedkit.excel import memory
from schedkit.excel.memory import WorkbookMemory
from schedkit.excel.parts.workbook import Workbook, relations


def memory_of(book: Workbook) -> tuple[str | None, WorkbookMemory]:
    """Return the name of the part and what it holds; None and nothing if there is none of ours."""
    for relation in relations(book.package, book.part, "customXml"):
        if relation.target in book.package:
            found = memory.from_xml(book.package.read(relation.target))
            if found.frames:
                return book.package.named(relation.target), found
    return None, WorkbookMemory()

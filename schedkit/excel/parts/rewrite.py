"""A workbook written anew with some parts changed; all others are copied byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

from schedkit.excel.links import LinkParts
from schedkit.excel.parts.package import Package, Writer
from schedkit.excel.parts.workbook import relations_part

Chunks = Iterator[bytes | memoryview]
_RELATIONSHIPS = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
)
_RELATIONS_NAMESPACE = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# Elements that stand after hyperlinks in a worksheet (ECMA-376 18.3.1.99); links go before the first.
_AFTER_LINKS = re.compile(
    rb"<(printOptions|pageMargins|pageSetup|headerFooter|rowBreaks|colBreaks|customProperties|cellWatches"
    rb"|ignoredErrors|smartTags|drawing|legacyDrawing|legacyDrawingHF|drawingHF|picture|oleObjects|controls"
    rb"|webPublishItems|tableParts|extLst)\b|</worksheet>"
)
_LINKS = re.compile(rb"<hyperlinks\b[^>]*>.*?</hyperlinks>", re.DOTALL)
_CONTENT_TYPES = "[Content_Types].xml"


@dataclass
class Changes:
    """What differs from the workbook it is made from.

    `streams` are parts rendered on the way, `large` those of them that may exceed 4 GB. `parts` have their
    new content. `related` adds relations to a part once everything is rendered, `unrelated` are ids taken
    away. `dropped` parts are left out, with what refers to them.
    """

    streams: dict[str, Callable[[], Chunks]] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    parts: dict[str, bytes] = field(default_factory=dict)
    related: dict[str, Callable[[], list[bytes]]] = field(default_factory=dict)
    unrelated: dict[str, set[str]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)


def rewrite(package: Package, changes: Changes, file: IO[bytes]) -> None:
    """Write `package` with `changes` to `file`."""
    writer = Writer(file)
    late = {relations_part(part): part for part in {**changes.related, **changes.unrelated}}
    for name in package.names():
        if name in changes.dropped or name in late:
            continue
        if name in changes.streams:
            writer.add(name, changes.streams[name](), large=name in changes.large)
        elif name in changes.parts:
            writer.add(name, [changes.parts[name]])
        elif name == _CONTENT_TYPES and changes.dropped:
            writer.add(name, [_without(package.read(name), changes.dropped)])
        else:
            writer.copy(package, name)
    for name in changes.parts.keys() - set(package.names()):
        writer.add(name, [changes.parts[name]])
    for name, part in late.items():
        added = changes.related[part]() if part in changes.related else []
        removed = changes.unrelated.get(part, set())
        before = package.read(name) if name in package else None
        if before is not None and not added and not removed:
            writer.copy(package, name)
        elif before is not None or added:
            writer.add(name, [_relations(before or _RELATIONSHIPS, added, removed)])
    writer.close()


def _relations(before: bytes, added: list[bytes], removed: set[str]) -> bytes:
    def change(found: re.Match[bytes]) -> bytes:
        name = re.search(rb'\bId="([^"]*)"', found[0])
        return b"" if name and name[1].decode() in removed else found[0]

    kept = re.sub(rb"<Relationship\b[^>]*?(?:/>|>\s*</Relationship>)", change, before)
    if not added:
        return kept
    if b"</Relationships>" not in kept:
        # An empty list may be written as one closed element.
        kept = re.sub(rb"<Relationships\b([^>]*)/>", rb"<Relationships\1></Relationships>", kept)
    start, end = kept.rsplit(b"</Relationships>", 1)
    return start + b"".join(added) + b"</Relationships>" + end


def _without(content_types: bytes, dropped: set[str]) -> bytes:
    def change(found: re.Match[bytes]) -> bytes:
        return b"" if found[1].decode().lstrip("/") in dropped else found[0]

    return re.sub(rb'<Override\b[^>]*?PartName="([^"]*)"[^>]*?/>', change, content_types)


def with_links(tail: bytes, kept: list[bytes], links: LinkParts) -> bytes:
    """Return what follows a sheet's rows with its links: those that stay, then the new ones."""
    found = _LINKS.search(tail)
    if found is None and not links.count:
        return tail
    all_links = b"".join([*kept, *links.refs])
    block = (
        b'<hyperlinks xmlns:r="%s">%s</hyperlinks>' % (_RELATIONS_NAMESPACE, all_links) if all_links else b""
    )
    if found is not None:
        return tail[: found.start()] + block + tail[found.end() :]
    place = _AFTER_LINKS.search(tail)
    assert place is not None
    return tail[: place.start()] + block + tail[place.start() :]


def free_prefix(package: Package, part: str) -> str:
    """Return a beginning for ids of relations that no id of `part` has."""
    name = relations_part(part)
    taken = package.read(name) if name in package else b""
    prefix = "link"
    while f'Id="{prefix}'.encode() in taken:
        prefix += "x"
    return prefix

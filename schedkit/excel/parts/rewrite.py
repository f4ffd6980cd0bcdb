"""A workbook rewritten with some parts changed; all others are copied byte for byte."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.sax.saxutils import quoteattr

from schedkit.excel.parts.package import Package, Writer
from schedkit.excel.parts.workbook import relations_part
from schedkit.excel.parts.xml import Document, plain, utf8

Chunks = Iterator[bytes | memoryview]
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_RELATIONSHIPS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    f'<Relationships xmlns="{_PACKAGE}/relationships"></Relationships>'
).encode()
_ROOT = re.compile(rb"<([\w.-]+:)?Relationships[\s/>]")
_EMPTY = re.compile(rb"<((?:[\w.-]+:)?Relationships)((?:[^\"'>/]|\"[^\"]*\"|'[^']*')*+)/>")
_RELATION = re.compile(
    rb"<(?:[\w.-]+:)?Relationship(?=[\s/>])((?:[^\"'>/]|\"[^\"]*\"|'[^']*')*+)(?:/>|>\s*</[^>]*>)"
)
_ID = re.compile(rb"\sId\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_CHUNK = 1 << 20
_CONTENT_TYPES = "[Content_Types].xml"
_XML = "application/xml"


@dataclass
class Changes:
    """What differs from the workbook it is made from.

    `streams` are parts rendered on the way, `large` those of them that may exceed 4 GB. `parts` have their
    new content, `types` the content types of those that are new. `related` adds relations to a part once
    everything is rendered, `unrelated` are ids taken away. `dropped` parts are left out, with what refers to
    them.
    """

    streams: dict[str, Callable[[], Chunks]] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    parts: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    related: dict[str, Callable[[], list[bytes]]] = field(default_factory=dict)
    unrelated: dict[str, set[str]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)

    def relate(self, part: str, relation: bytes) -> None:
        """Add one relation to a part."""
        before = self.related.get(part)
        self.related[part] = lambda: [*(before() if before else ()), relation]


def rewrite(package: Package, changes: Changes, file: IO[bytes]) -> None:
    """Write `package` with `changes` to `file`."""
    late = {package.named(relations_part(p)): p for p in {**changes.related, **changes.unrelated}}
    new = [name for name in changes.parts if name not in package]
    types = _content_types(package, changes, new)
    with Writer(file) as writer:
        for name in package.names():
            if name in changes.dropped or name in late:
                continue
            if name in changes.streams:
                writer.add(name, changes.streams[name](), large=name in changes.large)
            elif name in changes.parts:
                writer.add(name, [changes.parts[name]])
            elif name == _CONTENT_TYPES and types is not None:
                writer.add(name, [types])
            else:
                writer.copy(package, name)
        for name in new:
            writer.add(name, [changes.parts[name]])
        for name, part in late.items():
            added = changes.related[part]() if part in changes.related else []
            removed = changes.unrelated.get(part, set())
            before = package.read(name) if name in package else None
            if before is not None and not added and not removed:
                writer.copy(package, name)
            elif before is not None or added:
                writer.add(name, _relations(before or _RELATIONSHIPS, name, added, removed))


def _relations(before: bytes, part: str, added: list[bytes], removed: set[str]) -> Chunks:
    """Yield the relations of a part with more and without some."""
    # A sheet may have 65,530 of them, so that they are not made a tree of, and not copied.
    xml = plain(utf8(before, part), part)
    if _EMPTY.search(xml):
        xml = _EMPTY.sub(rb"<\1\2></\1>", xml)
    prefix = _ROOT.search(xml)
    if prefix is not None and prefix[1]:
        # What is added has no prefix; where the others have one, it declares what it belongs to.
        space = f'<Relationship xmlns="{_PACKAGE}/relationships" '.encode()
        added = [each.replace(b"<Relationship ", space) for each in added]
    end = xml.rindex(b"</")
    yield from _without(memoryview(xml)[:end], removed)
    yield from added
    yield xml[end:]


def _without(xml: memoryview, removed: set[str]) -> Chunks:
    """Yield a list of relations without some, in chunks worth compressing."""
    pieces: list[memoryview] = []
    last = size = 0
    for found in _RELATION.finditer(xml) if removed else ():
        if _id_of(found[1]) not in removed:
            continue
        pieces.append(xml[last : found.start()])
        size += len(pieces[-1])
        last = found.end()
        if size >= _CHUNK:
            yield b"".join(pieces)
            pieces, size = [], 0
    yield b"".join(pieces)
    yield xml[last:]


def _id_of(attributes: bytes) -> str:
    found = _ID.search(attributes)
    return (found[1] or found[2]).decode() if found else ""


def _content_types(package: Package, changes: Changes, new: list[str]) -> bytes | None:
    """Return the types of the parts as they are now, None if nothing changes."""
    document = Document(package.read(_CONTENT_TYPES), _CONTENT_TYPES)
    known = {
        each.get("Extension").casefold(): each.get("ContentType") for each in document.root.all("Default")
    }
    for override in document.root.all("Override"):
        if override.get("PartName").lstrip("/") in changes.dropped:
            document.remove(override)
    space = f' xmlns="{_PACKAGE}/content-types"' if document.prefix(document.root) else ""
    for name in new:
        kind, suffix = changes.types.get(name), name.rpartition(".")[2].casefold()
        if kind and kind.startswith("image/") and known.setdefault(suffix, "") in ("", kind):
            # Spreadsheet programs tell the type of pictures by their suffix.
            if known[suffix] == kind:
                continue
            known[suffix] = kind
            default = f'<Default{space} Extension="{suffix}" ContentType="{kind}"/>'
            document.splice(document.root.inner, document.root.inner, default.encode())
        elif kind or suffix not in known:
            element = (
                f"<Override{space} PartName={quoteattr('/' + name)} ContentType={quoteattr(kind or _XML)}/>"
            )
            document.append(document.root, element.encode())
    related = any(relations_part(part) not in package for part in changes.related)
    if related and "rels" not in known:
        kind = "application/vnd.openxmlformats-package.relationships+xml"
        default = f'<Default{space} Extension="rels" ContentType="{kind}"/>'
        document.splice(document.root.inner, document.root.inner, default.encode())
    return document.result() if document.changed else None


def free_prefix(package: Package, part: str) -> str:
    """Return a beginning for ids of relations that no id of `part` has."""
    name = relations_part(part)
    taken = package.read(name) if name in package else b""
    prefix = "link"
    while f'"{prefix}'.encode() in taken:
        prefix += "x"
    return prefix


def as_workbook(data: bytes, name: str) -> bytes:
    """Return a template (.xltx, .xltm) as the workbook that Excel makes of it."""
    package = Package(data, name)
    document = Document(package.read(_CONTENT_TYPES), _CONTENT_TYPES)
    for override in document.root.all("Override"):
        kind = override.get("ContentType")
        if ".template." in kind and kind.endswith(".main+xml"):
            document.set_attributes(override, ContentType=kind.replace(".template.", ".sheet."))
    file = io.BytesIO()
    rewrite(package, Changes(parts={_CONTENT_TYPES: document.result()}), file)
    return file.getvalue()

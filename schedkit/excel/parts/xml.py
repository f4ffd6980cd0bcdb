"""XML parts as trees of elements with byte offsets: a change is spliced in, every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from schedkit.errors import WorkbookError
from schedkit.values.failures import translated

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# "Strict" workbooks use other namespaces.
STRICT = {
    "http://purl.oclc.org/ooxml/spreadsheetml/main": MAIN,
    "http://purl.oclc.org/ooxml/officeDocument/relationships": OFFICE,
    "http://purl.oclc.org/ooxml/drawingml/main": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "http://purl.oclc.org/ooxml/drawingml/chart": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing": (
        "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
    ),
}
# Deeper than any part of a workbook: a chart's text has about 30 levels.
_MAX_DEPTH = 200
_START_TAG = re.compile(rb'<[^\s<>/]++(?:[^"\'<>]|"[^"]*"|\'[^\']*\')*+>')
_ATTRIBUTE = re.compile(rb'\s([^\s=]+)\s*=\s*("[^"]*"|\'[^\']*\')')
_DECLARATION = re.compile(rb"\s*<\?xml\b[^>]*\?>\s*")
_ENCODING = re.compile(rb"""\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_REFUSED = "a document type declaration"


@dataclass(slots=True, eq=False)
class Element:
    """One element and where its bytes are.

    `name` is without its prefix, `space` its namespace. Attributes of a namespace are called
    ``namespace name``. The start tag is ``[start, inner)``, the content ``[inner, inner_end)``; an empty
    element that is written as one tag is `closed`. `text` is the text directly within.
    """

    name: str
    space: str
    attributes: dict[str, str]
    start: int
    inner: int
    closed: bool
    inner_end: int = 0
    end: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def all(self, *names: str) -> Iterator[Element]:
        """Yield the element and all below it that are called one of `names`, in document order."""
        if self.name in names:
            yield self
        for child in self.children:
            yield from child.all(*names)

    def child(self, name: str) -> Element | None:
        """Return the first child called `name`."""
        return next((child for child in self.children if child.name == name), None)


class Document:
    """A part, parsed, and the changes to be spliced into it.

    Raises
    ------
    WorkbookError
        If the part is not well-formed XML.
    """

    def __init__(self, xml: bytes, part: str) -> None:
        self.xml = utf8(xml, part)
        self.part = part
        self.root = _Builder(self.xml, part).root()
        self._edits: list[tuple[int, int, bytes]] = []

    @property
    def changed(self) -> bool:
        return bool(self._edits)

    def splice(self, start: int, end: int, new: bytes) -> None:
        """Put `new` in the place of the bytes from `start` to `end`."""
        if self.xml[start:end] != new:
            self._edits.append((start, end, new))

    def remove(self, element: Element) -> None:
        """Take an element out."""
        self.splice(element.start, element.end, b"")

    def set_text(self, element: Element, text: str) -> None:
        """Replace the content of an element that holds text only."""
        if text != element.text:
            self._set_inner(element, escape(text).encode())

    def append(self, element: Element, new: bytes) -> None:
        """Put `new` at the end of the content of an element."""
        if element.closed:
            self._set_inner(element, new)
        else:
            self.splice(element.inner_end, element.inner_end, new)

    def _set_inner(self, element: Element, new: bytes) -> None:
        if element.closed:
            name = self.tag(element).encode()
            self.splice(element.inner - 2, element.inner, b">" + new + b"</" + name + b">")
        else:
            self.splice(element.inner, element.inner_end, new)

    def set_attributes(self, element: Element, **values: str | None) -> None:
        """Give attributes new values; None takes one away."""
        for edit in self._attribute_edits(element, values):
            self.splice(*edit)

    def copied(self, element: Element, **values: str | None) -> bytes:
        """Return the bytes of an element as they were, with other attributes."""
        pieces, last = [], element.start
        for start, end, new in sorted(self._attribute_edits(element, values), key=lambda edit: edit[:2]):
            pieces += [self.xml[last:start], new]
            last = end
        return b"".join([*pieces, self.xml[last : element.end]])

    def _attribute_edits(
        self, element: Element, values: Mapping[str, str | None]
    ) -> Iterator[tuple[int, int, bytes]]:
        written = {
            found[1].decode(): (element.start + found.start(), element.start + found.end())
            for found in _ATTRIBUTE.finditer(self.xml[element.start : element.inner])
        }
        for name, value in values.items():
            new = b"" if value is None else f" {name}={quoteattr(value)}".encode()
            place = written.get(name)
            if place is not None and element.attributes.get(name) != value:
                yield (*place, new)
            elif place is None and value is not None:
                end = element.inner - (2 if element.closed else 1)
                yield (end, end, new)

    def tag(self, element: Element) -> str:
        """Return an element's name as it is written, with its prefix."""
        return re.split(rb"[\s/>]", self.xml[element.start + 1 : element.inner], maxsplit=1)[0].decode()

    def prefix(self, element: Element) -> str:
        """Return the prefix an element is written with, its colon included; "" if it has none."""
        prefix, colon, _ = self.tag(element).rpartition(":")
        return prefix + colon

    def place(self, parent: Element, name: str, order: Sequence[str]) -> int:
        """Return the offset where a child called `name` belongs, by the schema's `order` of children."""
        rank = {each: number for number, each in enumerate(order)}
        for child in parent.children:
            # mc:AlternateContent counts as the element that it wraps; what no schema names may be anywhere.
            known = next((rank[each.name] for each in _walk(child) if each.name in rank), -1)
            if known > rank[name]:
                return child.start
        return parent.inner_end

    def result(self, start: int = 0, end: int | None = None) -> bytes:
        """Return the part with all changes, or what lies between two offsets of it."""
        end = len(self.xml) if end is None else end
        pieces = []
        last = start
        for low, high, new in sorted(self._edits, key=lambda edit: edit[:2]):
            if not start <= low <= high <= end or low < last:
                continue
            pieces += [self.xml[last:low], new]
            last = high
        return b"".join([*pieces, self.xml[last:end]])


def _walk(element: Element) -> Iterator[Element]:
    yield element
    for child in element.children:
        yield from _walk(child)


class _Builder:
    """Expat's handlers, which build the tree."""

    def __init__(self, xml: bytes, part: str) -> None:
        self._xml = xml
        self._part = part
        self._root: Element | None = None
        self._open: list[Element] = []
        self._parser = parser = new_parser(part, namespaces=True)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def root(self) -> Element:
        with translated(f"the part {self._part}", WorkbookError):
            self._parser.Parse(self._xml, True)
        assert self._root is not None
        return self._root

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _MAX_DEPTH:
            raise WorkbookError(f"cannot read the part {self._part}: it is nested too deeply")
        start = self._parser.CurrentByteIndex
        found = _START_TAG.match(self._xml, start)
        assert found is not None
        space, _, name = tag.rpartition(" ")
        named = {(_standard(key) if " " in key else key): value for key, value in attributes.items()}
        closed = self._xml[found.end() - 2 : found.end() - 1] == b"/"
        element = Element(name, STRICT.get(space, space), named, start, found.end(), closed)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, tag: str) -> None:
        element = self._open.pop()
        if element.closed:
            element.inner_end = element.end = element.inner
        else:
            element.inner_end = self._parser.CurrentByteIndex
            element.end = self._xml.index(b">", element.inner_end) + 1

    def _text(self, text: str) -> None:
        self._open[-1].text += text


def _standard(name: str) -> str:
    space, blank, local = name.rpartition(" ")
    return STRICT.get(space, space) + blank + local


def new_parser(part: str, *, namespaces: bool = False) -> expat.XMLParserType:
    """Return a parser that refuses document types: entities in them unpack without bounds."""
    parser = expat.ParserCreate(namespace_separator=" " if namespaces else None)
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise WorkbookError(
            f"cannot read the part {part}: it has {_REFUSED}, which a workbook must not contain",
            hint="get the workbook from a source that you trust",
        )

    parser.StartDoctypeDeclHandler = refuse
    return parser


def greatest(numbers: Iterable[str]) -> int:
    """Return the greatest of numbers as attributes tell them, 0 if there is none; a damaged one counts as 0.

    Examples
    --------
    >>> greatest(["3", "NaN", "12"])
    12
    """
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def utf8(xml: bytes, part: str) -> bytes:
    """Return XML in UTF-8 without its byte order mark, whatever encoding it declares."""
    with translated(f"the part {part}", WorkbookError):
        if xml[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return _DECLARATION.sub(b"", xml.decode("utf-16").encode(), count=1)
        xml = xml.removeprefix(b"\xef\xbb\xbf")
        declaration = _DECLARATION.match(xml)
        found = _ENCODING.search(declaration[0]) if declaration else None
        name = found[1].decode() if found else "utf-8"
        if declaration is None or name.lower() in ("utf-8", "us-ascii"):
            return xml
        try:
            return xml[declaration.end() :].decode(name).encode()
        except LookupError:
            raise WorkbookError(f"cannot read the part {part}: unknown encoding {name!r}") from None


def plain(xml: bytes, part: str) -> bytes:
    """Return XML without comments, processing instructions and CDATA sections, the content unchanged.

    In what remains, every ``<`` begins a tag.
    """
    body = _DECLARATION.match(xml)
    start = body.end() if body else 0
    if xml.find(b"<!", start) < 0 and xml.find(b"<?", start) < 0:
        return xml
    edits: list[tuple[int, int, bytes]] = []
    parser = new_parser(part)
    sections: list[int] = []
    texts: list[str] = []

    def cut(closing: bytes) -> Callable[..., None]:
        def handler(*_: object) -> None:
            begin = parser.CurrentByteIndex
            edits.append((begin, xml.index(closing, begin) + len(closing), b""))

        return handler

    def close_section() -> None:
        begin = sections.pop()
        edits.append((begin, xml.index(b"]]>", begin) + 3, escape("".join(texts)).encode()))

    def open_section() -> None:
        sections.append(parser.CurrentByteIndex)
        texts.clear()

    parser.CommentHandler = cut(b"-->")
    parser.ProcessingInstructionHandler = cut(b"?>")
    parser.StartCdataSectionHandler = open_section
    parser.EndCdataSectionHandler = close_section
    parser.CharacterDataHandler = lambda text: texts.append(text) if sections else None
    with translated(f"the part {part}", WorkbookError):
        parser.Parse(xml, True)
    pieces, last = [], 0
    for begin, end, new in edits:
        pieces += [xml[last:begin], new]
        last = end
    return b"".join([*pieces, xml[last:]])


def check(xml: bytes, part: str) -> None:
    """Refuse XML that is not well-formed.

    Raises
    ------
    WorkbookError
        With what is wrong and where.
    """
    with translated(f"the part {part}", WorkbookError):
        new_parser(part).Parse(xml, True)

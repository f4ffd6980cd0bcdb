"""Storage format as source text: what is where, in offsets; nothing is ever serialised again.

A page is gated first: expat, wholly in C, proves that it is well-formed. After that tags are known to
balance and ``<`` is known to start markup, so one regular expression finds the few tags that matter and
skips CDATA, comments and everything else without looking at it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.parsers import expat

from schedkit.errors import MalformedPageError

__all__ = [
    "HIDDEN",
    "Element",
    "attributes",
    "check",
    "elements",
    "is_silent",
    "splice",
    "tokens",
]

# Attributes up to the closing ">", which quoted values may contain; possessive, so never quadratic.
_ATTRS = r"""[^<>"']*+(?:(?:"[^"]*+"|'[^']*+')[^<>"']*+)*+"""
_OPAQUE = r"!\[CDATA\[.*?\]\]>|!--.*?-->|\?.*?\?>"


def tag_pattern(names: str) -> re.Pattern[str]:
    """Return a pattern that finds the tags `names` (alternatives) and steps over opaque sections."""
    return re.compile(rf"<(?:(/?)({names})(?=[\s/>])({_ATTRS})>|{_OPAQUE})", re.DOTALL)


# Cloud keeps what storage format has no element for twice: its content, and a fallback that is not shown.
HIDDEN = "ac:adf-fallback"
_LANDMARKS = tag_pattern(
    rf"table|h[1-6]|ac:structured-macro|ac:macro|ac:rich-text-body|ac:layout-cell|ac:adf-content|{HIDDEN}"
)
_TOKEN = re.compile(
    rf"<(?:(?P<close>/?)(?P<name>[^\s<>/!?]++)(?P<attrs>{_ATTRS})>"
    r"|!\[CDATA\[(?P<cdata>.*?)\]\]>|!--.*?-->|\?.*?\?>)|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""(?<![^\s/])([^\s=/]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)')""")
# Confluence accepts HTML's named entities, without a declaration of them or of the ac:, ri: and at: prefixes:
# expat lets both pass when a DTD it has not read might have declared them.
_ROOT = "schedkit-page"


class Element(NamedTuple):
    """One element of a page: ``source[start:end]``, its content ``source[inner:outer]``.

    `parent` is the index of the nearest landmark around it, -1 for none.
    """

    name: str
    start: int
    inner: int
    outer: int
    end: int
    parent: int
    attrs: str


def check(source: str, what: str = "the page") -> None:
    """Refuse storage format that is not well-formed.

    Raises
    ------
    MalformedPageError
        With what expat says, and where.
    """
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)
    # One line for the wrapper, so that expat's line numbers are the page's plus one.
    try:
        parser.Parse(f"<{_ROOT}>\n".encode())
        parser.Parse(source.encode())
        parser.Parse(f"</{_ROOT}>".encode(), True)
    except (expat.ExpatError, UnicodeEncodeError) as error:
        place = ""
        reason = "invalid Unicode characters"
        if isinstance(error, expat.ExpatError):
            reason = expat.errors.messages[error.code]
            place = f" at line {max(error.lineno - 1, 1)}, column {error.offset + 1}"
        raise MalformedPageError(
            f"{what} is not well-formed storage format: {reason}{place}; nothing was written",
            hint="open the page in Confluence's editor and save it there, which repairs its markup",
        ) from None


def elements(source: str) -> list[Element]:
    """Return the landmarks of a checked page (tables, headings, macros, layout cells) in document order."""
    found: list[Element] = []
    stack: list[int] = []
    hidden = 0
    for match in _LANDMARKS.finditer(source):
        name = match[2]
        if name is None:
            continue
        if name == HIDDEN:
            hidden += 0 if match[3].endswith("/") else (-1 if match[1] else 1)
        if hidden or name == HIDDEN:
            continue
        if match[1]:
            index = stack.pop()
            found[index] = found[index]._replace(outer=match.start(), end=match.end())
            continue
        attrs = match[3]
        at = match.end()
        parent = stack[-1] if stack else -1
        found.append(Element(name, match.start(), at, at, at, parent, attrs))
        if not attrs.endswith("/"):
            stack.append(len(found) - 1)
    return found


def attributes(attrs: str) -> dict[str, str]:
    """Return the attributes in the source of an opening tag, entities decoded."""
    return {name: html.unescape(a or b) for name, a, b in _ATTRIBUTE.findall(attrs)}


def tokens(markup: str) -> Iterator[re.Match[str]]:
    """Yield every tag, text run and opaque section; groups close, name, attrs, cdata, text."""
    return _TOKEN.finditer(markup)


_SILENT = {"p", "br", "span", "div", "ac:structured-macro", "ac:rich-text-body"}


def is_silent(source: str, start: int, end: int) -> bool:
    """Tell whether there is nothing between two offsets but white space and the edges of wrappers."""
    for token in _TOKEN.finditer(source, start, end):
        if token["name"] is None:
            if (token["cdata"] or token["text"] or "").strip():
                return False
        elif token["name"] not in _SILENT:
            return False
    return True


def splice(source: str, edits: list[tuple[int, int, str]]) -> str:
    """Return `source` with each ``(start, end, replacement)`` applied; the edits must not overlap."""
    parts: list[str] = []
    at = 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        parts += (source[at:start], replacement)
        at = end
    parts.append(source[at:])
    return "".join(parts)

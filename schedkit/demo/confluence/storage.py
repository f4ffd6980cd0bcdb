"""The server's own view of storage format: is it well-formed, and what a save makes of it."""

from __future__ import annotations

import html.entities
import re
import uuid
from random import Random
from xml.parsers import expat

WRAP = (
    '<!DOCTYPE page SYSTEM "x"><page xmlns:ac="http://atlassian.com/content" '
    'xmlns:ri="http://atlassian.com/resource/identifier" xmlns:at="http://atlassian.com/template">{}</page>'
)
# Quoted values may hold ">"; what stands in CDATA sections and comments is nobody's markup.
_PAIRS = r"""((?:\s(?:[^<>"']|"[^"<]*"|'[^'<]*')*?)?)"""
_TAG = re.compile(rf"<(table|p|li|h[1-6]){_PAIRS}(/?)>")
_CELL = re.compile(rf"(<(t[dh]){_PAIRS}>)([^<>]+)(</\2>)")
_MACRO = re.compile(rf"<ac:structured-macro{_PAIRS}(/?)>")
_VERBATIM = re.compile(r"(<!\[CDATA\[.*?\]\]>|<!--.*?-->)", re.DOTALL)
_ATTRIBUTE = re.compile(r'\s+([\w:-]+)\s*=\s*("[^"]*"|\'[^\']*\')')


def fault(body: str) -> str | None:
    """The parser's complaint about a body, None where it is well-formed XHTML with known entities."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.UseForeignDTD(True)
    unknown: list[str] = []

    def skipped(name: str, is_parameter: bool) -> None:
        if not is_parameter and f"{name};" not in html.entities.html5:
            unknown.append(name)

    parser.SkippedEntityHandler = skipped
    try:
        parser.Parse(WRAP.format(body), True)
    except expat.ExpatError as error:
        return f"Error parsing xhtml: {error}"
    if unknown:
        return f'Error parsing xhtml: Undeclared general entity "{unknown[0]}"'
    return None


def normalise(body: str, rng: Random) -> str:
    """What Cloud's editor does on save: new ids, attributes reordered, cells in paragraphs, numeric entities.

    Text and structure stay as they are; bytes do not.
    """
    pieces = _VERBATIM.split(body)
    for n in range(0, len(pieces), 2):
        piece = _CELL.sub(r"\1<p>\4</p>\5", pieces[n])
        piece = _MACRO.sub(lambda found: _with_id(found, rng), piece)
        pieces[n] = _TAG.sub(lambda found: _rewrite(found, rng), piece).replace("&nbsp;", "&#160;")
    return "".join(pieces)


def _with_id(found: re.Match[str], rng: Random) -> str:
    if "ac:macro-id=" in found[1]:
        return found[0]
    return f'<ac:structured-macro{found[1]} ac:macro-id="{_fresh(rng)}"{found[2]}>'


def _fresh(rng: Random) -> uuid.UUID:
    return uuid.UUID(int=rng.getrandbits(128), version=4)


def _rewrite(found: re.Match[str], rng: Random) -> str:
    name, attributes, slash = found[1], found[2], found[3]
    pairs = dict(_ATTRIBUTE.findall(attributes))
    id_name = "local-id" if name in ("p", "li") or name.startswith("h") else "ac:local-id"
    if id_name not in pairs:
        pairs[id_name] = f'"{_fresh(rng)}"'
    told = "".join(f" {key}={value}" for key, value in sorted(pairs.items()))
    return f"<{name}{told}{' /' if slash else ''}>"

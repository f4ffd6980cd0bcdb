"""The server's own view of storage format: is it well-formed, and what a save makes of it."""

from __future__ import annotations

import html
import html.entities
import re
import uuid
from random import Random
from xml.parsers import expat

WRAP = (
    '<!DOCTYPE page SYSTEM "x"><page xmlns:ac="http://atlassian.com/content" '
    'xmlns:ri="http://atlassian.com/resource/identifier" xmlns:at="http://atlassian.com/template">{}</page>'
)
# Quoted values may hold ">"; CDATA sections and comments contain no markup.
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


def sanitise(body: str) -> str:
    """What every editor makes of a body: what could run is dropped, and targets get the version they had."""
    pieces = _VERBATIM.split(body)
    for n in range(0, len(pieces), 2):
        piece = _RUNNING.sub("", pieces[n])
        piece = _HANDLER.sub(r"\1", piece)
        piece = _SCRIPT_LINK.sub(r'\1"#"', piece)
        pieces[n] = _TARGET.sub(r'<\1\2 ri:version-at-save="1"\3>', piece)
    return "".join(pieces)


def normalise(body: str, rng: Random, *, cloud: bool = True) -> str:
    """What an editor does on save: new ids, attributes reordered, other spellings of the same.

    Text and structure stay as they are; bytes do not. Cloud wraps cells in paragraphs, writes link texts as
    markup, tells sizes of images and shows bare URLs as cards; Data Center writes link texts as CDATA, marks
    cells and links from outside, and ends empty cells with a break. Both drop what could run.
    """
    body = sanitise(body)
    body = _LINK_CDATA.sub(_link_markup, body) if cloud else _LINK_MARKUP.sub(_link_cdata, body)
    pieces = _VERBATIM.split(body)
    for n in range(0, len(pieces), 2):
        piece = _MACRO.sub(lambda found: _with_id(found, rng), pieces[n])
        pieces[n] = _cloud_piece(piece, rng) if cloud else _data_center_piece(piece)
    return "".join(pieces)


def _cloud_piece(piece: str, rng: Random) -> str:
    piece = _CELL.sub(r"\1<p>\4</p>\5", piece)
    piece = _BARE_URL.sub(r'<a href="\1" data-card-appearance="inline">\1</a>', piece)
    piece = _IMAGE.sub(r'<ac:image ac:align="center" ac:layout="center" ac:original-height="300"'
                       r' ac:original-width="400" ac:custom-width="true"\1>', piece)  # fmt: skip
    piece = _USER.sub(lambda found: f'<ri:user{found[1]} ri:local-id="{_fresh(rng)}" />', piece)
    return _TAG.sub(lambda found: _rewrite(found, rng), piece).replace("&nbsp;", "&#160;")


def _data_center_piece(piece: str) -> str:
    piece = _EMPTY_CELL.sub(r"<\1\2><br /></\1>", piece)
    piece = _PLAIN_CELL.sub(r'<\1 colspan="1">', piece)
    return _OUTSIDE_LINK.sub(r'<a class="external-link" href="\1" rel="nofollow">', piece)


_RUNNING = re.compile(r"<(script|iframe|object|embed)\b[^<>]*?(?:/>|>.*?</\1>)", re.DOTALL)
_HANDLER = re.compile(r"""(<[a-z][^<>]*?)\son[a-z]+\s*=\s*(?:"[^"]*"|'[^']*')""")
_SCRIPT_LINK = re.compile(
    r"""(<a\s[^<>]*?href=)["']\s*(?:javascript|data|vbscript):[^"']*["']""", re.IGNORECASE
)
_TARGET = re.compile(r"<(ri:attachment|ri:page)((?:(?!ri:version-at-save)[^<>\"']|\"[^\"<]*\")*?)(\s*/)>")
_LINK_CDATA = re.compile(
    r"<ac:plain-text-link-body><!\[CDATA\[(.*?)\]\]></ac:plain-text-link-body>", re.DOTALL
)
_LINK_MARKUP = re.compile(r"<ac:link-body>([^<>&]*)</ac:link-body>")
_BARE_URL = re.compile(r'<a href="(https?://[^"<>]*)">\1</a>')
_IMAGE = re.compile(r"<ac:image(?![^<>]*ac:original-width)((?:\s[^<>]*)?)>")
_USER = re.compile(r"<ri:user((?:(?!ri:local-id)[^<>])*?)\s*/>")
_EMPTY_CELL = re.compile(rf"<(t[dh]){_PAIRS}>\s*</\1>")
_PLAIN_CELL = re.compile(r"<(t[dh])>")
_OUTSIDE_LINK = re.compile(r'<a href="(https?://[^"<>]*)">')


def _link_markup(found: re.Match[str]) -> str:
    return f"<ac:link-body>{html.escape(found[1], quote=False)}</ac:link-body>"


def _link_cdata(found: re.Match[str]) -> str:
    return f"<ac:plain-text-link-body><![CDATA[{found[1]}]]></ac:plain-text-link-body>"


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

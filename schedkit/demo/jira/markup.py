"""Wiki markup, as Data Center stores it, to and from the documents of Cloud (ADF)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

_INLINE = re.compile(
    r"\*(?P<strong>[^*\s][^*\n]*)\*"
    r"|\{\{(?P<code>[^}\n]+)\}\}"
    r"|\[(?P<text>[^|\]\n]+)\|(?P<href>https?://[^\]\s]+)\]"
    r"|\[~(?P<user>[\w.-]+)\]"
    r"|(?P<card>https?://[^\s|\]]+)"
    r"|(?P<emoji>\(/\)|:\))"
    r"|(?P<break>\n)"
)
_HEADING = re.compile(r"h([1-6])\.\s+(.*)")
_WRAPPED = re.compile(r"\{(panel|expand|blockquote|futureBlock)\}(.*)\{\1\}", re.DOTALL)
_HEAD = b'{"type":"doc","version":1,"content":['


def to_adf(text: str) -> bytes:
    """Encode wiki markup as an ADF document."""
    return _HEAD + b",".join(_block(block) for block in _blocks(text)) + b"]}"


def _blocks(text: str) -> list[str]:
    blocks: list[str] = []
    for block in text.split("\n\n"):
        # A code block may hold empty lines.
        if blocks and blocks[-1].startswith("{code") and blocks[-1].count("{code") % 2:
            blocks[-1] += "\n\n" + block
        elif block:
            blocks.append(block)
    return blocks


@lru_cache(maxsize=4096)
def _block(block: str) -> bytes:
    return msgspec.json.encode(_node(block))


def _node(block: str) -> dict[str, Any]:
    heading = _HEADING.fullmatch(block)
    if heading:
        return {"type": "heading", "attrs": {"level": int(heading[1])}, "content": _inline(heading[2])}
    lines = block.split("\n")
    if block.startswith("{code") and block.endswith("{code}") and len(lines) > 2:
        body = "\n".join(lines[1:-1])
        return {"type": "codeBlock", "attrs": {}, "content": [{"type": "text", "text": body}] if body else []}
    if all(line.startswith("- ") for line in lines):
        items = [{"type": "listItem", "content": [_paragraph(line[2:])]} for line in lines]
        return {"type": "bulletList", "content": items}
    if lines[0].startswith("||") and all(line.startswith("|") for line in lines):
        return {"type": "table", "content": [_row(line) for line in lines]}
    if block.startswith("!") and block.endswith("!"):
        media = {"type": "media", "attrs": {"type": "file", "id": "0", "collection": "", "alt": block[1:-1]}}
        return {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [media]}
    wrapped = _WRAPPED.fullmatch(block)
    if wrapped:
        # Nodes of tomorrow too: readers must not lose the text of a kind they do not know.
        return {"type": wrapped[1], "attrs": {}, "content": [_paragraph(wrapped[2].strip())]}
    return _paragraph(block)


def _row(line: str) -> dict[str, Any]:
    kind, mark = ("tableHeader", "||") if line.startswith("||") else ("tableCell", "|")
    cells = line.strip("|").split(mark)
    return {"type": "tableRow", "content": [{"type": kind, "content": [_paragraph(cell)]} for cell in cells]}


def _paragraph(text: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": _inline(text)}


def _inline(text: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            nodes.append({"type": "text", "text": text[at : found.start()]})
        at = found.end()
        nodes.append(_marked(found))
    if at < len(text):
        nodes.append({"type": "text", "text": text[at:]})
    return nodes


def _marked(found: re.Match[str]) -> dict[str, Any]:
    if found["strong"]:
        return {"type": "text", "text": found["strong"], "marks": [{"type": "strong"}]}
    if found["code"]:
        return {"type": "text", "text": found["code"], "marks": [{"type": "code"}]}
    if found["href"]:
        mark = {"type": "link", "attrs": {"href": found["href"]}}
        return {"type": "text", "text": found["text"], "marks": [mark]}
    if found["card"]:
        return {"type": "inlineCard", "attrs": {"url": found["card"]}}
    if found["emoji"]:
        name = ":check_mark:" if found["emoji"] == "(/)" else ":smile:"
        return {"type": "emoji", "attrs": {"shortName": name, "text": found["emoji"]}}
    if found["user"]:
        return {"type": "mention", "attrs": {"id": found["user"], "text": f"@{found['user']}"}}
    return {"type": "hardBreak"}

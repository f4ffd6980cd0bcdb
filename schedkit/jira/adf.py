"""Atlassian Document Format (Cloud's text fields) to plain text or Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["to_markdown", "to_text"]

_MARKS = {"strong": "**", "em": "*", "code": "`", "strike": "~~"}
_LEAVES: dict[str, Callable[[dict[str, Any]], str]] = {
    "hardBreak": lambda a: "\n",
    "mention": lambda a: str(a.get("text") or a.get("id") or ""),
    "emoji": lambda a: str(a.get("text") or a.get("shortName") or ""),
    "inlineCard": lambda a: _card(a),
    "blockCard": lambda a: _card(a),
    "embedCard": lambda a: _card(a),
    "inlineExtension": lambda a: str(a.get("text") or ""),
    "status": lambda a: str(a.get("text") or ""),
    "date": lambda a: _day(a.get("timestamp")),
    "rule": lambda a: "---",
    "media": lambda a: str(a.get("alt") or a.get("url") or ""),
    "mediaInline": lambda a: str(a.get("alt") or a.get("url") or ""),
}
_INLINE = {
    "text",
    "hardBreak",
    "mention",
    "emoji",
    "inlineCard",
    "status",
    "date",
    "mediaInline",
    "inlineExtension",
}
# Deeper documents than any editor makes are cut, so that hostile ones cannot exhaust the stack.
DEEPEST = 60


def to_text(document: Any) -> str:
    """Return the words of an ADF document, one line per paragraph."""
    return _block(document, False, 0).strip("\n")


def to_markdown(document: Any) -> str:
    """Return an ADF document as Markdown."""
    return _block(document, True, 0).strip("\n")


def _block(node: Any, markdown: bool, depth: int) -> str:
    if isinstance(node, list):
        return _blocks(node, markdown, depth)
    if not isinstance(node, dict) or depth > DEEPEST:
        return node if isinstance(node, str) else ""
    kind = node.get("type")
    if kind == "text":
        return _text(node, markdown)
    content = node.get("content")
    if not isinstance(content, list):
        content = []
    if kind == "paragraph":
        return _blocks(content, markdown, depth + 1) or _fallback(node)
    return _special(str(kind), node, content, markdown, depth)


def _fallback(node: dict[str, Any]) -> str:
    """Return the text that Jira itself shows of a node it does not know."""
    attributes = node.get("attrs")
    return str(attributes.get("text") or "") if isinstance(attributes, dict) else ""


def _special(kind: str, node: dict[str, Any], content: list[Any], markdown: bool, depth: int) -> str:
    """Return a node that is neither text nor a paragraph."""
    attributes = node.get("attrs")
    attributes = attributes if isinstance(attributes, dict) else {}
    if kind in _LEAVES:
        return _LEAVES[kind](attributes)
    if kind in ("bulletList", "orderedList", "taskList", "decisionList"):
        return _list(kind, attributes, content, markdown, depth)
    if kind == "tableRow":
        cells = [" ".join(_block(cell, markdown, depth + 1).split("\n")) for cell in content]
        return f"| {' | '.join(cells)} |" if markdown else "\t".join(cells)
    inner = _blocks(content, markdown, depth + 1)
    if kind == "heading" and markdown:
        return f"{'#' * _small(attributes.get('level'), 1)} {inner}"
    if kind == "codeBlock" and markdown:
        return f"```{attributes.get('language') or ''}\n{inner}\n```"
    if kind == "blockquote" and markdown:
        return "\n".join(f"> {line}" for line in inner.split("\n"))
    if kind == "table" and markdown:
        return _ruled(inner)
    if kind in ("expand", "nestedExpand") and attributes.get("title"):
        return f"{attributes['title']}\n{inner}"
    return inner or _fallback(node)


def _blocks(nodes: list[Any], markdown: bool, depth: int) -> str:
    parts: list[str] = []
    inline = ""
    for node in nodes:
        kind = node.get("type") if isinstance(node, dict) else None
        if kind == "text" and depth <= DEEPEST:
            inline += _text(node, markdown)
            continue
        written = _block(node, markdown, depth)
        if isinstance(kind, str) and kind in _INLINE:
            inline += written
            continue
        if inline:
            parts.append(inline)
            inline = ""
        parts.append(written)
    if not parts:
        return inline
    if inline:
        parts.append(inline)
    gap = "\n\n" if markdown and depth <= 1 else "\n"
    return gap.join(parts)


def _text(node: dict[str, Any], markdown: bool) -> str:
    text = node.get("text")
    if not isinstance(text, str):
        text = str(text or "")
    marks = node.get("marks")
    if not markdown or not isinstance(marks, list):
        return text
    for mark in marks:
        kind = str(mark.get("type")) if isinstance(mark, dict) else ""
        if kind == "link":
            attributes = mark.get("attrs")
            text = f"[{text}]({attributes.get('href', '') if isinstance(attributes, dict) else ''})"
        elif kind in _MARKS and text.strip():
            text = f"{_MARKS[kind]}{text}{_MARKS[kind]}"
    return text


def _list(kind: str, attributes: dict[str, Any], items: list[Any], markdown: bool, depth: int) -> str:
    lines: list[str] = []
    number = _small(attributes.get("order"), 1)
    for item in items:
        inner = _block(item, False, depth + 1) if not markdown else _block(item, True, depth + 2)
        if isinstance(item, dict) and item.get("type") == kind:
            # A list within a list of tasks is an item of it.
            lines += ["  " + line for line in inner.split("\n")]
            continue
        bullet = f"{number}. " if kind == "orderedList" else "- "
        if kind == "taskList" and isinstance(item, dict):
            state = item.get("attrs")
            done = isinstance(state, dict) and state.get("state") == "DONE"
            bullet = f"- [{'x' if done else ' '}] "
        first, *rest = inner.split("\n")
        lines.append(bullet + first)
        # Blank lines stay: they may be of code.
        lines += ["  " + line if line else "" for line in rest]
        number += 1
    return "\n".join(lines)


def _ruled(rows: str) -> str:
    first, _, rest = rows.partition("\n")
    rule = "|" + " --- |" * max(1, first.count(" | ") + 1)
    return "\n".join([first, rule, *(line for line in rest.split("\n") if line)])


def _card(attributes: dict[str, Any]) -> str:
    """Return what a card shows: its address, and the name that comes with it."""
    data = attributes.get("data")
    data = data if isinstance(data, dict) else {}
    name, url = str(data.get("name") or ""), str(attributes.get("url") or data.get("url") or "")
    return f"{name} ({url})" if name and url else name or url


def _small(value: Any, default: int) -> int:
    return value if isinstance(value, int) and 0 < value < 10_000 else default


def _day(timestamp: Any) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""

"""The text of rich text: of wiki markup unchanged, of an Atlassian document by walking it."""

from __future__ import annotations

from typing import Any


def plain(document: Any) -> str:
    """The text of an ADF document, blocks separated by empty lines; what Data Center would be given."""
    if isinstance(document, str):
        return document
    return "\n\n".join(_text(node) for node in document.get("content", ()))


def _text(node: dict[str, Any]) -> str:
    kind = node.get("type")
    if kind == "text":
        return str(node.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    if kind in ("mention", "emoji", "status", "date", "inlineCard", "media"):
        attrs = node.get("attrs", {})
        return str(
            attrs.get("text") or attrs.get("shortName") or attrs.get("timestamp") or attrs.get("url") or ""
        )
    parts = [_text(child) for child in node.get("content", ())]
    if kind in ("bulletList", "orderedList"):
        return "\n".join("- " + part for part in parts)
    if kind == "tableRow":
        return "|" + "|".join(parts) + "|"
    if kind in ("table", "listItem", "tableCell", "tableHeader", "panel", "blockquote", "expand"):
        return "\n".join(parts)
    return "".join(parts)

"""A document's visible text is never lost, as text or as Markdown."""

from __future__ import annotations

from typing import Any

import pytest

from schedkit.jira import adf


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attrs, "content": list(content)}


def para(*content: Any) -> dict[str, Any]:
    return node("paragraph", *content)


CARD = {"@type": "Document", "name": "Spec", "url": "https://x.example/spec"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            node("expand", node("nestedExpand", para(text("body")), title="Inner"), title="Outer"),
            "Outer\nInner\nbody",
        ),
        (node("expand", para(text("body"))), "body"),
        ([para(text("one")), para(text("two"))], "one\ntwo"),
        (
            node("listItem", text("a"), node("hardBreak"), text("b"), para(text("c")), text("d"), text("e")),
            "a\nb\nc\nde",
        ),
        (para(text("7 "), {"type": "text", "text": 7}, {"type": "text"}, {"type": ["odd"]}), "7 7"),
        (para(text("see "), node("inlineCard", data=CARD)), "see Spec (https://x.example/spec)"),
        (para(node("inlineCard", url="https://x.example")), "https://x.example"),
        (node("blockCard", data={"name": "Only a name"}), "Only a name"),
        (node("embedCard", url="https://x", data=None), "https://x"),
        (
            node(
                "taskList",
                node("taskItem", text("one"), state="DONE"),
                node("taskList", node("taskItem", text("sub"), state="TODO")),
            ),
            "- [x] one\n  - [ ] sub",
        ),
        (
            node("bulletList", node("listItem", para(text("do")), node("codeBlock", text("a=1\n\nb=2")))),
            "- do\n  a=1\n\n  b=2",
        ),
        (node("extension", text="fallback", extensionKey="k"), "fallback"),
        (para(node("inlineExtension", text="inside")), "inside"),
        (node("bodiedExtension", para(text("in"))), "in"),
        (node("mediaSingle", node("media", url="https://x/i.png"), node("caption", text("Fig 1"))),
         "https://x/i.png\nFig 1"),
        (para(node("mediaInline", url="https://x/i.png")), "https://x/i.png"),
        (node("decisionList", node("decisionItem", text("Go"), state="DECIDED")), "- Go"),
        (node("layoutSection", node("layoutColumn", para(text("L"))), node("layoutColumn", para(text("R")))),
         "L\nR"),
        (para(node("mention", id="557058:aa")), "557058:aa"),
    ],
)  # fmt: skip
def test_visible_text_is_kept(document: dict[str, Any], words: str) -> None:
    whole = node("doc", document)
    assert adf.to_text(whole) == words
    shown = "".join(c for c in adf.to_markdown(whole) if c.isalnum())
    assert shown == "".join(c for c in words if c.isalnum())


def test_blank_lines_of_code_stay_in_markdown() -> None:
    item = node("listItem", para(text("do")), node("codeBlock", text("a=1\n\nb=2"), language="py"))
    assert adf.to_markdown(node("doc", node("bulletList", item))) == "- do\n  ```py\n  a=1\n\n  b=2\n  ```"

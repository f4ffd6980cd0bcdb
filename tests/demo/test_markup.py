"""Wiki markup as documents, and documents as text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.demo.jira.markup import to_adf
from schedkit.demo.text import plain


def doc(text: str) -> list[dict[str, Any]]:
    made = msgspec.json.decode(to_adf(text))
    assert (made["type"], made["version"]) == ("doc", 1)
    content: list[dict[str, Any]] = made["content"]
    return content


def test_blocks() -> None:
    kinds = [
        node["type"]
        for node in doc(
            "h2. Title\n\npara *bold* {{code}}\nline\n\n- one\n- two\n\n||a||b||\n|1|2|\n\n"
            "{code}\nx = 1\n\ny = 2\n{code}\n\n{panel}note{panel}\n\n[docs|https://x.example] by [~user3]"
        )
    ]
    assert kinds == ["heading", "paragraph", "bulletList", "table", "codeBlock", "panel", "paragraph"]


def test_marks() -> None:
    (paragraph,) = doc("a *bold* {{code}} [docs|https://x.example] [~user3]\nend")
    kinds = [
        (node["type"], [mark["type"] for mark in node.get("marks", ())]) for node in paragraph["content"]
    ]
    assert kinds == [
        ("text", []), ("text", ["strong"]), ("text", []), ("text", ["code"]), ("text", []),
        ("text", ["link"]), ("text", []), ("mention", []), ("hardBreak", []), ("text", []),
    ]  # fmt: skip


def test_cards_emoji_media_and_kinds_nobody_knows() -> None:
    content = doc(
        "see https://x.example/a?b=1 (/) :)\n\n!a.png!\n\n{futureBlock}new{futureBlock}\n\n{expand}e{expand}"
    )
    assert [node["type"] for node in content] == ["paragraph", "mediaSingle", "futureBlock", "expand"]
    assert [node["type"] for node in content[0]["content"]] == [
        "text", "inlineCard", "text", "emoji", "text", "emoji",
    ]  # fmt: skip
    assert plain({"content": content}) == "see https://x.example/a?b=1 (/) :)\n\n\n\nnew\n\ne"


def test_code_keeps_its_empty_lines() -> None:
    (block,) = doc("{code}\nx = 1\n\ny = 2\n{code}")
    assert block["content"][0]["text"] == "x = 1\n\ny = 2"
    assert doc("{code}\n\n{code}")[0]["content"] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("h2. Title\n\nbody", "Title\n\nbody"),
        ("- one\n- two", "- one\n- two"),
        ("||a||b||\n|1|2|", "|a|b|\n|1|2|"),
        ("one\ntwo", "one\ntwo"),
        ("hi [~user3]", "hi @user3"),
        ("{panel}note{panel}", "note"),
    ],
)
def test_text_of_a_document(text: str, expected: str) -> None:
    assert plain(msgspec.json.decode(to_adf(text))) == expected


def test_text_of_nodes_without_text() -> None:
    content = [
        {"type": "paragraph", "content": [
            {"type": "emoji", "attrs": {"shortName": ":smile:"}},
            {"type": "status", "attrs": {"text": "DONE"}},
            {"type": "date", "attrs": {"timestamp": "1700000000000"}},
            {"type": "inlineCard", "attrs": {"url": "https://x.example"}},
        ]},
        {"type": "orderedList", "content": [{"type": "listItem", "content": [{"type": "paragraph"}]}]},
        {"type": "rule"},
    ]  # fmt: skip
    assert plain({"type": "doc", "content": content}) == ":smile:DONE1700000000000https://x.example\n\n- \n\n"
    assert plain("already text") == "already text"


@given(text=st.text(max_size=60))
def test_any_text_makes_a_document(text: str) -> None:
    for node in doc(text):
        assert node["type"] != "text"

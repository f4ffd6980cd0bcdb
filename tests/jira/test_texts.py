"""Markup to text: ADF, wiki markup, sprints, and values of no known kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.jira import adf, wiki
from schedkit.jira.table.plain import listed, plain
from schedkit.jira.table.sprint import parse_sprint, sprint_name


def text(words: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": words, "marks": list(marks)}


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attrs, "content": list(content)}


STRONG, EM, CODE = {"type": "strong"}, {"type": "em"}, {"type": "code"}


def para(*content: Any) -> dict[str, Any]:
    return node("paragraph", *content)


def item(words: str) -> dict[str, Any]:
    return node("listItem", para(text(words)))


def row(kind: str, *words: str) -> dict[str, Any]:
    return node("tableRow", *(node(kind, para(text(w))) for w in words))


LINK = {"type": "link", "attrs": {"href": "https://x.y"}}
DOC = node(
    "doc",
    node("heading", text("Title"), level=2),
    para(text("plain "), text("bold", STRONG), text(" and "), text("both", EM, STRONG)),
    para(text("see "), text("here", LINK), text(".")),
    node("bulletList", item("one"), item("two")),
    node("orderedList", item("first"), order=3),
    node("taskList", node("taskItem", text("done"), state="DONE"), node("taskItem", text("open"))),
    node("codeBlock", text("x = 1\ny = 2"), language="python"),
    node("blockquote", para(text("said"))),
    node("rule"),
    node("table", row("tableHeader", "a", "b"), row("tableCell", "1", "2")),
    node("expand", para(text("inside")), title="More"),
    para(
        node("mention", text="@Ann", id="5b1"),
        node("hardBreak"),
        node("emoji", shortName=":smile:", text="😄"),
        node("status", text="LATE"),
        node("date", timestamp="1767225600000"),
        node("inlineCard", url="https://card"),
    ),
    node("mediaSingle", node("media", id="1", alt="shot.png")),
)


def test_adf_as_text() -> None:
    assert adf.to_text(DOC) == (
        "Title\nplain bold and both\nsee here.\n- one\n- two\n3. first\n- [x] done\n- [ ] open\nx = 1\n"
        "y = 2\nsaid\n---\na\tb\n1\t2\nMore\ninside\n@Ann\n😄LATE2026-01-01https://card\nshot.png"
    )


def test_adf_as_markdown() -> None:
    assert adf.to_markdown(DOC) == (
        "## Title\n\nplain **bold** and ***both***\n\nsee [here](https://x.y).\n\n- one\n- two\n\n"
        "3. first\n\n- [x] done\n- [ ] open\n\n```python\nx = 1\ny = 2\n```\n\n> said\n\n---\n\n"
        "| a | b |\n| --- | --- |\n"
        "| 1 | 2 |\n\nMore\ninside\n\n@Ann\n😄LATE2026-01-01https://card\n\nshot.png"
    )


def test_adf_of_a_real_document(shared_data: Path) -> None:
    document = json.loads(
        (shared_data / "jira/ankitpokhrel__jira-cli/pkg__adf__testdata__md.json").read_bytes()
    )

    def words(value: Any) -> list[str]:
        if isinstance(value, list):
            return [w for item in value for w in words(item)]
        if isinstance(value, dict):
            own = [value["text"]] if value.get("type") == "text" else []
            return own + words(value.get("content"))
        return []

    shown = adf.to_text(document)
    assert len(words(document)) > 50
    for word in words(document):
        assert word.strip() in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "content", "attrs", "text", "marks", "name", "value"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_document_breaks_the_reader(value: Any) -> None:
    assert isinstance(adf.to_text(value), str)
    assert isinstance(adf.to_markdown(value), str)
    assert plain(value) is None or isinstance(plain(value), str)
    assert all(isinstance(item, str) for item in listed(value))


def test_documents_deeper_than_any_editor_makes() -> None:
    document: Any = text("deep")
    for _ in range(3000):
        document = node("panel", document)
    assert adf.to_text(document) == ""


@pytest.mark.parametrize(
    ("markup", "words", "markdown"),
    [
        ("h2. Title", "Title", "## Title"),
        ("*bold* _it_ -gone- +ins+ ^up^ ~down~ ??cite??", "bold it gone ins up down cite",
         "**bold** *it* ~~gone~~ ins up down *cite*"),
        ("2*3*4 snake_case a-b x - y --- z", "2*3*4 snake_case a-b x - y --- z",
         "2*3*4 snake_case a-b x - y --- z"),
        ("* one\n** two\n# n", "- one\n  - two\n1. n", "- one\n  - two\n1. n"),
        ("----\n-- x", "----\n-- x", "----\n-- x"),
        ("||a||b||\n|1|2|", "a\tb\n1\t2", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("{code:java}x*y*z{code} *b*", "x*y*z b", "```java\nx*y*z\n``` **b**"),
        ("{noformat}\n*x*\n{noformat}", "*x*", "```\n*x*\n```"),
        ("{code:title=A.java|x=1}q{code}", "q", "```\nq\n```"),
        ("[site|http://x.y] [http://q] [x] a[0] [~ann] [mail|mailto:a@b.c]",
         "site http://q [x] a[0] ann mail",
         "[site](http://x.y) [http://q](http://q) [x] a[0] [~ann](~ann) [mail](mailto:a@b.c)"),
        ("!shot.png|thumbnail! wow! yes!", "shot.png wow! yes!", "![](shot.png) wow! yes!"),
        ("{color:red}red{color} {{mono}} {panel:title=x}in{panel}", "red mono in", "red `mono` in"),
        ("bq. said\r\nnext", "said\nnext", "> said\nnext"),
        ("nothing special at all", "nothing special at all", "nothing special at all"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_wiki(markup: str, words: str, markdown: str) -> None:
    assert wiki.to_text(markup) == words
    assert wiki.to_markdown(markup) == markdown


@given(st.text(alphabet="*_-+~^?{}[]|!#h1. \nabc\\", max_size=60))
def test_wiki_keeps_the_letters(markup: str) -> None:
    shown = wiki.to_text(markup)
    assert [c for c in shown if c == "c"] == [c for c in shown if c == "c"]
    assert isinstance(wiki.to_markdown(markup), str)


NAMES = st.text(alphabet="ab ,=[]é<>null", min_size=1, max_size=20).filter(lambda n: n != "<null>")


@given(name=NAMES, goal=NAMES)
def test_sprints_come_back_as_they_were(name: str, goal: str) -> None:
    body = f"[id=7,rapidViewId=2,state=CLOSED,name={name},startDate=2026-01-01T00:00:00.000Z,goal={goal}]"
    for at in ("Sprint@1f2e", "SprintImpl@1f"):
        written = f"com.atlassian.greenhopper.service.sprint.{at}{body}"
        parsed = parse_sprint(written)
        if at == "SprintImpl@1f":
            assert parsed is None
            assert sprint_name(written) == written
            continue
        assert parsed is not None
        assert (parsed["id"], parsed["name"], parsed["goal"]) == ("7", name, goal)
        assert sprint_name(written) == name


def test_values_of_no_known_kind() -> None:
    assert plain({"displayName": "Ann", "name": "ann"}) == "Ann"
    assert plain({"value": "A", "child": {"value": "B"}}) == "A / B"
    assert plain({"progress": 0, "total": 3}) == '{"progress":0,"total":3}'
    assert plain({}) is None
    assert plain([1, True, None, {"name": "x"}]) == "1, true, x"
    assert plain(2.5) == "2.5"
    assert plain(DOC["content"][0] | {"type": "doc"}) == "Title"
    assert listed(None) == ()
    assert listed("x") == ("x",)

"""Values of cells, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from schedkit.confluence import Confluence, Image, Link, Look, Lozenge, Markup, Mention
from schedkit.confluence.markup import Formatted, is_web_address
from schedkit.confluence.tables.render import render
from schedkit.errors import SchedkitError, UsageError


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Markup(5), "Markup: storage=5 is not a text"),
        (lambda: Link(5, "https://x"), "Link: text=5 is not a text"),
        (lambda: Link("x", None), "Link: url=None is not a text"),
        (lambda: Lozenge(None), "Lozenge: text=None is not a text"),
        (lambda: Lozenge("x", 5), "Lozenge: colour=5 is not a text"),
        (lambda: Mention(7), "Mention: id=7 is not a text"),
        (lambda: Image(b"x"), "Image: filename=b'x' is not a text"),
        (lambda: Image("x", width="400"), "Image: width='400' is not a number of pixels"),
        (lambda: Image("x", width=True), "Image: width=True is not a number of pixels"),
        (lambda: Image("x", width=0), "Image: width=0 is not a number of pixels"),
    ],
)
def test_values_of_another_kind(make: Callable[[], object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        make()


@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (lambda wiki: wiki.page(1).table(5), "5 is not a region"),
        (lambda wiki: wiki.page(1).table(["nth:1"]), r"\['nth:1'\] is not a region"),
        (lambda wiki: wiki.page(1).table("nth:1").read(repeat="yes"), "repeat='yes' is not True or False"),
        (lambda wiki: wiki.page(1).fill([1]), r"values=\[1\] is not a mapping"),
        (lambda wiki: wiki.page(1).fill({}, message=5), "message=5 is not a text"),
        (lambda wiki: wiki.page(1).attach(5), "path=5 is not the path of a file"),
        (lambda wiki: wiki.page(1).attach("x", name=5), "name=5 is not a text"),
        (lambda wiki: wiki.page(1).attach("x", deadline="soon"), "invalid duration 'soon'"),
        (lambda wiki: wiki.page([1]), r"invalid page id \[1\]"),
        (lambda wiki: Confluence(5), "url=5 is not a text"),
    ],
)
def test_arguments_of_another_kind_end_in_one_sentence(
    act: Callable[[Confluence], object], problem: str
) -> None:
    wiki = Confluence("https://wiki.example.org", token="s", cloud=False)
    with pytest.raises(SchedkitError, match=problem) as caught:
        act(wiki)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", " javascript:x", "JAVASCRIPT:x", "data:text/html,x", "vbscript:x", "//x", "no"],
)
def test_text_of_others_never_becomes_a_link_that_runs(value: str) -> None:
    assert not is_web_address(value)
    (cell,) = render(pd.DataFrame({"Site": [value]}), look=Look(links={"Site": "{}"})).columns[0]
    assert "<a" not in cell


@pytest.mark.parametrize(
    ("template", "value", "url"),
    [
        ("{}", "https://x.example/a?b=1", "https://x.example/a?b=1"),
        ("{}", "mailto:a@x.example", "mailto:a@x.example"),
        ("https://j/browse/{}", "A B/../?x#y", "https://j/browse/A%20B%2F..%2F%3Fx%23y"),
        ("https://j/?q={}", "ä&x", "https://j/?q=%C3%A4%26x"),
    ],
)
def test_values_are_quoted_in_links(template: str, value: str, url: str) -> None:
    (cell,) = render(pd.DataFrame({"Site": [value]}), look=Look(links={"Site": template})).columns[0]
    assert cell.startswith(f'<a href="{url.replace("&", "&amp;")}">')
    assert isinstance(cell, Formatted)

"""Texts from anybody cost time in proportion to their length, whatever stands in them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.atlassian.decoding import decoded
from schedkit.jira import wiki
from schedkit.jira.table.sprint import sprint_name

PIECES = [
    "{{", "{{a", "}}", "{code", "{code:", "{code:java}", "{noformat}", "{color:", "{color:red", "{quote:",
    "[", "[a|", "[a", "|", "||", "| a ", "|\n", "!", "!a", "!a|", " *a", "*", "**", " _a", "__", " ??a", "?",
    " +a", " ^a", " ~a", " -a", "-", "h1.", "h1. ", "\nh1. ", "bq.", "\nbq. ", "* ", "\n* ", "#", "\n#*- ",
    "\\", "\\*", "{", "}", "\n", "\r\n", " ", "\t", "a",
]  # fmt: skip
# A machine under load is slow; quadratic patterns took 10 to 60 seconds for a tenth of this.
BOUND_SECONDS = 3.0
LENGTH = 100_000


def seconds(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


@pytest.mark.parametrize("piece", PIECES, ids=repr)
def test_repeated_marks_are_read_in_linear_time(piece: str) -> None:
    whole = piece * (LENGTH // len(piece))
    for text in (whole, f"{whole}x", f"{{code}}{whole}", f"x}}}}\n{whole}", f"*a*\n{whole}"):
        for read in (wiki.to_text, wiki.to_markdown):
            assert seconds(lambda text=text, read=read: read(text)) < BOUND_SECONDS


@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=3))
def test_mixtures_of_marks_are_read_in_linear_time(pieces: list[str]) -> None:
    text = "".join(pieces) * (LENGTH // 4 // len("".join(pieces)))
    assert seconds(lambda: wiki.to_text(text)) < BOUND_SECONDS


def test_other_patterns_that_meet_foreign_text() -> None:
    for text in (
        "com.atlassian.greenhopper.service.sprint.Sprint@1[" + "id=1,name=" * 10_000,
        "com.atlassian.greenhopper.service.sprint.Sprint@" + "1" * LENGTH,
    ):
        assert seconds(lambda text=text: sprint_name(text)) < BOUND_SECONDS
    body = b'["' + b"\\\\ud83d" * 10_000 + b'\\ud83d"]'
    assert seconds(lambda: decoded(body)) < BOUND_SECONDS


@pytest.mark.parametrize(
    ("text", "plain", "markdown"),
    [
        ("run {{code}} now", "run code now", "run `code` now"),
        ("{{noformat}} and {{code}}", "noformat and code", "`noformat` and `code`"),
        ("{code}a{code} {{code}}", "a code", "```\na\n``` `code`"),
    ],
)
def test_monospaced_words_are_no_blocks(text: str, plain: str, markdown: str) -> None:
    assert wiki.to_text(text) == plain
    assert wiki.to_markdown(text) == markdown

"""No regular expression takes more than linear time on a run of any character: it would hold every thread.

All compiled patterns of the package, and those written in a call, are found and tried; one that comes new is
tried too.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import string
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import schedkit

# So many characters take a quadratic pattern half a second, a linear one about a millisecond.
LENGTH, SECONDS = 20_000, 0.25
# A cubic one shows itself here already.
SHORT, SHORT_SECONDS = 300, 0.02
USUAL = "aA0 _\n\t\0é.-"
# These are asked from the beginning of a text only, where a search would begin anew at every character.
ANCHORED = {
    "schedkit.confluence.tables.render._ISSUE_KEY",
    "schedkit.core.triggers.crontab._QUARTZ",
    "schedkit.excel.parts.references.AREA",
    "schedkit.excel.parts.references._LINE_ENDS",
    "schedkit.excel.parts.xml._DECLARATION",
    "schedkit.excel.parts.xml._START_TAG",
    "schedkit.excel.picture._CELL",
    "schedkit.excel.template.calculation._GAP",
    "schedkit.excel.template.functions._NUMBER",
    "schedkit.excel.template.region._CELL",
    "schedkit.excel.writing._PLACED",
    "schedkit.jira.search.browser_url._KEY",
    "schedkit.jira.search.keys._KEY",
    "schedkit.jira.table.ordering._TERM",
    "schedkit.jira.table.people.LABEL",
    "schedkit.values.durations._PART",
    "schedkit.values.paths._ADDRESS",
    "schedkit.values.yaml._TYPE",
}
# What meets only formulas, which have 8,192 characters at most.
BOUNDED = {"schedkit.excel.parts.references.TOKEN"}


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for module in pkgutil.walk_packages(schedkit.__path__, "schedkit."):
        if module.name.startswith("schedkit.demo") or module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            for each in value if isinstance(value, tuple | list) else [value]:
                if isinstance(each, re.Pattern):
                    yield f"{module.name}.{name}", each


# How a pattern may be asked in a call: at the beginning of a text only, or anywhere in it.
FROM_THE_BEGINNING = {"match", "fullmatch"}
ANYWHERE = {"search", "sub", "subn", "split", "findall", "finditer"}


def written_in_calls() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the patterns that stand in calls such as ``re.sub(r"…", …)``."""
    root = Path(schedkit.__path__[0])
    for file in sorted(root.rglob("*.py")):
        if "demo" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            module, first, how = node.func.value, node.args[0], node.func.attr
            if isinstance(module, ast.Name) and module.id == "re" and isinstance(first, ast.Constant):
                if how in FROM_THE_BEGINNING:
                    yield f"{file.relative_to(root)}:{node.lineno}", re.compile(rf"\A(?:{first.value})")
                elif how in ANYWHERE:
                    yield f"{file.relative_to(root)}:{node.lineno}", re.compile(first.value)


FOUND: dict[re.Pattern[Any], set[str]] = {}
for each_name, each_pattern in (*patterns(), *written_in_calls()):
    FOUND.setdefault(each_pattern, set()).add(each_name)


def seconds(pattern: re.Pattern[Any], character: str, length: int) -> float:
    text: Any = character * length
    if isinstance(pattern.pattern, bytes):
        text = text.encode()[:length]
    ask = pattern.match if FOUND[pattern] & ANCHORED else pattern.search
    began = time.thread_time()
    ask(text)
    return time.thread_time() - began


def characters(pattern: re.Pattern[Any]) -> list[str]:
    """Return characters of every kind that a pattern tells apart."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    return sorted({*(each for each in text if not each.isalnum()), *USUAL})


def test_all_are_found() -> None:
    assert len(FOUND) > 150
    assert set().union(*FOUND.values()) >= ANCHORED | BOUNDED


def too_slow(length: int, limit: float, more: Iterable[str] = ()) -> list[Any]:
    """Return the patterns that take longer than a limit for so many of one character, each with one."""
    slow = []
    for pattern, names in FOUND.items():
        longest = SHORT if names & BOUNDED else length
        for character in {*characters(pattern), *more}:
            if seconds(pattern, character, SHORT) > SHORT_SECONDS:
                slow.append((names, character, SHORT))
            elif seconds(pattern, character, longest) > limit:
                slow.append((names, character, longest))
            else:
                continue
            break
    return slow


def test_none_is_more_than_linear() -> None:
    assert not too_slow(LENGTH, SECONDS)


@pytest.mark.thorough
def test_none_is_more_than_linear_on_100_kilobytes_of_any_character() -> None:
    """A quadratic pattern takes twelve seconds for that."""
    assert not too_slow(100_000, 1.0, string.printable)


def test_patterns_in_calls_are_found() -> None:
    found = dict(written_in_calls())
    assert any(name.startswith("confluence/") for name in found), found


@pytest.mark.parametrize("text", ["<", "<a ", "<a b='", "{", "[", "&", "a=", "a='b' "])
def test_markup_of_a_page_takes_linear_time(text: str) -> None:
    from schedkit.confluence.source.storage import attributes, tokens

    began = time.thread_time()
    list(tokens(text * 2000))
    attributes(text * 2000)
    assert time.thread_time() - began < 1.0


def test_attributes_are_found_as_before() -> None:
    from schedkit.confluence.source.storage import attributes

    assert attributes(""" ac:name="a &amp; b" ri:x = 'c' empty="" /""") == {
        "ac:name": "a & b",
        "ri:x": "c",
        "empty": "",
    }

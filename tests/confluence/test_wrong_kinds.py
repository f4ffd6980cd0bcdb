"""Whatever is passed to a public argument is taken, or refused in one sentence of ours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from confluence.conftest import DemoPage
from support.confluence_pages import anchor, table

from schedkit.confluence import (
    Chart,
    Confluence,
    Image,
    Link,
    Look,
    Lozenge,
    Managed,
    Markup,
    Mention,
    latest_runs,
    region,
)
from schedkit.errors import SchedkitError
from schedkit.notify import Channel

FRAME = pd.DataFrame({"Key": ["K-1", "K-2"], "S": ["a", "b"]})
VALUES: list[Any] = [
    None, 5, -1, float("nan"), True, "", "x", "a\ud800", b"b", [], ["x"], [5], [["a"]], {}, {"Key": {"a": 5}},
    pd.Series(["Key"]), FRAME, np.array([1]), object(), date(2026, 1, 1), ("Key",), {"Key"},
]  # fmt: skip


def try_all(
    function: Callable[..., object], given: Mapping[str, Any], *, without: tuple[str, ...] = ()
) -> None:
    """Pass each value to each argument; what is raised must be ours, and one line."""
    refusals: list[str] = []
    for name in inspect.signature(function).parameters:
        for value in () if name in ("self", "options", *without) else VALUES:
            try:
                repr(function(**{**given, name: value}))
            except SchedkitError as error:
                refusals.append(str(error))
            except Exception as error:
                raise AssertionError(f"{name}={value!r} raised {error!r}") from error
    assert [words for words in refusals if "\n" in words or len(words) > 700] == []


@pytest.fixture
def page(make_page: Callable[[str], DemoPage]) -> DemoPage:
    rows = table(["Key", "S", "C"], [["K-1", "one", "mine"], ["K-2", "two", ""]])
    return make_page(f"{anchor('t')}{rows}<p>{anchor('n')}x{anchor('n-end')}</p>")


def test_of_a_table(wiki: Confluence, page: DemoPage) -> None:
    there = wiki.page(page.id).table("anchor:t")
    try_all(there.replace, {"df": FRAME, "key": "Key"})
    try_all(there.read, {})


def test_of_a_page(wiki: Confluence, page: DemoPage) -> None:
    there = wiki.page(page.id)
    for method in (there.table, there.beside, wiki.page):
        try_all(method, {})
    try_all(there.fill, {"values": {"n": 1}})
    try_all(lambda n: there.fill({"n": n}), {})
    try_all(lambda path, name, deadline: there.attach(path, name=name, deadline=deadline),
            {"path": __file__, "name": "a.py", "deadline": 5})  # fmt: skip


def test_of_a_page_that_is_made(wiki: Confluence) -> None:
    given = {"parent": 100003, "template": "<p>{{ n }}</p>"}
    try_all(wiki.publish, {"title": "Kinds", "values": {"n": 1}, **given})
    many = {
        "df": FRAME,
        "by": "S",
        "title": "Kinds {{ value }}",
        "values": lambda value, part: {"n": 1},
        **given,
    }
    try_all(wiki.publish_each, many)
    for name in inspect.signature(Managed).parameters:
        try_all(
            lambda value, name=name: wiki.publish(
                title="Kinds", values={"n": Managed(**{"df": FRAME, "key": "Key", name: value})}, **given
            ),
            {},
            without=("name",),
        )


def test_of_a_client(wiki: Confluence) -> None:
    try_all(
        Confluence, {"url": wiki.site.url, "user": "ann", "token": "t0k3n", "cloud": True}, without=("site",)
    )


@pytest.mark.parametrize(
    ("made", "given"),
    [
        (Look, {}), (Link, {"text": "a", "url": "https://x"}), (Lozenge, {"text": "a"}),
        (Mention, {"id": "a"}), (Markup, {"storage": "a"}), (Image, {"filename": "a.png"}),
        (Chart, {"figure": b"PNG", "alt": "a"}),
        (Channel, {"env": "X"}), (region, {}), (latest_runs, {"rows": [{"task": "a", "state": "DONE"}]}),
    ],
)  # fmt: skip
def test_of_values(made: Callable[..., object], given: dict[str, Any]) -> None:
    try_all(made, given)


@pytest.mark.parametrize("name", ["task", "state", "finished_at", "seconds", "error", "message", "url"])
def test_of_a_run(name: str) -> None:
    try_all(lambda value: latest_runs([{"task": "a", "state": "DONE", name: value}]), {})

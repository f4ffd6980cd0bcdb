"""The placeholders of a page that is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.confluence_pages import anchor, table
from support.confluence_templates import MakePage, bugs, fresh_title

from schedkit.confluence import Confluence, Link, Look, Lozenge, Managed
from schedkit.confluence.plans.placeholders import BlockEdit, inline
from schedkit.demo import DemoSite
from schedkit.errors import (
    MalformedPageError,
    RegionError,
    UsageError,
)


def test_an_existing_page_is_filled(wiki: Confluence, make_page: MakePage) -> None:
    body = f"<p>x {anchor('n')}<em>old</em>{anchor('n-end')} y</p>{anchor('t')}{table(['A'], [['1']])}"
    page = make_page(body)
    managed = wiki.page(page.id)
    plan = managed.fill({"n": Link("new", "https://x"), "t": pd.DataFrame({"A": ["1"]})})
    assert plan.changed
    assert plan.apply().written
    assert page.body == body.replace("<em>old</em>", '<a href="https://x">new</a>')
    assert not managed.fill({"n": Link("new", "https://x")}).changed

    async def again() -> bool:
        other = await wiki.aio.page(page.id).fill({"n": ""})
        return (await other.aio.apply()).written

    assert asyncio.run(again())
    assert f"x {anchor('n')}{anchor('n-end')} y" in page.body
    assert "n: empty → new" in repr(managed.fill({"n": "new"}))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a & b", "a &amp; b"), (5, "5"), (np.int64(5), "5"), (np.array(5), "5"), (2.5, "2.5"),
        (Decimal("1.50"), "1.50"), (None, ""), (pd.NA, ""), (pd.NaT, ""), (float("nan"), ""),
        (date(2026, 1, 2), '<time datetime="2026-01-02" />'),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02 03:04"), (True, "True"),
        (pd.Period("2026-01"), "2026-01"), (timedelta(days=1), "1 day, 0:00:00"),
        (["a", 5, None], "a, 5"), ((Link("x", "https://x"), "y"), '<a href="https://x">x</a>, y'),
    ],
)  # fmt: skip
def test_scalars_lists_and_markup_are_shown(value: Any, shown: str) -> None:
    assert inline("n", value) == shown


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (pd.Series([1, 2], name="Key"), "Series"), (pd.Index([1]), "Index"), ({"a": 1}, "dict"),
        (np.array([1, 2]), "ndarray"), ({1, 2}, "set"), (b"bytes", "bytes"), (object(), "object"),
        (len, "builtin"), ((n for n in range(3)), "generator"), ([{"a": 1}], "dict"),
    ],
)  # fmt: skip
def test_what_a_page_would_show_as_python_is_refused(wiki: Confluence, value: Any, kind: str) -> None:
    for act in (
        lambda: wiki.publish("T", parent=100003, template="<p>{{ n }}</p>", values={"n": value}),
        lambda: wiki.publish("T {{ n }}", parent=100003, template="<p>x</p>", values={"n": value}),
        lambda: wiki.page(100003).fill({"n": value}),
    ):
        with pytest.raises(UsageError, match=f"placeholder 'n' cannot show a value of type {kind}") as caught:
            act()
        assert "DataFrame as a table" in caught.value.hint


def test_a_managed_frame_has_its_own_looks(wiki: Confluence, demo: DemoSite) -> None:
    frame = bugs("one").assign(Who=["Ann"], Id=["k-1"])
    look = Look(links={"Key": "https://j/browse/{}"}, mentions={"Who": "Id"})
    managed = Managed(frame, key="Key", columns=["Key", "Who"], look=look)
    plan = wiki.publish(fresh_title(demo), parent=100003, template="<p>{{ t }}</p>", values={"t": managed})
    assert '<a href="https://j/browse/K-1">K-1</a>' in plan.source
    cloud = wiki.aio.server.site.credentials.user is not None
    assert f'ri:{"account-id" if cloud else "userkey"}="k-1"' in plan.source


@pytest.mark.parametrize(
    ("value", "storage"),
    [
        (None, ""),
        (pd.NaT, ""),
        (pd.NA, ""),
        (float("nan"), ""),
        ("a<b\nc", "a&lt;b<br />c"),
        (3.5, "3.5"),
        (date(2026, 1, 2), '<time datetime="2026-01-02" />'),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02 03:04"),
        (Lozenge("ok", "Green"), Lozenge("ok", "Green").storage),
    ],
)
def test_values_of_placeholders(value: Any, storage: str, machine_zone: Callable[[str], None]) -> None:
    machine_zone("UTC")
    assert inline("n", value) == storage


def test_a_moment_is_shown_in_the_zone_of_the_machine(machine_zone: Callable[[str], None]) -> None:
    machine_zone("Asia/Shanghai")
    assert inline("n", datetime(2026, 1, 2, 20, 4, tzinfo=UTC)) == "2026-01-03 04:04"
    assert inline("n", datetime(2026, 1, 2, 20, 4)) == "2026-01-02 20:04"


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<p />", "0 anchors 'n', 0 anchors 'n-end'"),
        (f"<p>{anchor('n')}</p>", "1 anchors 'n', 0 anchors 'n-end'"),
        (f"<p>{anchor('n-end')}x{anchor('n')}</p>", "no single place"),
        (f"<p>{anchor('n')}x{anchor('n-end')}{anchor('n')}</p>", "2 anchors 'n'"),
        (f"<p>{anchor('n')}x</p><p>{anchor('n-end')}</p>", "different paragraphs or cells"),
    ],
)
def test_places_that_are_not_one(page: str, problem: str) -> None:
    with pytest.raises(RegionError, match=problem):
        BlockEdit("n", "new")(page, "page 7")


def test_a_value_that_breaks_the_page_is_refused() -> None:
    with pytest.raises(MalformedPageError, match="what would become of page 7"):
        BlockEdit("n", "<b>")(f"<p>{anchor('n')}x{anchor('n-end')}</p>", "page 7")

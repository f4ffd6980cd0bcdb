"""A frame's values as cells."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.confluence import Image, Link, Lozenge, Markup, Mention
from schedkit.confluence.markup import Formatted, attachment_link, attribute, cdata, escape
from schedkit.confluence.source.reading import text
from schedkit.confluence.source.storage import check
from schedkit.confluence.tables.look import Look
from schedkit.confluence.tables.render import render
from schedkit.errors import UnknownFieldError, UsageError

RIGHT = '<p style="text-align: right;">'


def column(values: Any, name: str = "A", look: Look | None = None, **others: Any) -> list[str]:
    frame = pd.DataFrame({name: values, **others})
    return render(frame, columns=[name], look=look).columns[0]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NA, ""),
        (pd.NaT, ""),
        ("", ""),
        ("a & <b>\r\nc\rd", "a &amp; &lt;b&gt;<br />c<br />d"),
        (True, "Yes"),
        (False, "No"),
        (3, f"{RIGHT}3</p>"),
        (2.0, f"{RIGHT}2</p>"),
        (0.1 + 0.2, f"{RIGHT}0.3</p>"),
        (1e300, f"{RIGHT}1e+300</p>"),
        (Decimal("1.50"), f"{RIGHT}1.50</p>"),
        (np.int64(7), f"{RIGHT}7</p>"),
        (date(2026, 1, 2), '<time datetime="2026-01-02" />'),
        (
            datetime(2026, 1, 2, 23, 30, tzinfo=timezone(timedelta(hours=-2))),
            "2026-01-03 01:30",
        ),
        (pd.Timestamp("2026-01-02"), '<time datetime="2026-01-02" />'),
        (["a", "<b>", None], "a, &lt;b&gt;, "),
        ({"b", "a"}, "a, b"),
        ({"k": "<v>"}, "{'k': '&lt;v&gt;'}"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Markup("<b>x</b>"), "<b>x</b>"),
        (Link("a & b", "https://x/?a=1&b=2"), '<a href="https://x/?a=1&amp;b=2">a &amp; b</a>'),
        (Mention("u-1"), '<ac:link><ri:user ri:account-id="u-1" /></ac:link>'),
        (Mention("k-1", cloud=False), '<ac:link><ri:user ri:userkey="k-1" /></ac:link>'),
        (
            Image("a b.png", alt='"c"', width=300),
            '<ac:image ac:width="300" ac:alt="&quot;c&quot;">'
            '<ri:attachment ri:filename="a b.png" /></ac:image>',
        ),
        (Image("a.png"), '<ac:image><ri:attachment ri:filename="a.png" /></ac:image>'),
    ],
)
def test_one_value(value: Any, cell: str) -> None:
    look = Look(tz="UTC", show_zone=False)
    assert column(pd.Series([value, "text"], dtype=object), look=look)[0] == cell


def test_typed_columns() -> None:
    assert column(pd.Series([1, None], dtype="Int64")) == [f"{RIGHT}1</p>", ""]
    assert column(pd.Series([True, None], dtype="boolean")) == ["Yes", ""]
    assert column(pd.Series(["x<", None, "x<"], dtype="category")) == ["x&lt;", "", "x&lt;"]
    assert column(pd.Series(["a", None], dtype="str")) == ["a", ""]


def test_long_text_is_cut() -> None:
    assert column(["abc def"], look=Look(max_chars=5)) == ["abc …"]
    assert column(["abcde"], look=Look(max_chars=5)) == ["abcde"]


def test_issue_keys_are_linked_where_the_site_is_known() -> None:
    frame = pd.DataFrame({"Key": ["AB-1", "no key"], "Parent": ["AB-2", None], "Other": ["AB-3", ""]})
    assert render(frame).columns[0] == ["AB-1", "no key"]
    frame.attrs["site"] = "https://jira.example.org"
    rendered = render(frame, key="Key")
    assert rendered.columns[0] == ['<a href="https://jira.example.org/browse/AB-1">AB-1</a>', "no key"]
    assert rendered.columns[1] == ['<a href="https://jira.example.org/browse/AB-2">AB-2</a>', ""]
    assert rendered.columns[2] == ["AB-3", ""]
    assert rendered.keys == ["AB-1", "no key"]
    frame.attrs["site"] = "javascript:alert(1)"
    assert render(frame).columns[0] == ["AB-1", "no key"]


def test_columns_are_linked_by_template() -> None:
    look = Look(links={"A": "https://x/{}?q=1&r=2"})
    assert column(['a"<', None], look=look) == ['<a href="https://x/a%22%3C?q=1&amp;r=2">a"&lt;</a>', ""]


def test_status_takes_the_colour_of_its_category() -> None:
    statuses = pd.Series(["Open", "Doing", "Closed", "Odd", None], dtype="category")
    categories = ["To Do", "indeterminate", "Done", "unheard of", "Done"]
    cells = column(statuses, "Status", **{"Status Category": categories})
    assert cells == [*(Lozenge(*pair).storage for pair in
        [("Open", "Grey"), ("Doing", "Blue"), ("Closed", "Green"), ("Odd", "Grey")]), ""]  # fmt: skip
    assert column(["Open"], "Status") == ["Open"]


def test_lozenges_by_value_or_column() -> None:
    look = Look(lozenges={"A": {"bad": "Red"}})
    assert column(["bad", "good", None], look=look) == [
        Lozenge("bad", "Red").storage,
        Lozenge("good").storage,
        "",
    ]
    look = Look(lozenges={"A": "Cat"})
    assert column(["x"], look=look, Cat=["done"]) == [Lozenge("x", "Green").storage]
    with pytest.raises(UnknownFieldError, match="no column 'Cat'"):
        column(["x"], look=look)


def test_mentions_take_ids_from_another_column() -> None:
    cells = column(["Ann", "<Bo>"], look=Look(mentions={"A": "Id"}, cloud=False), Id=["k1", None])
    assert cells == [Mention("k1", cloud=False).storage, "&lt;Bo&gt;"]


def test_the_key_may_be_the_index() -> None:
    frame = pd.DataFrame({"Key": ["a"], "S": ["x"]}).set_index("Key")
    rendered = render(frame, key="Key")
    assert (rendered.names, rendered.keys, len(rendered)) == (["Key", "S"], ["a"], 1)


ONE = pd.DataFrame({"A": [1]})
TWICE = pd.DataFrame([[1, 2]], columns=["A", "A"])
LEVELS = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))


@pytest.mark.parametrize(
    ("frame", "options", "error", "problem"),
    [
        (ONE, {"key": "K"}, UnknownFieldError, "no column 'K' .known: A"),
        (ONE, {"columns": ["B"]}, UnknownFieldError, "no column 'B'"),
        (ONE.assign(B=1), {"key": "A", "columns": ["B"]}, UsageError, "'A' is not among columns="),
        (TWICE, {}, UsageError, "two columns of the frame are named 'A'"),
        (LEVELS, {}, UsageError, "several levels"),
        (pd.DataFrame(index=[1]), {}, UsageError, "no columns, or one without a name"),
        (ONE.assign(**{" ": 1}), {}, UsageError, "no columns, or one without a name"),
        (ONE.assign(**{"A ": 1}), {}, UsageError, "two columns of the frame are named 'A'"),
    ],
)
def test_frames_that_are_no_table(
    frame: pd.DataFrame, options: dict[str, Any], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        render(frame, **options)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", " https://x", "//x"])
def test_links_that_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="unsupported link address"):
        Link("x", url)


def test_lozenges_have_six_colours() -> None:
    with pytest.raises(UsageError, match="unknown lozenge colour 'Pink'"):
        Lozenge("x", "Pink")


@given(st.text())
def test_any_text_becomes_well_formed_markup(value: str) -> None:
    page = f'<td title="{attribute(value)}">{escape(value)}{cdata(value)}{attachment_link(value, value)}</td>'
    check(page)
    legal = "".join(
        c
        for c in value
        if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )
    assert text(escape(value)) == " ".join(legal.split())
    assert text(cdata(value)) == " ".join(legal.split())


def test_a_key_is_never_cut() -> None:
    frame = pd.DataFrame({"Key": ["k" * 50], "S": ["s" * 50]})
    rendered = render(frame, key="Key", look=Look(max_chars=5))
    assert rendered.keys == ["k" * 50]
    assert rendered.columns == [["k" * 50], ["ssss…"]]


def test_a_list_with_markup_is_markup() -> None:
    cells = column(pd.Series([["a", Lozenge("b")], ["c", "d"]], dtype=object))
    assert [isinstance(cell, Formatted) for cell in cells] == [True, False]


def test_headers_that_are_dates_show_no_time() -> None:
    frame = pd.DataFrame([[1, 2]], columns=pd.to_datetime(["2026-11-01", "2026-12-01"]))
    assert render(frame).names == ["2026-11-01", "2026-12-01"]

"""Frames of every dtype and hostile text, for Hypothesis."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

HOSTILE = [
    "",
    " ",
    "=1+1",
    "=cmd|' /C calc'!A0",
    "{=SUM(A1:A2)}",
    "+1",
    "-1",
    "@x",
    "'quoted",
    "<script>alert(1)</script>",
    'a & b < c > d "e"',
    "]]>",
    "&amp;",
    "_x0041_",
    "_x005F_",
    "_x000d_",
    "_x",
    "bell \x07 null-ish \x01",
    "\x0b\x0c\x1f",
    "tab\tline\nfeed",
    "carriage\r\nreturn\r",
    "  blanks  ",
    "\u00a0\u2028\u2029\ufeff",
    "\ufffe \uffff \ufffd",
    "emoji \N{GRINNING FACE} \N{FAMILY}",
    "\u0639\u0631\u0628\u064a \u05e2\u05d1 \u4e2d\u6587",
    "1e5",
    "0001",
    "2024-01-01",
    "TRUE",
    "#N/A",
    "https://example.org/a?b=c&d=e",
]
_CATEGORIES = pd.CategoricalDtype(pd.Index(HOSTILE, dtype="str"), ordered=True)
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8"), max_size=12),
)
first = dt.datetime(1900, 3, 1)
# From serial 65,536 on (2079-06-06) a double no longer resolves microseconds.
exact_moments = st.datetimes(first, dt.datetime(2079, 6, 5))
lengths = st.timedeltas(dt.timedelta(0), dt.timedelta(days=9999))


def _maybe(values: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, min_size=n, max_size=n)


def column(n: int) -> st.SearchStrategy[pd.Series]:
    """One column of `n` rows, of any dtype that reads back as it was."""
    integers = st.integers(-(10**15) + 1, 10**15 - 1)
    return st.one_of(
        _maybe(texts, n).map(lambda v: pd.Series(v, dtype="str")),
        _maybe(texts, n).map(lambda v: pd.Series(v, dtype="string")),
        _maybe(st.sampled_from(HOSTILE), n).map(lambda v: pd.Series(v, dtype=_CATEGORIES)),
        _maybe(integers, n).map(lambda v: pd.Series(v, dtype="Int64")),
        st.lists(integers, min_size=n, max_size=n).map(lambda v: pd.Series(v, dtype="int64")),
        st.lists(st.floats(allow_infinity=True), min_size=n, max_size=n).map(
            lambda v: pd.Series(v, dtype="float64")
        ),
        _maybe(st.floats(allow_nan=False, allow_infinity=False), n).map(
            lambda v: pd.Series(v, dtype="Float64")
        ),
        st.lists(st.booleans(), min_size=n, max_size=n).map(lambda v: pd.Series(v, dtype="bool")),
        _maybe(st.booleans(), n).map(lambda v: pd.Series(v, dtype="boolean")),
        _maybe(exact_moments, n).map(lambda v: pd.Series(v, dtype="datetime64[us]")),
        _maybe(exact_moments, n).map(lambda v: pd.Series(v, dtype="datetime64[us]").dt.tz_localize("UTC")),
        _maybe(lengths, n).map(lambda v: pd.Series(v, dtype="timedelta64[us]")),
        _maybe(integers, n).map(lambda v: pd.Series(v, dtype="int64[pyarrow]")),
        _maybe(texts, n).map(lambda v: pd.Series(v, dtype="string[pyarrow]")),
    )


def objects(n: int) -> st.SearchStrategy[pd.Series]:
    """One object column of `n` rows holding anything."""
    anything = st.one_of(
        texts,
        st.text(st.characters(), max_size=5),
        st.integers(-(10**15) + 1, 10**15 - 1),
        st.integers(),
        st.floats(),
        st.booleans(),
        st.booleans().map(np.bool_),
        st.datetimes(),
        st.dates(),
        st.times(),
        st.timedeltas(dt.timedelta(days=-9999), dt.timedelta(days=9999)),
        st.decimals(allow_nan=True, allow_infinity=True).filter(lambda d: not d.is_snan()),
        st.lists(texts, max_size=3),
        st.dictionaries(texts, st.integers(), max_size=2),
        st.just(Decimal("0.1")),
        st.sampled_from([pd.NA, pd.NaT, None, float("nan")]),
    )
    return _maybe(anything, n).map(lambda v: pd.Series(v, dtype=object))


@st.composite
def frames(draw: st.DrawFn, columns: Any = column, least_columns: int = 1) -> pd.DataFrame:
    """A frame of up to 6 columns and 8 rows with hostile column labels."""
    n = draw(st.integers(0, 8))
    series = draw(st.lists(columns(n), min_size=least_columns, max_size=6))
    made = pd.DataFrame(dict(enumerate(series)), index=pd.RangeIndex(n))
    label = st.sampled_from(["a", "A", "a_2", "Key", "two\nlines", "=x", "", "1", "_x0041_"]) | texts
    labels = draw(st.lists(label, min_size=len(series), max_size=len(series)))
    made.columns = pd.Index(labels, dtype=object) if labels else pd.RangeIndex(0)
    return made

"""Values come back from JSON as they were, with their types."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedkit.core.execution.typed_json import from_json, to_json

BERLIN = ZoneInfo("Europe/Berlin")
VALUES: list[Any] = [
    *(None, True, 3, 2**70, -0.0, 1e300, "text", "größer", "", "\ud800 half"),
    *(float("inf"), float("-inf"), [], {}, (), set(), frozenset({1}), {1: "a", "1": "b", None: 2, False: 3}),
    *({"$set": [1]}, {"$": {"$dict": 1}}, {(1, 2): {3}}, [(1, {2}), {"a": (None,)}]),
    *(b"bytes", bytearray(b"x"), 1 + 2j, Decimal("1.10"), Decimal("NaN").copy_abs().is_nan(), Fraction(1, 3)),
    *(UUID(int=5), range(1, 9, 2), Path("/a/b"), PurePosixPath("a"), PureWindowsPath("c:/x")),
    *(date(2026, 1, 5), time(7, 30), time(7, 30, tzinfo=UTC), timedelta(days=-1, microseconds=7)),
    *(datetime(2026, 1, 5, 7), datetime(2026, 1, 5, 7, tzinfo=UTC), datetime(2026, 1, 5, 7, tzinfo=BERLIN)),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=-3, seconds=1))),
    *(np.int64(3), np.float32(0.1), np.bool_(True), np.str_("s"), np.datetime64("2026-01-05")),
    *(pd.NaT, pd.NA, pd.Timestamp("2026-01-05 07:00:00.123456789"), pd.Timestamp("2026-01-05", tz=BERLIN)),
    *(
        pd.Timestamp("2026-01-05", tz="UTC").as_unit("s"),
        pd.Timedelta("90.5s"),
        pd.Timedelta(1, "s").as_unit("s"),
    ),
]


def round_trip(value: Any) -> Any:
    return from_json(json.loads(json.dumps(to_json(value), allow_nan=False)))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value: Any) -> None:
    back = round_trip(value)
    assert type(back) is type(value)
    assert repr(back) == repr(value)
    if value is not pd.NA and value is not pd.NaT:
        assert back == value


def test_what_equals_nothing_comes_back() -> None:
    assert math.isnan(round_trip(float("nan")))
    found = round_trip([np.float64("nan"), {"a": float("nan")}])
    assert type(found[0]) is np.float64
    assert math.isnan(found[0])
    assert math.isnan(found[1]["a"])


@pytest.mark.parametrize(
    "array", [np.arange(6).reshape(2, 3), np.array(["a", "bc"]), np.array([1, "NaT"], dtype="datetime64[D]")]
)
def test_arrays_come_back(array: Any) -> None:
    back = round_trip({"array": array})["array"]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


def test_moments_keep_their_zone_and_unit() -> None:
    back = round_trip(datetime(2026, 7, 1, tzinfo=BERLIN))
    assert back.tzinfo == BERLIN
    stamp = round_trip(pd.Timestamp("2026-07-01", tz="Europe/Berlin").as_unit("ms"))
    assert (str(stamp.tz), stamp.unit) == ("Europe/Berlin", "ms")


@pytest.mark.parametrize(
    "value",
    [object(), int, len, json, np.array([object()]), pd.Series([1])],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_known_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be kept with its type"):
        to_json(["deep", {"in": value}])


def test_another_form_may_be_given_for_what_is_not_known() -> None:
    stored = to_json([len, 1], lambda value: {"$function": value.__name__})
    assert stored == [{"$function": "len"}, 1]
    assert from_json(stored, {"function": {"len": len}.__getitem__}) == [len, 1]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = st.none() | st.integers() | st.text() | st.sampled_from(["$set", "$", "$dict"])


@given(
    st.recursive(
        LEAVES, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner)
    )
)
def test_any_nesting_comes_back(value: Any) -> None:
    back = round_trip(value)
    assert back == value
    assert repr(back) == repr(value)

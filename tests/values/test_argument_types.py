"""Which argument is of a type that cannot be meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pytest

from schedkit.errors import UsageError
from schedkit.values.argument_types import ArgumentTypes
from schedkit.values.keywords import check_keywords

if TYPE_CHECKING:
    from nowhere import Unknown


def call(
    path: str | Path = "",
    limit: int | None = None,
    share: float = 0.0,
    quiet: bool = False,
    names: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    mode: Literal["a", "b"] = "a",
    frame: pd.DataFrame | pd.Series[Any] | None = None,
    then: Callable[..., object] | None = None,
    wait: str | timedelta = "",
    other: Unknown | None = None,
    anything: Any = None,
    plain=None,
) -> None: ...


TYPES = ArgumentTypes(call, ["path", "limit"])

RIGHT: list[dict[str, Any]] = [
    {"path": Path("x")},
    {"limit": np.int64(3)},
    {"limit": None},
    {"share": 1},
    {"share": np.float32(0.5)},
    {"quiet": np.bool_(True)},
    {"quiet": 1},
    {"names": ["a"]},
    {"names": pd.Series(["a"])},
    {"names": np.array(["a"])},
    {"names": {"a"}},
    {"labels": {"a": "b"}},
    {"mode": "anything of its type"},
    {"frame": pd.Series([1])},
    {"then": print},
    {"wait": object()},
    {"other": object()},
    {"anything": object()},
    {"plain": object()},
]


@pytest.mark.parametrize("given", RIGHT, ids=lambda given: next(iter(given)))
def test_what_can_be_meant_is_not_named(given: dict[str, Any]) -> None:
    assert TYPES.wrong([], given) is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"path": 5}, "path must be str or Path, not 5"),
    ({"limit": "3"}, "limit must be int or None, not '3'"),
    ({"limit": True}, "limit must be int or None, not True"),
    ({"share": "half"}, "share must be number, not 'half'"),
    ({"quiet": "yes"}, "quiet must be bool, not 'yes'"),
    ({"names": "abc"}, "names must be list, not 'abc'"),
    ({"names": {"a": 1}}, "names must be list, not {'a': 1}"),
    ({"labels": ["a"]}, "labels must be dict or None, not ['a']"),
    ({"mode": 1}, "mode must be str, not 1"),
    ({"frame": [1]}, "frame must be DataFrame or Series or None, not [1]"),
    ({"frame": np.zeros(3)}, "frame must be DataFrame or Series or None, not ndarray"),
    ({"then": 5}, "then must be function or None, not 5"),
]


@pytest.mark.parametrize(("given", "said"), WRONG, ids=lambda each: each if isinstance(each, str) else "")
def test_what_cannot_be_meant_is_named(given: dict[str, Any], said: str) -> None:
    assert TYPES.wrong([], given) == said


def test_arguments_by_position_count() -> None:
    assert TYPES.wrong(["x", 5], {}) is None
    assert TYPES.wrong(["x", "5"], {}) == "limit must be int or None, not '5'"


@check_keywords
def divided(number: float, by: float = 2.0) -> float:
    if by == 0:
        raise UsageError("by=0 divides nothing")
    return number / by


def test_an_error_beneath_is_told_as_the_argument_that_explains_it() -> None:
    assert divided(3) == 1.5
    with pytest.raises(UsageError, match=r"divided\(\): by must be number, not '2'") as told:
        divided(3, by="2")
    assert isinstance(told.value.__cause__, TypeError)


def test_words_of_a_function_s_own_stay() -> None:
    with pytest.raises(UsageError, match="by=0 divides nothing"):
        divided("3", by=0)


def test_an_error_that_no_argument_explains_stays() -> None:
    @check_keywords
    def fails(number: int) -> None:
        raise KeyError(number)

    with pytest.raises(KeyError):
        fails(1)


def test_a_flag_is_not_taken_from_a_text() -> None:
    @check_keywords
    def write(quiet: bool = False, strict: bool | None = None) -> bool:
        return quiet

    assert write(np.bool_(True))
    assert write(strict=None) is False
    with pytest.raises(UsageError, match=r"write\(\): quiet='no' is not True or False"):
        write(quiet="no")

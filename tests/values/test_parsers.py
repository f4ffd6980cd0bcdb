"""Every spelling of a plain value is read as the same value; everything else is refused by name."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, ValidationError

from schedkit.errors import UsageError
from schedkit.values.parsers import (
    Parser,
    Reads,
    choice,
    duration,
    flag,
    mapping,
    number,
    optional,
    share,
    text,
    texts,
    timezone,
    whole_number,
)


class Letter(str, Enum):  # noqa: UP042  # as people write it; StrEnum formats otherwise
    A = "a"


OTHERS = [np.int64(300), np.float32(300), Decimal(300), np.timedelta64(5, "m"), pd.Timedelta("5min")]


@pytest.mark.parametrize(
    ("parse", "spellings", "value"),
    [
        (whole_number(1), [5, "5", " 5 ", "+5"], 5),
        (whole_number(1), [np.int64(5), np.uint8(5)], 5),
        (whole_number(-3, 3), [-3, "-3"], -3),
        (number(0), [1.5, "1.5", np.float32(1.5), Decimal("1.5")], 1.5),
        (number(0, 1), [1, 1.0, "1"], 1.0),
        (share, [0.5, "50%", " 50 %", "0.5", np.float32(0.5), Decimal("0.5")], 0.5),
        (flag, [True, "true", " True", np.True_], True),
        (flag, [False, "FALSE"], False),
        (text, ["a", np.str_("a"), Letter.A], "a"),
        (texts, ["a", ["a"], ("a", "a"), iter(["a"]), {"a": 1}.keys(), pd.Series(["a"])], ("a",)),
        (texts, [Letter.A, [Letter.A, "a"]], ("a",)),
        (texts, [[], ()], ()),
        (choice("a", "b"), ["a", "A", " a", Letter.A], "a"),
        (duration(), ["5m", 300, "300", timedelta(minutes=5), *OTHERS], 300.0),
        (duration(), [0], 0.0),
        (optional(duration()), [None, "none", " None "], None),
        (optional(duration()), ["1s"], 1.0),
        (timezone, ["UTC", "utc", UTC], UTC),
        (mapping, [None, {}], {}),
        (mapping, [{"a": 1}], {"a": 1}),
    ],
)
def test_spellings(parse: Parser, spellings: list[Any], value: object) -> None:
    for spelling in spellings:
        read = parse(spelling, "x")
        assert (read, type(read)) == (value, type(value))
        assert parse(read, "x") == value, "what was read is read again"


@pytest.mark.parametrize(
    ("parse", "value", "told"),
    [
        (whole_number(1), 0, r"^x=0 \(a whole number, at least 1\)"),
        (whole_number(1), "0", r"^x='0' "),
        (whole_number(1, 5), 6, r"^x=6 \(a whole number, 1 to 5\)"),
        *[(whole_number(1), value, "^x=") for value in (True, 1.0, "1.5", "", "9" * 40, None, [1])],
        (number(0), "x", r"^x='x' \(a number, at least 0\)"),
        (number(0, 1), 2, r"^x=2 \(a number, 0 to 1\)"),
        *[(number(0), value, "^x=") for value in (True, -1, float("nan"), float("inf"), None)],
        *[(flag, value, r"^x=.* \(True or False\)") for value in (1, 0, "yes", "no", None)],
        (text, 5, r"^x=5 \(write text\)"),
        *[(texts, value, r"^task 't': x=.*\(x='one', or x=\['one', 'two") for value in (5, None, [5], {})],
        *[(share, value, r"^x=.* \(a share, e.g. 50% or 0.5\)") for value in (True, 2, "101%", "half", None)],
        (choice("a", "b"), "c", r"^x='c' \(one of 'a', 'b'\)"),
        (choice("a", "b"), 5, "^x=5 "),
        (choice("a", "b"), np.array(["a"]), "^x=array"),
        (duration(), np.timedelta64("NaT", "us"), "^x: invalid duration "),
        (whole_number(1), np.timedelta64(5, "D"), "^x="),
        (duration(), -1, r"^x=-1 \(at least 0s\)"),
        (duration(above=True), 0, r"^x=0 \(longer than 0s\)"),
        (duration(least=90), "1m", r"^x='1m' \(at least 1m 30s\)"),
        *[(duration(), value, "^x: invalid duration ") for value in ("soon", None, True, float("nan"), "-5")],
        (timezone, "Europe", "^x: unknown time zone 'Europe'"),
        (timezone, 5, "^x: invalid time zone 5"),
        (mapping, [1], r"^x=\[1\] \(a mapping of names to values\)"),
    ],
)
def test_refusals(parse: Parser, value: object, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse(value, "task 't': x" if "task" in told else "x")


def test_pydantic_reads_a_field_with_a_parser() -> None:
    class Model(BaseModel):
        pause: Annotated[float, Reads(duration())] = 1.0

    assert Model.model_validate({"pause": "5m"}).pause == 300.0
    with pytest.raises(ValidationError, match="pause: invalid duration 'soon'"):
        Model.model_validate({"pause": "soon"})

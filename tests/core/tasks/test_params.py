"""Parameters: checked against type hints, converted at the last moment, told apart from the run."""

from __future__ import annotations

import decimal
import enum
import functools
import math
import sys
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypedDict
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pydantic
import pytest
import typing_extensions

from schedkit.core.model import Task
from schedkit.core.tasks.declare import declare
from schedkit.core.tasks.params import arguments_by_name, call_arguments, check, check_data, parameters
from schedkit.errors import DeclarationError, ParameterError

if TYPE_CHECKING:
    from decimal import Decimal


def work(
    project: str,
    limit: int = 50,
    *,
    since: date | None = None,
    fields: list[str] = [],  # noqa: B006  # as analysts write it
    mode: Literal["full", "delta"] = "full",
    run: Any = None,
) -> None: ...


TASK = Task(name="work", function=work, params={"project": "KAFKA"})


def test_values_are_stored_as_given_and_converted_for_the_call() -> None:
    given = {"limit": "7", "since": "2026-01-05", "fields": ["key"]}
    stored = check(TASK, given)
    assert stored == {"project": "KAFKA", **given}
    assert call_arguments(TASK, stored, "the run") == {
        "project": "KAFKA",
        "limit": 7,
        "since": date(2026, 1, 5),
        "fields": ["key"],
        "run": "the run",
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"limit": "many"},
            "task 'work': parameter 'limit' is 'many', expected int: write a whole number",
        ),
        ({"fields": ["a", 5]}, r"parameter 'fields'\[1\] is .*, expected list\[str\]"),
        ({"mode": "half"}, "parameter 'mode' is 'half', expected .*Literal"),
        ({"since": "yesterday"}, "parameter 'since'"),
        ({"prject": 1}, "task 'work': unknown parameter 'prject' .did you mean 'project'"),
        ({"run": 1}, "task 'work': unknown parameter 'run'"),
        ({"fields": ["x" * 200, 1]}, r"is \['x+\.\.\.x+…, expected"),
    ],
)
def test_what_does_not_fit_is_told(given: dict[str, object], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        check(TASK, given)


def test_missing_parameters() -> None:
    bare = Task(name="bare", function=work)
    with pytest.raises(ParameterError, match=r"task 'bare' needs the parameter 'project' \(str\)"):
        check(bare, {})
    assert check(bare, {}, complete=False) == {}

    def untyped(x): ...

    with pytest.raises(ParameterError, match=r"needs the parameter 'x' \(give it"):
        check(Task(name="untyped", function=untyped), {})


def test_functions_that_take_any_name() -> None:
    def anything(*args: int, first: int, **rest: Any) -> None: ...

    made = Task(name="t", function=anything)
    assert call_arguments(made, {"first": "1", "more": "2"}, None) == {"first": 1, "more": "2"}
    with pytest.raises(ParameterError, match="unknown parameter 'run'"):
        check(made, {"first": 1, "run": 2})


def test_parameters_only_by_position_cannot_be_stored() -> None:
    def positional(x: int, /) -> None: ...

    def defaulted(x: int = 1, /) -> None: ...

    with pytest.raises(DeclarationError, match=r"'x' of .* can only be given by position"):
        parameters(positional)
    assert parameters(defaulted).by_name == {}


@dataclass
class Window:
    start: date
    days: int = 1


class Options(pydantic.BaseModel):
    depth: int = 1


class Opaque:
    pass


def test_structured_hints() -> None:
    def rich(
        window: Window,
        options: Options,
        many: Annotated[int, pydantic.Field(gt=0)] = 1,
        o: Opaque | None = None,
    ) -> None: ...

    made = Task(name="rich", function=rich)
    arguments = call_arguments(
        made, {"window": {"start": "2026-01-05"}, "options": {"depth": 3}, "o": (opaque := Opaque())}, None
    )
    assert arguments["window"] == Window(date(2026, 1, 5))
    assert arguments["options"].depth == 3
    assert arguments["o"] is opaque
    with pytest.raises(ParameterError, match=r"'many' is 0, expected .*greater than 0"):
        check(made, {"window": {"start": "2026-01-05"}, "options": {}, "many": 0})
    with pytest.raises(ParameterError, match=r"'options'\['depth'\]"):
        check(made, {"window": {"start": "2026-01-05"}, "options": {"depth": "deep"}})


def test_hints_that_exist_only_for_the_type_checker() -> None:
    def priced(amount: Decimal, count: int = 1) -> None: ...

    # `Decimal` cannot be looked up here at run time: such a function's values are taken as they are.
    assert call_arguments(Task(name="t", function=priced), {"amount": "1.5"}, None) == {"amount": "1.5"}


class Holder:
    def method(self, size: int = 3) -> int:
        return size

    def __call__(self, depth: int) -> int:
        return depth

    __hash__ = None


def test_methods_partials_and_callable_objects() -> None:
    holder = Holder()
    assert set(parameters(holder.method).by_name) == {"size"}
    assert parameters(holder.method) is parameters(holder.method)
    assert set(parameters(holder).by_name) == {"depth"}
    assert set(parameters(functools.partial(work, project="X")).by_name) >= {"project", "limit"}
    # A builtin whose signature nobody knows takes what it is given.
    assert parameters(dict).open
    assert check(Task(name="t", function=None), {"anything": 1}) == {"anything": 1}


def test_times_come_back_from_their_text() -> None:
    def timed(at: datetime, length: timedelta) -> None: ...

    found = call_arguments(
        Task(name="t", function=timed), {"at": "2026-01-05T07:00:00+01:00", "length": "PT5M"}, None
    )
    assert found["at"].utcoffset() == timedelta(hours=1)
    assert found["length"] == timedelta(minutes=5)


class Old(TypedDict):
    p: str


class New(typing_extensions.TypedDict):
    p: str


class Holds(NamedTuple):
    old: Old


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="only before 3.12 such a type tells too little")
@pytest.mark.parametrize("hint", [Old, list[Old], Old | None])
def test_a_typed_dict_that_tells_too_little_is_refused_at_the_declaration(hint: Any) -> None:
    def takes(w: Any) -> None: ...

    takes.__annotations__["w"] = hint
    with pytest.raises(DeclarationError, match=r"'w' of .*TypedDict before 3.12 \(from typing_ext"):
        declare(takes)


def test_a_typed_dict_is_checked() -> None:
    def takes(w: New) -> None: ...

    assert check(declare(takes), {"w": {"p": "x"}}) == {"w": {"p": "x"}}
    with pytest.raises(ParameterError, match=r"parameter 'w'\['p'\] is"):
        check(declare(takes), {"w": {"p": []}})


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="only before 3.12 such a type tells too little")
def test_a_hint_that_cannot_be_checked_is_told_in_one_sentence() -> None:
    def takes(w: Holds) -> None: ...

    with pytest.raises(
        ParameterError, match=r"the type hint Holds of parameter 'w' cannot be checked"
    ) as told:
        check(declare(takes), {"w": [{"p": "x"}]})
    assert "\n" not in str(told.value)
    assert "http" not in str(told.value)


class Colour(enum.Enum):
    RED = "red"


class Plain(enum.StrEnum):
    YES = "yes"


class Converted:
    """Has no equality of its own."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


AsConverted = Annotated[
    Converted, pydantic.BeforeValidator(lambda v: v if isinstance(v, Converted) else Converted(v))
]
HOLDS_ITSELF: list[Any] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)


def hinted(hint: Any) -> Task:
    def takes(x: Any) -> None: ...

    takes.__annotations__["x"] = hint
    return declare(takes)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        *((Any, plain) for plain in (None, True, 1, -(2**63), 1.5, "x", "\u00e4\u4e2d", "\x00", Plain.YES)),
        (Any, [1, "a", None, {"k": [2.5, {"deep": True}]}]),
        (Any, {"pair": (1, (2, 3))}),
        (Any, (1, 2)),
        (list, [(1, 2)]),
        (Any, 2**70 + 1),
        (float, "nan"),
        (date, date(2026, 1, 5)),
        (date | None, date(2026, 1, 5)),
        (datetime, datetime(2026, 1, 5, 7, tzinfo=ZoneInfo("Europe/Berlin"))),
        (timedelta, timedelta(minutes=5)),
        (set[int], {1, 2}),
        (dict[int, str], {1: "a"}),
        (list[date], [date(2026, 1, 5)]),
        (tuple[int, date], (1, date(2026, 1, 5))),
        (Colour, Colour.RED),
        (Window, Window(date(2026, 1, 5))),
        (Path, Path("a/b")),
        (decimal.Decimal, decimal.Decimal("1.50")),
        (uuid.UUID, uuid.UUID(int=7)),
        (AsConverted, Converted("x")),
    ],
)
def test_what_comes_back_is_stored_as_given(hint: Any, value: Any) -> None:
    assert check(hinted(hint), {"x": value})["x"] is value


@pytest.mark.parametrize(
    ("hint", "value", "told"),
    [
        (Any, Opaque(), r"would come back as '<.*give text, numbers, lists or mappings"),
        (Opaque, Opaque(), "parameters are data: give text"),
        (Any, date(2026, 1, 5), r"would come back as '2026-01-05' \(write a type hint .*`x: date`"),
        (Any, {1, 2}, r"come back as \[1, 2\] \(write a type hint that brings it back, `x: set`"),
        (Any, {1: "a"}, r"would come back as \{'1': 'a'\} \(write a type hint"),
        (Any, [date(2026, 1, 5)], "would come back as"),
        (list, [date(2026, 1, 5)], "would come back as"),
        (date | str, date(2026, 1, 5), "would come back as '2026-01-05'"),
        (Any, b"x", "would come back as 'eA=='"),
        (bytes, b"x", "would come back as 'eA=='"),
        (Any, Colour.RED, "would come back as 'red'"),
        (Any, Window(date(2026, 1, 5)), "`x: Window`"),
        (Any, math.nan, "would come back as None .give it as text, with the type hint `x: float`"),
        (float, math.inf, "would come back as None"),
        (Any, [math.nan], "come back as .None."),
        (Any, "\ud800", "would come back as"),
        (Any, pd.DataFrame({"a": [1]}), "would come back as"),
        (pd.DataFrame, pd.DataFrame({"a": [1]}), "would come back as"),
        (Any, {"a": [np.arange(3)]}, "would come back as"),
        (Any, len, "would come back as"),
        (Any, HOLDS_ITSELF, "would come back as"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused(hint: Any, value: Any, told: str) -> None:
    task = hinted(hint)
    with pytest.raises(
        ParameterError, match=rf"(?s)task 'takes': parameter 'x' is .*cannot be stored.*{told}"
    ) as refusal:
        check(task, {"x": value})
    assert "\n" not in str(refusal.value)
    assert task.function is not None
    with pytest.raises(ParameterError, match="cannot be stored"):
        declare(task.function, params={"x": value})


def test_any_name_is_data_too() -> None:
    def anything(**rest: Any) -> None: ...

    with pytest.raises(ParameterError, match=r"parameter 'x' is .* cannot be stored"):
        check(declare(anything), {"x": Opaque()})


def test_parameters_of_a_task_that_is_known_elsewhere_are_data() -> None:
    # Whoever has the function has the type hints, too.
    assert check_data("t", {"when": date(2026, 1, 5)}) == {"when": date(2026, 1, 5)}
    with pytest.raises(ParameterError, match=r"task 't': parameter 'x' is .* cannot be stored"):
        check_data("t", {"x": Opaque()})


def test_arguments_by_position_need_the_function() -> None:
    assert arguments_by_name(None, (), {"a": 1}) == {"a": 1}
    with pytest.raises(DeclarationError, match=r"not declared here .give them by name"):
        arguments_by_name(None, (1,), {})

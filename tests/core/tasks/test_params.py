"""Parameters: checked against type hints, converted at the last moment, told apart from the run."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypedDict

import pydantic
import pytest
import typing_extensions

from schedkit.core.model import Task
from schedkit.core.tasks.declare import declare
from schedkit.core.tasks.params import call_arguments, check, parameters
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
            "task 'work': parameter 'limit' is 'many', expected int: input should be a valid integer",
        ),
        ({"fields": ["a", 5]}, r"parameter 'fields'\[1\] is .*, expected list\[str\]"),
        ({"mode": "half"}, "parameter 'mode' is 'half', expected .*Literal"),
        ({"since": "yesterday"}, "parameter 'since'"),
        ({"prject": 1}, "task 'work' has no parameter 'prject'.*its parameters: 'project', 'limit'"),
        ({"run": 1}, "task 'work' has no parameter 'run'"),
        ({"fields": ["x" * 200, 1]}, r"is \['x+\.\.\., expected"),
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

    def untyped(x):  # type: ignore[no-untyped-def]  # as analysts write it
        ...

    with pytest.raises(ParameterError, match=r"needs the parameter 'x' \(give it"):
        check(Task(name="untyped", function=untyped), {})


def test_functions_that_take_any_name() -> None:
    def anything(*args: int, first: int, **rest: Any) -> None: ...

    made = Task(name="t", function=anything)
    assert call_arguments(made, {"first": "1", "more": "2"}, None) == {"first": 1, "more": "2"}
    with pytest.raises(ParameterError, match="no parameter 'run'"):
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

    __hash__ = None  # type: ignore[assignment]  # some callables cannot be dictionary keys


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

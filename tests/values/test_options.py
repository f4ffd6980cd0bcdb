"""One definition of an option gives its reading, its refusal, its signature and its documentation."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal, TypedDict, Unpack

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from schedkit.errors import DeclarationError, SettingsError, UsageError
from schedkit.values.durations import Duration
from schedkit.values.options import Option, Options, refuse_unknown
from schedkit.values.parsers import choice, duration, flag, optional, texts, whole_number


class Words(TypedDict, total=False):
    timeout: Annotated[
        Duration | None,
        Option(parse=optional(duration()), default="1h", words="How long.", spellings=("limit",)),
    ]
    mode: Annotated[
        Literal["a", "b"], Option(parse=choice("a", "b"), default="a", words="Which.", show=str.upper)
    ]
    tries: Annotated[
        int, Option(parse=whole_number(1), default=1, default_words="once", words="How often.", data=False)
    ]


OPTIONS = Options.of(Words)


def test_a_table_is_read_from_a_typed_dict() -> None:
    assert list(OPTIONS) == ["timeout", "mode", "tries"]
    assert len(OPTIONS) == 3
    assert OPTIONS.defaults == {"timeout": 3600.0, "mode": "a", "tries": 1}
    assert OPTIONS.read({"limit": "5m", "mode": "B"}) == {"timeout": 300.0, "mode": "b"}
    assert OPTIONS.find("limit") is OPTIONS["timeout"]
    assert OPTIONS.find("other") is OPTIONS.find(5) is None
    assert list(OPTIONS.only(lambda option: option.data)) == ["timeout", "mode"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"timout": 1}, r"thing: unknown option 'timout' \(did you mean 'timeout'\?\)"),
        ({5: 1}, r"thing: unknown option '5' \(known: timeout, mode, tries\)"),
        ({"timeout": "soon"}, "thing: timeout: invalid duration 'soon'"),
        ({"limit": "soon"}, "thing: limit: invalid duration 'soon'"),
        ({"mode": "c"}, r"thing: mode='c' \(one of 'a', 'b'\)"),
        ({"limit": 1, "timeout": 1}, r"thing: limit and timeout are the same option \(keep timeout\)"),
    ],
)
@pytest.mark.parametrize("error", [UsageError, SettingsError, DeclarationError])
def test_mistakes_have_one_wording_and_the_error_of_their_door(
    given: dict[Any, Any], told: str, error: type[UsageError]
) -> None:
    with pytest.raises(error, match=told) as caught:
        OPTIONS.read(given, "thing", error=error)
    assert type(caught.value) is error


def test_without_a_thing_the_message_begins_with_what_is_wrong() -> None:
    with pytest.raises(UsageError, match=r"^unknown option 'x'"):
        OPTIONS.read({"x": 1})
    with pytest.raises(UsageError, match=r"^unknown column 'x'"):
        refuse_unknown(["x"], ["y"], kind="column")
    refuse_unknown([], ["y"])


def test_a_function_shows_every_option() -> None:
    @OPTIONS.document
    def act(what: str, **options: Unpack[Words]) -> str:
        """Act on something."""
        return f"{what} {OPTIONS.read(options)}"

    shown = str(inspect.signature(act))
    assert "(what: 'str', *, timeout: str | float | timedelta | None = '1h', mode: {'a', 'b'} = 'a'" in shown
    assert "tries: int = once" in shown
    assert act.__doc__ is not None
    assert act.__doc__.splitlines()[:2] == ["Act on something.", ""]
    assert "timeout : str | float | timedelta | None, default '1h'\n    How long." in act.__doc__
    assert "tries : int, default once\n    How often." in act.__doc__
    assert act("x", timeout=60) == "x {'timeout': 60.0}"


def test_a_class_shows_every_option_and_so_does_its_subclass() -> None:
    class Base:
        """A base."""

        def __init__(self, where: str, **options: Unpack[Words]) -> None:
            self.options = OPTIONS.read(options)

    class Derived(Base):
        """A derived one."""

        def __init__(self, **options: Unpack[Words]) -> None:
            super().__init__("here", **options)

    assert list(inspect.signature(OPTIONS.document(Base)).parameters) == ["where", "timeout", "mode", "tries"]
    assert list(inspect.signature(OPTIONS.document(Derived)).parameters) == ["timeout", "mode", "tries"]
    assert Derived(timeout=5).options == {"timeout": 5.0}


def test_a_model_reads_what_can_be_written() -> None:
    class Base(BaseModel):
        """The base."""

        model_config = ConfigDict(extra="forbid", frozen=True)
        where: str = "here"

    model = OPTIONS.model(Base)
    assert list(model.model_fields) == ["where", "timeout", "mode"]
    made = model.model_validate({"limit": "5m"})
    assert (made.where, made.timeout, made.model_fields_set) == ("here", 300.0, {"timeout"})
    assert list(OPTIONS.model(Base, exclude=["mode"]).model_fields) == ["where", "timeout"]
    with pytest.raises(ValidationError, match="timeout: invalid duration 'soon'"):
        model.model_validate({"timeout": "soon"})


@pytest.mark.parametrize(
    ("hint", "shown"),
    [(int, "int"), (None, "None"), (Duration, "str | float | timedelta"), (list[str], "list[str]")],
)
def test_types_are_shown_as_people_write_them(hint: Any, shown: str) -> None:
    typed = type(None) if hint is None else hint
    assert Option(parse=flag, default=True, words="", type=typed).type_text == shown
    assert Option(parse=texts, default=("a",), words="").default_text == "('a',)"

"""Words of pydantic and msgspec, translated: those of each kind of problem, from the libraries themselves."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from pydantic import Field, TypeAdapter, ValidationError

from schedkit.values.validation import msgspec_words, pydantic_words

WRITTEN: list[tuple[Any, Any, str]] = [
    (str, 5, "write text"),
    (Annotated[str, Field(min_length=2)], "x", "write at least 2 characters"),
    (int, "many", "write a whole number"),
    (int, 1.5, "write a whole number"),
    (float, "much", "write a number"),
    (bool, "maybe", "write true or false"),
    (Literal["a", "b"], "c", "write one of 'a' or 'b'"),
    (Annotated[int, Field(gt=0)], 0, "write a number greater than 0"),
    (tuple[str, ...], "x", "write a list: - …"),
    (tuple[dict[str, Any], ...], {"excel": {}}, "write a list: - excel: …"),
    (dict[str, str], "x", "write a mapping of names to values"),
    (date, "soon", "write a date such as 2026-11-30"),
    (datetime, "soon", "write a moment such as 2026-11-30T07:00"),
    (time, "soon", "write a time of day such as 07:00"),
    (timedelta, "soon", "write a duration such as 5m"),
    (Path, 5, "write a path"),
    (UUID, "x", "write a UUID"),
    (None, 5, "leave it out"),
    (complex, "x", "this value is not understood"),
]


@pytest.mark.parametrize(("hint", "value", "words"), WRITTEN, ids=[str(n) for n in range(len(WRITTEN))])
def test_pydantics_problems_say_what_to_write(hint: Any, value: Any, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(hint).validate_python(value)
    assert pydantic_words(caught.value.errors()[0]) == words


class Issue(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    rank: int | float = 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"id": 5}, "id is a whole number, and has to be text"),
        ({"id": "1", "rank": "x"}, "rank is text, and has to be a whole number or a number"),
        ({}, "it has no id"),
        ({"id": "1", "more": 1}, "it has a more"),
        ([], "it is a list, and has to be a mapping"),
    ],
)
def test_msgspecs_problems_say_what_is_wrong(data: Any, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(data, Issue)
    assert msgspec_words(caught.value) == words


def test_what_is_not_known_has_no_words_of_a_library() -> None:
    assert msgspec_words(ValueError("Invalid enum value 'x' - at `$.kind`")) == "kind is not as expected"
